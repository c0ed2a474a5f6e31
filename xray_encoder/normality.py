"""What is usual for a code: shrinkage Mahalanobis distance to the reference scans of each code.

Each *kind* of picture (16-bit scanner, 8-bit vendor picture) has references of its own: a code's mean is a
mean over scans of one kind. What is shared is how much scans of one code differ among themselves: the pooled
within-code covariance, to which a kind with few scans is shrunk. So one reference of a code is enough to
judge by, with the widening (1 + 1/n) that a mean of n scans calls for. An importer's own way of packing, an
offset shrunk by how often it was seen, may excuse a scan and never accuses it: suppliers change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

EMPTY = "0000"
ALL_EMPTY_NAMES = frozenset({"00", "0000", "000000", "00000000", "0000000000"})
_PRIOR_IMPORTER = 3.0  # scans: weight of the code's mean in an importer's own
_PRIOR_SCANS = 5.0  # weight of all scans in a kind's own mean and spread
_PRIOR_PAIRS = 40.0  # weight of the pooled within-code covariance in a kind's own
_EPS = 1e-3
_LEAST_SPREAD = 0.02  # features are scaled to about one: less than this is no difference
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Leaf:
    """The reference scans of one code and kind: how many, and their mean in standard units."""

    kind: str
    code: str
    count: int
    mean: Vector


@dataclass(frozen=True, slots=True)
class Space:
    """Standard units of one kind: (x − centre) / scale, then `whiten` (features, features)."""

    centre: Vector
    scale: Vector
    whiten: npt.NDArray[np.float64]

    def __call__(self, x: npt.NDArray) -> npt.NDArray[np.float64]:
        """Features (…, p) to coordinates in which distance is Mahalanobis distance."""
        return ((x - self.centre) / self.scale) @ self.whiten


@dataclass(frozen=True, slots=True)
class Judgement:
    """One scan against its declared code and against all others.

    oddness: log of how much further the declared code's references are than the nearest other
        heading's, plus a part of how far they are at all; higher is odder. A ratio has no unit, so oddness on
        few pictures of one kind can be counted among the clean scans of another.
    own: squared distance per feature to the declared code's references, about 1 for a clean scan.
    group: the code prefix whose references stood for the declared code, `size` of them.
    ranking: headings with probability, best first.
    """

    oddness: float
    group: str
    size: int
    ranking: tuple[tuple[str, float], ...]
    own: float = float("nan")


class Normality:
    """Reference means by kind and code, and the units to measure distance in."""

    def __init__(
        self,
        spaces: Mapping[str, Space],
        leaves: Sequence[Leaf],
        *,
        sharpness: float = 4.0,
        absolute: float = 0.25,
        sisters: Mapping[int, float] | None = None,
        habits: Mapping[tuple[str, str, str], Vector] | None = None,
    ) -> None:
        self.spaces = dict(spaces)
        self.leaves = tuple(leaves)
        self.sharpness = float(sharpness)
        self.absolute = float(absolute)
        self.sisters = {int(level): float(factor) for level, factor in (sisters or {}).items()}
        self.habits = dict(
            habits or {}
        )  # (kind, importer, code) to the importer's offset from the code's mean
        self._of_kind = {kind: [leaf for leaf in self.leaves if leaf.kind == kind] for kind in self.spaces}
        self._means = {kind: np.stack([leaf.mean for leaf in found]) for kind, found in self._of_kind.items()}

    @classmethod
    def fit(
        cls,
        x: npt.NDArray,
        codes: Sequence[str],
        kinds: Sequence[str],
        *,
        shrinkage: float = 0.3,
        absolute: float = 0.25,
        sharpness: float = 4.0,
        sisters: Mapping[int, float] | None = None,
        importers: Sequence[str] = (),
    ) -> Normality:
        """x: (scans, features); codes, kinds and importers ("" unknown) name each row. Deterministic."""
        x = np.asarray(x, dtype=np.float64)
        code, kind = np.asarray(codes, dtype=object), np.asarray(kinds, dtype=object)
        p = x.shape[1]
        centre, spread = x.mean(axis=0), x.std(axis=0) + _LEAST_SPREAD
        names = sorted(set(kind.tolist()))
        units: dict[str, tuple[Vector, Vector]] = {}
        scatter: dict[str, tuple[npt.NDArray, int]] = {}
        for name in names:
            rows = np.flatnonzero(kind == name)
            w = len(rows) / (len(rows) + _PRIOR_SCANS)
            own_centre = w * x[rows].mean(axis=0) + (1 - w) * centre
            own_spread = np.sqrt(w * x[rows].var(axis=0) + (1 - w) * spread**2) + 0.05 * spread
            units[name] = (own_centre, own_spread)
            z = (x[rows] - own_centre) / own_spread
            total, freedom = np.zeros((p, p)), 0
            for one in sorted(set(code[rows].tolist())):
                members = z[code[rows] == one]
                rest = members - members.mean(axis=0)
                total += rest.T @ rest
                freedom += len(members) - 1
            scatter[name] = (total, freedom)
        freedom = sum(f for _, f in scatter.values())
        prior = np.eye(p) * 0.25  # before any pair was seen: half a standard deviation within a code
        weight = float(p) / 4
        pooled = (sum((s for s, _ in scatter.values()), np.zeros((p, p))) + weight * prior) / (
            freedom + weight
        )
        spaces: dict[str, Space] = {}
        leaves: list[Leaf] = []
        habits: dict[tuple[str, str, str], Vector] = {}
        who = np.asarray(importers or [""] * len(x), dtype=object)
        for name in names:
            total, own = scatter[name]
            within = (total + _PRIOR_PAIRS * pooled) / (own + _PRIOR_PAIRS)
            rows = np.flatnonzero(kind == name)
            within = (1 - shrinkage) * within + shrinkage * np.eye(p) * float(np.trace(within)) / p
            value, vector = np.linalg.eigh(within)
            whiten = (vector / np.sqrt(np.maximum(value, 1e-6))) @ vector.T / np.sqrt(p)
            spaces[name] = space = Space(*units[name], whiten)
            for one in sorted(set(code[rows].tolist())):
                members = rows[code[rows] == one]
                z = space(x[members])
                leaves.append(Leaf(name, one, len(members), z.mean(axis=0)))
                for importer in sorted(set(who[members].tolist()) - {""}):
                    rest = z[who[members] == importer] - leaves[-1].mean
                    habits[name, importer, one] = rest.sum(axis=0) / (len(rest) + _PRIOR_IMPORTER)
        return cls(spaces, leaves, sharpness=sharpness, absolute=absolute, sisters=sisters, habits=habits)

    def tensors(self) -> dict[str, npt.NDArray]:
        """For the artefact."""
        out: dict[str, npt.NDArray] = {"leaves": np.stack([leaf.mean for leaf in self.leaves])}
        if self.habits:
            out["habits"] = np.stack(list(self.habits.values()))
        for kind, space in self.spaces.items():
            out[f"{kind}/centre"] = space.centre
            out[f"{kind}/scale"] = space.scale
            out[f"{kind}/whiten"] = space.whiten
        return out

    def about(self) -> dict[str, Any]:
        """What is not an array."""
        return {
            "kinds": list(self.spaces),
            "leaves": [[leaf.kind, leaf.code, leaf.count] for leaf in self.leaves],
            "sharpness": self.sharpness,
            "absolute": self.absolute,
            "sisters": {str(level): factor for level, factor in self.sisters.items()},
            "habits": [list(key) for key in self.habits],
        }

    @classmethod
    def read(cls, tensors: Mapping[str, npt.NDArray], about: Mapping[str, Any]) -> Normality:
        """Restore exactly."""
        spaces = {
            kind: Space(tensors[f"{kind}/centre"], tensors[f"{kind}/scale"], tensors[f"{kind}/whiten"])
            for kind in about["kinds"]
        }
        named = zip(about["leaves"], tensors["leaves"], strict=True)
        return cls(
            spaces,
            [Leaf(kind, code, count, mean) for (kind, code, count), mean in named],
            sharpness=about["sharpness"],
            absolute=about["absolute"],
            sisters={int(level): factor for level, factor in about["sisters"].items()},
            habits=dict(zip(map(tuple, about["habits"]), tensors.get("habits", ()), strict=True)),
        )

    def distances(self, x: Vector, kind: str) -> Vector:
        """Squared distance per feature to each code of the kind, about 1 for a clean scan: (codes,)."""
        count = np.asarray([leaf.count for leaf in self._of_kind[kind]], dtype=np.float64)
        rest = self._means[kind] - self.spaces[kind](x)
        return np.asarray((rest**2).sum(axis=1) / (1 + 1 / count))

    def judge(self, x: Vector, kind: str, declared: str | None, importer: str = "") -> Judgement | None:
        """Judge one scan; None if there is no reference scan of this kind at all.

        `group` is empty, and oddness NaN, if no code of the declared chapter has a reference of this kind.
        """
        if kind not in self.spaces:
            return None
        d = self.distances(x, kind)
        codes = [leaf.code for leaf in self._of_kind[kind]]
        z = self.spaces[kind](x)
        for i, leaf in enumerate(self._of_kind[kind]):
            habit = self.habits.get((kind, importer, leaf.code))
            if habit is not None:
                rest = leaf.mean + habit - z
                d[i] = min(d[i], float((rest**2).sum()) / (1 + 1 / leaf.count))
        ranking = self._ranking(d, codes)
        group = "" if declared is None else next((g for g in prefixes(declared) if _any_under(codes, g)), "")
        if declared is None or not group:
            return Judgement(float("nan"), "", 0, ranking)
        mine = [i for i, code in enumerate(codes) if code.startswith(group)]
        own = min(float(d[i]) / self._tolerance(declared, codes[i]) for i in mine)
        others = [i for i, code in enumerate(codes) if i not in mine and code[:4] != declared[:4]]
        rival = min((float(d[i]) for i in others), default=1.0)
        oddness = np.log(own + _EPS) - np.log(rival + _EPS) + self.absolute * np.log(own + _EPS)
        size = sum(self._of_kind[kind][i].count for i in mine)
        return Judgement(float(oddness), group, size, ranking, own + _EPS)

    def _tolerance(self, declared: str, code: str) -> float:
        """How much further off a scan lies from the references of a sister code than from its own code's."""
        if declared.startswith(code) or code.startswith(declared):
            return 1.0
        return self.sisters.get(common(declared, code), 1.0)

    def _ranking(self, d: Vector, codes: Sequence[str]) -> tuple[tuple[str, float], ...]:
        """Headings by probability ∝ d^−sharpness, as a multivariate t is far out.

        The nearest code speaks for its heading.
        """
        best: dict[str, float] = {}
        for code, distance in zip(codes, d, strict=True):
            best[code[:4]] = min(best.get(code[:4], np.inf), float(distance))
        score = -self.sharpness * np.log(np.asarray(list(best.values())) + _EPS)
        weight = np.exp(score - score.max())
        weight /= weight.sum()
        order = np.argsort(-weight, kind="stable")
        names = list(best)
        return tuple((names[i], float(weight[i])) for i in order)


def prefixes(code: str) -> tuple[str, ...]:
    """This code and its parents down to the chapter; an empty container has no chapter."""
    if code == EMPTY:
        return (EMPTY,)
    return tuple(code[:n] for n in (10, 8, 6, 4, 2) if n <= len(code))


def common(one: str, other: str) -> int:
    """Length of the nearest HS level that two codes share: 8, 6, 4, 2 or 0."""
    return next((n for n in (8, 6, 4, 2) if one[:n] == other[:n] and min(len(one), len(other)) >= n), 0)


def _any_under(codes: Sequence[str], group: str) -> bool:
    return any(code.startswith(group) for code in codes)
