"""A scan looked at by itself: what it measures, what it looks like, and how odd it is for a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from customs.case import Case
from customs.evidence import Evidence
from customs.hs import HsCode
from customs.scan import Scan
from xray_encoder.look import Look
from xray_encoder.normality import EMPTY
from xray_encoder.scorer import XrayScorer


@dataclass(frozen=True, eq=False)
class Examination:
    """areal_density in g/cm²; mass_kg is low, best, high, or None where the scan cannot be weighed.

    bound: True if density and mass are only lower bounds. ranking: headings with probability, best first,
    `0000` for an empty container; empty if the model knows no scans of this kind.
    """

    look: Look
    areal_density: float
    mass_kg: tuple[float, float, float] | None
    bound: bool
    ranking: tuple[tuple[str, float], ...]
    evidence: tuple[Evidence, ...]

    def as_dict(self, scan: Scan) -> dict[str, Any]:
        """For JSON: boxes are top, left, bottom, right in pixels."""
        measured, mass = self.look.measurement, self.mass_kg
        return {
            "kind": self.look.kind,
            "degraded": list(scan.degraded),
            "size": [scan.height, scan.width],
            "energies": list(scan.energies),
            "container": list(self.look.crop.container),
            "cargo": list(self.look.crop.cargo),
            "areal_density_g_cm2": self.areal_density,
            "mass_kg": None if mass is None else {"low": mass[0], "best": mass[1], "high": mass[2]},
            "lower_bound_only": self.bound,
            "saturated": measured.saturated,
            "steel_share": measured.heavy,
            "ranking": [
                {"hs": None if code == EMPTY else code, "empty": code == EMPTY, "probability": p}
                for code, p in self.ranking
            ],
            "evidence": [evidence.model_dump(mode="json") for evidence in self.evidence],
        }


def examine(scorer: XrayScorer, scan: Scan, hs: HsCode | None = None, *, name: str = "scan") -> Examination:
    """Measure and rank one scan, and judge it under `hs` if given."""
    look = scorer.look(scan)
    scale = scorer.parts.scale
    best = scale.kilograms(look) if scale.usable else None
    judged = scorer.judge(look, None, device=scorer.device)
    return Examination(
        look=look,
        areal_density=look.measurement.areal_density,
        mass_kg=None if best is None else (best * scale.low, best, best * scale.high),
        bound=look.measurement.bound,
        ranking=() if judged is None else judged.ranking,
        evidence=tuple(scorer.score([Case(name, scan=scan, hs=hs)])[0]),
    )
