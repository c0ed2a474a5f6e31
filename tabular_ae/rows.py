"""Rows of a trade panel as columns: what is scored, and what a history is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[Any]


def month_number(text: str) -> int:
    """Months since year 0, so that neighbours differ by one.

    >>> month_number("2020-01") - month_number("2019-12")
    1
    """
    year, month = text.split("-")[:2]
    return int(year) * 12 + int(month) - 1


def month_text(number: int) -> str:
    """The month as it is written, `YYYY-MM`."""
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def numbered(texts: Texts) -> tuple[Ints, Texts]:
    """The number of each text (n,), and the different texts in the order of their first appearance.

    >>> numbered(np.array(["b", "a", "b"], dtype=object))
    (array([0, 1, 0]), array(['b', 'a'], dtype=object))
    """
    import pandas as pd  # not before it is needed: it takes a third of a second

    number, different = pd.factorize(texts)
    return number.astype(np.int64, copy=False), np.asarray(different, dtype=object)


@dataclass(frozen=True, eq=False)
class Rows:
    """n rows, each one item from one country in one month.

    hs, country: text (n,); month: int64 (n,) as `month_number`; value: USD; weight: kg;
    freight: per kg in the panel's own unit, NaN where unknown.
    """

    hs: Texts
    country: Texts
    month: Ints
    value: Floats
    weight: Floats
    freight: Floats

    @classmethod
    def of(cls, table: pd.DataFrame) -> Rows:
        """From the columns `month, hs, country, value_usd, weight_kg` and, where there is one, `freight`."""
        freight = table["freight"] if "freight" in table else np.full(len(table), np.nan)
        months = {text: month_number(str(text)) for text in table["month"].unique()}
        return cls(
            hs=table["hs"].astype(str).to_numpy(dtype=object),
            country=table["country"].astype(str).to_numpy(dtype=object),
            month=np.array([months[text] for text in table["month"]], dtype=np.int64),
            value=table["value_usd"].to_numpy(dtype=np.float64),
            weight=table["weight_kg"].to_numpy(dtype=np.float64),
            freight=np.asarray(freight, dtype=np.float64),
        )

    @classmethod
    def concat(cls, parts: Sequence[Rows]) -> Rows:
        """One after the other."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def as_columns(self) -> dict[str, list[Any]]:
        """The columns of an artefact table, exact."""
        return {f.name: getattr(self, f.name).tolist() for f in fields(self)}

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[Any]]) -> Rows:
        """Read back what `as_columns` wrote."""
        kinds = {"hs": object, "country": object, "month": np.int64}
        return cls(*(np.array(columns[f.name], dtype=kinds.get(f.name, np.float64)) for f in fields(cls)))

    def take(self, chosen: npt.NDArray) -> Rows:
        """The rows at these positions, or where a mask is true."""
        return Rows(*(getattr(self, f.name)[chosen] for f in fields(self)))

    def __len__(self) -> int:
        return len(self.hs)

    # Text is compared once for each row; whatever groups rows by item or series goes by these numbers.

    @cached_property
    def items(self) -> tuple[Ints, Texts]:
        """Number of each row's code (n,), and the codes in the order of their first appearance."""
        return numbered(self.hs)

    @cached_property
    def pairs(self) -> tuple[Ints, list[tuple[str, str]]]:
        """Number of each row's item and country (n,), and the pairs in the order of first appearance."""
        (item, codes), (origin, countries) = self.items, numbered(self.country)
        number, different = numbered(item * max(len(countries), 1) + origin)
        places = np.divmod(different.astype(np.int64), max(len(countries), 1))
        return number, list(zip(codes[places[0]], countries[places[1]], strict=True))

    @property
    def unit_value(self) -> Floats:
        """USD/kg (n,); NaN where weight or value is not above zero."""
        return np.exp(self.log_unit)

    @property
    def log_unit(self) -> Floats:
        """ln(USD/kg) (n,); NaN where it cannot be taken."""
        return _log(self.value) - _log(self.weight)

    @property
    def log_weight(self) -> Floats:
        """ln(kg) (n,); NaN where it cannot be taken."""
        return _log(self.weight)

    @property
    def log_freight(self) -> Floats:
        """ln(freight per kg) (n,); NaN where unknown."""
        return _log(self.freight)


def _log(values: Floats) -> Floats:
    out = np.full(len(values), np.nan)
    np.log(values, out=out, where=np.isfinite(values) & (values > 0))
    return out
