"""How near simulated pictures come to real ones: three statistics that carry most of a scan's information.

Everything is computed on canonical crops: float32 (rows, columns) of −ln(transmission) of the cargo, 0…4,
from a vendor's 8-bit picture. Whoever can find a container on a picture brings the crops; nothing real is
kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.physics.load import Load
from customs.physics.packing.templates import cargo, loaded
from customs.physics.scanner import Scanner
from customs.physics.vendor import Tone, vendor_picture

Crop = npt.NDArray[np.float32]
CAP = 4.0
LOADED = 0.35  # −ln T of a hand's breadth of loose goods
BINS = 16
_SURFACE_RUN = 8  # rows that must be loaded below a surface


@dataclass(frozen=True)
class Recipe:
    """How goods of a heading travel: packing, box and the middle of what is usual; kg as loaded."""

    packing: str
    container: str
    material: str
    kg: float
    density: float
    size: tuple[float, float]

    def load(self, rng: np.random.Generator) -> Load:
        """One consignment."""
        return Load(
            material=self.material,
            kg=self.kg * float(np.exp(0.05 * rng.standard_normal())),
            packages=max(round(self.kg / 20), 1),
            density=self.density * float(np.exp(0.03 * rng.standard_normal())),
            size=self.size,
            tidy=float(rng.uniform(0.5, 0.95)),
            block=int(rng.integers(1, 4)),
        )


# Headings with real pictures among the containers of Brazilian Customs; empty ones are "0000".
RECIPES: Mapping[str, Recipe | None] = MappingProxyType(
    {
        "0000": None,
        "0202": Recipe("meat", "reefer40", "meat", 27_000, 530, (0.56, 0.19)),
        "0207": Recipe("cartons", "reefer40", "meat", 27_000, 460, (0.30, 0.15)),
        "0805": Recipe("crates", "reefer40", "fruit", 25_000, 430, (0.52, 0.24)),
        "0901": Recipe("liner", "dry20", "starch", 21_000, 640, (1.0, 1.0)),
        "1202": Recipe("big_bags", "high40", "nuts", 25_000, 590, (1.12, 1.35)),
        "1701": Recipe("sacks", "dry20", "sugar", 26_000, 850, (0.72, 0.15)),
        "2304": Recipe("heap", "dry40", "meal", 26_000, 590, (1.0, 1.0)),
        "4011": Recipe("tyres", "dry40", "rubber", 9_500, 160, (0.62, 0.20)),
        "5201": Recipe("bales", "dry40", "cellulose", 21_500, 370, (0.86, 0.53)),
    }
)


@dataclass(frozen=True)
class Statistics:
    """Of one crop: top-surface roughness (share of the height), column period (share of the length; NaN where
    no column repeats), shares of the pixels in `BINS` bins of −ln T, fill (mean height of the surface)."""

    roughness: float
    period: float
    histogram: tuple[float, ...]
    fill: float


def statistics(crop: Crop) -> Statistics:
    """The statistics of one canonical crop."""
    if crop.ndim != 2 or min(crop.shape) < 4 * _SURFACE_RUN:
        raise InvalidValue(
            f"a crop of shape {crop.shape} is too small",
            field="crop",
            remedy="give −ln T of the cargo, 32 × 32 or more",
        )
    a = np.clip(np.asarray(crop, dtype=np.float64), 0.0, CAP)
    rows, columns = a.shape
    top = _surface(a > LOADED)
    height = (rows - top) / rows
    smooth = _running(height, max(columns // 12, 3) | 1)
    counts, _ = np.histogram(a, bins=BINS, range=(0.0, CAP))
    return Statistics(
        roughness=float(np.abs(height - smooth).mean()) if (top < rows).mean() > 0.1 else 0.0,
        period=_period(np.median(a[int(0.35 * rows) : int(0.9 * rows)], axis=0)),
        histogram=tuple(float(c) for c in counts / a.size),
        fill=float(height.mean()),
    )


def simulated(heading: str, rng: np.random.Generator, tone: Tone | None = None) -> npt.NDArray[np.uint8]:
    """A vendor picture (height, width) of a container with goods of one of `RECIPES`."""
    if heading not in RECIPES:
        raise InvalidValue(
            f"there is no recipe for {heading}", field="heading", remedy=f"choose from {', '.join(RECIPES)}"
        )
    recipe = RECIPES[heading]
    box = "dry40" if recipe is None else recipe.container
    goods = None if recipe is None else cargo(recipe.packing, recipe.load(rng), box, rng)
    areal = loaded(
        goods, box, rng, doors_left=bool(rng.random() < 0.5), tilt=float(0.03 * rng.standard_normal())
    )
    scanner = Scanner.draw(rng, beams=("6MV",))
    return vendor_picture(scanner.expose(areal, rng), rng, tone)


def realism(
    real: Mapping[str, Sequence[Crop]],
    canonical: Callable[[npt.NDArray[np.uint8]], Crop],
    *,
    count: int = 12,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """For each heading with real crops, how far simulated pictures lie from them.

    canonical: finds the container on an 8-bit picture and returns its canonical crop. Answers, for each
    heading: means of real and simulated roughness, period and fill, `histogram` (earth mover's distance of
    the mean histograms in −ln T, 0…4) and `spread` (the same between real pictures of the heading, NaN if
    there is only one).
    """
    out: dict[str, dict[str, float]] = {}
    for number, heading in enumerate(sorted(set(real) & set(RECIPES))):
        rng = np.random.default_rng([seed, number])
        seen = [statistics(crop) for crop in real[heading]]
        made = [statistics(canonical(simulated(heading, rng))) for _ in range(count)]
        ours = np.mean([s.histogram for s in made], axis=0)
        theirs = np.mean([s.histogram for s in seen], axis=0)
        pairs = [
            _mover(np.asarray(a.histogram), np.asarray(b.histogram))
            for i, a in enumerate(seen)
            for b in seen[:i]
        ]
        row = {"real": float(len(seen)), "simulated": float(len(made))}
        for name in ("roughness", "period", "fill"):
            row[f"{name}_real"] = _mean([getattr(s, name) for s in seen])
            row[f"{name}_simulated"] = _mean([getattr(s, name) for s in made])
        row["histogram"] = _mover(ours, theirs)
        row["spread"] = float(np.mean(pairs)) if pairs else float("nan")
        out[heading] = row
    return out


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")


def _mover(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Earth mover's distance between two histograms over 0…CAP."""
    return float(np.abs(np.cumsum(a - b)).sum() * CAP / BINS)


