"""Imports of official files, each with its repair report; a file can be looked at before it is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from customs.errors import CustomsError, Problem
from portcullis.api.access import Serving
from portcullis.api.imports import imported
from portcullis.api.problems import status_of
from portcullis.importing import MAPPED, Kind
from portcullis.service import NotFound
from portcullis.store.imports import Import, Looked
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import ImportFrame, Pages, Showing

MOST, EXAMPLES = 30, 30
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ImportRow:
    """One import of the list; new: empty where it was not counted then."""

    id: int
    kind: str
    file: str
    when: str
    by: str
    read: str
    repaired: str
    refused: str
    stored: str
    new: str
    digest: str


@dataclass(frozen=True)
class Remark:
    """A row that was repaired or refused."""

    line: int
    field: str
    got: str
    reason: str
    refused: bool


@dataclass(frozen=True)
class Report:
    """A repair report; examples: the first remarks, refused ones first; rest: how many are not shown."""

    read: int
    repaired: int
    refused: int
    notes: tuple[str, ...]
    reasons: tuple[tuple[str, int], ...]
    examples: tuple[Remark, ...]
    rest: int

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Report:
        """From a report as it is kept."""
        remarks = sorted(kept["remarks"], key=lambda r: (not r["refused"], r["line"]))
        shown = tuple(Remark(**one) for one in remarks[:EXAMPLES])
        return cls(
            read=kept["read"],
            repaired=kept["repaired"],
            refused=kept["refused"],
            notes=tuple(kept["notes"]),
            reasons=tuple(sorted(kept["reasons"].items(), key=lambda reason: -reason[1])),
            examples=shown,
            rest=sum(kept["reasons"].values()) - len(shown),
        )


@dataclass(frozen=True, kw_only=True)
class ImportsPage(Page):
    """The form, what a look at a file found, and earlier imports. earlier: of the very same file.

    wrong: field of the form → a key of `wrong_words`; problems: what the reader says of a file.
    """

    template: ClassVar[str] = "admin/imports.html"
    kinds: tuple[str, ...]
    mapped: tuple[str, ...]
    imports: tuple[ImportRow, ...]
    more: int | None
    most_mb: int
    kind: str = ""
    columns: str = ""
    report: Report | None = None
    file: str = ""
    earlier: ImportRow | None = None
    wrong: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LookedPart(Part):
    """What a look at a file found."""

    template: ClassVar[str] = "admin/looked.html"
    report: Report | None
    file: str
    earlier: ImportRow | None
    wrong: Mapping[str, str]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True)
class ImportPage(Page):
    """One import with its report, where it was kept. earlier: the import of the same file before it."""

    template: ClassVar[str] = "admin/import.html"
    found: ImportRow
    report: Report | None
    earlier: ImportRow | None
    done: str = ""


PAGES: tuple[type[Page], ...] = (ImportsPage, ImportPage)
PARTS: tuple[type[Part], ...] = (LookedPart,)


@router.get("/admin/imports")
def imports(
    request: Request,
    pages: Showing,
    frame: ImportFrame,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """The page."""
    return pages.show(request, _page(pages, frame, before=before))


@router.post("/admin/imports")
def add(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: ImportFrame,
    kind: Annotated[str, Form(max_length=16)] = "",
    columns: Annotated[str, Form(max_length=4000)] = "",
    act: Annotated[str, Form(max_length=8)] = "look",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Read a file: only look at it, or store it. Runs outside the event loop; the file waits on disk."""
    mapping, wrong = _columns(columns)
    looked: Looked | None = None
    problems: tuple[Problem, ...] = ()
    status = 422
    if kind not in tuple(Kind):
        wrong["kind"] = "kind"
    elif mapping and kind not in MAPPED:
        wrong["columns"] = "fixed"
    if file is None or not file.filename:
        wrong["file"] = "file"
    elif not wrong:
        try:
            if act == "store":
                found = service.imports.take(Kind(kind), file.file, file.filename, mapping, frame.who)
                return RedirectResponse(f"/admin/imports/{found.id}?done=imported", 303)
            looked, status = service.imports.look(Kind(kind), file.file, file.filename, mapping), 200
        except CustomsError as error:
            problems, status = error.problems, status_of(error)
    name = (file.filename or "") if file is not None else ""
    report = None if looked is None else Report.of(looked.report)
    earlier = None if looked is None or looked.earlier is None else _row(pages, looked.earlier)
    if "hx-request" in request.headers:
        part = LookedPart(
            language=frame.language,
            report=report,
            file=name,
            earlier=earlier,
            wrong=wrong,
            problems=problems,
        )
        return pages.show(request, part)
    page = _page(
        pages,
        frame,
        kind=kind,
        columns=columns,
        report=report,
        file=name,
        earlier=earlier,
        wrong=wrong,
        problems=problems,
    )
    return pages.show(request, page, status)


@router.get("/admin/imports/{number}")
def one(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: ImportFrame,
    number: int,
    done: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """One import."""
    found = imported(service, number)
    earlier = service.imports.earlier(Kind(found.kind), found.sha256, before=found.id)
    page = ImportPage(
        frame=frame,
        found=_row(pages, found),
        report=None if found.report is None else Report.of(found.report),
        earlier=None if earlier is None else _row(pages, earlier),
        done=done,
    )
    return pages.show(request, page)


@router.get("/admin/imports/{number}/report.json")
def report(service: Serving, frame: ImportFrame, number: int) -> Response:
    """The whole report as it is kept."""
    found = imported(service, number)
    if found.report is None:
        raise NotFound("the report of this import was not kept", field="number", remedy="import it again")
    body = json.dumps(found.report, ensure_ascii=False, indent=1)
    name = f'attachment; filename="import-{number}.json"'
    return Response(body, media_type="application/json", headers={"Content-Disposition": name})


def _columns(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Our name of a column → theirs, from lines `ours=theirs`; and what is wrong with them."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        ours, equals, theirs = line.partition("=")
        if not equals or not ours.strip() or not theirs.strip():
            return {}, {"columns": "columns"}
        found[ours.strip()] = theirs.strip()
    return found, {}


def _page(
    pages: Pages,
    frame: Frame,
    *,
    before: int | None = None,
    kind: str = "",
    columns: str = "",
    report: Report | None = None,
    file: str = "",
    earlier: ImportRow | None = None,
    wrong: Mapping[str, str] | None = None,
    problems: tuple[Problem, ...] = (),
) -> ImportsPage:
    found = pages.service.imports.page(before, MOST + 1)
    return ImportsPage(
        frame=frame,
        kinds=tuple(Kind),
        mapped=tuple(MAPPED),
        imports=tuple(_row(pages, one) for one in found[:MOST]),
        more=found[MOST - 1].id if len(found) > MOST else None,
        most_mb=pages.service.settings.max_body_mb,
        kind=kind,
        columns=columns,
        report=report,
        file=file,
        earlier=earlier,
        wrong=wrong or {},
        problems=problems,
    )


def _row(pages: Pages, found: Import) -> ImportRow:
    return ImportRow(
        id=found.id,
        kind=found.kind,
        file=found.file,
        when=f"{found.at.astimezone(pages.zone):%Y-%m-%d %H:%M}",
        by=found.actor or "",
        read=f"{found.rows_read:,}",
        repaired=f"{found.rows_repaired:,}",
        refused=f"{found.rows_refused:,}",
        stored=f"{found.rows_stored:,}",
        new="" if found.rows_new is None else f"{found.rows_new:,}",
        digest=found.sha256,
    )
