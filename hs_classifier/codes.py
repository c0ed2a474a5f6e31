"""The codes a model knows, as a tree: probabilities of leaves rolled up to headings and chapters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from customs.hs import HsCode

Level = Literal[2, 4, 6, 10]
LEVELS: tuple[Level, ...] = (2, 4, 6, 10)
Array = npt.NDArray[np.float64]


class CodeTree:
    """Ten-digit codes in ascending order and their parents.

    >>> tree = CodeTree([HsCode("0303670000"), HsCode("0304750000"), HsCode("1605211000")])
    >>> [str(code) for code in tree.nodes[2]]
    ['03', '16']
    >>> tree.deepest(HsCode("0303140000"))
    HsCode(digits='0303')
    """

    def __init__(self, codes: Iterable[HsCode]) -> None:
        leaves = sorted(set(codes))
        if not leaves or any(code.level != 10 for code in leaves):
            raise AssertionError("a code tree is made of ten-digit codes")
        self.nodes: dict[int, tuple[HsCode, ...]] = {}
        # first leaf of each node, and the node of each leaf; leaves are sorted, so nodes are runs of leaves
        self.starts: dict[int, npt.NDArray[np.int64]] = {}
        self.up: dict[int, npt.NDArray[np.int64]] = {}
        for level in LEVELS:
            prefixes = np.array([code.digits[:level] for code in leaves])
            names, starts, inverse = np.unique(prefixes, return_index=True, return_inverse=True)
            self.nodes[level] = tuple(HsCode(str(name)) for name in names)
            self.starts[level], self.up[level] = starts, inverse
        self._index = {
            level: {code: i for i, code in enumerate(nodes)} for level, nodes in self.nodes.items()
        }

    @property
    def leaves(self) -> tuple[HsCode, ...]:
        """All ten-digit codes."""
        return self.nodes[10]

    def __len__(self) -> int:
        return len(self.leaves)

    def find(self, code: HsCode) -> int | None:
        """Index of a code among the nodes of its level; None if unknown (as every eight-digit code is)."""
        return self._index.get(code.level, {}).get(code)

    def deepest(self, code: HsCode) -> HsCode | None:
        """The code or its nearest parent that the tree knows."""
        return next((c for c in (code, *code.parents) if self.find(c) is not None), None)

    def roll_up(self, leaf: Array) -> dict[int, Array]:
        """(n, leaves) log-probabilities to (n, nodes) log-probabilities of every level, by logsumexp."""
        return {level: logsumexp_runs(leaf, self.starts[level], self.up[level]) for level in LEVELS}

    def sharpen(self, leaf: Array, temperatures: Mapping[int, float]) -> dict[int, Array]:
        """Calibrated log-probabilities at every level.

        The temperature of a level acts on the choice among siblings, given their parent, so that a
        parent stays exactly the sum of its children at every level.
        """
        raw = self.roll_up(leaf)
        found: dict[int, Array] = {}
        above: Level | None = None
        for level in LEVELS:
            choice = self.conditional(raw, level, above, temperatures[level])
            found[level] = choice if above is None else choice + found[above][:, self._parents(level, above)]
            above = level
        return found

    def conditional(
        self, raw: dict[int, Array], level: Level, above: Level | None, temperature: float
    ) -> Array:
        """log p(node | its parent) with a temperature, (n, nodes of the level)."""
        scaled = np.maximum(raw[level], -700.0) / temperature
        parents = np.zeros(scaled.shape[1], dtype=np.int64) if above is None else self._parents(level, above)
        starts = np.flatnonzero(np.r_[True, parents[1:] != parents[:-1]])
        return scaled - logsumexp_runs(scaled, starts, parents)[:, parents]

    def _parents(self, level: Level, above: Level) -> npt.NDArray[np.int64]:
        return self.up[above][self.starts[level]]


def logsumexp_runs(x: Array, starts: npt.NDArray[np.int64], run: npt.NDArray[np.int64]) -> Array:
    """log Σ exp over runs of neighbouring columns, (n, columns) to (n, runs); `run`: that of each column."""
    top = np.maximum.reduceat(x, starts, axis=1)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(safe + np.log(np.add.reduceat(np.exp(x - safe[:, run]), starts, axis=1)))
