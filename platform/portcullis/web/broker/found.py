"""Suggestions as a page shows them: words, figures and days, in the order in which they are read."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from customs.errors import CustomsError, Problem
from customs.hs import HsCode
from customs.sentences import Language
from portcullis.batcher import Busy
from portcullis.broking.asked import Asked
from portcullis.broking.desks import Broking
from portcullis.codes import CodeDesk, NoTable
from portcullis.service import NoModel, NotFound
from portcullis.store.tariff import Tariff

_LEAST = 0.005  # of a code that is shown beside the first two
_MOST_RATES = 4
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Step:
    """A level of a path."""

    code: str
    written: str
    ko: str
    en: str


@dataclass(frozen=True)
class Official:
    """What the imported table says of a code, or the model's own where none was imported.

    status: valid, not_yet, ended, after_table, unknown; empty where only the model's table is known.
    rates: None if no file of rates was imported.
    """

    path: tuple[Step, ...]
    status: str
    sentence: str
    rates: tuple[tuple[str, str], ...] | None

    @property
    def leaf(self) -> Step:
        """The deepest level."""
        return self.path[-1]


@dataclass(frozen=True)
class Likely:
    """A suggested code; share: 0…1."""

    code: str
    written: str
    share: float
    percent: str
    rulings: int
    in_set: bool
    official: Official | None


@dataclass(frozen=True)
class Near:
    """A precedent; pieces: its text, each with whether the asked text has that word, too."""

    code: str
    written: str
    source: str
    percent: str
    pieces: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Parting:
    """What separates the two likeliest codes, and which fact would turn them."""

    best: str
    other: str
    best_branch: Step | None
    other_branch: Step | None
    decided_by: tuple[str, ...]
    would_change: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What became of asking.

    state: nothing (nothing was asked), likely, refused, busy, no_model or wrong. left_out: codes below half a
    percent. set: codes that hold the right one as often as `coverage` says. photo: None without a photo,
    empty where it was used, else why it was not. by_text: digits, code and share of what the text alone leads
    to, where it is another code.
    """

    state: str
    likely: tuple[Likely, ...] = ()
    left_out: int = 0
    set: tuple[str, ...] = ()
    coverage: str = ""
    near: tuple[Near, ...] = ()
    parting: Parting | None = None
    reason: str = ""
    questions: tuple[str, ...] = ()
    photo: str | None = None
    by_text: tuple[str, str, str] | None = None
    problems: tuple[Problem, ...] = ()
    seconds: int = 0


def found_of(broking: Broking, tariff: Tariff, asked: Asked, day: dt.date, language: Language) -> Found:
    """Ask, and put the answer into words; what is wrong is a state of the answer."""
    if not broking.suggesting.possible:
        return Found("no_model")
    if asked.empty:
        return Found("nothing")
    try:
        told = broking.suggesting(asked, language=language)
    except Busy as busy:
        return Found("busy", seconds=busy.seconds)
    except NoModel:
        return Found("no_model")
    except CustomsError as error:
        return Found("wrong", problems=error.problems)
    photo = None if told["photo"] is None else told["photo"]["reason"] or ""
    refused = told["refused"]
    if refused is not None:
        return Found("refused", reason=refused["reason"], questions=tuple(refused["questions"]), photo=photo)
    every = told["levels"]["10"]
    shown = [one for i, one in enumerate(every) if i < 2 or one["probability"] >= _LEAST]
    desk = CodeDesk.of_store(tariff)
    covered = broking.suggesting.coverage
    return Found(
        "likely",
        likely=tuple(
            Likely(
                code=one["code"],
                written=str(HsCode(one["code"])),
                share=one["probability"],
                percent=percent(one["probability"]),
                rulings=sum(near["code"] == one["code"] for near in told["rulings"]),
                in_set=any(one["code"].startswith(code) for code in told["set"]),
                official=official_of(desk, one["code"], day, language) or _own(told["official"][one["code"]]),
            )
            for one in shown
        ),
        left_out=len(every) - len(shown),
        set=tuple(str(HsCode(code)) for code in told["set"]),
        coverage="" if covered is None else f"{covered:.0%}",
        # a ruling binds, a past declaration does not: rulings first, each kind nearest first
        near=tuple(
            _near(one, asked.full) for one in sorted(told["rulings"], key=lambda r: r["source"] != "ruling")
        ),
        parting=_parting(told["separates"]),
        photo=photo,
        by_text=_by_text(told["photo"]),
    )


def official_of(desk: CodeDesk, code: str, day: dt.date, language: Language) -> Official | None:
    """A code as the imported table has it on a day; None where it does not."""
    try:
        shown = desk.show(code, on=day, language=language)
    except (NoTable, NotFound):
        return None
    if not shown["path"]:
        return None
    rates = shown["rates"]
    told = [(one["name"] or one["kind"], one["rate"]) for one in rates["rates"][:_MOST_RATES]]
    return Official(
        path=tuple(Step(e["code"], e["written"], e["ko"], e["en"]) for e in shown["path"]),
        status=shown["validity"]["status"],
        sentence=shown["validity"]["sentence"],
        rates=tuple(told) if rates["imported"] else None,
    )


def percent(share: float) -> str:
    """A share in words that never say none or all."""
    if share < 0.001:
        return "<0.1%"
    if share > 0.999:
        return ">99.9%"
    return f"{share:.1%}"


def _own(told: dict[str, Any] | None) -> Official | None:
    if told is None:
        return None
    return Official(tuple(_step(e) for e in told["path"]), "", "", None)


def _step(entry: dict[str, str]) -> Step:
    digits = entry["code"]
    written = str(HsCode(digits)) if len(digits) in (2, 4, 6, 8, 10) else digits
    return Step(digits, written, entry["ko"], entry["en"])


def _by_text(photo: dict[str, Any] | None) -> tuple[str, str, str] | None:
    other = None if photo is None else photo["by_text"]
    if other is None:
        return None
    return other["code"], str(HsCode(other["code"])), percent(other["probability"])


def _near(one: dict[str, Any], text: str) -> Near:
    said = {word.casefold() for word in _WORD.findall(text)}
    pieces = [(piece, piece.casefold() in said) for piece in re.split(r"(\w+)", one["text"][:300]) if piece]
    return Near(
        one["code"], str(HsCode(one["code"])), one["source"], f"{one['similarity']:.0%}", tuple(pieces)
    )


def _parting(told: dict[str, Any] | None) -> Parting | None:
    if told is None:
        return None
    best, other = (None if told[k] is None else _step(told[k]) for k in ("best_branch", "runner_up_branch"))
    return Parting(
        best=str(HsCode(told["best"])),
        other=str(HsCode(told["runner_up"])),
        best_branch=best,
        other_branch=other,
        decided_by=tuple(told["decided_by"]),
        would_change=tuple(told["would_change"]),
    )
