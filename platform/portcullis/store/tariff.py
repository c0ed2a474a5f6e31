"""The imported nomenclature: official wording, the tree of codes, concordances and duty rates."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import Engine, func, select

from customs.hs import HsCode
from customs.sentences import Language
from portcullis.store import official
from portcullis.store.metadata import as_utc
from portcullis.store.official import hsk

if TYPE_CHECKING:
    from hs_classifier.official.concordance import Concordance
    from hs_classifier.official.rates import Rate
    from hs_classifier.official.table import CodeTable, Digits


class Tariff:
    """Reads what was imported; a code the table does not hold has no wording, and none is made up.

    Table and concordance are kept in memory until another import of their kind.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()  # two requests must not both build the table
        self._table: tuple[int, CodeTable] | None = None
        self._concordance: tuple[int, Concordance] | None = None

    def wording(self, codes: Iterable[HsCode], language: Language) -> dict[HsCode, str]:
        """Wording by code, as of the latest validity that was imported."""
        wanted = {code.digits: code for code in codes}
        name = hsk.c.name_ko if language == "ko" else hsk.c.name_en
        query = select(hsk.c.digits, name).where(hsk.c.digits.in_(wanted)).order_by(hsk.c.valid_from)
        with self._engine.connect() as connection:
            return {wanted[digits]: text for digits, text in connection.execute(query) if text}

    def table(self) -> CodeTable | None:
        """All imported codes; None if no table was imported."""
        from hs_classifier.official.table import CodeTable, Entry

        latest = self._latest("hsk")
        if latest is None:
            return None
        with self._lock:
            if self._table is None or self._table[0] != latest:
                names = (
                    "digits",
                    "name_ko",
                    "name_en",
                    "valid_from",
                    "valid_to",
                    "quantity_unit",
                    "weight_unit",
                )
                query = select(*(hsk.c[name] for name in names))
                with self._engine.connect() as connection:
                    rows = connection.execute(query).all()
                self._table = (
                    latest,
                    CodeTable(
                        Entry(digits, ko, en, _begin(begins), _end(ends), quantity, weight)
                        for digits, ko, en, begins, ends, quantity, weight in rows
                    ),
                )
            return self._table[1]

    def concordance(self) -> Concordance | None:
        """All imported concordances; None if none was imported."""
        from hs_classifier.official.concordance import Concordance, Link

        latest = self._latest("concordance")
        if latest is None:
            return None
        with self._lock:
            if self._concordance is None or self._concordance[0] != latest:
                columns = official.concordance.c
                names = ("old", "new", "from_revision", "to_revision", "valid_from", "partly")
                with self._engine.connect() as connection:
                    rows = connection.execute(select(*(columns[name] for name in names))).all()
                self._concordance = latest, Concordance(Link(*row) for row in rows)
            return self._concordance[1]

    def rates(self, code: Digits, on: dt.date) -> tuple[Rate, ...] | None:
        """Duty rates of a code or a group of codes on a day; None if no rate file was imported."""
        from hs_classifier.official.rates import Rate, in_force
        from hs_classifier.official.table import digits_of

        if self._latest("rates") is None:
            return None
        names = Rate.__slots__  # the table's columns have the names of the fields
        columns = official.rates.c
        digits = digits_of(code)
        levels = [digits[:n] for n in range(2, len(digits) + 1)]
        query = select(*(columns[name] for name in names)).where(columns.digits.in_(levels))
        with self._engine.connect() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        for row in rows:
            row |= {
                n: None if row[n] is None else Decimal(row[n]) for n in ("percent", "amount", "base_price")
            }
            row |= {"valid_from": _begin(row["valid_from"]), "valid_to": _end(row["valid_to"])}
        return in_force((Rate(**row) for row in rows), code, on)

    def source(self) -> dict[str, str | None] | None:
        """Which file the table of codes came from: name, sha256, when it was imported, its last day."""
        table = self.table()
        if table is None:
            return None
        imports = official.imports.c
        query = select(imports.file, imports.sha256, imports.at).where(imports.kind == "hsk")
        with self._engine.connect() as connection:
            row = connection.execute(query.order_by(imports.id.desc()).limit(1)).one()
        last = table.last_day
        return {
            "file": row.file,
            "sha256": row.sha256,
            "at": as_utc(row.at).isoformat(),
            "last_day": None if last is None else last.isoformat(),
        }

    def _latest(self, kind: str) -> int | None:
        """Number of the newest import of a kind."""
        imports = official.imports.c
        with self._engine.connect() as connection:
            return connection.scalar(select(func.max(imports.id)).where(imports.kind == kind))


def _begin(day: dt.date) -> dt.date | None:
    return None if day == official.ALWAYS else day


def _end(day: dt.date) -> dt.date | None:
    return None if day == official.FOR_EVER else day
