"""How a container is packed, in 69 numbers that do not depend on scanner, size or direction.

Everything is computed on the canonical crop: −ln(transmission) of the cargo, 0…`CAP`, on a fixed grid.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

CAP = 4.0  # −ln(transmission): e⁻⁴ is five grey levels of an 8-bit picture, the least that all scanners see
SHAPE = (128, 384)  # rows, columns
LOADED = 0.35  # −ln(transmission) of a hand's breadth of loose goods
_PROFILE_BINS = 24
_DEPTHS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6)  # below the load's own surface, shares of the height
_BANDS = (3.0, 6.0, 9.0, 13.0, 19.0, 27.0, 40.0, 60.0, 96.0)  # columns of goods along the container
Image = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]

FEATURES: tuple[str, ...] = (
    *(f"profile_{i:02d}" for i in range(_PROFILE_BINS)),
    *(f"depth_{int(100 * d):02d}" for d in _DEPTHS),
    "empty", "fill", "mean", "load_p25", "load_p50", "load_p90", "saturated", "gaps",
    "light_columns", "extent",
    "top_mean", "top_std", "top_p10", "top_p90", "top_rough", "top_wave", "top_step", "top_slope",
    *(f"period_{lo:.0f}_{hi:.0f}" for lo, hi in pairwise(_BANDS)),
    "period_peak", "period_strength", "column_contrast",
    *(f"texture_{axis}_{scale}" for scale in (1, 2, 4) for axis in ("x", "y")),
    "grain", "layers",
)  # fmt: skip


def packing_features(crop: Image) -> Vector:
    """`FEATURES` of one canonical crop, float32 `SHAPE`; the same for a mirrored one."""
    a = np.minimum(crop, CAP).astype(np.float64)
    rows = len(a)
    load = a > LOADED
    top = _surface(load)  # (columns,) row of the load's surface, `rows` where there is none
    values = [
        _profile(a),
        _depth_profile(a, top),
        _amounts(a, load, top),
        _shape_of_top(rows - top, rows),
        _columns(a, top),
        _texture(a, load),
    ]
    found = np.concatenate(values)
    found[FEATURES.index("empty") + 1 :] *= 1.0 - found[FEATURES.index("empty")]  # nothing has no packing
    found[_PROFILE_BINS : _PROFILE_BINS + len(_DEPTHS)] *= 1.0 - found[FEATURES.index("empty")]
    assert len(found) == len(FEATURES), (len(found), len(FEATURES))
    return found


def _surface(load: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """First row under which the next eight are mostly loaded: roof bars and posts are thinner."""
    rows = load.shape[0]
    below = np.zeros((rows + 1, load.shape[1]), dtype=np.int32)
    np.cumsum(load, axis=0, out=below[1:])
    reach = 8
    thick = (below[reach:] - below[:-reach]) >= 0.75 * reach  # (rows - 7, columns)
    thick &= load[: len(thick)]
    return np.where(thick.any(axis=0), thick.argmax(axis=0), rows).astype(np.int64)


def _profile(a: npt.NDArray) -> Vector:
    """Mean over the length in 24 layers, top to bottom, as a share of the cap."""
    edges = np.linspace(0, a.shape[0], _PROFILE_BINS + 1).round().astype(int)
    return np.asarray([a[i:j].mean() for i, j in pairwise(edges)]) / CAP


def _depth_profile(a: npt.NDArray, top: npt.NDArray[np.int64]) -> Vector:
    """Median −ln T at depths below the load's own surface: steep for a flat face, slow for a round one."""
    rows = len(a)
    out = []
    for depth in _DEPTHS:
        row = top + int(depth * rows)
        there = np.flatnonzero(row < rows)
        out.append(float(np.median(a[row[there], there])) / CAP if len(there) else 0.0)
    return np.asarray(out)


def _amounts(a: npt.NDArray, load: npt.NDArray[np.bool_], top: npt.NDArray[np.int64]) -> Vector:
    rows = len(a)
    inside = a[load]
    low, middle, high = np.percentile(inside, [25, 50, 90]) / CAP if inside.size > 64 else (0.0, 0.0, 0.0)
    body = a[int(0.55 * rows) : int(0.9 * rows)]
    thin = np.percentile(body, 25, axis=0)  # (columns,) what is seen through each column of goods
    typical = float(np.median(thin))
    occupied = top < rows
    return np.asarray(
        [
            np.exp(-a.mean() / 0.15),
            load.mean(),
            a.mean() / CAP,
            low,
            middle,
            high,
            (a >= 0.9 * CAP).mean(),
            (thin < 0.5 * typical).mean() if typical > LOADED else 1.0,
            (thin < LOADED).mean(),
            occupied.mean(),
        ]
    )


