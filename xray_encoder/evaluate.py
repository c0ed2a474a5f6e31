"""How well scans are judged: real containers by heading, and the frauds planted in a world."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.case import Case
from customs.config import load_config
from customs.progress import Progress, silent
from xray_encoder.data import find_examples, main_line
from xray_encoder.holdout import Reference
from xray_encoder.model import XrayConfig
from xray_encoder.packing import FEATURES
from xray_encoder.parts import chain_of
from xray_encoder.reading import read_scan
from xray_encoder.scorer import XrayScorer
from xray_encoder.train import CONFIGS, fit_prepared, look_at_all, prepare

_PROFILE = slice(0, sum(name.startswith("profile_") for name in FEATURES))
_LEVEL = 0.05


def evaluate(
    data: Sequence[Path],
    test: Path | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
    config: str = "default",
    overrides: Mapping[str, str] | None = None,
    device: str = "cpu",
) -> dict[str, Any]:
    """Fit on `data`, measure on `test` (a folder of scans named by code), or leave each reference scan out.

    Every scan is declared under each known heading in turn: `top1` is how often the true heading is ranked
    first, `mismatch_auroc` how well the oddness of the true code separates from that of wrong ones,
    `false_alarms` and `caught` the shares of true and wrong codes with p ≤ 0.05. Beside it, the same of the
    nearest neighbour on a 24-bin vertical profile. For a world among `data`, figures of its planted frauds.
    """
    settings = load_config(XrayConfig, CONFIGS, config, overrides)
    references = look_at_all(find_examples(data), progress)
    prepared = prepare(references, settings, seed=seed, device=device, progress=progress)
    whole, figures = fit_prepared(prepared, settings, seed=seed, device=device)
    found: dict[str, Any] = {"training": figures}
    tally = _Tally()
    if test is not None:
        for probe in look_at_all(find_examples([test]), progress):
            tally.add(whole, prepared.references, probe, device)
        found["test"] = tally.figures()
    else:
        kinds = [r.look.kind for r in prepared.references]
        small = [i for i, kind in enumerate(kinds) if kinds.count(kind) < settings.least_scans]
        for done, i in enumerate(small):
            rest = prepared.without([i])
            scorer, _ = fit_prepared(rest, settings, seed=seed, device=device)
            tally.add(scorer, rest.references, prepared.references[i], device)
            progress("leaving one out", done + 1, len(small))
        if small:
            found["leave_one_out"] = tally.figures()
    for path in data:
        planted = _planted(whole, Path(path), progress)
        if planted:
            found.setdefault("worlds", {})[Path(path).name] = planted
    return found


class _Tally:
    """Oddness of true and of wrong declarations, ours and the profile's."""

    def __init__(self) -> None:
        self.hits: list[bool] = []
        self.profile_hits: list[bool] = []
        self.true: list[tuple[float, float, float]] = []  # oddness, p-value, profile's oddness
        self.wrong: list[tuple[float, float, float]] = []

    def add(self, scorer: XrayScorer, known: Sequence[Reference], probe: Reference, device: str) -> None:
        """Declare one scan under every heading that has references of its kind."""
        parts, kind, truth = scorer.parts, probe.look.kind, probe.code[:4]
        logs = scorer.judge.logs(probe.look, device)
        peers = [r for r in known if r.look.kind == kind]
        headings = sorted({r.code[:4] for r in peers})
        if truth not in headings:
            return
        nearest = {
            heading: min(
                float(((r.look.packing[_PROFILE] - probe.look.packing[_PROFILE]) ** 2).sum())
                for r in peers
                if r.code[:4] == heading
            )
            for heading in headings
        }
        self.profile_hits.append(min(nearest, key=nearest.__getitem__) == truth)
        for heading in headings:
            declared = probe.code if heading == truth else heading
            judged = scorer.judge.with_logs(probe.look, declared, logs)
            assert judged is not None
            odd = judged.oddness
            p = parts.calibration[scorer.judge.scale(kind)](odd, chain_of(kind, declared)).p_value
            rival = min(d for other, d in nearest.items() if other != heading)
            row = (odd, p, float(np.log((nearest[heading] + 1e-9) / (rival + 1e-9))))
            (self.true if heading == truth else self.wrong).append(row)
            if heading == truth:
                self.hits.append(judged.ranking[0][0] == truth)

    def figures(self) -> dict[str, Any]:
        """Shares and areas; empty without a scan."""
        if not self.hits:
            return {"scans": 0}
        true, wrong = np.asarray(self.true), np.asarray(self.wrong)
        return {
            "scans": len(self.hits),
            "wrong_declarations": len(wrong),
            "top1": float(np.mean(self.hits)),
            "mismatch_auroc": auroc(true[:, 0], wrong[:, 0]),
            "false_alarms": float((true[:, 1] <= _LEVEL).mean()),
            "caught": float((wrong[:, 1] <= _LEVEL).mean()),
            "profile_1nn": {
                "top1": float(np.mean(self.profile_hits)),
                "mismatch_auroc": auroc(true[:, 2], wrong[:, 2]),
            },
        }


