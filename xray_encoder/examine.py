"""A scan looked at by itself: what it measures, what it looks like, and how odd it is for a code."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from customs.case import Case
from customs.errors import InvalidValue
from customs.evidence import Evidence
from customs.hs import HsCode
from customs.scan import Scan
from xray_encoder.look import Look
from xray_encoder.measure import areal_density_map
from xray_encoder.normality import EMPTY
from xray_encoder.packages import Estimate
from xray_encoder.scorer import LONG_TARE_KG, SHORT_TARE_KG, XrayScorer
from xray_encoder.search import Neighbour
from xray_encoder.weights.bins import short

_SIMILAR = 5


@dataclass(frozen=True, eq=False)
class Examination:
    """areal_density in g/cm²; mass_kg is low, best, high, or None where the scan cannot be weighed.

    bound: True if density and mass are only lower bounds. packages: estimated, None where they
    cannot be counted. total: areal density summed over all pixels of the picture, g/cm². similar: the nearest
    past scans, of the declared heading if there is one. ranking: headings with probability, best first,
    `0000` for an empty container; empty if the model knows no scans of this kind.
    """

    look: Look
    areal_density: float
    mass_kg: tuple[float, float, float] | None
    bound: bool
    packages: Estimate | None
    total: float
    similar: tuple[Neighbour, ...]
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
            "areal_density_sum": self.total,
            "fill": measured.fill,
            "packages": None
            if self.packages is None
            else {
                "low": self.packages.low,
                "best": self.packages.best,
                "high": self.packages.high,
                "confidence": self.packages.confidence,
            },
            "visible": {
                "columns": self.look.visible.columns,
                "layers": self.look.visible.layers,
                "confidence": self.look.visible.confidence,
            },
            "similar": [dataclasses.asdict(near) for near in self.similar],
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
    code = "" if hs is None else hs.digits
    interval = scale.interval(look, code) if scale.usable and look.kind == "16-bit" else None
    if interval is None and look.grey is not None and scorer.parts.grey is not None:
        weighed = scorer.parts.grey.kilograms(look.grey)
        tare = SHORT_TARE_KG if short(look.grey) else LONG_TARE_KG
        interval = None if weighed is None else _less(weighed, tare)
    judged = scorer.judge(look, None, device=scorer.device)
    return Examination(
        look=look,
        areal_density=look.measurement.areal_density,
        mass_kg=interval,
        packages=scorer.parts.packages.estimate(
            look.visible, code, None if interval is None else interval[1]
        ),
        total=areal_density_map(scan).total,
        similar=_similar(scorer, look, hs),
        bound=look.measurement.bound,
        ranking=() if judged is None else judged.ranking,
        evidence=tuple(scorer.score([Case(name, scan=scan, hs=hs)])[0]),
    )


def _less(kg: tuple[float, float, float], tare: float) -> tuple[float, float, float]:
    return max(kg[0] - tare, 0.0), max(kg[1] - tare, 0.0), max(kg[2] - tare, 0.0)


def _similar(scorer: XrayScorer, look: Look, hs: HsCode | None) -> tuple[Neighbour, ...]:
    past = scorer.parts.past
    if past is None:
        return ()
    heading = None if hs is None else hs.digits[:4]
    return tuple(past.nearest(look.description, _SIMILAR, hs=heading, kind=look.kind))


def same_lot(scorer: XrayScorer, looks: Sequence[Look]) -> list[float]:
    """How odd each container is beside the others of its lot, in nats; above 0 it is likelier another's.

    `InvalidValue` for fewer than two scans or a model that saw no two containers of one lot or importer.
    """
    if len(looks) < 2 or scorer.parts.lots is None:
        raise InvalidValue(
            "a lot needs two scans and a model that learned how containers of one lot differ",
            field="lot",
            remedy="give all scans of the lot; train on a world, or on scans with importers",
        )
    return [float(x) for x in scorer.parts.lots.each(np.stack([look.description for look in looks]))]
