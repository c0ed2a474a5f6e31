"""Split-conformal p-values per reference group, backing off from a rare code to all goods.

Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World" (2005): with n clean scores held
out from training, (1 + how many are at least as odd) / (n + 1) is wrong about a share p of clean cases.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.evidence import Reference

# The smallest group whose lowest p-value, 1/(n+1), can still say "one in a hundred".
MIN_GROUP = 99
# The parts of the clean scores that set the decay beyond the largest one.
_TAIL_SHARE, _HALF = 0.1, 0.5
_LN10 = float(np.log(10.0))
# No data carries a tail this far: beyond it surprise still grows, but slowly, so that clean scores that are
# all alike cannot make a billion of one that is not.
_FAR = 12.0

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A raw score on the common scale."""

    p_value: float
    surprise: float
    reference: Reference


class Conformal:
    """Clean scores of one check, by group.

    >>> rng = np.random.default_rng(0)
    >>> clean = rng.normal(size=500)
    >>> conformal = Conformal.fit(clean, [("0303", "03", "all")] * 250 + [("8703", "87", "all")] * 250)
    >>> odd = conformal(4.0, ("0303", "03", "all"))
    >>> odd.reference
    Reference(group='0303', size=250)
    >>> odd.p_value == 1 / 251
    True
    >>> conformal(4.0, ("2203", "22", "all")).reference.group
    'all'
    """

    def __init__(self, groups: Mapping[str, Scores]) -> None:
        if "all" not in groups or len(groups["all"]) == 0:
            raise InvalidValue(
                "no clean scores to calibrate on", field="calibration", remedy="give more clean data"
            )
        self.groups: dict[str, Scores] = {
            name: np.sort(np.asarray(s, dtype=np.float64)) for name, s in groups.items()
        }
        self._tails: dict[str, _Tail] = {}  # worked out when first asked for

    @classmethod
    def fit(
        cls, scores: npt.ArrayLike, chains: Sequence[Sequence[str]], *, min_group: int = MIN_GROUP
    ) -> Conformal:
        """Collect clean scores; each has a chain of groups, most specific first, ending in `all`.

        Groups with fewer than `min_group` scores are left out, so their cases back off.
        """
        values = np.asarray(scores, dtype=np.float64)
        if not np.isfinite(values).all():
            raise InvalidValue(
                "a clean score is not a number", field="calibration", remedy="leave abstentions out"
            )
        members: dict[str, list[int]] = {}
        for i, chain in enumerate(chains):
            for group in dict.fromkeys([*chain, "all"]):
                members.setdefault(group, []).append(i)
        return cls({g: values[rows] for g, rows in members.items() if g == "all" or len(rows) >= min_group})

    def group_for(self, chain: Sequence[str]) -> str:
        """The most specific group of the chain that has enough clean scores."""
        return next((group for group in chain if group in self.groups), "all")

    def __call__(self, score: float, chain: Sequence[str]) -> Calibrated:
        """Calibrate one score."""
        group = self.group_for(chain)
        p, surprise = self.in_group(np.array([score], dtype=np.float64), group)
        return Calibrated(
            float(p[0]), float(surprise[0]), Reference(group=group, size=len(self.groups[group]))
        )

    def many(
        self, scores: npt.ArrayLike, chains: Sequence[Sequence[str]]
    ) -> tuple[Scores, Scores, list[str]]:
        """Calibrate many scores; NaN (abstained) stays NaN. Returns p-values, surprises and groups."""
        values = np.asarray(scores, dtype=np.float64)
        groups = list(map(functools.cache(self.group_for), map(tuple, chains)))
        p, surprise = np.full(len(values), np.nan), np.full(len(values), np.nan)
        numbers = {group: i for i, group in enumerate(dict.fromkeys(groups))}
        number = np.array([numbers[group] for group in groups], dtype=np.int64)
        order = np.argsort(number, kind="stable")
        order = order[np.isfinite(values[order])]  # by group, without the abstained
        ends = np.searchsorted(number[order], np.arange(1, len(numbers)))
        # not strict: of no scores at all, split still makes one part
        for group, rows in zip(numbers, np.split(order, ends), strict=False):
            p[rows], surprise[rows] = self.in_group(values[rows], group)
        return p, surprise, groups

    def in_group(self, scores: Scores, group: str) -> tuple[Scores, Scores]:
        """P-value and surprise of scores against one group's clean scores."""
        clean = self.groups[group]
        n = len(clean)
        at_least_as_odd = n - np.searchsorted(clean, scores, side="left")
        p = np.asarray((1.0 + at_least_as_odd) / (n + 1.0), dtype=np.float64)
        if group not in self._tails:
            self._tails[group] = _Tail.of(clean)
        return p, self._tails[group].surprise(scores)

    def interval(self, chain: Sequence[str], share: float = 0.9) -> float:
        """The score that `share` of clean cases stay at or below."""
        clean = self.groups[self.group_for(chain)]
        rank = min(int(np.ceil(share * (len(clean) + 1))), len(clean)) - 1
        return float(clean[rank])

    def as_columns(self, check: str) -> dict[str, list]:
        """Columns `check, group, score` for an artefact table."""
        names = [g for g, s in self.groups.items() for _ in range(len(s))]
        return {
            "check": [check] * len(names),
            "group": names,
            "score": [float(x) for s in self.groups.values() for x in s],
        }

    @classmethod
    def from_columns(cls, check: str, columns: Mapping[str, Sequence]) -> Conformal:
        """Read back what `as_columns` wrote (several checks may share a table)."""
        checks = np.asarray(columns["check"], dtype=object)
        groups = np.asarray(columns["group"], dtype=object)
        scores = np.asarray(columns["score"], dtype=np.float64)
        mine = checks == check
        return cls({g: scores[mine & (groups == g)] for g in dict.fromkeys(groups[mine])})


