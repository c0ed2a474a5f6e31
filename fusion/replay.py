"""A past period again, under another model, policy or budget: which cases change lane, and how many.

A lane is the band of a report or, where a budget is given, whether a case would have been inspected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from customs.combine import combine_surprise
from customs.errors import InvalidValue
from fusion.data import OUTCOME, Cases, Floats
from fusion.head.attributes import attributes
from fusion.model import Fusion, aligned_to
from fusion.policy import Policy
from fusion.rank import Budget, select

if TYPE_CHECKING:
    import pandas as pd

INSPECT, RELEASE = "inspect", "release"


@dataclass(frozen=True, eq=False)
class Setting:
    """How cases are judged: without `fusion` the sum is taken at its word; `budget`: lanes of a list."""

    policy: Policy
    fusion: Fusion | None = None
    budget: Budget | None = None


@dataclass(frozen=True, eq=False)
class Replay:
    """n cases under two settings: lanes and what ordered them; outcome: (n,) NaN where nobody looked."""

    before: Sequence[str]
    after: Sequence[str]
    order_before: Floats
    order_after: Floats
    outcome: Floats

    @property
    def moved(self) -> np.ndarray:
        """(n,) True where the lane changes."""
        return np.array(self.before) != np.array(self.after)

    def counts(self) -> list[dict[str, Any]]:
        """Each way a case moves: how many, how many of them were inspected, and the hits among these."""
        ways = Counter(zip(self.before, self.after, strict=True))
        found = []
        for (old, new), count in sorted(ways.items(), key=lambda item: (item[0][0] == item[0][1], -item[1])):
            mine = (np.array(self.before) == old) & (np.array(self.after) == new)
            known = mine & np.isfinite(self.outcome)
            hits = int(self.outcome[known].sum())
            found.append(
                {"from": old, "to": new, "cases": count, "inspected": int(known.sum()), "hits": hits}
            )
        return found

    def changes(self, table: pd.DataFrame) -> pd.DataFrame:
        """The cases that move: their row, declaration, lanes and order, most changed first."""
        moved = np.flatnonzero(self.moved)
        change = np.abs(self.order_after[moved] - self.order_before[moved])
        rows = moved[np.argsort(-np.nan_to_num(change, nan=np.inf), kind="stable")]
        kept = [name for name in ("declaration_id", "line", "date", "importer", "hs") if name in table]
        out = table.iloc[rows][kept].reset_index(drop=True)
        out.insert(0, "row", rows)
        out["before"], out["after"] = [self.before[i] for i in rows], [self.after[i] for i in rows]
        out["order_before"], out["order_after"] = self.order_before[rows], self.order_after[rows]
        return out


def replay(cases: Cases, before: Setting, after: Setting, *, seed: int = 0) -> Replay:
    """Judge the same scored cases twice. Lots are left out: they would move cases for no reason."""
    if (before.budget is None) != (after.budget is None):
        raise InvalidValue(
            "one setting has a budget and the other has none",
            field="budget",
            remedy="give both a budget, to compare lists, or neither, to compare bands",
        )
    orders = [_order(cases, setting) for setting in (before, after)]
    lanes = [_lanes(o, s, seed) for o, s in zip(orders, (before, after), strict=True)]
    known = cases.outcome if OUTCOME in cases.table else np.full(len(cases), np.nan)
    return Replay(lanes[0], lanes[1], orders[0], orders[1], known)


def _order(cases: Cases, setting: Setting) -> Floats:
    """(n,) what the setting orders by, NaN where nobody could judge; bands are of the joint surprise."""
    fusion = setting.fusion
    if fusion is None:
        return _unlearned(cases, setting.policy)
    if fusion.head is not None and (setting.budget is not None or fusion.joint is None):
        rows = attributes(cases.table)
        if fusion.joint is None:
            return fusion.head.raw(rows, fusion.head.features(rows))
        surprise = fusion.evidence_features(cases)
        raw = fusion.head.raw(rows, fusion.head.features(rows, surprise))
        return np.where(np.isfinite(surprise[:, -1]), raw, np.nan)
    assert fusion.joint is not None
    return fusion.joint.score(aligned_to(cases, fusion.joint.checks))[1]


def _unlearned(cases: Cases, policy: Policy) -> Floats:
    """The combination without a model, as `assess` has it."""
    out = np.full(len(cases), np.nan)
    spoke = np.isfinite(cases.surprise)
    for mask in np.unique(spoke, axis=0):
        if mask.any():
            rows = (spoke == mask).all(axis=1)
            names = [check for check, yes in zip(cases.checks, mask, strict=True) if yes]
            said = np.maximum(cases.surprise[np.ix_(rows, mask)], 0.0)
            out[rows] = combine_surprise(said.T, policy.shares(names), cap=policy.cap)
    return out


def _lanes(order: Floats, setting: Setting, seed: int) -> list[str]:
    if setting.budget is not None:
        chosen = select(order, setting.budget, random_share=0.0, seed=seed).selected
        return [INSPECT if yes else RELEASE for yes in chosen]
    if setting.fusion is not None and setting.fusion.joint is None:
        raise InvalidValue(
            "a model of plain declarations gives an order and no bands",
            field="budget",
            remedy="give --budget, to compare lists",
        )
    return ["unknown" if np.isnan(s) else setting.policy.band(float(s)) for s in order]