def _surface(load: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """First row of each column under which most of the next eight are loaded; the number of rows if none."""
    rows = len(load)
    below = np.cumsum(np.vstack([np.zeros((1, load.shape[1])), load]), axis=0)
    thick = (below[_SURFACE_RUN:] - below[:-_SURFACE_RUN]) >= 0.75 * _SURFACE_RUN
    return np.where(thick.any(axis=0), thick.argmax(axis=0), rows).astype(np.int64)


def _period(line: npt.NDArray[np.float64]) -> float:
    """The length (share of the line's) after which a line repeats best; NaN if nothing repeats."""
    n = len(line)
    detail = line - _running(line, (n // 5) | 1)
    power = detail @ detail
    if power < 1e-3 * n:
        return float("nan")
    spectrum = np.abs(np.fft.rfft(detail, 2 * n)) ** 2
    likeness = np.fft.irfft(spectrum)[:n] / np.arange(n, 0, -1) * n / power
    first = max(n // 64, 2)
    inner = likeness[first : n // 4]
    peaks = np.flatnonzero((inner[1:-1] > inner[:-2]) & (inner[1:-1] >= inner[2:])) + 1
    if not len(peaks) or inner[peaks].max() < 0.15:
        return float("nan")
    best = peaks[inner[peaks] >= 0.8 * inner[peaks].max()][0]
    return float((first + best) / n)


def _running(x: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    pad = width // 2
    total = np.concatenate([[0.0], np.cumsum(np.pad(x, pad, mode="edge"))])
    return np.asarray((total[width:] - total[:-width]) / width)