@dataclass(frozen=True, slots=True, eq=False)
class _Tail:
    """A continuous, strictly decreasing tail probability of one group's clean scores.

    Between clean scores the tail is interpolated; beyond the largest it decays exponentially; below the
    smallest it approaches one likewise. The decay is the mean excess of the upper tenth or, where a few
    scores happen to lie close together, what the way from the median to the upper tenth implies.

    knots: the distinct clean scores (k,); log_tail: ln of the share at least as odd, at each (k,).
    """

    knots: Scores
    log_tail: Scores
    first: float
    decay: float

    @classmethod
    def of(cls, clean: Scores) -> _Tail:
        """From clean scores in order (n,)."""
        n = len(clean)
        knots, first = np.unique(clean, return_index=True)
        tail = (n - first) / (n + 1.0)  # share at least as odd, at each distinct clean score
        upper = clean[-max(int(np.ceil(_TAIL_SHARE * n)), 1) :]
        from_median = float(upper[0] - np.median(clean)) / float(np.log(_HALF / _TAIL_SHARE))
        least = 1e-9 * max(1.0, abs(float(clean[-1])))
        decay = max(float(upper.mean() - upper[0]), from_median, least)
        return cls(knots, np.log(tail), float(tail[0]), decay)

    def surprise(self, scores: Scores) -> Scores:
        """−log10 of the tail probability at each score."""
        log_tail = np.interp(scores, self.knots, self.log_tail)
        above = scores > self.knots[-1]
        log_tail[above] = self.log_tail[-1] - (scores[above] - self.knots[-1]) / self.decay
        below = scores < self.knots[0]
        log_tail[below] = np.log1p(
            -(1.0 - self.first) * np.exp(-(self.knots[0] - scores[below]) / self.decay)
        )
        surprise = np.asarray(-log_tail / _LN10)
        beyond = surprise > _FAR
        surprise[beyond] = _FAR + np.log1p(surprise[beyond] - _FAR)
        return surprise
