"""How many packages: columns and layers seen from the side, and what the code's packages usually weigh."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from xray_encoder.normality import prefixes
from xray_encoder.weigh import ByCode

# A column of goods is at least this many pixels wide, and the load at least so many columns long.
_NARROWEST, _FEWEST = 5, 5
_ROWS = 150  # no fewer, and not twice as many
_WIDEST_SHARE = 1 / _FEWEST
_CANDIDATES = 3  # periods followed through the load before one is chosen
_OCTAVES = 0.15  # by which columns of one code differ in width
_STRAY = 0.12  # usual departure of a column's width from the period, as a share of it
# Autocorrelation at one, two and three periods above that between: noise reaches the first by chance, columns
# whose widths differ by a tenth the sum of both.
_CHANCE, _SURE = 0.05, 0.15
_CLEAR = 0.25  # of the profile's spread: how much less stands in a gap than beside it
_LOWER, _UPPER = 0.05, 0.6  # of the load's height: the rows whose gaps count, clear of floor and surface
_LOADED = 0.25  # of the load's usual −ln(transmission): less is air above it
_SEAMS = 0.5  # of the load's height: above it the fan has smeared the seams between layers
_REGULAR = 0.35  # confidence from which the picture's own count is used
_LEAST = 4  # references with a known number before any number is estimated
_FEW = 5.0  # packages: fewer in a full container are lots of bulk, or pieces to be counted by hand
_IRREGULAR = 0.30  # log: a group whose declared numbers follow the estimate no better has no regular packages
_LEAST_SPREAD = 0.01
_NINETY = 1.645  # spreads on either side that hold nine of ten
_WITHIN = 0.05  # an estimate is right if the true number is within this share of it
VOTES = ("grid", "columns", "mass")
Vector = npt.NDArray[np.float64]
Reading = tuple[int, float, float]  # columns, their mean width (pixels), confidence


@dataclass(frozen=True, slots=True)
class Visible:
    """The grid of packages that one side of a load shows.

    columns: stacks side by side. layers: packages in a stack (mean over the stacks), None if no seams are
    seen. period, layer: width of a column and height of a layer, pixels (0 if none). height: mean height of
    the load as a share of the picture handed in. confidence: 0 (no pattern) … 1 (every gap is where it should
    be). width: of the picture, pixels. others: columns, period and confidence of every reading, this one
    among them: rows that stand staggered halve the period, blocks of columns multiply it, and only the code's
    usual width tells.
    """

    columns: int
    layers: float | None
    period: float
    layer: float
    height: float
    confidence: float
    width: int = 0
    others: tuple[tuple[int, float, float], ...] = ()

    @property
    def regular(self) -> bool:
        """True if the columns can be counted."""
        return self.columns >= _FEWEST and self.confidence >= _REGULAR


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many packages there are: `low` to `high` hold nine of ten.

    spread: usual error of `best`, in logs. confidence: chance (0…1) that the true number is within 5 % of
    `best`. votes: which of `VOTES` it rests on.
    """

    low: float
    best: float
    high: float
    spread: float
    confidence: float
    votes: tuple[str, ...]


