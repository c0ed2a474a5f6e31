"""`/v1/batches`: hand in a file of many declarations, see how far it is, and what became of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, File, Form, Header, Query, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from portcullis.api.access import RunningBatches, Serving
from portcullis.api.documents import Id, Text
from portcullis.api.problems import documented
from portcullis.jobs.report import report_csv
from portcullis.store.batch_tables import LONGEST_NAME, BatchState, ItemState
from portcullis.store.batches import Batch, Item

router = APIRouter(prefix="/v1/batches", tags=["batches"])
_Cursor = Annotated[str | None, Query(pattern=r"^[1-9][0-9]{0,8}$")]
_MARK = "\ufeff"  # spreadsheets take a CSV file for UTF-8 only if it begins so


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChunkCounts(_Document):
    """Chunks of a batch: of those, done, and given up after three attempts."""

    total: int
    done: int
    failed: int


class ItemCounts(_Document):
    """Declarations of a batch, by what became of them; done: assessed, refused and failed together."""

    total: int
    done: int
    waiting: int
    assessed: int
    refused: int
    failed: int
    cancelled: int


class BatchDocument(_Document):
    """A batch and how far it is.

    kind: csv, jsonl or zip. rate: declarations a second since it began. expected_end: at that rate; null
    unless it is running.
    """

    id: str
    name: str
    account: str
    kind: str
    state: BatchState
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    items: ItemCounts
    chunks: ChunkCounts
    rate: float | None
    expected_end: dt.datetime | None


class BatchPage(_Document):
    """Batches, newest first; next: the cursor of the next page, null on the last."""

    items: list[BatchDocument]
    next: str | None


class ItemProblemDocument(_Document):
    """What is wrong; row: line of the file where it stands, or the number of the case in a ZIP."""

    row: int
    field: str | None
    problem: str
    remedy: str | None


class ItemDocument(_Document):
    """One declaration of a batch.

    row: line of the file on which it begins, or the number of the case in a ZIP; source: the case's folder
    there. refused is a fault of the file, failed one of the service. assessment: where it was assessed.
    """

    row: int
    source: str | None
    declaration_id: str
    state: ItemState
    problems: list[ItemProblemDocument]
    assessment: str | None
    band: str | None
    surprise: float | None


class ItemPage(_Document):
    """Items in the order of the file; next: the cursor of the next page, null on the last."""

    items: list[ItemDocument]
    next: str | None


@router.post("", status_code=202, responses=documented(400, 401, 403, 413, 422, 429))
def submit(
    service: Serving,
    account: RunningBatches,
    response: Response,
    file: Annotated[
        UploadFile,
        File(
            description="CSV with a row for each line of a declaration, JSON lines of declarations, or a ZIP "
            "with a folder for each case: declaration.json, scan… and photo…"
        ),
    ],
    name: Annotated[Text, Form(max_length=LONGEST_NAME)] = "",
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> BatchDocument:
    """Keep a file of declarations and have them judged; the same Idempotency-Key does it once.

    A declaration that cannot be read is refused by itself and is among the items; a file that cannot be read
    is refused whole.
    """
    data = file.file.read()
    found = service.board.submit(data, name=name or file.filename or "", account=account, key=idempotency_key)
    response.headers["Location"] = f"/v1/batches/{found.id}"
    return _document(found)


@router.get("", responses=documented(401, 403, 422))
def page(
    service: Serving,
    account: RunningBatches,
    cursor: _Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> BatchPage:
    """Batches of all accounts, newest first."""
    found, more = service.board.batches.page(None if cursor is None else int(cursor), limit)
    return BatchPage(items=[_document(one) for one in found], next=None if more is None else str(more))


@router.get("/{batch_id}", responses=documented(401, 403, 404, 422))
def get(service: Serving, account: RunningBatches, batch_id: Id) -> BatchDocument:
    """How far a batch is."""
    return _document(service.batch(batch_id))


@router.get("/{batch_id}/items", responses=documented(401, 403, 404, 422))
def items(
    service: Serving,
    account: RunningBatches,
    batch_id: Id,
    state: Annotated[ItemState | None, Query()] = None,
    cursor: _Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ItemPage:
    """What became of each declaration."""
    service.batch(batch_id)
    after = 0 if cursor is None else int(cursor)
    found, more = service.board.batches.items(batch_id, state=state, after=after, limit=limit)
    return ItemPage(items=[_item(one) for one in found], next=None if more is None else str(more))


@router.get(
    "/{batch_id}/report.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}, **documented(401, 403, 404, 422)},
)
def report(service: Serving, account: RunningBatches, batch_id: Id) -> StreamingResponse:
    """What became of each declaration as CSV: a row for each, and for each of its problems."""
    found = service.batch(batch_id)

    def written() -> Iterator[str]:
        yield _MARK
        yield from report_csv(service.board.batches.every_item(found.id))

    disposition = {"Content-Disposition": f'attachment; filename="batch-{found.id}.csv"'}
    return StreamingResponse(written(), media_type="text/csv; charset=utf-8", headers=disposition)


@router.post("/{batch_id}/cancel", responses=documented(401, 403, 404, 409, 422))
def cancel(service: Serving, account: RunningBatches, batch_id: Id) -> BatchDocument:
    """Do nothing more of a batch; what is done stays."""
    service.batch(batch_id)
    service.board.cancel(batch_id, account)
    return _document(service.batch(batch_id))


@router.post("/{batch_id}/resume", responses=documented(401, 403, 404, 409, 422))
def resume(service: Serving, account: RunningBatches, batch_id: Id) -> BatchDocument:
    """Try again all that failed in a batch that has ended."""
    service.batch(batch_id)
    service.board.resume(batch_id, account)
    return _document(service.batch(batch_id))


def _document(found: Batch) -> BatchDocument:
    return BatchDocument(
        id=found.id,
        name=found.name,
        account=found.account,
        kind=found.kind,
        state=found.state,
        created_at=found.created_at,
        started_at=found.started_at,
        finished_at=found.finished_at,
        items=ItemCounts(
            total=found.items,
            done=found.assessed + found.refused + found.failed,
            waiting=found.waiting,
            assessed=found.assessed,
            refused=found.refused,
            failed=found.failed,
            cancelled=found.cancelled,
        ),
        chunks=ChunkCounts(total=found.chunks, done=found.chunks_done, failed=found.chunks_failed),
        rate=found.rate,
        expected_end=found.expected_end,
    )


def _item(found: Item) -> ItemDocument:
    return ItemDocument(
        row=found.row,
        source=found.source,
        declaration_id=found.declaration_id,
        state=found.state,
        problems=[ItemProblemDocument(**problem.values) for problem in found.problems],
        assessment=found.assessment,
        band=found.band,
        surprise=found.surprise,
    )
