"""Figures of an order: what is found within a budget, with ties shared and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fusion.data import Bools, Floats
from fusion.rank import hit_rate

_DRAWS = 400


def caught(score: Floats, places: int) -> Floats:
    """(n,) chance of each case to be among the first `places`, where equal scores draw lots."""
    if places >= len(score):
        return np.ones(len(score))
    cut = np.partition(score, len(score) - places)[len(score) - places]
    above, same = score > cut, score == cut
    share = (places - above.sum()) / same.sum()
    return np.where(above, 1.0, np.where(same, share, 0.0))


def recall(score: Floats, fraud: Bools, budget: float) -> float:
    """Share of the frauds within a share of all cases."""
    return float(caught(score, max(round(budget * len(score)), 1))[fraud].sum() / max(fraud.sum(), 1))


def precision(score: Floats, fraud: Bools, budget: float) -> float:
    """Share of frauds among that share of the cases."""
    places = max(round(budget * len(score)), 1)
    return float(caught(score, places)[fraud].sum() / places)


def interval(
    scores: Sequence[Floats],
    fraud: Bools,
    budget: float,
    what: str,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Mean over seeds, and where 95 % of bootstrapped test sets lie; what: "precision" or "recall"."""
    measure = precision if what == "precision" else recall
    mean = float(np.mean([measure(score, fraud, budget) for score in scores]))
    rng = np.random.default_rng(seed)
    draws = []
    for k in range(_DRAWS):
        rows = rng.integers(0, len(fraud), len(fraud))
        draws.append(measure(scores[k % len(scores)][rows], fraud[rows], budget))
    low, high = np.quantile(draws, [0.025, 0.975])
    return mean, float(low), float(high)


def ratio_interval(
    ours: Floats, theirs: Floats, fraud: Bools, budget: float, seed: int = 0
) -> tuple[float, float, float]:
    """Our recall over theirs on the same cases, and where 95 % of bootstrapped test sets lie."""
    rng = np.random.default_rng(seed)

    def times(rows: npt.NDArray[np.int64]) -> float:
        return recall(ours[rows], fraud[rows], budget) / max(recall(theirs[rows], fraud[rows], budget), 1e-9)

    everything = np.arange(len(fraud))
    draws = [times(rng.integers(0, len(fraud), len(fraud))) for _ in range(_DRAWS)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return times(everything), float(low), float(high)


def alarms(flagged: Bools) -> dict[str, Any]:
    """Share of clean cases that were flagged, with the exact 95 % interval."""
    share, low, high = hit_rate(int(flagged.sum()), len(flagged))
    return {"share": share, "low": low, "high": high, "cases": len(flagged)}


def reliability(chance: Floats, outcome: Floats, bins: int = 10) -> dict[str, Any]:
    """Expected against found in tenths of the order, and the mean distance between the two."""
    order = np.argsort(chance, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    rows = [{"expected": float(chance[p].mean()), "found": float(outcome[p].mean())} for p in parts]
    gaps = [abs(r["expected"] - r["found"]) * len(p) for r, p in zip(rows, parts, strict=True)]
    return {
        "error": float(sum(gaps) / max(len(order), 1)),
        "brier": float(np.mean((chance - outcome) ** 2)),
        "bins": rows,
    }


def markdown(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(found: Mapping[str, float] | tuple[float, float, float], digits: int = 3) -> str:
    """`.985 (.972-.995)`."""
    mean, low, high = found if isinstance(found, tuple) else (found["mean"], found["low"], found["high"])
    return f"{mean:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def named(found: tuple[float, float, float]) -> dict[str, float]:
    """As JSON has it."""
    return dict(zip(("mean", "low", "high"), found, strict=True))
