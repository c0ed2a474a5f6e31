"""What to keep an eye on: alerts, outcomes, drift and data quality. A route parses, asks a desk, renders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from customs.errors import CustomsError, InvalidValue, Problem
from fusion.policy import BANDS
from portcullis.alerting.reading import readable
from portcullis.api.access import Serving
from portcullis.api.alerts import MOST
from portcullis.api.watching import check_days
from portcullis.identity.permissions import PERMISSIONS
from portcullis.service import Service
from portcullis.store.alerts import AlertKind, StoredAlert
from portcullis.store.model_choices import Part as ModelPart
from portcullis.watching.window import RECENT, Window
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import AlertsFrame, ModelsFrame, Pages, ReadingFrame, Showing
from portcullis.web.watch.alerts import AlertRow, AlertRows, AlertsPage, choices_of, query_of
from portcullis.web.watch.outcomes import OutcomesPage, outcomes_page
from portcullis.web.watch.quality import (
    LENGTHS,
    Asked,
    DataPage,
    DriftPage,
    ModelsPage,
    PartState,
    VersionRow,
    data_page,
    drift_page,
    numbers_of_data,
    numbers_of_drift,
)

SHOWN = 100
_USUAL_DAYS = 90
_NEW = 200
router = APIRouter(include_in_schema=False)
PAGES: tuple[type[Page], ...] = (AlertsPage, OutcomesPage, DriftPage, DataPage, ModelsPage)
PARTS: tuple[type[Part], ...] = (AlertRows,)
Words = Annotated[list[str] | None, Query(max_length=20)]
Word = Annotated[str, Query(max_length=40)]


@router.get("/alerts")
def alerts(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: AlertsFrame,
    kind: Words = None,
    band: Words = None,
) -> Response:
    """The newest alerts; a script adds those that come."""
    store = service.alerting.alerts
    mine = readable(PERMISSIONS[frame.who.role])
    kinds, bands = _told(kind, band)
    after = store.head()  # before the list: what comes meanwhile is fetched behind it
    found = store.latest(SHOWN, readable(PERMISSIONS[frame.who.role], kinds), bands)
    choices = choices_of(tuple(mine), kinds, bands, frame.language)
    page = AlertsPage(
        frame=frame,
        rows=_rows(pages, frame, found),
        kinds=choices[0],
        bands=choices[1],
        filtered=bool(kinds or bands),
        after=max([after, *(one.number for one in found)]),
        query=query_of(kinds, bands),
        listened=" ".join(sorted(one.value for one in readable(PERMISSIONS[frame.who.role], kinds))),
    )
    return pages.show(request, page)


@router.get("/alerts/new")
def new_alerts(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: AlertsFrame,
    after: Annotated[int, Query(ge=0, le=MOST)],
    kind: Words = None,
    band: Words = None,
) -> Response:
    """Rows of the alerts behind a number, for the top of the list."""
    kinds, bands = _told(kind, band)
    found = service.alerting.alerts.page(after, _NEW, readable(PERMISSIONS[frame.who.role], kinds), bands)
    return pages.show(request, AlertRows(language=frame.language, rows=_rows(pages, frame, found)))


@router.get("/outcomes")
def outcomes(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: ReadingFrame,
    since: Word = "",
    until: Word = "",
    period: Word = "",
) -> Response:
    """What inspections brought: of the three months up to the latest outcome, unless another is asked for."""
    today = service.watching.quality.now().astimezone(pages.zone).date()
    today = min(service.watching.outcomes.newest_day() or today, today)
    if not (since or until or period):
        since = str(today - dt.timedelta(days=_USUAL_DAYS - 1))
    problems: tuple[Problem, ...] = ()
    try:
        asked = _day(since, "since"), _day(until, "until")
        check_days(*asked)
    except CustomsError as error:
        asked, problems = (None, None), error.problems
    found = service.watching.outcomes.figures(*asked)
    typed = (since, until) if problems else None
    page = outcomes_page(frame, found, asked, today, problems, typed)
    return pages.show(request, page, 422 if problems else 200)


@router.get("/quality")
def drift(
    request: Request, pages: Showing, service: Serving, frame: ModelsFrame, weeks: Word = "", until: Word = ""
) -> Response:
    """Drift of the checks and of what is declared."""
    desk = service.watching.quality
    window, asked = _window(service, weeks, until)
    found = desk.drift(window)
    new = {topic: desk.newcomers(topic, window) for topic in ("origin", "chapter", "importer")}
    numbers = numbers_of_drift(found, (one for _, some in new.values() for one in some))
    known = desk.examples(_shown(frame, numbers))
    return pages.show(request, drift_page(frame, asked, found, new, known))


@router.get("/quality/data")
def data(
    request: Request, pages: Showing, service: Serving, frame: ModelsFrame, weeks: Word = "", until: Word = ""
) -> Response:
    """Quality of the data that comes in."""
    desk = service.watching.quality
    window, asked = _window(service, weeks, until)
    found = desk.data(window)
    known = desk.examples(_shown(frame, numbers_of_data(found)))
    return pages.show(request, data_page(frame, asked, found, known, pages.zone))


@router.get("/quality/models")
def models(request: Request, pages: Showing, service: Serving, frame: ModelsFrame) -> Response:
    """Which models answer, and which weeks they judged."""
    live = service.models.all_versions
    rows = tuple(
        VersionRow(
            module=one.module,
            version=one.version,
            first=str(one.first),
            last=str(one.last),
            cases=one.cases,
            live=live.get(one.module) == one.version,
        )
        for one in service.watching.quality.versions()
    )
    parts = tuple(_part_state(service, pages, part) for part in ModelPart)
    return pages.show(request, ModelsPage(frame=frame, asked=None, parts=parts, versions=rows))


def _told(kinds: list[str] | None, bands: list[str] | None) -> tuple[tuple[AlertKind, ...], tuple[str, ...]]:
    """The filters of an address; a word that is none is left out, so an old link still shows something."""
    known = {kind.value for kind in AlertKind}
    told = tuple(AlertKind(word) for word in kinds or () if word in known)
    return told, tuple(band for band in bands or () if band in BANDS)


def _rows(pages: Pages, frame: Frame, found: list[StoredAlert]) -> tuple[AlertRow, ...]:
    may = frame.may("cases.read")
    return tuple(AlertRow.of(one, frame.language, pages.zone, cases=may) for one in reversed(found))


def _day(text: str, field: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidValue(f"got {text!r}", field=field, remedy="give a day such as 2025-04-30") from None


def _window(service: Service, weeks: str, until: str) -> tuple[Window, Asked]:
    """The window that an address asks for; what cannot be one is the usual one."""
    length = int(weeks) if weeks in map(str, LENGTHS) else LENGTHS[1]
    try:
        day = _day(until, "until")
        check_days(None, day)
    except CustomsError:
        day = None
    window = service.watching.quality.window(length, day)
    cases = window.count("case", "all", window.recent)
    return window, Asked.of(window.weeks, window.weeks[-RECENT], day, cases)


def _shown(frame: Frame, numbers: Iterable[int]) -> Iterable[int]:
    """Examples are cases: only for who may read them."""
    return numbers if frame.may("cases.read") else ()


def _part_state(service: Service, pages: Pages, part: ModelPart) -> PartState:
    state, choice = service.switchboard.state(part), service.choices.current(part)
    now = service.watching.quality.now()
    return PartState(
        part=part.value,
        set=state.name or "",
        since="" if choice is None else choice.at.astimezone(pages.zone).strftime("%Y-%m-%d %H:%M"),
        by="" if choice is None else choice.account or "",
        days=0 if choice is None else max((now - choice.at).days, 0),
        versions=tuple(sorted(state.models.all_versions.items())) if state.models is not None else (),
        problem=state.problem or "",
    )
