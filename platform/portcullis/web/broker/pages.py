"""For brokers: suggestions, the table of codes, many goods at once, dossiers."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from customs.errors import CustomsError, Problem
from portcullis.api.access import Serving
from portcullis.api.documents import Id
from portcullis.api.problems import headers_of, status_of
from portcullis.api.told import Telling, Told
from portcullis.broking.asked import Asked
from portcullis.codes import CodeDesk, NoTable
from portcullis.service import Service
from portcullis.web.broker import lists
from portcullis.web.broker.contexts import (
    BrowsePage,
    CodePage,
    CodesPage,
    DossierPage,
    DossierRow,
    DossiersPage,
    ListPage,
    ManyPage,
    SuggestionsPart,
    stamp,
)
from portcullis.web.broker.forms import asked_of, choice_of, judged_of, told_by
from portcullis.web.broker.found import Found, found_of
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import Pages, Showing, SuggestingFrame

router = APIRouter(include_in_schema=False)
PAGES: tuple[type[Page], ...] = (
    CodesPage,
    BrowsePage,
    CodePage,
    ManyPage,
    ListPage,
    DossiersPage,
    DossierPage,
)
PARTS: tuple[type[Part], ...] = (SuggestionsPart,)


@router.get("/codes")
def codes(request: Request, pages: Showing, service: Serving, frame: SuggestingFrame) -> Response:
    """Facts and suggestions; the address may hold the facts."""
    told = told_by(request.query_params)
    asked, found = _ask(told, service, pages, frame)
    return pages.show(
        request,
        CodesPage(
            frame=frame, text=told.one("text"), answers=asked.answers, found=found, choice=choice_of(told)
        ),
    )


@router.post("/codes/suggestions")
def suggestions(
    request: Request, pages: Showing, service: Serving, frame: SuggestingFrame, told: Telling
) -> Response:
    """The answer to what is typed, as a piece of the page."""
    _, found = _ask(told, service, pages, frame)
    return pages.show(request, SuggestionsPart(language=frame.language, found=found, choice=choice_of(told)))


@router.get("/codes/browse")
def browse(request: Request, pages: Showing, service: Serving, frame: SuggestingFrame) -> Response:
    """The table in columns down to what is open, or what a search found."""
    desk = CodeDesk.of_store(service.tariff)
    query, under = (request.query_params.get(name, "").strip()[:200] for name in ("query", "under"))
    found: dict[str, Any] = {"hits": (), "total": 0, "note": None}
    columns: list[tuple[tuple[dict[str, Any], ...], str]] = []
    problems: tuple[Problem, ...] = ()
    imported = True
    try:
        if query:
            found = desk.search(query, limit=50, language=frame.language)
        else:
            path = [entry["code"] for entry in desk.browse(under)["path"]] if under else []
            for at, below in zip([None, *path], [*path, ""], strict=True):
                below_it = tuple(desk.browse(at)["children"])
                if below_it:
                    columns.append((below_it, below))
    except NoTable:
        imported = False
    except CustomsError as error:
        problems = error.problems
    page = BrowsePage(
        frame=frame,
        query=query,
        hits=tuple(found["hits"]),
        total=found["total"],
        note=found["note"],
        columns=tuple(columns),
        imported=imported,
        problems=problems,
    )
    return pages.show(request, page)


router.include_router(lists.router)


@router.get("/codes/dossiers")
def dossiers(request: Request, pages: Showing, service: Serving, frame: SuggestingFrame) -> Response:
    """One's own dossiers, newest first."""
    before = request.query_params.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    rows, more = service.broking.dossiers.dossiers.page(frame.who, number)
    shown = tuple((one, stamp(one.created_at, pages.zone), _written(one.chosen)) for one in rows)
    return pages.show(request, DossiersPage(frame=frame, dossiers=shown, more=more))


@router.post("/codes/dossiers")
def write_dossier(
    request: Request, pages: Showing, service: Serving, frame: SuggestingFrame, told: Telling
) -> Response:
    """Write a dossier; what is wrong is said beside the codes, and nothing typed is lost."""
    choice = choice_of(told)
    try:
        asked = asked_of(told)
        chosen, rejected = judged_of(choice)
        made = service.broking.dossiers.write(
            asked, chosen, rejected, frame.who, day=_today(service, pages), language=frame.language
        )
    except CustomsError as error:
        known, found = _ask(told, service, pages, frame)
        page = CodesPage(
            frame=frame,
            text=told.one("text"),
            answers=known.answers,
            found=found,
            choice=choice,
            problems=error.problems,
            photo_lost=bool(told.files),
        )
        answer = pages.show(request, page, status_of(error))
        answer.headers.update(headers_of(error))
        return answer
    return RedirectResponse(f"/codes/dossiers/{made.id}", 303)


@router.get("/codes/dossiers/{dossier_id}")
def dossier(
    request: Request, pages: Showing, service: Serving, frame: SuggestingFrame, dossier_id: Id
) -> Response:
    """One dossier, to be read and printed."""
    desk = service.broking.dossiers
    found = desk.get(dossier_id, frame.who)
    rows = tuple(DossierRow.every(found.document))
    entry = desk.dossiers.entry(found.id)
    page = DossierPage(
        frame=frame,
        dossier=found,
        time=stamp(found.created_at, pages.zone),
        rows=rows[1:],
        chosen=rows[0],
        entry=None if entry is None else (entry.number, entry.hash),
        matches=entry is not None and entry.values.get("sha256") == found.digest,
    )
    return pages.show(request, page)


@router.get("/codes/{code}")
def code(request: Request, pages: Showing, service: Serving, frame: SuggestingFrame, code: str) -> Response:
    """One code with all that is known of it."""
    desk = CodeDesk.of_store(service.tariff)
    day = _today(service, pages)
    edition = request.query_params.get("edition") or None
    shown = desk.show(code, on=day, edition=edition, language=frame.language)
    rulings = service.broking.suggesting.rulings(shown["code"])
    source = service.tariff.source()
    page = CodePage(
        frame=frame,
        code=shown,
        rulings=None if rulings is None else tuple(rulings),
        before=tuple((_written(old), edition) for old, edition in desk.earlier(shown["code"])),
        day=day.isoformat(),
        table_file="" if source is None else str(source["file"]),
    )
    return pages.show(request, page)


def _ask(told: Told, service: Service, pages: Pages, frame: Frame) -> tuple[Asked, Found]:
    """The facts and what they lead to; facts that cannot be read are answered without a guess."""
    try:
        asked = asked_of(told)
    except CustomsError as error:
        return Asked(""), Found("wrong", problems=error.problems)
    day = _today(service, pages)
    return asked, found_of(service.broking, service.tariff, asked, day, frame.language)


def _today(service: Service, pages: Pages) -> dt.date:
    """The day where the office is."""
    return service.audit.now().astimezone(pages.zone).date()


def _written(digits: str) -> str:
    from customs.hs import HsCode

    return str(HsCode(digits)) if len(digits) in (2, 4, 6, 8, 10) else digits
