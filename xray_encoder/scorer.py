"""`customs.Scorer` for X-ray scans: packing, density and mass against what was declared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self
from weakref import WeakKeyDictionary

from customs.calibrate import Calibrated
from customs.case import Case
from customs.evidence import Alternative, Evidence, HeatMap, Message
from customs.hs import HsCode
from customs.scan import Scan
from xray_encoder.bank import crop_of
from xray_encoder.data import main_line
from xray_encoder.inserted import peak
from xray_encoder.inserted.standouts import Map
from xray_encoder.judge import Judge
from xray_encoder.look import Look, look_at
from xray_encoder.normality import EMPTY, Judgement
from xray_encoder.parts import MASS, MASS_BOUND, MASS_GREY, Parts, chain_of, load_parts, save_parts
from xray_encoder.recogniser import Vector
from xray_encoder.weights.bins import short

CHECKS = ("xray.packing", "xray.density", "xray.mass", "xray.packages", "xray.inserted_object")
_ALTERNATIVES = 5
_SUSPECT = 0.05  # p-value from which a sentence speaks of a mismatch
_USUAL_SHARE = 0.9
# Usual tares: histograms were weighed with the container (ISO 668 boxes, typical of the trade).
SHORT_TARE_KG, LONG_TARE_KG = 2_250.0, 3_900.0


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
        self.judge = Judge(parts.normality, parts.deep, parts.recogniser, parts.config.own)
        self._forget()

    def fit(self, train: Sequence[Case], valid: Sequence[Case]) -> Self:
        """Learn from clean cases with scans; `valid` is held out for calibration."""
        from xray_encoder.train import fit_cases

        self.parts = fit_cases(train, valid, self.parts.config)
        self._forget()
        return self

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        """Evidence of every check for each case, in order."""
        return [self._score(case) for case in cases]

    def look(self, scan: Scan) -> Look:
        """What the scan shows; kept as long as the scan is: lines and other codes are judged on the same."""
        if scan not in self._looks:
            self._looks[scan] = look_at(scan)
        return self._looks[scan]

    def _forget(self) -> None:
        """What was computed of scans, none of which depends on the declared code, goes with the scans."""
        self._looks: WeakKeyDictionary[Scan, Look] = WeakKeyDictionary()
        self._logs: WeakKeyDictionary[Look, Vector | None] = WeakKeyDictionary()
        self._standouts: WeakKeyDictionary[Look, Map] = WeakKeyDictionary()

    def _score(self, case: Case) -> list[Evidence]:
        if case.scan is None:
            return [Evidence.abstain(check, case.subject, "xray.no_scan") for check in self.checks]
        look = self.look(case.scan)
        share = _share_of(case)
        if share.reason:
            silent = [Evidence.abstain(c, case.subject, share.reason, **share.params) for c in self.checks]
            # the weight of everything is compared once, on the first line of a load without a main one
            return [*silent[:2], self._mass(case, look), *silent[3:]] if share.weighs else silent
        return [
            self._packing(case, look),
            self._density(case, look),
            self._mass(case, look),
            self._packages(case, look),
            self._inserted(case, look),
        ]

    def _packing(self, case: Case, look: Look) -> Evidence:
        declared = case.declared
        importer = case.declaration.importer if case.declaration is not None else ""
        digits = None if declared is None else declared.digits
        if look not in self._logs:
            self._logs[look] = self.judge.logs(look, self.device)
        judged = self.judge.with_logs(look, digits, self._logs[look], importer)
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
        chain = chain_of(look, declared.digits)
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
        conformal, chain = self.parts.calibration[check], chain_of(look, declared.digits)
        log_density = math.log(found.areal_density)
        calibrated = conformal(densities.oddness(log_density, declared.digits), chain)
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
            alternatives=tuple(
                Alternative(hs=HsCode(code), probability=p)
                for code, p in densities.likely(log_density, _ALTERNATIVES)
            ),
            message=Message(
                id=f"xray.density.{side}",
                params={"density": found.areal_density, "low": low, "high": high, "declared": str(declared)},
            ),
        )

    def _mass(self, case: Case, look: Look) -> Evidence:
        check, scale, found = "xray.mass", self.parts.scale, look.measurement
        gross = declared_kg(case)
        if gross is None:
            return Evidence.abstain(check, case.subject, "xray.mass.no_weight")
        if look.kind != "16-bit":
            return self._mass_of_grey(case, look, gross)
        if found.areal_density <= 0:
            return Evidence.abstain(check, case.subject, "xray.empty")
        if found.mass_kg is None:
            return Evidence.abstain(check, case.subject, "xray.mass.no_pitch")
        if not scale.usable or MASS not in self.parts.calibration:
            return Evidence.abstain(check, case.subject, "xray.mass.not_learned")
        code = _digits(case)
        interval = scale.interval(look, code)
        if interval is None:
            return self._mass_bound(case, look, gross)
        calibrated = self.parts.calibration[MASS](scale.oddness(look, gross, code), chain_of(look, code))
        return _weighed(case, gross, interval, calibrated)

    def _mass_bound(self, case: Case, look: Look, gross: float) -> Evidence:
        """Parts of the load let nothing through: the declared weight can only be too small."""
        check, code = "xray.mass", _digits(case)
        least = self.parts.scale.at_least(look)
        if least is None or MASS_BOUND not in self.parts.calibration:
            return Evidence.abstain(check, case.subject, "xray.mass.saturated", at_least=least or 0.0)
        odd = self.parts.scale.oddness(look, gross, code)
        if odd <= 0:
            return Evidence.abstain(check, case.subject, "xray.mass.saturated", at_least=least)
        calibrated = self.parts.calibration[MASS_BOUND](odd, chain_of(look, code))
        return Evidence(
            check=check,
            subject=case.subject,
            p_value=calibrated.p_value,
            surprise=calibrated.surprise,
            observed=gross,
            unit="kg",
            reference=calibrated.reference,
            message=Message(id="xray.mass.below_bound", params={"declared_kg": gross, "at_least": least}),
        )

    def _mass_of_grey(self, case: Case, look: Look, gross: float) -> Evidence:
        """A vendor's picture weighed by its grey levels, cargo and tare together."""
        grey = self.parts.grey
        if grey is None or look.grey is None:
            return Evidence.abstain("xray.mass", case.subject, "xray.mass.bound")
        tare = SHORT_TARE_KG if short(look.grey) else LONG_TARE_KG
        interval = grey.kilograms(look.grey)
        odd = grey.picture_oddness(look.grey, gross + tare)
        if interval is None or not math.isfinite(odd):
            return Evidence.abstain("xray.mass", case.subject, "xray.mass.bound")
        low, best, high = (max(kg - tare, 1.0) for kg in interval)
        calibrated = self.parts.calibration[MASS_GREY](odd, ("all",))
        return _weighed(case, gross, (low, best, high), calibrated)

    def _packages(self, case: Case, look: Look) -> Evidence:
        check, packages = "xray.packages", self.parts.packages
        declared = case.line.packages if case.line is not None else None
        if declared is None or declared < 1:
            return Evidence.abstain(check, case.subject, "xray.packages.undeclared")
        if case.declaration is not None and len(case.declaration.lines) > 1:
            return Evidence.abstain(check, case.subject, "xray.packages.several_lines")
        code = _digits(case)
        mass = self.parts.scale.kilograms(look, code) if look.kind == "16-bit" else None
        found = packages.estimate(look.visible, code, mass)
        if found is None or check not in self.parts.calibration:
            return Evidence.abstain(check, case.subject, "xray.packages.irregular")
        odd = packages.oddness(float(declared), look.visible, code, mass)
        calibrated = self.parts.calibration[check](odd, chain_of(look, code))
        side = "usual" if calibrated.p_value > _SUSPECT else "more" if declared > found.best else "fewer"
        return Evidence(
            check=check,
            subject=case.subject,
            p_value=calibrated.p_value,
            surprise=calibrated.surprise,
            observed=float(declared),
            expected=(found.low, found.high),
            unit="packages",
            reference=calibrated.reference,
            message=Message(
                id=f"xray.packages.{side}",
                params={
                    "declared": declared,
                    "best": found.best,
                    "low": found.low,
                    "high": found.high,
                },
            ),
        )

    def _inserted(self, case: Case, look: Look) -> Evidence:
        check, standouts, detector = "xray.inserted_object", self.parts.standouts, self.parts.detector
        if look.kind != "16-bit":
            return Evidence.abstain(check, case.subject, "xray.inserted.shallow")
        if detector is None or standouts is None or check not in self.parts.calibration:
            return Evidence.abstain(check, case.subject, "xray.inserted.not_learned")
        if look.measurement.areal_density <= 0:
            return Evidence.abstain(check, case.subject, "xray.empty")
        if not detector.says(look.view):
            return Evidence.abstain(check, case.subject, "xray.inserted.blocked", share=look.view.blind)
        if look not in self._standouts:
            self._standouts[look] = detector.standout(look.view)
        code, values = _digits(case), self._standouts[look]
        conformal, chain = self.parts.calibration[check], chain_of(look, code)
        value, along, up = peak(values)
        calibrated = conformal(standouts.excess(value, code), chain)
        usual = value - standouts.excess(value, code)
        odd = calibrated.p_value <= _SUSPECT
        params: dict[str, str | int | float] = {"along": along, "up": up} if odd else {}
        return Evidence(
            check=check,
            subject=case.subject,
            p_value=calibrated.p_value,
            surprise=calibrated.surprise,
            observed=_chance(value),
            expected=(0.0, _chance(usual + conformal.interval(chain, _USUAL_SHARE))),
            unit="probability",
            reference=calibrated.reference,
            message=Message(id=f"xray.inserted.{'odd' if odd else 'usual'}", params=params),
            artefact=HeatMap(values=standouts.heat(values, code), box=look.crop.cargo) if odd else None,
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


def _chance(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(min(log_odds, 50.0), -50.0)))


def _weighed(
    case: Case, gross: float, interval: tuple[float, float, float], calibrated: Calibrated
) -> Evidence:
    low, _, high = interval
    side = "light" if gross < low else "heavy" if gross > high else "usual"
    return Evidence(
        check="xray.mass",
        subject=case.subject,
        p_value=calibrated.p_value,
        surprise=calibrated.surprise,
        observed=gross,
        expected=(low, high),
        unit="kg",
        reference=calibrated.reference,
        message=Message(id=f"xray.mass.{side}", params={"declared_kg": gross, "low": low, "high": high}),
    )


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
