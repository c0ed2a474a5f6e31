"""Scans declared under their own heading and under every other one: whose oddness tells them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from customs.calibrate import Conformal
from xray_encoder.evaluate.figures import auroc, interval
from xray_encoder.holdout import Reference
from xray_encoder.judge import Judge
from xray_encoder.parts import chain_of
from xray_encoder.rivals import Rival

LEVEL = 0.05
OURS = "ours"


class Headings:
    """Collects what each contender says of scans under every heading that it knows."""

    def __init__(self) -> None:
        self.hits: dict[str, list[bool]] = {}
        self.true: dict[str, list[float]] = {}
        self.wrong: dict[str, list[float]] = {}
        self.p_true: list[float] = []
        self.p_wrong: list[float] = []

    def add(
        self,
        judge: Judge,
        calibration: Mapping[str, Conformal],
        known: Sequence[Reference],
        rivals: Sequence[Rival],
        probe: Reference,
    ) -> None:
        """Declare one scan under every heading that has references of its kind."""
        look, truth = probe.look, probe.code[:4]
        headings = sorted({r.code[:4] for r in known if r.look.kind == look.kind})
        if truth not in headings:
            return
        logs = judge.logs(look)
        clean = calibration[judge.scale(look.kind)]
        for heading in headings:
            declared = probe.code if heading == truth else heading
            judged = judge.with_logs(look, declared, logs)
            assert judged is not None
            p = clean(judged.oddness, chain_of(look, declared)).p_value
            self._note(OURS, heading == truth, judged.oddness, judged.ranking[0][0] == truth)
            (self.p_true if heading == truth else self.p_wrong).append(p)
            for rival in rivals:
                odd = rival.mismatch(look, declared)
                if np.isfinite(odd):
                    self._note(rival.name, heading == truth, odd, rival.top1(look) == truth)

    def _note(self, name: str, own: bool, odd: float, hit: bool) -> None:
        (self.true if own else self.wrong).setdefault(name, []).append(odd)
        if own:
            self.hits.setdefault(name, []).append(hit)

    def figures(self) -> dict[str, Any]:
        """Shares and areas by contender; no scans, no figures."""
        if not self.p_true:
            return {"scans": 0}
        return {
            "scans": len(self.p_true),
            "wrong_declarations": len(self.p_wrong),
            **self._of(OURS),
            "false_alarms": float((np.asarray(self.p_true) <= LEVEL).mean()),
            "caught": float((np.asarray(self.p_wrong) <= LEVEL).mean()),
            "rivals": {name: self._of(name) for name in self.hits if name != OURS},
        }

    def _of(self, name: str) -> Mapping[str, Any]:
        true, wrong = self.true[name], self.wrong.get(name, [])
        found: dict[str, Any] = {"top1": float(np.mean(self.hits[name]))}
        if wrong:
            found |= {"mismatch_auroc": auroc(true, wrong), "mismatch_interval": interval(true, wrong)}
        return found
