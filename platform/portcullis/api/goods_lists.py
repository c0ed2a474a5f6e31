"""`/v1/hs/lists`: codes for a CSV file of goods, row by row; each account sees its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from portcullis.api.access import Serving, Speaking, SuggestingCodes
from portcullis.api.documents import Id, Text
from portcullis.api.problems import documented
from portcullis.broking.list_result import result_csv, result_jsonl
from portcullis.service import Service
from portcullis.store.accounts import Account
from portcullis.store.goods_lists import LONGEST_COLUMN, LONGEST_NAME, GoodsList, ListState

router = APIRouter(prefix="/v1/hs/lists", tags=["hs"])


class GoodsListDocument(BaseModel):
    """A list and how far it is. items: rows of the file; done: answered, the refused ones among them."""

    model_config = ConfigDict(extra="forbid")
    id: str
    name: str
    created_at: dt.datetime
    state: ListState
    columns: list[str]
    text_column: str | None
    description_column: str | None
    items: int
    done: int
    refused: int
    versions: dict[str, str] | None
    finished_at: dt.datetime | None
    reason: str | None


@router.post("", status_code=202, responses=documented(400, 401, 403, 413, 422, 429))
def submit(
    service: Serving,
    account: SuggestingCodes,
    response: Response,
    language: Speaking,
    file: Annotated[UploadFile, File(description="CSV with a header, UTF-8 or CP949")],
    text_column: Annotated[Text, Form(max_length=LONGEST_COLUMN)] = "",
    description_column: Annotated[Text, Form(max_length=LONGEST_COLUMN)] = "",
    name: Annotated[Text, Form(max_length=LONGEST_NAME)] = "",
) -> GoodsListDocument:
    """Keep a file; with `text_column` it is begun at once, without it waits as a draft for `start`."""
    desk = service.broking.lists
    data = file.file.read()
    found = desk.add(data, account, name=name or file.filename or "", language=language)
    if text_column:
        desk.start(found, account, text=text_column, description=description_column or None)
    response.headers["Location"] = f"/v1/hs/lists/{found.id}"
    return _document(service, found.id, account)


@router.get("", responses=documented(401, 403, 422))
def page(service: Serving, account: SuggestingCodes) -> list[GoodsListDocument]:
    """One's own fifty newest lists."""
    return [_document(service, one.id, account) for one in service.broking.lists.lists.of(account)]


@router.get("/{list_id}", responses=documented(401, 403, 404, 422))
def get(service: Serving, account: SuggestingCodes, list_id: Id) -> GoodsListDocument:
    """How far a list is."""
    return _document(service, list_id, account)


@router.post("/{list_id}/start", responses=documented(401, 403, 404, 409, 422))
def start(
    service: Serving,
    account: SuggestingCodes,
    list_id: Id,
    text_column: Annotated[Text, Form(max_length=LONGEST_COLUMN)],
    description_column: Annotated[Text, Form(max_length=LONGEST_COLUMN)] = "",
) -> GoodsListDocument:
    """Begin a draft, with the names of the goods in this column."""
    desk = service.broking.lists
    found = desk.get(list_id, account)
    desk.start(found, account, text=text_column, description=description_column or None)
    return _document(service, list_id, account)


@router.post("/{list_id}/{deed}", responses=documented(401, 403, 404, 409, 422))
def move(
    service: Serving, account: SuggestingCodes, list_id: Id, deed: Literal["pause", "resume", "cancel"]
) -> GoodsListDocument:
    """Pause it, go on, or end it for good; what is answered stays."""
    desk = service.broking.lists
    getattr(desk, deed)(desk.get(list_id, account), account)
    return _document(service, list_id, account)


@router.get(
    "/{list_id}/codes.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}, **documented(401, 403, 404, 422)},
)
def as_csv(service: Serving, account: SuggestingCodes, list_id: Id) -> StreamingResponse:
    """The file's own columns with the codes of the rows answered so far."""
    desk = service.broking.lists
    found = desk.get(list_id, account)
    return _download(result_csv(desk, found), found, "csv", "text/csv; charset=utf-8")


@router.get(
    "/{list_id}/codes.jsonl",
    response_class=Response,
    responses={200: {"content": {"application/jsonl": {}}}, **documented(401, 403, 404, 422)},
)
def as_jsonl(service: Serving, account: SuggestingCodes, list_id: Id) -> StreamingResponse:
    """A JSON line for each row answered so far, as `portcullis suggest` writes them."""
    desk = service.broking.lists
    found = desk.get(list_id, account)
    return _download(result_jsonl(desk, found), found, "jsonl", "application/jsonl")


def _download(pieces: Iterator[str], found: GoodsList, end: str, kind: str) -> StreamingResponse:
    disposition = {"Content-Disposition": f'attachment; filename="codes-{found.id}.{end}"'}
    return StreamingResponse(pieces, media_type=kind, headers=disposition)


def _document(service: Service, list_id: str, account: Account) -> GoodsListDocument:
    desk = service.broking.lists
    found = desk.get(list_id, account)
    return GoodsListDocument(
        id=found.id,
        name=found.name,
        created_at=found.created_at,
        state=found.state,
        columns=[name for name in desk.file(found).header if name],
        text_column=found.text_column,
        description_column=found.description_column,
        items=found.items,
        done=found.done,
        refused=found.refused,
        versions=found.versions,
        finished_at=found.finished_at,
        reason=found.reason,
    )