def _shape_of_top(height: npt.NDArray[np.int64], rows: int) -> Vector:
    """Fill height along the container and how it changes: finely, in waves, in steps, in a slope."""
    h = height / rows
    smooth = _blur1(h, 9)
    wide = _blur1(h, 61)
    return np.asarray(
        [
            h.mean(),
            h.std(),
            *np.percentile(h, [10, 90]),
            np.abs(np.diff(h)).mean() * 10,
            (smooth - wide).std() * 3,
            np.percentile(np.abs(smooth[16:] - smooth[:-16]), 90),
            np.ptp(_blur1(h, 121)),
        ]
    )


def _columns(a: npt.NDArray, top: npt.NDArray[np.int64]) -> Vector:
    """Regularity along the container: shares of the spectrum by goods per container length."""
    rows, columns = a.shape
    body = np.median(a[int(0.35 * rows) : int(0.9 * rows)], axis=0)
    signal = (body - _blur1(body, 91)) / CAP + (_blur1(rows - top, 3) - _blur1(rows - top, 91)) / rows
    power = np.abs(np.fft.rfft(signal * np.hanning(columns))) ** 2
    cycles = np.arange(len(power), dtype=np.float64)
    used = (cycles >= _BANDS[0]) & (cycles < _BANDS[-1])
    total = power[used].sum() + 1e-6
    bands = [power[(cycles >= lo) & (cycles < hi)].sum() / total for lo, hi in pairwise(_BANDS)]
    peak = float(cycles[used][power[used].argmax()])
    near = power[(cycles >= peak - 1.5) & (cycles <= peak + 1.5)].sum() / total
    return np.asarray([*np.sqrt(bands), np.log(peak / 12.0) / 2, near, min(signal.std() * 4, 2.0)])


def _texture(a: npt.NDArray, load: npt.NDArray[np.bool_]) -> Vector:
    """Gradients at three scales inside the load where the beam still gets through, and small grain."""
    out = []
    for scale in (1, 2, 4):
        small = a if scale == 1 else _pool(a, scale)
        seen = (_pool(load.astype(np.float64), scale) > 0.9) & (small < 0.9 * CAP)
        for axis in (1, 0):
            step = np.abs(np.diff(small, axis=axis))
            first = np.take(seen, range(seen.shape[axis] - 1), axis=axis)
            second = np.take(seen, range(1, seen.shape[axis]), axis=axis)
            both = first & second
            relative = step / (0.5 + np.take(small, range(small.shape[axis] - 1), axis=axis))
            out.append(float(relative[both].mean()) * 5 if both.sum() > 32 else 0.0)
    fine = np.abs(a[1:-1, 1:-1] * 4 - a[:-2, 1:-1] - a[2:, 1:-1] - a[1:-1, :-2] - a[1:-1, 2:])
    inner = load[1:-1, 1:-1] & (a[1:-1, 1:-1] < 0.9 * CAP)
    grain = float((fine[inner] / (0.5 + a[1:-1, 1:-1][inner])).mean()) if inner.sum() > 32 else 0.0
    rows = np.where(load, a, np.nan)
    counted = load.sum(axis=1) > 0.2 * a.shape[1]
    line = (
        np.asarray([np.mean(r[np.isfinite(r)]) for r in rows[counted]])
        if counted.sum() > 16
        else np.zeros(17)
    )
    layers = float((line - _blur1(line, 9)).std())
    return np.asarray([*out, grain, layers * 5])


def _blur1(x: npt.NDArray, width: int) -> Vector:
    """Running mean with the ends repeated; `width` odd."""
    pad = width // 2
    padded = np.pad(np.asarray(x, dtype=np.float64), pad, mode="edge")
    total = np.concatenate([[0.0], np.cumsum(padded)])
    return np.asarray((total[width:] - total[:-width]) / width)


def _pool(a: npt.NDArray, scale: int) -> npt.NDArray[np.float64]:
    rows, columns = a.shape[0] // scale, a.shape[1] // scale
    return a[: rows * scale, : columns * scale].reshape(rows, scale, columns, scale).mean(axis=(1, 3))
