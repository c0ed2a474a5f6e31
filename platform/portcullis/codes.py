"""Asking about codes: search, one code with all that is known of it, the tree, older editions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customs.hs import HsCode
from customs.sentences import Language, render
from portcullis.service import NoModel, NotFound

if TYPE_CHECKING:
    from hs_classifier.official.concordance import Concordance, Mapped
    from hs_classifier.official.rates import Rate
    from hs_classifier.official.table import CodeTable, Entry, Validity
    from portcullis.store.tariff import Tariff

Document = dict[str, Any]
_IMPORT = "portcullis import hsk FILE"


class NoTable(NoModel):
    """No table of codes was imported, so nothing can be said about any code (503, as without a model)."""


def _no_concordance() -> None:
    return None


def _no_rates(code: str, on: dt.date) -> None:
    return None


@dataclass(frozen=True)
class CodeDesk:
    """Answers about codes as plain documents; what the tables do not hold is said, never made up.

    table, concordance: None if none was imported. rates: of a code on a day, None if no file was imported.
    """

    table: Callable[[], CodeTable | None]
    concordance: Callable[[], Concordance | None] = _no_concordance
    rates: Callable[[str, dt.date], tuple[Rate, ...] | None] = _no_rates

    @classmethod
    def of_store(cls, tariff: Tariff) -> CodeDesk:
        """Over what was imported into a store."""
        return cls(tariff.table, tariff.concordance, tariff.rates)

    @classmethod
    def of_files(cls, nomenclature: Sequence[Path]) -> CodeDesk:
        """Over official tables that lie in files; without concordance and rates."""
        from hs_classifier.official.table import CodeTable

        table = CodeTable.read(nomenclature)
        return cls(lambda: table)

    def search(
        self, query: str, *, on: dt.date | None = None, limit: int = 20, language: Language = "en"
    ) -> Document:
        """Codes by two to ten digits or by words, best first; with a day only those that are valid on it.

        Keys: query, digits (None if words were looked for), total, note, hits with code, path, validity (None
        without a day), score, words, and where these stand in both wordings of the code.
        """
        table = self._open()
        found = table.search(query, on, limit)
        hits = [
            {
                **_entry(hit.entry),
                "path": [_entry(entry) for entry in hit.path],
                "validity": None if on is None else _validity(table.valid_on(hit.entry.digits, on), language),
                "score": hit.score,
                "words": list(hit.words),
                "marks": {
                    "ko": [list(span) for span in found.marks(hit.entry.ko)],
                    "en": [list(span) for span in found.marks(hit.entry.en)],
                },
            }
            for hit in found.hits
        ]
        note = None if found.note is None else render(found.note, language)
        return {
            "query": found.query,
            "digits": found.digits,
            "total": found.total,
            "note": note,
            "hits": hits,
        }

    def show(
        self, code: str, *, on: dt.date, edition: str | None = None, language: Language = "en"
    ) -> Document:
        """One code, or a group of codes: path, validity, units, rates on the day, older editions, children.

        A code that only an older edition has is shown with its mapping and the validity `unknown`.

        Raises:
            NotFound: neither the table nor a concordance has it.
            InvalidValue: it is no code.
        """
        from hs_classifier.official.table import digits_of

        table = self._open()
        digits = digits_of(code)
        entry = table.get(digits, on)
        mapped = self._mapped(table, digits, edition)
        if entry is None and not (mapped and mapped.status in ("mapped", "split", "removed")):
            raise _unknown(table, digits)
        validity = table.valid_on(digits, on)
        last = table.last_day
        return {
            **_entry(entry or _nothing(digits)),
            "on": on.isoformat(),
            "table_ends": None if last is None else last.isoformat(),
            "validity": _validity(validity, language),
            "path": [_entry(e) for e in table.path(digits, on)],
            "rates": self._rates(digits, on, language),
            "mapping": None if mapped is None else _mapping(mapped, table, language),
            "children": [_entry(e) for e in table.children(digits)],
        }

    def browse(self, code: str | None = None) -> Document:
        """The codes directly below a code, or the chapters: path, children with the number of theirs."""
        from hs_classifier.official.table import digits_of

        table = self._open()
        digits = None if code is None else digits_of(code)
        if digits is not None and digits not in table:
            raise _unknown(table, digits)
        children = [{**_entry(e), "children": len(table.children(e.digits))} for e in table.children(digits)]
        path = [] if digits is None else [_entry(entry) for entry in table.path(digits)]
        return {"path": path, "children": children}

    def mapping(self, code: str, edition: str | dt.date | None = None, language: Language = "en") -> Document:
        """What became of a code of an older edition, with the targets' wording.

        Raises:
            InvalidValue: it is no code of 4, 6, 8 or 10 digits, or the edition is none.
        """
        table = self._open()
        asked = HsCode.parse(code)
        asked.at(4)  # a chapter became nothing else
        return _mapping(table.map_old(asked, self.concordance(), edition), table, language)

    def earlier(self, code: str) -> list[tuple[str, str]]:
        """Codes of older editions that became this one, with their edition; none without a concordance."""
        found = self.concordance()
        return [] if found is None else found.earlier(code)

    def _open(self) -> CodeTable:
        table = self.table()
        if table is None:
            raise NoTable("no table of codes was imported", field="store", remedy=_IMPORT)
        return table

    def _mapped(self, table: CodeTable, digits: str, edition: str | None) -> Mapped | None:
        """None for what is no code that a concordance could list."""
        from hs_classifier.official.table import Entry

        code = Entry(digits).code if digits[:2] not in ("00", "77") else None
        return None if code is None or code.level < 4 else table.map_old(code, self.concordance(), edition)

    def _rates(self, digits: str, on: dt.date, language: Language) -> Document:
        found = self.rates(digits, on)
        return {"imported": found is not None, "rates": [_rate(rate, language) for rate in found or ()]}


def _unknown(table: CodeTable, digits: str) -> NotFound:
    parent = table.parent(digits)
    if len(digits) == 9 and "0" + digits in table:
        remedy = f"if a spreadsheet lost a leading zero, ask for 0{digits}"
    elif table.run(digits):
        remedy = f"search for {digits} to see the codes that begin so"
    elif parent is not None:
        remedy = f"the nearest level that it has is {parent}; browse from there"
    else:
        remedy = f"it has nothing in chapter {digits[:2]} either; check the digits, or import a newer table"
    return NotFound(f"the imported table has no code {digits}", field="code", remedy=remedy)


def _nothing(digits: str) -> Entry:
    from hs_classifier.official.table import Entry

    return Entry(digits, listed=False)


def _entry(entry: Entry) -> Document:
    return {
        "code": entry.digits,
        "written": str(entry),
        "level": entry.level,
        "ko": entry.ko,
        "en": entry.en,
        "valid_from": _day(entry.valid_from),
        "valid_to": _day(entry.valid_to),
        "quantity_unit": entry.quantity_unit,
        "weight_unit": entry.weight_unit,
        "listed": entry.listed,
    }


def _validity(validity: Validity, language: Language) -> Document:
    return {
        "status": validity.status,
        "valid_from": _day(validity.valid_from),
        "valid_to": _day(validity.valid_to),
        "sentence": render(validity.message, language),
    }


def _mapping(mapped: Mapped, table: CodeTable, language: Language) -> Document:
    targets = [
        {**_entry(table.get(t.digits) or _nothing(t.digits)), "in_step": t.listed, "partly": t.partly}
        for t in mapped.targets
    ]
    return {
        "code": mapped.code,
        "compared": mapped.digits,
        "status": mapped.status,
        "editions": list(mapped.editions),
        "sentence": render(mapped.message, language),
        "targets": targets,
    }


def _rate(rate: Rate, language: Language) -> Document:
    return {
        "code": rate.digits,
        "kind": rate.kind,
        "name": rate.name(language),
        "rate": str(rate),
        "percent": None if rate.percent is None else f"{rate.percent:f}",
        "amount": None if rate.amount is None else f"{rate.amount:f}",
        "unit": rate.unit,
        "base_price": None if rate.base_price is None else f"{rate.base_price:f}",
        "scope": rate.scope,
        "country": rate.country,
        "use": rate.use,
        "valid_from": _day(rate.valid_from),
        "valid_to": _day(rate.valid_to),
    }


def _day(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
