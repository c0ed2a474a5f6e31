"""The queue of cases of the risk unit. A route parses, calls the service, renders."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from customs.errors import CustomsError
from customs.sentences import Language
from portcullis.api.access import Serving
from portcullis.api.queue import QueueQuery
from portcullis.api.queue_address import checked, checked_as, clean, lasting
from portcullis.api.queue_work import PlanQuery
from portcullis.identity.permissions import Permission
from portcullis.planning import MAX_PUBLISHED
from portcullis.report import check_label
from portcullis.store.queue import Page as CasePage
from portcullis.web.frame import Page, Part
from portcullis.web.pages import ReadingFrame, Showing
from portcullis.web.queue.choices import countries, country_name, kind_groups
from portcullis.web.queue.contexts import (
    BudgetPart,
    Chip,
    DisagreementsPage,
    QueuePage,
    ResultsPart,
    Row,
    RowsPart,
    Wrong,
)
from portcullis.web.queue.ranges import ranges
from portcullis.web.queue.sources import PAIRS, Disagreement

router = APIRouter(include_in_schema=False)
PAGES: tuple[type[Page], ...] = (QueuePage, DisagreementsPage)
PARTS: tuple[type[Part], ...] = (ResultsPart, RowsPart, BudgetPart)
Pairs = Sequence[tuple[str, str]]
_LISTS = ("origin", "departure", "kind", "band", "lane", "status")
_NONE = CasePage((), 0, None)


@router.get("/queue")
def queue(request: Request, pages: Showing, service: Serving, frame: ReadingFrame) -> Response:
    """The queue; to htmx only its results, with the address that shows the same."""
    given = request.query_params.multi_items()
    if not [name for name, _ in given if name != "lang"] and (view := service.views.default(frame.who)):
        return RedirectResponse(f"/queue?{view.query}", 303)
    pairs = lasting(given)
    problems: tuple[Wrong, ...] = ()
    found = _NONE
    try:
        wanted = checked(pairs)
        found = service.queue.page(wanted.filter(frame.who.name), order=wanted.order)
    except CustomsError as error:
        problems = Wrong.of(error, pairs)
    query = urlencode(pairs)
    rows = tuple(Row.of(row, frame.language) for row in found.rows)
    more = _more("/queue/rows", pairs, found.next)
    may_work = frame.may(Permission.WORK_CASES)
    chips = _chips(pairs, frame.language)
    if "hx-request" in request.headers:
        part = ResultsPart(
            language=frame.language,
            chips=chips,
            rows=rows,
            total=found.total,
            more=more,
            query=query,
            problems=problems,
            may_work=may_work,
        )
        answer = pages.show(request, part, 422 if problems else 200)
        answer.headers["HX-Push-Url"] = f"/queue?{query}" if query else "/queue?order=surprise"
        return answer
    values = dict(pairs)
    page = QueuePage(
        frame=frame,
        values={name: values.get(name, "") for name in QueueQuery.model_fields},
        chosen={name: tuple(v for n, v in pairs if n == name) for name in _LISTS},
        ranges=ranges(service.queue.days(), service.queue_today(pages.zone), pairs),
        countries=countries(service.queue.known("origin"), frame.language),
        departures=countries(service.queue.known("departure"), frame.language),
        kinds=kind_groups(frame.language),
        officers=service.officers(),
        views=tuple(service.views.of(frame.who)),
        selection=service.planning.selections.get(values.get("selection", "")),
        seed=secrets.randbelow(2**31),
        chips=chips,
        rows=rows,
        total=found.total,
        more=more,
        query=query,
        problems=problems,
        may_work=may_work,
    )
    return pages.show(request, page, 422 if problems else 200)


@router.get("/queue/rows")
def further(request: Request, pages: Showing, service: Serving, frame: ReadingFrame) -> Response:
    """The rows behind those that are shown."""
    pairs = clean(request.query_params.multi_items())
    wanted = checked(pairs)
    found = service.queue.page(wanted.filter(frame.who.name), order=wanted.order, cursor=wanted.cursor)
    part = RowsPart(
        language=frame.language,
        rows=tuple(Row.of(row, frame.language) for row in found.rows),
        more=_more("/queue/rows", lasting(pairs), found.next),
        may_work=frame.may(Permission.WORK_CASES),
    )
    return pages.show(request, part)


@router.get("/queue/budget")
def budget(request: Request, pages: Showing, service: Serving, frame: ReadingFrame) -> Response:
    """What a budget comes to among the open cases of the filter."""
    pairs = lasting(request.query_params.multi_items())
    problems: tuple[Wrong, ...] = ()
    plan, minutes = None, 0.0
    try:
        asked = checked_as(PlanQuery, pairs)
        minutes = asked.minutes
        plan = service.planning.plan(asked.filter(frame.who.name), asked.wish)
    except CustomsError as error:
        problems = Wrong.of(error, pairs)
    part = BudgetPart(
        language=frame.language,
        plan=plan,
        address=f"/v1/queue/selections?{urlencode(pairs)}",
        minutes=minutes,
        most=MAX_PUBLISHED,
        problems=problems,
        may_work=frame.may(Permission.WORK_CASES),
    )
    return pages.show(request, part, 422 if problems else 200)


@router.get("/queue/disagreements")
def disagreements(request: Request, pages: Showing, service: Serving, frame: ReadingFrame) -> Response:
    """Cases in which two sources do not agree, and what each source says."""
    asked = clean(request.query_params.multi_items())
    pair = next((value for name, value in asked if name == "pair" and value in PAIRS), None)
    pairs = [p for p in lasting(asked) if p[0] not in ("pair", "kind", "top_by")]
    kinds = list(PAIRS.values()) if pair is None else [PAIRS[pair]]
    cursor = [p for p in asked if p[0] == "cursor"]
    problems: tuple[Wrong, ...] = ()
    page, counts = _NONE, dict[str, int]()
    try:
        wanted = checked([*pairs, *(("kind", kind) for kind in kinds), *cursor])
        page = service.queue.page(
            wanted.filter(frame.who.name), order=wanted.order, limit=25, cursor=wanted.cursor
        )
        counts = service.queue.kinds(checked(pairs).filter(frame.who.name))
    except CustomsError as error:
        problems = Wrong.of(error, asked)
    own = pairs if pair is None else [*pairs, ("pair", pair)]
    shown = DisagreementsPage(
        frame=frame,
        pairs=tuple(
            (name, counts.get(kind, 0), _address("/queue/disagreements", [*pairs, ("pair", name)]))
            for name, kind in PAIRS.items()
        ),
        pair=pair,
        chips=_chips(pairs, frame.language, "/queue/disagreements"),
        query=urlencode(pairs or _ALL),
        problems=problems,
        cases=tuple(Disagreement.of(service.assessment(row.id), frame.language) for row in page.rows),
        total=page.total,
        more=_more("/queue/disagreements", own, page.next),
    )
    return pages.show(request, shown, 422 if problems else 200)


def _address(path: str, pairs: Pairs) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _more(path: str, pairs: Pairs, cursor: str | None) -> str | None:
    return None if cursor is None else _address(path, [*pairs, ("cursor", cursor)])


def _chips(pairs: Pairs, language: Language, path: str = "/queue") -> tuple[Chip, ...]:
    def said(name: str, value: str) -> str:
        if name in ("origin", "departure"):
            return country_name(value, language)
        if name == "kind":
            return check_label(value, language)
        return f"{100 * float(value):g} %" if name == "top" and _is_number(value) else value

    return tuple(
        Chip(name, said(name, value), _address(path, [p for p in pairs if p != (name, value)] or _ALL))
        for name, value in pairs
        if name not in ("order", "top_by")
    )


_ALL = [("order", "surprise")]  # an address without anything is that of one's default view


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
