"""Target encoding: how often inspections of like declarations found something, without looking at itself.

Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes", SIGKDD Explorations 3
(2001). What a row's own week teaches is kept from it: rates are counted on the other weeks' rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusion.head.attributes import Attributes, Floats, Hashes, Key, Matrix

# Labels alone, the pairs of code, origin, importer, declarant, forwarder, and what tells a trade lane apart.
KEYS: tuple[Key, ...] = (
    ("hs2",),
    ("hs4",),
    ("hs6",),
    ("origin",),
    ("departure",),
    ("tax_type",),
    ("duty_rate",),
    ("origin_indicator",),
    ("mode",),
    ("import_type",),
    ("import_use",),
    ("payment_type",),
    ("office",),
    ("importer",),
    ("declarant",),
    ("seller",),
    ("forwarder",),
    ("hs6", "origin"),
    ("hs6", "importer"),
    ("hs6", "declarant"),
    ("hs6", "forwarder"),
    ("origin", "importer"),
    ("origin", "declarant"),
    ("origin", "forwarder"),
    ("importer", "declarant"),
    ("importer", "forwarder"),
    ("declarant", "forwarder"),
    ("hs6", "seller"),
    ("hs6", "departure"),
    ("hs6", "tax_type"),
    ("hs6", "duty_rate"),
    ("hs6", "mode"),
    ("hs6", "import_type"),
    ("hs6", "origin_indicator"),
    ("departure", "origin"),
    ("hs4", "departure"),
    ("hs4", "origin"),
    ("hs4", "tax_type"),
    ("hs4", "departure", "origin"),
    ("hs6", "departure", "origin"),
    ("hs6", "departure", "tax_type"),
    ("hs6", "origin", "tax_type"),
    ("hs6", "departure", "origin", "tax_type"),
)


@dataclass(frozen=True, eq=False)
class Rates:
    """Of one key: its combinations' hashes in order (m,), and of each how many were inspected and found."""

    hashes: Hashes
    inspected: Floats
    found: Floats

    @classmethod
    def count(cls, hashes: Hashes, outcome: Floats) -> Rates:
        """From inspected rows, outcome 0 or 1."""
        known, place = np.unique(hashes, return_inverse=True)
        n = len(known)
        inspected = np.bincount(place, minlength=n).astype(np.float64)
        return cls(known, inspected, np.bincount(place, outcome, n).astype(np.float64))

    def look_up(self, hashes: Hashes) -> tuple[Floats, Floats]:
        """Inspected and found (n,) of rows, 0 where a combination was never seen."""
        if not len(self.hashes):
            return np.zeros(len(hashes)), np.zeros(len(hashes))
        at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        hit = self.hashes[at] == hashes
        return np.where(hit, self.inspected[at], 0.0), np.where(hit, self.found[at], 0.0)


@dataclass(frozen=True, eq=False)
class Encoder:
    """All rates; base: the share found among all inspected; prior: inspections that the base counts for."""

    rates: Mapping[Key, Rates]
    base: float
    prior: float

    @classmethod
    def fit(cls, rows: Attributes, outcome: Floats, keys: Sequence[Key], prior: float) -> Encoder:
        """Count on inspected rows."""
        return cls({k: Rates.count(rows.hashes(k), outcome) for k in keys}, float(outcome.mean()), prior)

    def encode(self, rows: Attributes) -> Matrix:
        """(n, 2 · keys): of each key the shrunk rate and how many were inspected."""
        columns = np.empty((len(rows), 2 * len(self.rates)), dtype=np.float32)
        for j, (key, rates) in enumerate(self.rates.items()):
            inspected, found = rates.look_up(rows.hashes(key))
            columns[:, 2 * j] = (found + self.prior * self.base) / (inspected + self.prior)
            columns[:, 2 * j + 1] = inspected
        return columns

    def found_of(self, rate: float, inspected: float) -> int:
        """How many were found, back from a shrunk rate."""
        return max(round(rate * (inspected + self.prior) - self.prior * self.base), 0)


def encode_unseen(
    rows: Attributes, outcome: Floats, fold: npt.NDArray[np.int64], keys: Sequence[Key], prior: float
) -> Matrix:
    """(n, 2 · keys) of inspected rows, each counted on the rows of the other folds only."""
    columns = np.empty((len(rows), 2 * len(keys)), dtype=np.float32)
    hashes = {key: rows.hashes(key) for key in keys}
    for k in np.unique(fold):
        mine, others = fold == k, fold != k
        base = float(outcome[others].mean()) if others.any() else float(outcome.mean())
        for j, key in enumerate(keys):
            rates = Rates.count(hashes[key][others], outcome[others])
            inspected, found = rates.look_up(hashes[key][mine])
            columns[mine, 2 * j] = (found + prior * base) / (inspected + prior)
            columns[mine, 2 * j + 1] = inspected
    return columns
