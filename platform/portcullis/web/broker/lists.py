"""The pages of lists of goods: hand in a file, choose its column, see how far it is, take the result."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from customs.errors import CustomsError, Problem
from portcullis.api.access import Serving
from portcullis.api.documents import Id
from portcullis.api.problems import headers_of, status_of
from portcullis.api.told import Telling
from portcullis.broking.goods_file import MAX_ROWS
from portcullis.broking.list_desk import ListDesk
from portcullis.broking.list_result import result_csv, result_jsonl
from portcullis.service import NotFound
from portcullis.store.goods_lists import GoodsList, ListState
from portcullis.web.broker.contexts import AnswerRow, ListPage, ManyPage, stamp
from portcullis.web.frame import Frame
from portcullis.web.pages import Pages, Showing, SuggestingFrame

SHOWN = 50  # answers on the page; all are in the result
_DEEDS = ("pause", "resume", "cancel")
router = APIRouter(include_in_schema=False)


@router.get("/codes/many")
def many(request: Request, pages: Showing, service: Serving, frame: SuggestingFrame) -> Response:
    """One's own lists, and the form for another."""
    return pages.show(request, _many(service.broking.lists, pages, frame))


@router.post("/codes/many")
def add(
    request: Request, pages: Showing, service: Serving, frame: SuggestingFrame, told: Telling
) -> Response:
    """Keep a file; its columns are chosen on its own page."""
    desk = service.broking.lists
    try:
        file = told.file("file")
        if file is None:
            raise CustomsError("no file was chosen", field="file", remedy="choose a CSV file")
        made = desk.add(file[1], frame.who, name=file[0], language=frame.language)
    except CustomsError as error:
        answer = pages.show(request, _many(desk, pages, frame, error.problems), status_of(error))
        answer.headers.update(headers_of(error))
        return answer
    return RedirectResponse(f"/codes/many/{made.id}", 303)


@router.get("/codes/many/{list_id}")
def show(request: Request, pages: Showing, service: Serving, frame: SuggestingFrame, list_id: Id) -> Response:
    """One list."""
    desk = service.broking.lists
    return pages.show(request, _list(desk, pages, frame, desk.get(list_id, frame.who)))


@router.get("/codes/many/{list_id}/codes.csv")
def as_csv(service: Serving, frame: SuggestingFrame, list_id: Id) -> Response:
    """The result as a table."""
    desk = service.broking.lists
    found = desk.get(list_id, frame.who)
    headers = {"Content-Disposition": f'attachment; filename="codes-{found.id}.csv"'}
    return StreamingResponse(result_csv(desk, found), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/codes/many/{list_id}/codes.jsonl")
def as_jsonl(service: Serving, frame: SuggestingFrame, list_id: Id) -> Response:
    """The result as JSON lines."""
    desk = service.broking.lists
    found = desk.get(list_id, frame.who)
    headers = {"Content-Disposition": f'attachment; filename="codes-{found.id}.jsonl"'}
    return StreamingResponse(result_jsonl(desk, found), media_type="application/jsonl", headers=headers)


@router.post("/codes/many/{list_id}/{deed}")
def move(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: SuggestingFrame,
    told: Telling,
    list_id: Id,
    deed: str,
) -> Response:
    """Start a draft with its columns; pause, resume or cancel a list."""
    desk = service.broking.lists
    found = desk.get(list_id, frame.who)
    try:
        if deed == "start":
            text, other = told.one("text_column"), told.one("description_column")
            desk.start(found, frame.who, text=text, description=other or None)
        elif deed in _DEEDS:
            getattr(desk, deed)(found, frame.who)
        else:
            raise NotFound(f"there is no {deed!r}", field="deed", remedy=f"one of {', '.join(_DEEDS)}")
    except CustomsError as error:
        page = _list(desk, pages, frame, desk.get(list_id, frame.who), error.problems)
        return pages.show(request, page, status_of(error))
    return RedirectResponse(f"/codes/many/{found.id}", 303)


def _many(desk: ListDesk, pages: Pages, frame: Frame, problems: tuple[Problem, ...] = ()) -> ManyPage:
    found = tuple(desk.lists.of(frame.who))
    times = tuple(stamp(one.created_at, pages.zone) for one in found)
    return ManyPage(frame=frame, lists=found, times=times, most_rows=MAX_ROWS, problems=problems)


def _list(
    desk: ListDesk, pages: Pages, frame: Frame, found: GoodsList, problems: tuple[Problem, ...] = ()
) -> ListPage:
    file = desk.file(found)
    draft = found.state is ListState.DRAFT
    guessed = file.guess()
    at = None if found.text_column is None else file.column(found.text_column, "text_column")
    rows = [] if draft else [row for row, _ in zip(file.rows(), range(SHOWN), strict=False)]
    answers = () if draft else desk.lists.answers(found, limit=SHOWN)
    return ListPage(
        frame=frame,
        goods=found,
        time=stamp(found.created_at, pages.zone),
        header=file.header,
        preview=tuple(file.preview()) if draft else (),
        text_column=guessed[0],
        description_column=guessed[1],
        answers=tuple(
            AnswerRow.of(number + 1, row[at] if at is not None and at < len(row) else "", answer)
            for row, (number, _, answer) in zip(rows, answers, strict=False)
        ),
        problems=problems,
    )