@dataclass(frozen=True)
class Packages:
    """The number of packages from what a side view shows, learned from clean declarations.

    Three votes: columns × layers, columns × height of the load, and the measured mass. What each must be
    multiplied by (rows in depth, layers in a metre, packages in a kilogram) is learned for each code, backing
    off HS10 → HS6 → HS4 → HS2, and so is how far it strays; votes count by the inverse square of that.
    factors: by vote, log of declared number ÷ vote. usual: log of the declared number. widths: by code and
    parent, usual width of a column as a share of the box. widen: by how much the votes together stray more
    than they should if they were independent.
    """

    factors: Mapping[str, ByCode] = field(default_factory=dict)
    usual: ByCode = field(default_factory=ByCode)
    widen: float = 1.0
    widths: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        visible: Sequence[Visible],
        codes: Sequence[str],
        declared: Sequence[float],
        mass_kg: Sequence[float | None],
    ) -> Packages:
        """Learn from clean scans: what is seen, the code (digits), declared packages (≤ 0: unknown), mass."""
        kept = [i for i, number in enumerate(declared) if number > 0]
        if len(kept) < _LEAST:
            return cls()
        target = {i: math.log(declared[i]) for i in kept}
        widths = _widths([visible[i] for i in kept], [codes[i] for i in kept])
        told = cls(widths=widths)
        votes = {i: _votes(told.read_grid(visible[i], codes[i]), mass_kg[i]) for i in kept}
        factors = {}
        for name in VOTES:
            cast = [i for i in kept if name in votes[i]]
            if len(cast) >= _LEAST:
                factors[name] = ByCode.fit(
                    [target[i] - votes[i][name] for i in cast], [codes[i] for i in cast]
                )
        usual = ByCode.fit([target[i] for i in kept], [codes[i] for i in kept])
        plain = cls(factors, usual, widths=widths)
        off = []
        for i in kept:
            found = plain.estimate(visible[i], codes[i], mass_kg[i])
            if found is not None:
                off.append(abs(target[i] - math.log(found.best)) / found.spread)
        # a wrong reference must not widen it: the 90 % point of clean ones, as of a bell curve
        widen = float(np.quantile(off, 0.9)) / _NINETY if len(off) >= _LEAST else 1.0
        return cls(factors, usual, max(widen, 1.0), widths)

    def read_grid(self, visible: Visible, code: str) -> Visible:
        """The same view, read at the width that columns of this code usually have."""
        usual = next((self.widths[prefix] for prefix in prefixes(code) if prefix in self.widths), None)
        if usual is None or not visible.others or not visible.width:
            return visible
        columns, period, sure = _nearest(visible.others, usual * visible.width)
        if abs(math.log2(period / (usual * visible.width))) > 3 * _OCTAVES:
            return replace(visible, confidence=0.0)
        return replace(visible, columns=columns, period=period, confidence=sure)

    def estimate(self, visible: Visible, code: str, mass_kg: float | None) -> Estimate | None:
        """The number of packages of a load of `code`; None where nothing regular is seen or known.

        mass_kg: measured gross weight (`Scale.kilograms`), None if it could not be weighed.
        """
        if not self.usual.of or self.usual.usual(code)[0] < math.log(_FEW):
            return None
        means, weights, names = [], [], []
        for name, vote in _votes(self.read_grid(visible, code), mass_kg).items():
            if name not in self.factors:
                continue
            factor, spread = self.factors[name].usual(code)
            if spread > _IRREGULAR:
                continue
            means.append(vote + factor)
            weights.append(max(spread, _LEAST_SPREAD) ** -2)
            names.append(name)
        if not names:
            return None
        total = sum(weights)
        best = sum(m * w for m, w in zip(means, weights, strict=True)) / total
        apart = math.sqrt(sum(w * (m - best) ** 2 for m, w in zip(means, weights, strict=True)) / total)
        spread = math.hypot(self.widen * total**-0.5, 0.5 * apart)  # votes that disagree are less sure
        return Estimate(
            low=math.exp(best - _NINETY * spread),
            best=math.exp(best),
            high=math.exp(best + _NINETY * spread),
            spread=spread,
            confidence=math.erf(math.log1p(_WITHIN) / spread / math.sqrt(2)),
            votes=tuple(names),
        )

    def oddness(self, declared: float, visible: Visible, code: str, mass_kg: float | None) -> float:
        """|log(declared ÷ estimated)| in usual errors; NaN where the number cannot be estimated."""
        found = self.estimate(visible, code, mass_kg) if declared > 0 else None
        return float("nan") if found is None else abs(math.log(declared / found.best)) / found.spread

    def tensors(self) -> dict[str, npt.NDArray]:
        """Arrays to save: none."""
        return {}

    def about(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return {
            "factors": {name: by.about() for name, by in self.factors.items()},
            "usual": self.usual.about(),
            "widen": self.widen,
            "widths": dict(self.widths),
        }

    @classmethod
    def read(cls, tensors: Mapping[str, npt.NDArray], about: Mapping[str, Any]) -> Packages:
        """What `about` wrote; `tensors` holds nothing."""
        return cls(
            {name: ByCode.read(by) for name, by in about["factors"].items()},
            ByCode.read(about["usual"]),
            float(about["widen"]),
            {prefix: float(share) for prefix, share in about["widths"].items()},
        )


def count(inside: npt.NDArray[np.floating[Any]], period: float | None = None) -> Visible:
    """Count columns and layers on the inside of a container.

    inside: −ln(transmission) or g/cm² of the cargo alone (rows, columns), walls taken off, row 0 on top, the
        last row at the floor (`Crop.inside`). Detail counts: hand it in at the scanner's own resolution.
    period: usual width of this code's columns in pixels, if known; settles whether one package or two side by
        side make a column.

    >>> grid = np.ones((60, 120)); grid[:, ::12] = 0.6; grid[::10] *= 0.8
    >>> found = count(grid)
    >>> found.columns, round(found.layers)
    (10, 6)
    """
    a = np.asarray(inside)
    step = max(a.shape[0] // _ROWS, 1)  # columns need their detail, rows hardly
    a = a[: len(a) // step * step].reshape(-1, step, a.shape[1]).mean(axis=1, dtype=np.float64)
    rows, width = a.shape
    usual = float(np.percentile(a[rows // 2 :], 60)) if rows > 1 else 0.0
    nothing = Visible(0, None, 0.0, 0.0, 0.0, 0.0)
    if usual <= 1e-6 or width < _FEWEST * _NARROWEST or rows < 8:
        return nothing
    loaded = a > _LOADED * usual
    tops = _heights(loaded)
    taken = np.flatnonzero(_smooth(tops, 5) > 0.1 * rows)
    if len(taken) < _FEWEST * _NARROWEST:
        return nothing
    first, last = int(taken[0]), int(taken[-1]) + 1
    height = float(np.median(tops[first:last]))
    upper, lower = rows - int(_UPPER * height), rows - int(_LOWER * height)
    profile = a[upper : max(lower, upper + 1), first:last].mean(axis=0)
    (columns, pitch, sure), others = _columns(profile, period)
    layer, clear = _layer(a[:, first:last], height)
    mean = float(tops[first:last].mean())
    return Visible(
        columns=columns,
        layers=mean / layer if layer > 0 and clear else None,
        period=pitch,
        layer=layer * step if clear else 0.0,
        height=mean / rows,
        confidence=sure,
        width=width,
        others=others,
    )


def _widths(visible: Sequence[Visible], codes: Sequence[str]) -> dict[str, float]:
    """Median width of columns as a share of the box, of each prefix with enough regular loads."""
    by: dict[str, list[float]] = {}
    for one, code in zip(visible, codes, strict=True):
        if one.regular and one.width:
            for prefix in prefixes(code):
                by.setdefault(prefix, []).append(one.period / one.width)
    # a chapter packs in all sizes: only what agrees at HS6 says how wide a column is
    return {p: float(np.median(v)) for p, v in sorted(by.items()) if len(v) >= _LEAST and len(p) >= 6}


def _votes(visible: Visible, mass_kg: float | None) -> dict[str, float]:
    """Logs of what each vote goes by, for the votes that this scan allows."""
    out = {}
    if visible.regular and visible.height > 0:
        if visible.layers is not None and visible.layers >= 1:
            out["grid"] = math.log(visible.columns * visible.layers)
        out["columns"] = math.log(visible.columns * visible.height)
    if mass_kg is not None and mass_kg > 0:
        out["mass"] = math.log(mass_kg)
    return out


def _columns(profile: Vector, period: float | None) -> tuple[Reading, tuple[Reading, ...]]:
    """Columns along a profile, their mean width, and how sure that is (0…1): the likeliest, and all."""
    width = len(profile)
    longest = max(min(int(_WIDEST_SHARE * width), 120), _NARROWEST + 1)
    rough = profile - _smooth(profile, 2 * longest + 1)
    spread = float(rough.std())
    if spread < 1e-4 * max(float(np.abs(profile).mean()), 1e-9):
        return (0, 0.0, 0.0), ()
    power = np.abs(np.fft.rfft(rough - rough.mean(), 2 * width)) ** 2
    again = np.fft.irfft(power)[: 3 * longest + 3]
    again = again / again[0] * width / np.maximum(width - np.arange(len(again)), 1)
    lags = np.arange(_NARROWEST, longest + 1)
    comb = np.asarray([_comb(again, float(lag)) for lag in lags])
    if period is not None and period > 0:  # half an octave off is as good as no sign of it
        comb = comb + 0.3 * np.exp(-0.5 * (np.log2(lags / period) / _OCTAVES) ** 2)
    peaks = [
        i
        for i in range(len(comb))
        if comb[i] >= comb[max(i - 1, 0)] and comb[i] >= comb[min(i + 1, len(comb) - 1)]
    ]
    likely = sorted(peaks, key=lambda j: -comb[j])[:_CANDIDATES]
    periods = {float(lags[i]) / part for i in likely for part in (1, 2, 3) if lags[i] / part >= _NARROWEST}
    found = [
        one for one in (_read_gaps(rough / spread, lag, again) for lag in sorted(periods)) if one is not None
    ]
    if not found:
        return (0, 0.0, 0.0), ()
    every = tuple(dict.fromkeys(one for one in found if one[2] > 0))
    if period is not None and found:
        return _nearest(found, period), every
    # a block of two or three columns repeats as well as its columns do, the gaps around it the better: of all
    # periods at which every gap is there, the shortest is a column
    enough = 0.6 * max(sure for _, _, sure in found)
    return next(one for one in found if one[2] >= enough), every


def _nearest(found: Sequence[Reading], period: float) -> Reading:
    """The reading whose width is closest to a usual one, among those that are sure."""
    fits = [
        min(sure, 2 * _REGULAR) * math.exp(-0.5 * (math.log2(max(pitch, 1.0) / period) / _OCTAVES) ** 2)
        for _, pitch, sure in found
    ]
    return found[int(np.argmax(fits))]


def _read_gaps(fine: Vector, lag: float, again: Vector) -> Reading | None:
    """Columns, their width, and how sure that is, if the period is about `lag`.

    fine: profile in spreads; again: its autocorrelation.
    """
    width = len(fine)
    gaps = _follow(-fine, lag)
    if len(gaps) < 3:
        return None
    steps = np.diff(gaps)
    pitch = float(np.median(steps))
    middles = np.asarray([fine[i + 1 : j].max() for i, j in pairwise(gaps)])
    sides = np.minimum(middles[:-1], middles[1:])
    depth = sides - fine[gaps[1:-1]]  # of each inner gap below the lower of its neighbours
    even = float(np.mean(np.abs(steps - pitch) <= 0.25 * pitch + 1.0))
    clear = float(np.mean(depth > _CLEAR))
    # gaps by chance: the deepest point of every stretch lies somewhat lower than the stretch, anywhere in it
    sure = float(np.clip((clear - 0.7) / 0.25, 0, 1) * np.clip((even - 0.5) / 0.4, 0, 1))
    sure *= float(np.clip(np.median(depth), 0, 1))
    sure *= float(np.clip((_comb(again, pitch) - _CHANCE) / _SURE, 0, 1))
    ends = gaps[0] / pitch, (width - gaps[-1]) / pitch  # most of a column at an end is a column
    return len(steps) + sum(round(end) for end in ends), pitch, sure


def _comb(again: Vector, lag: float) -> float:
    """Autocorrelation at one, two and three periods, less that half-way between."""
    at = np.interp([lag, 2 * lag, 3 * lag, 0.5 * lag, 1.5 * lag], np.arange(len(again)), again)
    return float(0.5 * at[0] + 0.3 * at[1] + 0.2 * at[2] - 0.5 * at[3] - 0.5 * at[4])


def _follow(gain: Vector, pitch: float) -> npt.NDArray[np.int64]:
    """Places of the gaps: as high a gain as possible at steps of about a pitch (dynamic programming)."""
    width = len(gain)
    steps = np.arange(max(int(0.6 * pitch), 2), math.ceil(1.5 * pitch) + 1)
    cost = 0.5 * ((steps - pitch) / (_STRAY * pitch + 0.5)) ** 2
    longest = int(steps[-1])
    best = np.concatenate([np.full(longest, -np.inf), gain])  # nothing lies before the border
    reached = sliding_window_view(best, len(steps))[:, ::-1]  # of x: what lies each of the steps before it
    before = np.full(width, -1, dtype=np.int64)
    reach = int(steps[0])  # what lies closer together does not depend on each other
    places = np.arange(width)
    for start in range(math.ceil(pitch), width, reach):  # the first gap lies within one pitch of the border
        end = min(start + reach, width)
        value = reached[start:end] - cost
        best[longest + start : longest + end] += value.max(axis=1)
        before[start:end] = places[start:end] - steps[value.argmax(axis=1)]
    last = width - 1 - int(best[::-1][: max(int(pitch), 1)].argmax())
    path = []
    while last >= 0:
        path.append(last)
        last = int(before[last])
    return np.asarray(path[::-1], dtype=np.int64)


def _layer(a: Vector, height: float) -> tuple[float, bool]:
    """Height of a layer in pixels from the seams in the load's lower part, and whether they are clear.

    The source stands low: near the floor front and back seams fall together, higher up they part.
    """
    rows = a.shape[0]
    part = a[rows - max(int(_SEAMS * height), 1) :].mean(axis=1)[::-1]  # from the floor up
    if len(part) < 12:
        return 0.0, False
    fine = part - _smooth(part, max(len(part) // 3 | 1, 5))
    fine = fine - fine.mean()
    if float(fine.std()) < 1e-3 * max(float(part.mean()), 1e-9):
        return 0.0, False
    again = np.correlate(fine, fine, "full")[len(fine) - 1 :]
    again = again / max(float(again[0]), 1e-12)
    longest = len(part) // 2
    peaks = [i for i in range(3, longest) if again[i] >= again[i - 1] and again[i] > again[i + 1]]
    if not peaks:
        return 0.0, False
    top = max(again[i] for i in peaks)
    if top <= 0:
        return 0.0, False
    lag = next(i for i in peaks if again[i] >= 0.8 * top)
    y0, y1, y2 = again[lag - 1], again[lag], again[lag + 1]
    bend = y0 - 2 * y1 + y2
    exact = lag + (0.5 * (y0 - y2) / bend if bend < 0 else 0.0)
    return float(exact), bool(again[lag] > 0.25)


def _heights(loaded: npt.NDArray[np.bool_]) -> Vector:
    """Height of the load above the floor in each column, pixels."""
    rows = loaded.shape[0]
    reach = max(rows // 24, 2)
    below = np.zeros((rows + 1, loaded.shape[1]), dtype=np.int32)
    np.cumsum(loaded, axis=0, out=below[1:])
    thick = (below[reach:] - below[:-reach]) >= 0.75 * reach
    return np.where(thick.any(axis=0), rows - thick.argmax(axis=0), 0).astype(np.float64)


def _smooth(x: Vector, width: int) -> Vector:
    """Running mean with the ends repeated."""
    width |= 1
    pad = width // 2
    total = np.concatenate([[0.0], np.cumsum(np.pad(np.asarray(x, dtype=np.float64), pad, mode="edge"))])
    return np.asarray((total[width:] - total[:-width]) / width)
