"""How well containers are weighed and wrong weights found, beside the rivals on the same folds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.calibrate import Conformal
from customs.errors import InvalidValue
from customs.progress import Progress, silent
from xray_encoder.weights.histograms import Array, read_histograms
from xray_encoder.weights.model import LEAST_SCANS, HistogramWeights, Side
from xray_encoder.weights.rivals import RIVALS

_LEVEL = 0.05
_FOLDS = 5
_WRONG = {"minus_30": 0.7, "minus_50": 0.5, "plus_30": 1.3}
_RESAMPLES = 500

Rows = npt.NDArray[np.int64]


def evaluate_weights(
    data: Path,
    test: Path | None = None,
    *,
    seed: int = 0,
    repeats: int = 2,
    rivals: bool = True,
    trees: int = 400,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Weigh held-out scans of `data` in five folds, `repeats` times, or fit on it and weigh `test`.

    `mae_kg`, `median_kg` and `r2` are of the weight; `inside` is the share of honest weights in the 90 %
    interval. `misdeclared` says, for wrong weights looked for on either side (the default check) and for too
    low ones only, which share of honest weights is flagged at p ≤ 0.05 (`false_alarms`, also by tertile of
    picture size) and which of weights declared 30 and 50 % too low and 30 % too high. `plain` there is the
    same with the bare log error. `same_weight_apart` parts the folds so that scans with the very same weight
    stay together: what is left for a consignment that never came before. Raises UnreadableFile, InvalidValue.
    """
    counts, kg = read_histograms(data)
    if len(kg) < LEAST_SCANS * _FOLDS // (_FOLDS - 1) + 1:
        raise InvalidValue(f"{len(kg)} weighed scans", field="data", remedy="give 64 or more")
    found: dict[str, Any] = {"scans": len(kg), "level": _LEVEL}
    if test is not None:
        other, other_kg = read_histograms(test)
        model = HistogramWeights.fit(counts, kg, seed=seed, trees=trees)
        tally = _Tally(len(other_kg))
        tally.add(model, np.arange(len(other_kg)), other, other_kg)
        found["test"] = {"scans": len(other_kg)} | tally.figures(other, other_kg, seed)
        if rivals:
            found["rivals"] = {
                name: _errors(rival(counts, kg, other, seed=seed), other_kg) for name, rival in RIVALS.items()
            }
        return found
    parts = [_parts(len(kg), seed + k) for k in range(repeats)]
    runs, done = [], 0
    for part in [*parts, _together(kg, seed)]:
        tally = _Tally(len(kg))
        for out, rest in _folds(part):
            model = HistogramWeights.fit(counts[rest], kg[rest], seed=seed, trees=trees)
            tally.add(model, out, counts[out], kg[out])
            done += 1
            progress("weighing held-out scans", done, _FOLDS * (repeats + 1))
        runs.append(tally.figures(counts, kg, seed))
    *random, apart = runs
    found["folds"] = {
        "mae_kg": float(np.mean([run["mae_kg"] for run in random])),
        "median_kg": float(np.mean([run["median_kg"] for run in random])),
        "runs": random,
    }
    found["same_weight_apart"] = apart
    if rivals:
        found["rivals"] = {}
        for name, rival in RIVALS.items():
            best = np.empty(len(kg))
            for out, rest in _folds(parts[0]):
                best[out] = rival(counts[rest], kg[rest], counts[out], seed=seed)
            found["rivals"][name] = _errors(best, kg)
    return found


class _Tally:
    """What models said of scans they had not seen."""

    def __init__(self, scans: int) -> None:
        self.best, self.inside = np.empty(scans), np.zeros(scans, dtype=bool)
        ways: list[str] = [*Side, "plain"]
        self.p = {way: {wrong: np.empty(scans) for wrong in ("honest", *_WRONG)} for way in ways}

    def add(self, model: HistogramWeights, rows: Rows, counts: Array, kg: Array) -> None:
        """Let a model weigh some scans."""
        weighed = model.weigh(counts)
        best = np.asarray([w.best for w in weighed])
        self.best[rows] = best
        self.inside[rows] = [w.low <= true <= w.high for w, true in zip(weighed, kg, strict=True)]
        bare = Conformal.fit(np.abs(model.miss), [("all",)] * len(model.log_kg))
        declared = kg[:, None] * np.asarray([1.0, *_WRONG.values()])
        odd: dict[str, Array] = {side: model.oddness(counts, declared, side) for side in Side}
        odd["plain"] = np.abs(np.log(best[:, None] / declared))
        for way, p in self.p.items():
            conformal = bare if way == "plain" else model.calibration(Side(way))
            for wrong, column in zip(p, odd[way].T, strict=True):
                p[wrong][rows] = conformal.in_group(column, "all")[0]

    def figures(self, counts: Array, kg: Array, seed: int) -> dict[str, Any]:
        """Everything, in shares and kg."""
        errors = np.abs(self.best - kg)
        rng = np.random.default_rng(seed)
        means = [errors[rng.integers(len(kg), size=len(kg))].mean() for _ in range(_RESAMPLES)]
        sizes = counts.sum(axis=1)
        third = np.searchsorted(np.quantile(sizes, [1 / 3, 2 / 3]), sizes)
        misdeclared = {}
        for way, p in self.p.items():
            flagged = p["honest"] <= _LEVEL
            misdeclared[str(way)] = {
                "false_alarms": float(flagged.mean()),
                "false_alarms_by_size": [
                    float(flagged[third == k].mean()) if (third == k).any() else None for k in range(3)
                ],
                **{f"caught_{wrong}": float(np.mean(p[wrong] <= _LEVEL)) for wrong in _WRONG},
            }
        return {
            **_errors(self.best, kg),
            "mae_interval": [float(q) for q in np.quantile(means, [0.025, 0.975])],
            "inside": float(self.inside.mean()),
            "misdeclared": misdeclared,
        }


def _errors(best: Array, kg: Array) -> dict[str, float]:
    errors = np.abs(best - kg)
    spread = float(np.sum((kg - kg.mean()) ** 2))
    return {
        "mae_kg": float(errors.mean()),
        "median_kg": float(np.median(errors)),
        "r2": 1.0 - float(np.sum(errors**2)) / max(spread, 1e-9),
    }


def _parts(scans: int, seed: int) -> Rows:
    return np.random.default_rng(1_000 + seed).permutation(scans) % _FOLDS


def _together(kg: Array, seed: int) -> Rows:
    """Parts in which equal weights, to the kilogram, stay together."""
    group = np.unique(np.round(kg), return_inverse=True)[1]
    return np.asarray(_parts(int(group.max()) + 1, seed)[group], dtype=np.int64)


def _folds(part: Rows) -> Iterator[tuple[Rows, Rows]]:
    for k in range(_FOLDS):
        yield np.flatnonzero(part == k), np.flatnonzero(part != k)
