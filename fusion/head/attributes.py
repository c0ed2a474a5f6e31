"""The attributes of declarations as numbers: hashed labels, their combinations, and figures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]
Key = tuple[str, ...]
# Labels that are columns of `customs.readers.declarations`; the code comes at three levels besides.
LABELS = (
    "origin",
    "departure",
    "tax_type",
    "origin_indicator",
    "mode",
    "import_type",
    "import_use",
    "payment_type",
    "office",
    "importer",
    "declarant",
    "seller",
    "forwarder",
)
CODES = {"hs2": 2, "hs4": 4, "hs6": 6}
RATE = "duty_rate"
FIGURES = ("value", "net_kg", "unit_value", "duty_rate", "duty", "same_country", "unit_value_gap")
_MIX = np.uint64(0x9E3779B97F4A7C15)
_MISSING = np.uint64(0)


@dataclass(frozen=True, eq=False)
class Attributes:
    """n declared lines.

    labels: name → (n,) hash of the text, 0 where there is none; figures: name → (n,), NaN where unknown:
    value (ln of the declared currency), net_kg (ln), unit_value (ln per kg), duty_rate (per cent), duty (ln),
    same_country (departure is the origin); week: (n,) ISO weeks since 1970, −1 without a date.
    texts: name → n texts, for reasons.
    """

    labels: Mapping[str, Hashes]
    figures: Mapping[str, Floats]
    week: npt.NDArray[np.int64]
    texts: Mapping[str, Sequence[str | None]]

    def __len__(self) -> int:
        return len(self.week)

    def take(self, rows: npt.NDArray) -> Attributes:
        """Some of the lines, by number or by a mask."""
        at = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Attributes(
            {name: values[at] for name, values in self.labels.items()},
            {name: values[at] for name, values in self.figures.items()},
            self.week[at],
            {name: [values[i] for i in at.tolist()] for name, values in self.texts.items()},
        )

    def hashes(self, key: Key) -> Hashes:
        """One hash for the combination of some labels, (n,)."""
        total = self.labels[key[0]]
        for name in key[1:]:
            total = mixed(total, self.labels[name])
        return total


def attributes(table: pd.DataFrame) -> Attributes:
    """From the table of `customs.readers.declarations` (or a chunk of it)."""
    import pandas as pd

    n = len(table)
    texts: dict[str, Sequence[str | None]] = {}
    for name in LABELS:
        column = table[name] if name in table.columns else None
        texts[name] = [None] * n if column is None else column.to_list()
    code = table["hs"].astype(str)
    for name, level in CODES.items():
        texts[name] = code.str[:level].to_list()
    rate = _numbers(table, RATE)
    texts[RATE] = [None if np.isnan(r) else f"{r:g}" for r in rate.tolist()]
    labels = {name: hashed(values) for name, values in texts.items()}
    value, kg = _numbers(table, "value"), _numbers(table, "net_kg")
    currency = hashed(table["currency"].to_list()) if "currency" in table.columns else np.zeros(n, np.uint64)
    labels["currency"] = currency
    with np.errstate(divide="ignore", invalid="ignore"):
        figures = {
            "value": np.log1p(value),
            "net_kg": np.log1p(kg),
            "unit_value": np.log(np.where((value > 0) & (kg > 0), value / kg, np.nan)),
            "duty_rate": rate,
            "duty": np.log1p(value * rate / 100.0),
        }
    same = labels["origin"] == labels["departure"]
    known = (labels["origin"] != _MISSING) & (labels["departure"] != _MISSING)
    figures["same_country"] = np.where(known, same.astype(np.float64), np.nan)
    days = pd.to_datetime(table["date"]).to_numpy(dtype="datetime64[D]").astype(np.int64)
    week = np.where(days > np.iinfo(np.int64).min // 2, (days + 3) // 7, -1)  # 1970-01-01 was a Thursday
    return Attributes(labels, figures, week, texts)


def hashed(texts: Sequence[str | None]) -> Hashes:
    """A 64-bit hash of each text, 0 for none: the same on every machine, and no name in a model's files."""
    import pandas as pd

    numbers, distinct = pd.factorize(np.array(texts, dtype=object))
    known = np.array([_hash(str(text)) for text in distinct] or [0], dtype=np.uint64)
    return np.where(numbers < 0, _MISSING, known[numbers])


def mixed(one: Hashes, other: Hashes) -> Hashes:
    """A hash of two, in their order."""
    with np.errstate(over="ignore"):
        return one ^ (other + _MIX + (one << np.uint64(6)) + (one >> np.uint64(2)))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "big")


def _numbers(table: pd.DataFrame, name: str) -> Floats:
    if name not in table.columns:
        return np.full(len(table), np.nan)
    return table[name].to_numpy(dtype=np.float64, na_value=np.nan)
