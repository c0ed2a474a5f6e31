"""Shares with the interval that their count allows, and when there are too few to say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

FEW = 20  # below so many, or with an interval wider than WIDE, a share is not to be read as a rate
WIDE = 0.4
ENOUGH = 200  # for comparing distributions


@dataclass(frozen=True)
class Share:
    """`hits` of `of`, and the exact 95 % interval of Clopper and Pearson (0 to 1 where `of` is 0)."""

    hits: int
    of: int

    @property
    def low(self) -> float:
        """Lower end of the interval; worked out when it is asked for, since a trend needs none."""
        return _interval(self.hits, self.of, 0.95)[0]

    @property
    def high(self) -> float:
        """Upper end."""
        return _interval(self.hits, self.of, 0.95)[1]

    @property
    def rate(self) -> float | None:
        """The share itself; None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def says_little(self) -> bool:
        """Too few, or too wide an interval, to be read as a rate."""
        return self.of < FEW or self.high - self.low > WIDE

    def excludes(self, value: float, tests: int) -> bool:
        """Whether the exact interval, widened for so many tests (Bonferroni), does not hold a value."""
        low, high = _interval(self.hits, self.of, 1 - 0.05 / max(tests, 1))
        return not low <= value <= high


@dataclass(frozen=True)
class Lift:
    """How many times as often one group hits as another.

    low, high: hold the true ratio with at least 95 %, made of two exact intervals of 97.5 %; high is None
    where no upper limit can be given, ratio where the other group has no hit.
    """

    ratio: float | None
    low: float
    high: float | None


def lift(one: Share, other: Share) -> Lift | None:
    """None where either group is empty."""
    if not one.of or not other.of:
        return None
    low, high = _interval(one.hits, one.of, 0.975)
    other_low, other_high = _interval(other.hits, other.of, 0.975)
    ratio = None if not other.hits else (one.hits / one.of) / (other.hits / other.of)
    return Lift(ratio, low / other_high, None if other_low <= 0 else high / other_low)


def noise_limit(n: float, m: float, tests: int, error: float = 0.05) -> float:
    """The distance (Kolmogorov, Smirnov) that two samples of one distribution exceed with chance error/tests.

    The asymptotic form of Smirnov's test, corrected after Bonferroni for so many tests; for counts in bins it
    errs to the safe side. `m` may be infinite for a distribution that is known.

    >>> round(noise_limit(100, float("inf"), 1), 3)
    0.136
    """
    if n <= 0 or m <= 0:
        return 1.0
    return min(1.0, math.sqrt(-0.5 * math.log(error / max(tests, 1) / 2)) * math.sqrt(1 / n + 1 / m))


@lru_cache(maxsize=20_000)
def _interval(hits: int, of: int, share: float) -> tuple[float, float]:
    from fusion.rank import hit_rate

    return hit_rate(hits, of, share)[1:]
