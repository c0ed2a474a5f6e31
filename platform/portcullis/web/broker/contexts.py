"""What the pages of brokers are given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from customs.errors import Problem
from customs.hs import HsCode
from portcullis.broking.asked import Answer
from portcullis.store.dossiers import Dossier
from portcullis.store.goods_lists import GoodsList
from portcullis.web.broker.forms import Choice
from portcullis.web.broker.found import Found, percent
from portcullis.web.frame import Page, Part


@dataclass(frozen=True, kw_only=True)
class SuggestionsPart(Part):
    """The answer to what is typed."""

    template: ClassVar[str] = "broker/suggestions.html"
    found: Found
    choice: Choice
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CodesPage(Page):
    """The facts, the suggestions, and the codes judged so far; problems: why a dossier was not written."""

    template: ClassVar[str] = "broker/codes.html"
    text: str
    answers: tuple[Answer, ...]
    found: Found
    choice: Choice
    problems: tuple[Problem, ...] = ()
    photo_lost: bool = False


@dataclass(frozen=True, kw_only=True)
class BrowsePage(Page):
    """The table in columns, or what a search found. columns: (path, entries, the open entry's digits)."""

    template: ClassVar[str] = "broker/browse.html"
    query: str
    hits: tuple[dict[str, Any], ...]
    total: int
    note: str | None
    columns: tuple[tuple[tuple[dict[str, Any], ...], str], ...]
    imported: bool
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CodePage(Page):
    """One code. rulings: None without a model; before: codes of older editions that became this one."""

    template: ClassVar[str] = "broker/code.html"
    code: dict[str, Any]
    rulings: tuple[str, ...] | None
    before: tuple[tuple[str, str], ...]
    day: str
    table_file: str


@dataclass(frozen=True, kw_only=True)
class ManyPage(Page):
    """One's own lists, and the form for another."""

    template: ClassVar[str] = "broker/many.html"
    lists: tuple[GoodsList, ...]
    times: tuple[str, ...]
    most_rows: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class AnswerRow:
    """One answered row of a list."""

    number: int
    text: str
    written: str
    code: str
    percent: str
    ko: str
    en: str
    ruling: str
    refused: str

    @classmethod
    def of(cls, number: int, text: str, answer: dict[str, Any]) -> AnswerRow:
        """From the stored document."""
        likely = answer["levels"].get("10", ())
        code = likely[0]["code"] if likely else ""
        official = answer["official"].get(code)
        leaf = official["path"][-1] if official else {"ko": "", "en": ""}
        return cls(
            number=number,
            text=text,
            written=str(HsCode(code)) if code else "",
            code=code,
            percent=percent(likely[0]["probability"]) if likely else "",
            ko=leaf["ko"],
            en=leaf["en"],
            ruling=answer["rulings"][0]["text"] if answer["rulings"] else "",
            refused=answer["refused"]["reason"] if answer["refused"] else "",
        )


@dataclass(frozen=True, kw_only=True)
class ListPage(Page):
    """One list: a draft with its first rows, or how far it is with its first answers."""

    template: ClassVar[str] = "broker/list.html"
    goods: GoodsList
    time: str
    header: tuple[str, ...]
    preview: tuple[list[str], ...]
    text_column: str
    description_column: str
    answers: tuple[AnswerRow, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DossiersPage(Page):
    """One's own dossiers; more: the number to go on with."""

    template: ClassVar[str] = "broker/dossiers.html"
    dossiers: tuple[tuple[Dossier, str, str], ...]
    more: int | None


@dataclass(frozen=True, kw_only=True)
class DossierPage(Page):
    """One dossier, to be read and printed. entry: number and hash of its audit entry."""

    template: ClassVar[str] = "broker/dossier.html"
    dossier: Dossier
    time: str
    rows: tuple[DossierRow, ...]
    chosen: DossierRow
    entry: tuple[int, str] | None
    matches: bool


@dataclass(frozen=True)
class DossierRow:
    """A code of a dossier: what the model gave it, what the table said, how it was judged and why."""

    written: str
    percent: str
    verdict: str
    reason: str
    path: tuple[dict[str, Any], ...]
    status: str
    days: str
    rates: tuple[str, ...] | None

    @classmethod
    def every(cls, document: dict[str, Any]) -> Iterator[DossierRow]:
        """The chosen code first, then the others as they were suggested."""
        shares = {one["code"]: one["probability"] for one in document["suggestions"]["levels"].get("10", ())}
        rejected = {one["code"]: one["reason"] for one in document["rejected"]}
        chosen = document["chosen"]
        for code in dict.fromkeys([chosen["code"], *rejected, *document["codes"]]):
            known = document["codes"].get(code)
            own = (document["suggestions"]["official"] or {}).get(code)
            rates = known["rates"] if known else None
            validity = known["validity"] if known else {}
            yield cls(
                written=str(HsCode(code)),
                percent=percent(shares[code]) if code in shares else "",
                verdict="chosen"
                if code == chosen["code"]
                else "rejected"
                if code in rejected
                else "unjudged",
                reason=chosen["reason"] if code == chosen["code"] else rejected.get(code, ""),
                path=tuple(known["path"] if known else own["path"] if own else ()),
                status=validity.get("status", ""),
                days=f"{validity.get('valid_from') or '…'} – {validity.get('valid_to') or '…'}",
                rates=tuple(f"{r['name'] or r['kind']} {r['rate']}" for r in rates["rates"])
                if rates and rates["imported"]
                else None,
            )


def stamp(at: dt.datetime, zone: dt.tzinfo) -> str:
    """A time as the pages write it."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
