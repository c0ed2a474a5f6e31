"""Which cases to inspect today: the riskiest within a budget, and a few drawn by lot.

The lots are drawn before the risks are looked at, from all cases alike, so that the share of hits among them
is the share among all: the only figure that says what was missed, and it costs a small part of the budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from customs.errors import InvalidValue
from fusion.data import Bools, Floats

RANDOM_SHARE = 0.02
BY_RISK, BY_LOT, BY_BOTH, NONE = "risk", "random", "both", ""


@dataclass(frozen=True)
class Budget:
    """How many of a day's cases can be inspected: a share of them (below 1) or a count.

    >>> Budget.parse("0.05").of(8134), Budget.parse("120").of(8134), Budget.parse("5%").of(200)
    (407, 120, 10)
    """

    share: float | None = None
    count: int | None = None

    @classmethod
    def parse(cls, text: str | float) -> Budget:
        """Read `0.05`, `5%` or `120`; `InvalidValue` for anything else."""
        said = str(text).strip()
        try:
            value = float(said.removesuffix("%")) / (100.0 if said.endswith("%") else 1.0)
        except ValueError:
            value = math.nan
        if 0 < value < 1 or (said.endswith("%") and value == 1):
            return cls(share=value)
        if 1 <= value < math.inf and value == int(value) and not said.endswith("%"):
            return cls(count=int(value))
        raise InvalidValue(
            f"got {text!r}",
            field="budget",
            remedy="give a share such as 0.05 or 5%, or a count such as 120",
        )

    def of(self, cases: int) -> int:
        """How many of so many cases."""
        wanted = round((self.share or 0.0) * cases) if self.count is None else self.count
        return min(wanted, cases)


@dataclass(frozen=True, eq=False)
class Selection:
    """Today's list.

    rank: (n,) 1 = the riskiest, a total order: cases of one risk follow in the order of a seeded draw;
    0 where a case could not be judged. arm: (n,) why it is inspected: "risk", "random", "both" or "".
    tied: how many cases have the risk of the last one chosen by risk, and how many of them were not chosen.
    """

    rank: npt.NDArray[np.int64]
    arm: npt.NDArray[np.str_]
    budget: int
    drawn: int
    seed: int
    tied: int
    tied_out: int

    @property
    def selected(self) -> Bools:
        """(n,) True for the cases to inspect."""
        return np.asarray(self.arm != NONE)


def select(risk: Floats, budget: Budget, *, random_share: float = RANDOM_SHARE, seed: int = 0) -> Selection:
    """Choose among n cases by risk (NaN: nobody could judge it); `random_share` of the budget goes by lot.

    What nobody could judge comes last by risk and is drawn by lot like all others.
    """
    if not 0 <= random_share <= 1:
        raise InvalidValue(f"got {random_share}", field="random", remedy="give a share from 0 to 1")
    n = len(risk)
    rng = np.random.default_rng(seed)
    lot = rng.permutation(n)  # also breaks ties, so that the order of the file gives nobody an advantage
    places = budget.of(n)
    drawn = min(math.ceil(random_share * places), places) if random_share > 0 else 0
    by_lot = np.zeros(n, dtype=bool)
    by_lot[lot[:drawn]] = True
    known = np.isfinite(risk)
    order = np.lexsort((lot, -np.where(known, risk, 0.0), ~known))
    rank = np.zeros(n, dtype=np.int64)
    rank[order] = np.arange(1, n + 1)
    rank[~known] = 0
    wanted = places - drawn
    first = order[: int(known.sum())]
    # a case that was drawn as well does not take a second place of the budget
    fresh = np.cumsum(~by_lot[first])
    cut = int(np.searchsorted(fresh, wanted, side="left")) + 1 if wanted else 0
    by_risk = np.zeros(n, dtype=bool)
    by_risk[first[:cut]] = True
    arm = np.full(n, NONE, dtype="<U6")
    arm[by_risk], arm[by_lot], arm[by_risk & by_lot] = BY_RISK, BY_LOT, BY_BOTH
    same = (
        known & (risk == risk[first[min(cut, len(first)) - 1]]) if cut and len(first) else np.zeros(n, bool)
    )
    return Selection(rank, arm, places, drawn, seed, int(same.sum()), int((same & (arm == NONE)).sum()))


def tie_rate(risk: Floats) -> float:
    """Share of the judged cases whose risk another one has too."""
    known = risk[np.isfinite(risk)]
    if not len(known):
        return 0.0
    _, count = np.unique(known, return_counts=True)
    return float(count[count > 1].sum() / len(known))


def hit_rate(hits: int, inspected: int, share: float = 0.95) -> tuple[float, float, float]:
    """Of the random arm: share of hits, and the exact interval of Clopper and Pearson (Biometrika, 1934).

    >>> [round(x, 3) for x in hit_rate(2, 100)]
    [0.02, 0.002, 0.07]
    """
    if not inspected:
        return math.nan, 0.0, 1.0
    tail = (1 - share) / 2
    low = float(stats.beta.ppf(tail, hits, inspected - hits + 1)) if hits else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 1, inspected - hits)) if hits < inspected else 1.0
    return hits / inspected, low, high


def false_discoveries(p_value: Floats, rate: float) -> Bools:
    """(n,) True for the cases of which at most a share `rate` is expected to be clean.

    Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995): valid for conformal
    p-values of independent cases. NaN is never among them.

    >>> false_discoveries(np.array([0.001, 0.02, 0.9, 0.04]), 0.1).tolist()
    [True, True, False, True]
    """
    if not 0 < rate < 1:
        raise InvalidValue(f"got {rate}", field="fdr", remedy="give a share between 0 and 1")
    known = np.flatnonzero(np.isfinite(p_value))
    order = known[np.argsort(p_value[known], kind="stable")]
    allowed = rate * np.arange(1, len(order) + 1) / max(len(order), 1)
    below = np.flatnonzero(p_value[order] <= allowed)
    chosen = np.zeros(len(p_value), dtype=bool)
    if len(below):
        chosen[order[: below[-1] + 1]] = True
    return chosen
