"""`customs.Scorer` for X-ray scans: packing, density and mass against what was declared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from customs.case import Case
from customs.evidence import Alternative, Evidence, HeatMap, Message
from customs.hs import HsCode
from customs.scan import Scan
from xray_encoder.bank import crop_of
from xray_encoder.data import main_line
from xray_encoder.inserted import peak
from xray_encoder.judge import Judge
from xray_encoder.look import Look, look_at
from xray_encoder.normality import EMPTY, Judgement
from xray_encoder.parts import Parts, chain_of, load_parts, save_parts

CHECKS = ("xray.packing", "xray.density", "xray.mass", "xray.inserted_object")
_ALTERNATIVES = 5
_SUSPECT = 0.05  # p-value from which a sentence speaks of a mismatch
_USUAL_SHARE = 0.9


class XrayScorer:
    """Judges scans; made by `train.train` or `load`."""

    name = "xray"
    checks = CHECKS

    def __init__(self, parts: Parts, device: str = "cpu") -> None:
        self.parts = parts
        self.device = device
        for pair in parts.recogniser.pairs if parts.recogniser is not None else ():
            if pair.backbone is not None:
                pair.backbone.to(device)
        self.judge = Judge(parts.normality, parts.deep, parts.recogniser)
        self._looks: tuple[Scan, Look] | None = None

    def fit(self, train: Sequence[Case], valid: Sequence[Case]) -> Self:
        """Learn from clean cases with scans; `valid` is held out for calibration."""
        from xray_encoder.train import fit_cases

        self.parts = fit_cases(train, valid, self.parts.config)
        return self

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        """Evidence of every check for each case, in order."""
        return [self._score(case) for case in cases]

    def look(self, scan: Scan) -> Look:
        """What the scan shows; the last one is kept, lines of one declaration share it."""
        if self._looks is None or self._looks[0] is not scan:
            self._looks = (scan, look_at(scan))
        return self._looks[1]

    def _score(self, case: Case) -> list[Evidence]:
        if case.scan is None:
            return [Evidence.abstain(check, case.subject, "xray.no_scan") for check in self.checks]
        look = self.look(case.scan)
        share = _share_of(case)
        if share.reason:
            silent = [Evidence.abstain(c, case.subject, share.reason, **share.params) for c in self.checks]
            # the weight of everything is compared once, on the first line of a load without a main one
            return [*silent[:2], self._mass(case, look), silent[3]] if share.weighs else silent
        return [
            self._packing(case, look),
            self._density(case, look),
            self._mass(case, look),
            self._inserted(case, look),
        ]

    def _packing(self, case: Case, look: Look) -> Evidence:
        declared = case.declared
        importer = case.declaration.importer if case.declaration is not None else ""
        digits = None if declared is None else declared.digits
        judged = self.judge(look, digits, importer, device=self.device)
        if judged is None:
            return Evidence.abstain("xray.packing", case.subject, "xray.packing.no_kind", kind=look.kind)
        alternatives = tuple(
            Alternative(hs=None if code == EMPTY else HsCode(code), probability=p)
            for code, p in judged.ranking[:_ALTERNATIVES]
        )
        if declared is None or not judged.group:
            reason = "xray.no_code" if declared is None else "xray.packing.no_reference"
            params: dict[str, Any] = (
                {} if declared is None else {"declared": str(declared), "kind": look.kind}
            )
            return Evidence(
                check="xray.packing",
                subject=case.subject,
                alternatives=alternatives,
                message=Message(id=reason, params=params),
            )
        chain = chain_of(look.kind, declared.digits)
        calibrated = self.parts.calibration[self.judge.scale(look.kind)](judged.oddness, chain)
        values = self.parts.patches.map(crop_of(look.canonical, look.deep), look.kind, judged.group)
        return Evidence(
            check="xray.packing",
            subject=case.subject,
            p_value=calibrated.p_value,
            surprise=calibrated.surprise,
            reference=calibrated.reference,
            alternatives=alternatives,
            message=_packing_message(declared, judged, calibrated.p_value),
            artefact=None if values is None else HeatMap(values=values, box=look.crop.cargo),
        )

    def _density(self, case: Case, look: Look) -> Evidence:
        check, found, declared = "xray.density", look.measurement, case.declared
        if declared is None:
            return Evidence.abstain(check, case.subject, "xray.no_code")
        if look.kind != "16-bit":
            return Evidence.abstain(check, case.subject, "xray.density.bound", at_least=found.areal_density)
        densities = self.parts.densities
        usual = densities.usual(declared.digits) if densities is not None else None
        if densities is None or usual is None or "xray.density" not in self.parts.calibration:
            return Evidence.abstain(check, case.subject, "xray.density.no_reference", declared=str(declared))
        if found.areal_density <= 0:
            return Evidence.abstain(check, case.subject, "xray.empty")
        conformal, chain = self.parts.calibration[check], chain_of(look.kind, declared.digits)
        calibrated = conformal(densities.oddness(math.log(found.areal_density), declared.digits), chain)
        half = conformal.interval(chain, _USUAL_SHARE) * usual[1]
        low, high = math.exp(usual[0] - half), math.exp(usual[0] + half)
        side = (
            "usual" if low <= found.areal_density <= high else "high" if found.areal_density > high else "low"
        )
        return Evidence(
            check=check,
            subject=case.subject,
            p_value=calibrated.p_value,
            surprise=calibrated.surprise,
            observed=found.areal_density,
            expected=(low, high),
            unit="g/cm²",
            reference=calibrated.reference,
            message=Message(
                id=f"xray.density.{side}",
                params={"density": found.areal_density, "low": low, "high": high, "declared": str(declared)},
            ),
        )

    def _mass(self, case: Case, look: Look) -> Evidence:
        check, scale = "xray.mass", self.parts.scale
        gross = declared_kg(case)
        if gross is None:
            return Evidence.abstain(check, case.subject, "xray.mass.no_weight")
        if look.kind != "16-bit":
            return Evidence.abstain(check, case.subject, "xray.mass.bound")
        found = look.measurement
        if found.areal_density <= 0:
            return Evidence.abstain(check, case.subject, "xray.empty")
        if found.mass_kg is None:
            return Evidence.abstain(check, case.subject, "xray.mass.no_pitch")
        measured = scale.kilograms(look)
        if measured is None:
            return Evidence.abstain(check, case.subject, "xray.mass.saturated", at_least=found.mass_kg)
        if not scale.usable or check not in self.parts.calibration:
            return Evidence.abstain(check, case.subject, "xray.mass.not_learned")
        calibrated = self.parts.calibration[check](
            math.log(measured / gross), chain_of(look.kind, _digits(case))
        )
        low, high = measured * scale.low, measured * scale.high
        side = "light" if gross < low else "heavy" if gross > high else "usual"
        return Evidence(
            check=check,
            subject=case.subject,
            p_value=calibrated.p_value,
            surprise=calibrated.surprise,
            observed=gross,
            expected=(low, high),
            unit="kg",
            reference=calibrated.reference,
            message=Message(id=f"xray.mass.{side}", params={"declared_kg": gross, "low": low, "high": high}),
        )

    def _inserted(self, case: Case, look: Look) -> Evidence:
        check, standouts = "xray.inserted_object", self.parts.standouts
        if look.standout is None:
            return Evidence.abstain(check, case.subject, "xray.inserted.shallow")
        if standouts is None or check not in self.parts.calibration:
            return Evidence.abstain(check, case.subject, "xray.inserted.not_learned")
        code = _digits(case)
        conformal, chain = self.parts.calibration[check], chain_of(look.kind, code)
        value, along, up = peak(look.standout)
        calibrated = conformal(standouts.oddness(value, code), chain)
        mean, spread = standouts.usual(code)
        odd = calibrated.p_value <= _SUSPECT
        params: dict[str, str | int | float] = {"along": along, "up": up} if odd else {}
        return Evidence(
            check=check,
            subject=case.subject,
            p_value=calibrated.p_value,
            surprise=calibrated.surprise,
            observed=value,
            expected=(0.0, max(mean + conformal.interval(chain, _USUAL_SHARE) * spread, 0.0)),
            unit="−ln T",
            reference=calibrated.reference,
            message=Message(id=f"xray.inserted.{'odd' if odd else 'usual'}", params=params),
            artefact=HeatMap(values=standouts.heat(look.standout, code), box=look.crop.cargo)
            if odd
            else None,
        )

    def save(
        self, folder: Path, *, data_fingerprint: str = "", figures: Mapping[str, Any] | None = None
    ) -> None:
        """Write an artefact folder of kind `xray`."""
        save_parts(self.parts, folder, data_fingerprint=data_fingerprint, figures=figures)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        """Read an artefact folder; `DamagedArtefact` if a hash differs."""
        return cls(load_parts(folder), device)


def declared_kg(case: Case) -> float | None:
    """Declared weight of everything in the container, None if not declared or zero."""
    if case.declaration is not None:
        kilograms = float(case.declaration.gross_kg)
    elif case.line is not None:
        kilograms = float(case.line.gross_kg or case.line.net_kg)
    else:
        return None
    return kilograms if kilograms > 0 else None


def _digits(case: Case) -> str:
    return "" if case.declared is None else case.declared.digits


class _Share(NamedTuple):
    """Whether a line answers for the scan: why not, and whether it answers for the weight at least."""

    reason: str = ""
    params: dict[str, int] = {}  # noqa: RUF012 (a NamedTuple default, never written to)
    weighs: bool = True


def _share_of(case: Case) -> _Share:
    if case.declaration is None or case.line is None or len(case.declaration.lines) == 1:
        return _Share()
    lines = case.declaration.lines
    mine = next((i for i, line in enumerate(lines) if line is case.line), None)
    if mine is None:
        mine = next((i for i, line in enumerate(lines) if line == case.line), 0)
    main = main_line(lines)
    if main is None:
        return _Share("xray.mixed_load", {"lines": len(lines)}, mine == 0)
    return _Share() if mine == main else _Share("xray.not_main_line", {"line": main + 1}, False)


def _packing_message(declared: HsCode, judged: Judgement, p_value: float) -> Message:
    best, probability = judged.ranking[0]
    params: dict[str, str | int | float] = {"declared": str(declared)}
    if p_value > _SUSPECT:
        return Message(id="xray.packing.usual", params=params)
    if best == EMPTY:
        return Message(id="xray.packing.empty", params={**params, "probability": probability})
    if best == declared.digits[:4]:
        return Message(id="xray.packing.odd", params=params)
    return Message(id="xray.packing.unlike", params={**params, "likely": best, "probability": probability})
