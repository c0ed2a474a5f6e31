"""`/v1/imports`: official files into the store, each with its report of repairs and refusals."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, UploadFile
from pydantic import BaseModel, ConfigDict

from portcullis.api.access import ImportingData, Serving
from portcullis.api.problems import documented
from portcullis.importing import Kind
from portcullis.service import NotFound, Service
from portcullis.store.imports import Import, Looked

router = APIRouter(prefix="/v1/imports", tags=["imports"])


class ImportDocument(BaseModel):
    """An import. id: null of a file that was only looked at; report: counts by reason and first remarks."""

    model_config = ConfigDict(extra="forbid")
    id: int | None
    kind: str
    file: str
    at: dt.datetime | None
    by: str | None
    read: int
    repaired: int
    refused: int
    stored: int
    new: int | None
    same_as: int | None
    report: dict[str, Any] | None


class ImportsDocument(BaseModel):
    """Imports, newest first; next: give it as `before` for older ones."""

    model_config = ConfigDict(extra="forbid")
    imports: list[ImportDocument]
    next: int | None


@router.get("", responses=documented(401, 403, 422))
def imports(
    service: Serving,
    account: ImportingData,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ImportsDocument:
    """What was imported, without the reports."""
    found = service.imports.page(before, limit + 1)
    shown = found[:limit]
    rest = shown[-1].id if len(found) > limit else None
    return ImportsDocument(imports=[_document(one) for one in shown], next=rest)


@router.get("/{number}", responses=documented(401, 403, 404, 422))
def get(service: Serving, account: ImportingData, number: int) -> ImportDocument:
    """One import with its report."""
    return _document(imported(service, number))


@router.post("", status_code=201, responses=documented(400, 401, 403, 413, 422))
def add(
    service: Serving,
    account: ImportingData,
    kind: Annotated[Kind, Form()],
    file: Annotated[UploadFile, File(description="CSV (UTF-8 or CP949), XLSX, parquet or JSON lines.")],
    look_first: Annotated[bool, Form(description="Only read it, and store nothing.")] = False,
) -> ImportDocument:
    """Read an official file into the store: one transaction, and the same file twice changes nothing."""
    name = file.filename or ""
    if look_first:
        return _looked(service.imports.look(kind, file.file, name, {}))
    return _document(service.imports.take(kind, file.file, name, {}, account))


def imported(service: Service, number: int) -> Import:
    """An import by its number; a `NotFound` where there is none."""
    found = service.imports.get(number) if 0 < number < 2**31 else None
    if found is None:
        raise NotFound(f"there is no import {number}", field="number", remedy="see the list of imports")
    return found


def _document(found: Import) -> ImportDocument:
    return ImportDocument(
        id=found.id,
        kind=found.kind,
        file=found.file,
        at=found.at,
        by=found.actor,
        read=found.rows_read,
        repaired=found.rows_repaired,
        refused=found.rows_refused,
        stored=found.rows_stored,
        new=found.rows_new,
        same_as=None,
        report=None if found.report is None else dict(found.report),
    )


def _looked(found: Looked) -> ImportDocument:
    report = dict(found.report)
    return ImportDocument(
        id=None,
        kind=found.kind.value,
        file=report["source"],
        at=None,
        by=None,
        read=report["read"],
        repaired=report["repaired"],
        refused=report["refused"],
        stored=0,
        new=0,
        same_as=None if found.earlier is None else found.earlier.id,
        report=report,
    )
