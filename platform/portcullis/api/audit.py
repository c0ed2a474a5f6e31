"""`/v1/audit`: the log of who did what, in pages, and its head; `…/bundle`: all of one case, provable."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from portcullis.api.access import ReadingAudit, ReadingCases, Serving
from portcullis.api.documents import Id, Text
from portcullis.api.problems import documented
from portcullis.identity.secret import fingerprint, public_pem
from portcullis.store.audit import START

router = APIRouter(prefix="/v1", tags=["audit"])
_IN_MEMORY = 8 << 20  # a larger bundle waits on disk until it is sent
_BLOCK = 1 << 18


class EntryDocument(BaseModel):
    """One entry. details: what else it says; hash: over `previous` and the entry's own values."""

    model_config = ConfigDict(extra="forbid")
    number: int
    at: str
    actor: str
    action: str
    subject: str
    details: dict[str, Any]
    previous: str
    hash: str
    signature: str


class AuditDocument(BaseModel):
    """A page of the log, oldest first; next: `after` of the following page, null at the end."""

    model_config = ConfigDict(extra="forbid")
    entries: list[EntryDocument]
    next: int | None


class HeadDocument(BaseModel):
    """The newest entry: write it down elsewhere. 0 and zeros of an empty log. public_key: PEM."""

    model_config = ConfigDict(extra="forbid")
    number: int
    hash: str
    public_key: str
    fingerprint: str


class AuditQuery(BaseModel):
    """Which entries: behind number `after`, about one subject, of one action."""

    model_config = ConfigDict(extra="forbid")
    after: int = Field(default=0, ge=0, le=2**63 - 1)
    limit: int = Field(default=100, ge=1, le=1000)
    subject: Annotated[Text, Field(min_length=1, max_length=80)] | None = None
    action: Annotated[Text, Field(min_length=1, max_length=40)] | None = None


@router.get("/audit", responses=documented(401, 403, 422))
def page(service: Serving, account: ReadingAudit, query: Annotated[AuditQuery, Query()]) -> AuditDocument:
    """Entries of the audit log, oldest first."""
    found = service.audit.page(query.after, query.limit + 1, subject=query.subject, action=query.action)
    shown = found[: query.limit]
    return AuditDocument(
        entries=[EntryDocument(**{**vars(entry), "details": entry.values}) for entry in shown],
        next=shown[-1].number if len(found) > query.limit else None,
    )


@router.get("/audit/head", responses=documented(401, 403))
def head(service: Serving, account: ReadingAudit) -> HeadDocument:
    """The newest entry, and the key that signatures are checked with."""
    found = service.audit.head() or START
    key = service.audit.public_key
    return HeadDocument(
        number=found.number, hash=found.hash, public_key=public_pem(key), fingerprint=fingerprint(key)
    )


@router.get(
    "/assessments/{assessment_id}/bundle",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **documented(401, 403, 404, 422),
    },
)
def bundle(service: Serving, account: ReadingCases, assessment_id: Id) -> StreamingResponse:
    """All of a case in a ZIP that `portcullis audit verify-bundle` checks offline; the export is audited."""
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed when it has been sent
    try:
        service.bundle(assessment_id, account.name, file)
        size = file.tell()
    except BaseException:
        file.close()
        raise
    headers = {
        "Content-Disposition": f'attachment; filename="portcullis-{assessment_id}.zip"',
        "Content-Length": str(size),
    }
    return StreamingResponse(_sent(file), media_type="application/zip", headers=headers)


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while block := file.read(_BLOCK):
            yield block
