"""Making probabilities honest: a temperature for each level, and sets of codes that hold the right one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.hs import HsCode
from hs_classifier.codes import LEVELS, Array, CodeTree, Level

# A longer list is no help to an officer: beyond it the set widens to the parents.
MAX_SET = 5
_UNDECIDED = 1.0


def fit_temperatures(leaf: Array, truth: Sequence[HsCode], tree: CodeTree) -> dict[int, float]:
    """The temperature of each level that makes held-out truths likeliest, given their parents.

    Guo et al., "On Calibration of Modern Neural Networks" (2017), once for each choice among siblings.
    leaf: (texts, leaves) log-probabilities. Levels without a decided choice keep 1.
    """
    raw = tree.roll_up(leaf)
    found: dict[int, float] = {}
    above: Level | None = None
    grid = np.geomspace(0.5, 5.0, 40)
    for level in LEVELS:
        index = [tree.find(code.at(level)) for code in truth]
        rows = np.array([i for i, node in enumerate(index) if node is not None], dtype=np.int64)
        nodes = np.array([node for node in index if node is not None], dtype=np.int64)
        found[level] = _UNDECIDED
        if len(rows):
            picked = {k: v[rows] for k, v in raw.items()}
            loss = [
                -np.maximum(
                    tree.conditional(picked, level, above, t)[np.arange(len(rows)), nodes], -20.0
                ).mean()
                for t in grid
            ]
            if max(loss) - min(loss) > 1e-9:
                found[level] = float(grid[int(np.argmin(loss))])
        above = level
    return found


@dataclass(frozen=True, slots=True)
class Ladder:
    """The likeliest codes of one text from ten digits to two: their summed probability and the codes."""

    sums: tuple[Array, ...]
    codes: tuple[tuple[HsCode, ...], ...]

    @classmethod
    def of(cls, levels: dict[int, Array], row: int, tree: CodeTree) -> Ladder:
        """At most five codes of a level, but every chapter."""
        sums, codes = [], []
        for level in reversed(LEVELS):
            p = np.exp(levels[level][row])
            width = min(MAX_SET, len(p)) if level != 2 else len(p)
            top = np.sort(np.argpartition(-p, width - 1)[:width])
            best = top[np.argsort(-p[top], kind="stable")]
            sums.append(np.cumsum(p[best]))
            codes.append(tuple(tree.nodes[level][i] for i in best))
        return cls(tuple(sums), tuple(codes))

    def up_to(self, mass: float) -> tuple[HsCode, ...]:
        """The fewest codes that together hold `mass` of the probability.

        Ten-digit codes when at most five do it, else subheadings, else headings, else as many chapters as
        it takes.
        """
        for sums, codes in zip(self.sums, self.codes, strict=True):
            if sums[-1] >= mass or codes is self.codes[-1]:
                return codes[: int(np.searchsorted(sums, mass)) + 1]
        raise AssertionError("chapters always end the search")


def code_set(levels: dict[int, Array], row: int, tree: CodeTree, mass: float) -> tuple[HsCode, ...]:
    """The fewest codes that together hold `mass` of the probability; see `Ladder.up_to`."""
    return Ladder.of(levels, row, tree).up_to(mass)


@dataclass(frozen=True, slots=True)
class SetRule:
    """How much probability a set must hold so that it holds the right code in `coverage` of cases."""

    mass: float
    coverage: float

    @classmethod
    def fit(cls, ladders: Sequence[Ladder], truth: Sequence[HsCode], coverage: float) -> SetRule:
        """The smallest mass from which on all larger ones cover the held-out truths often enough.

        A set holds half of the probability at least. The finite-sample correction is that of split
        conformal prediction, ceil((n + 1) · coverage) / n.
        """
        n = len(truth)
        needed = min(np.ceil((n + 1) * coverage) / n, 1.0)
        grid: npt.NDArray[np.float64] = np.r_[np.linspace(0.5, 0.98, 97), 0.985, 0.99, 0.995, 0.999]
        mass = 1.0
        for candidate in grid[::-1]:
            held = [
                any(code.covers(t) for code in ladder.up_to(float(candidate)))
                for ladder, t in zip(ladders, truth, strict=True)
            ]
            if np.mean(held) < needed:
                break
            mass = float(candidate)
        return cls(mass, coverage)


def calibration_error(confidence: npt.ArrayLike, correct: npt.ArrayLike, bins: int = 15) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy over equal-width bins."""
    c, hit = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=float)
    where = np.minimum((c * bins).astype(int), bins - 1)
    gaps = [abs(c[where == b].sum() - hit[where == b].sum()) for b in range(bins)]
    return float(sum(gaps) / max(len(c), 1))
