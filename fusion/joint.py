"""From the evidence of many checks to one risk that means the same whatever was sent.

1. Each check is measured again on joint clean cases, which no module has learned from: one that alarms too
   often there loses that much of its voice.
2. What the checks say is added up: raw = (1/γ)·log10 Σ w·10^(γ·s), the generalised mean of p-values (Vovk and
   Wang, "Combining p-values via averaging", Biometrika 107, 2020) without its division by how many spoke.
   γ → 0 is Fisher's product, 1 the harmonic mean, ∞ the smallest p-value.
3. The sum is calibrated on clean cases from which as much spoke (split conformal), so that one in a hundred
   is one in a hundred with a scan and without.
4. What is surprising by itself never lowers the risk, though it enlarges the company it is compared with: the
   risk is at least what it would be without any of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from customs.calibrate import MIN_GROUP, Conformal
from customs.errors import InvalidValue
from customs.evidence import Reference
from fusion.data import Bools, Cases, Floats, modality, patterns
from fusion.policy import Policy, shares

GAMMA = 0.5
# Most surprising checks of one case whose subsets are all tried, which is every check there is; of more the
# least surprising are dropped in turn.
_SUBSETS = 14
_TINY = 1e-300


@dataclass(frozen=True)
class Weighing:
    """What a policy said when the clean cases were counted: a later one moves bands, not this.

    weights, echoes: as in `Policy`; note: the surprise from which a check is surprising by itself.
    """

    weights: Mapping[str, float]
    echoes: Mapping[str, str]
    note: float

    def shares(self, checks: Sequence[str]) -> list[float]:
        """How much each of the checks that spoke counts."""
        return shares(checks, self.weights, self.echoes)

    def facts(self) -> dict[str, Any]:
        """State as JSON can hold it."""
        return {"weights": dict(self.weights), "echoes": dict(self.echoes), "note": self.note}

    @classmethod
    def restore(cls, facts: Mapping[str, Any]) -> Weighing:
        """Read back what `facts` gave."""
        return cls(facts["weights"], facts["echoes"], float(facts["note"]))


@dataclass(frozen=True, eq=False)
class Joint:
    """Calibration of the combined evidence.

    checks: k names, in order; own: check → its surprises on joint clean cases; patterns: raw sums of clean
    cases by what spoke: the exact checks, the modalities, `all`; gamma: see above.
    """

    checks: tuple[str, ...]
    own: Mapping[str, Conformal]
    patterns: Conformal
    gamma: float
    weighing: Weighing

    @classmethod
    def fit(cls, clean: Cases, policy: Policy, *, gamma: float = GAMMA) -> Joint:
        """Calibrate on clean cases that no module learned from; also as if a modality had not been sent."""
        spoke = np.isfinite(clean.surprise)
        if int(spoke.any(axis=1).sum()) < MIN_GROUP:
            raise InvalidValue(
                f"{int(spoke.any(axis=1).sum())} clean cases were scored",
                field="data",
                remedy=f"give at least {MIN_GROUP} that were found clean, scored by every model",
            )
        own = {
            check: Conformal.fit(clean.surprise[spoke[:, j], j], [("all",)] * int(spoke[:, j].sum()))
            for j, check in enumerate(clean.checks)
            if spoke[:, j].sum() >= MIN_GROUP
        }
        weighing = Weighing(policy.weights, policy.echoes, policy.findings["note"])
        bare = cls(clean.checks, own, Conformal({"all": np.zeros(1)}), gamma, weighing)
        surprise = bare.heard(clean.surprise)
        scores: list[float] = []
        chains: list[tuple[str, ...]] = []
        as_they_came = bare.raw(surprise[spoke.any(axis=1)])
        for left, gone in _less(clean.checks):
            # those that had all that is taken away, so that no case is counted twice, and still say something
            rows = (spoke & left).any(axis=1)
            for taken in gone:
                rows &= (spoke & taken).any(axis=1)
            without = np.where(left, surprise, np.nan)[rows]
            scores += bare.raw(without).tolist()
            chains += bare.groups(np.isfinite(without))
        by_pattern = Conformal.fit(scores, chains).groups
        return cls(clean.checks, own, Conformal({**by_pattern, "all": as_they_came}), gamma, weighing)

    def heard(self, surprise: Floats) -> Floats:
        """(n, k) surprises as joint clean cases allow them to be; NaN stays NaN."""
        out = np.array(surprise, dtype=np.float64)
        for j, check in enumerate(self.checks):
            known = np.isfinite(out[:, j])
            if check in self.own and known.any():
                out[known, j] = self.own[check].in_group(out[known, j], "all")[1]
        return out

    def heard_one(self, check: str, surprise: float) -> float:
        """One check's surprise as joint clean cases allow it to be."""
        return float(self.own[check].in_group(np.array([surprise]), "all")[1][0])

    def raw(self, heard: Floats) -> Floats:
        """(n,) weighted sums; −inf where nothing spoke."""
        known = np.isfinite(heard)
        masks, which = np.unique(known, axis=0, return_inverse=True)
        weights = np.ones(masks.shape)
        for mask, shares_of in zip(masks, weights, strict=True):
            names = [check for check, yes in zip(self.checks, mask, strict=True) if yes]
            shares_of[mask] = self.weighing.shares(names)
        weight = weights[which]
        scaled = np.where(known, self.gamma * np.maximum(np.nan_to_num(heard), 0.0), -np.inf)
        most = np.max(scaled, axis=1, initial=0.0)
        total = np.where(known, weight * 10.0 ** (scaled - most[:, None]), 0.0).sum(axis=1)
        out = (most + np.log10(np.maximum(total, _TINY))) / self.gamma
        return np.where(known.any(axis=1), out, -np.inf)

    def groups(self, spoke: Bools) -> list[tuple[str, ...]]:
        """Of each row of (n, k), where its likes are found: the very checks, then the modalities."""
        modalities = patterns(self.checks, spoke)
        known: dict[bytes, str] = {}
        found: list[tuple[str, ...]] = []
        for row, name in zip(spoke, modalities, strict=True):
            key = row.tobytes()
            if key not in known:
                known[key] = ",".join(c for c, yes in zip(self.checks, row, strict=True) if yes)
            found.append((known[key], name))
        return found

    def score(self, surprise: Floats) -> tuple[Floats, Floats, list[Reference | None]]:
        """(n, k) surprises → p-values, surprises (n,), what they were counted on; NaN where all is silent."""
        heard = self.heard(surprise)
        p, total, groups = self._plain(heard)
        note = self.weighing.note
        for i in np.flatnonzero((heard >= note).sum(axis=1) > 0):
            left = _subsets(heard[i], note)
            if not len(left):
                continue
            q, s, group = self._plain(np.where(left, heard[i], np.nan))
            best = int(np.argmax(s))
            if s[best] > total[i]:
                p[i], total[i], groups[i] = q[best], s[best], group[best]
        sizes = {name: len(values) for name, values in self.patterns.groups.items()}
        references = [
            Reference(group=g, size=sizes[g]) if np.isfinite(t) else None
            for g, t in zip(groups, total, strict=True)
        ]
        return p, total, references

    def one(self, surprises: Mapping[str, float]) -> tuple[float, float, Reference]:
        """P-value, surprise and reference of one case, by what its checks said."""
        known = {check: value for check, value in surprises.items() if check in self.checks}
        row = np.array([[known.get(check, np.nan) for check in self.checks]])
        p, total, references = self.score(row)
        assert references[0] is not None
        return float(p[0]), float(total[0]), references[0]

    def _plain(self, heard: Floats) -> tuple[Floats, Floats, list[str]]:
        raw = self.raw(heard)
        spoke = np.isfinite(heard)
        chains = [(*chain, "all") for chain in self.groups(spoke)]
        raw = np.where(np.isfinite(raw), raw, np.nan)
        return self.patterns.many(raw, chains)


def _less(checks: Sequence[str]) -> list[tuple[Bools, list[Bools]]]:
    """Every set of modalities that may not have been sent: the checks that are left, and those of each."""
    names = sorted({modality(check) for check in checks})
    of = {name: np.array([modality(check) == name for check in checks]) for name in names}
    return [
        (~sum((of[name] for name in gone), np.zeros(len(checks), dtype=bool)), [of[name] for name in gone])
        for count in range(len(names))
        for gone in itertools.combinations(names, count)
    ]


def _subsets(heard: Floats, note: float) -> Bools:
    """(subsets, k) which checks are left of one row (k,) when some of its surprising ones are taken away."""
    odd = np.flatnonzero(heard >= note)
    odd = odd[np.argsort(heard[odd], kind="stable")]
    n = len(odd)
    bits = np.arange(1, 2 ** min(n, _SUBSETS))[:, None] >> np.arange(n)  # of every number but 0
    gone = bits % 2 == 1 if n <= _SUBSETS else np.tri(n, dtype=bool)
    left = np.ones((len(gone), len(heard)), dtype=bool)
    left[:, odd] = ~gone
    return left[np.isfinite(np.where(left, heard, np.nan)).any(axis=1)]
