"""Reading the imported trade statistics back: one item's months, and which series there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from portcullis.store import official

_IMPORTS = "I"
_LONGEST = 10  # digits of a code


@dataclass(frozen=True)
class TradeRow:
    """One item from one country in one month; freight: as published, for each kilogram."""

    month: str
    hs: str
    country: str
    value_usd: float
    weight_kg: float
    freight: float | None
    freight_unit: str | None


@dataclass(frozen=True)
class TradeSeries:
    """One series: its months, the first and the last as YYYY-MM."""

    hs: str
    country: str
    months: int
    first: str
    last: str


class Trade:
    """The imports of one store's trade statistics."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def edition(self) -> int:
        """Number of the newest import; 0 if nothing was imported."""
        i = official.imports.c
        with self.engine.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.max(i.id)).where(i.kind == "trade")) or 0)

    def below(self, prefix: str) -> list[TradeRow]:
        """All rows of the codes that begin so, oldest first."""
        t = official.trade.c
        columns = (t.month, t.hs, t.country, t.value_usd, t.weight_kg, t.freight, t.freight_unit)
        query = sa.select(*columns).where(t.flow == _IMPORTS, *begins(t.hs, prefix))
        with self.engine.connect() as connection:
            rows = [TradeRow(*row) for row in connection.execute(query)]
        return sorted(rows, key=lambda row: (row.month, row.hs, row.country))

    def series(self, prefix: str, country: str | None, limit: int) -> list[TradeSeries]:
        """The series of codes that begin so, by code and country."""
        t = official.trade.c
        known = [t.flow == _IMPORTS, *begins(t.hs, prefix)]
        if country is not None:
            known.append(t.country == country)
        query = (
            sa.select(t.hs, t.country, sa.func.count(), sa.func.min(t.month), sa.func.max(t.month))
            .where(*known)
            .group_by(t.hs, t.country)
            .order_by(t.hs, t.country)
            .limit(limit)
        )
        with self.engine.connect() as connection:
            return [TradeSeries(*row) for row in connection.execute(query)]


def begins(column: sa.ColumnElement[str], prefix: str) -> Sequence[sa.ColumnElement[bool]]:
    """Conditions for a code that begins with these digits, such that an index on the codes serves."""
    if not prefix:
        return ()
    if len(prefix) == _LONGEST:
        return (column == prefix,)
    above = [column >= prefix]
    if set(prefix) != {"9"}:
        above.append(column < str(int(prefix) + 1).zfill(len(prefix)))
    return above