def auroc(clean: npt.ArrayLike, odd: npt.ArrayLike) -> float:
    """Chance that an odd case scores above a clean one, ties counting half.

    >>> auroc([0.0, 1.0], [1.0, 2.0])
    0.875
    """
    a, b = np.sort(np.asarray(clean, dtype=np.float64)), np.asarray(odd, dtype=np.float64)
    below, upto = np.searchsorted(a, b, side="left"), np.searchsorted(a, b, side="right")
    return float((below + upto).mean() / (2 * len(a)))


# Which check should see which fraud.
_SEEN_BY = {"wrong_code": "xray.packing", "wrong_weight": "xray.mass", "hidden_goods": "xray.inserted_object"}


def _planted(scorer: XrayScorer, folder: Path, progress: Progress) -> dict[str, Any]:
    """Area, catch and false alarms of each planted fraud that a scan can show; empty if it is no world."""
    from customs.world import World, is_world

    if not is_world(folder):
        return {}
    world = World.open(folder)
    with world.path("truth.csv").open(encoding="utf-8", newline="") as file:
        frauds: dict[str, set[str]] = {}
        for row in csv.DictReader(file):
            frauds.setdefault(row["declaration_id"], set()).add(row["fraud"])
    odd: dict[str, list[tuple[str, float, float]]] = {check: [] for check in scorer.checks}
    cases = [(d, path) for d, path, _ in world.cases("review") if path is not None]
    for done, (declaration, path) in enumerate(cases):
        main = main_line(declaration.lines)
        if main is not None:
            scan = read_scan(Path(path).read_bytes(), name=Path(path).name)
            case = Case(declaration.id, declaration.lines[main], declaration, scan=scan)
            for evidence in scorer.score([case])[0]:
                if evidence.p_value is not None and evidence.surprise is not None:
                    odd[evidence.check].append((declaration.id, evidence.surprise, evidence.p_value))
        progress("scans under review", done + 1, len(cases))
    found: dict[str, Any] = {"scans": len(cases)}
    for check, rows in odd.items():
        clean = [p for name, _, p in rows if not frauds.get(name, set()) & set(_SEEN_BY)]
        if clean:
            found[f"{check}.false_alarms"] = float(np.mean(np.asarray(clean) <= _LEVEL))
    for fraud, check in _SEEN_BY.items():
        rows = odd[check]
        bad = [(s, p) for name, s, p in rows if fraud in frauds.get(name, set())]
        good = [s for name, s, _ in rows if not frauds.get(name, set()) & set(_SEEN_BY)]
        if bad and good:
            found[fraud] = {
                "check": check,
                "cases": len(bad),
                "auroc": auroc(good, [s for s, _ in bad]),
                "caught": float(np.mean([p <= _LEVEL for _, p in bad])),
            }
    return found
