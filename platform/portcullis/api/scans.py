"""`/v1/assessments/{id}/scan/…`: a scan as numbers, what it should show, and the scans that look like it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from portcullis.api.access import ReadingCases, Serving, Speaking
from portcullis.api.documents import Id, ReferenceGroup, Sentence
from portcullis.api.packing import takes_gzip
from portcullis.api.past import OutcomeOfPast, outcome_document, sentence
from portcullis.api.problems import documented
from portcullis.insight.scans import Layer, Raster, ScanDesk, TypicalDensity
from portcullis.insight.similar import MOST_SIMILAR, Of, SimilarScan
from portcullis.store.assessments import Assessment

router = APIRouter(prefix="/v1/assessments", tags=["scans"])
MAX_PLANES = 16
_NUMBERS = "application/octet-stream"
# what a stored scan shows never changes: only a new edition of the encoding gives it another tag
_KEEP = {"Cache-Control": "private, max-age=86400, immutable", "Vary": "Accept-Encoding"}
_HEADERS = {
    "ETag": "The same for the same numbers.",
    "X-Rows": "Rows of numbers.",
    "X-Columns": "Numbers in a row.",
    "X-Type": "uint8 or uint16, little-endian, row by row from the upper left.",
    "X-Step": "What one step of a number is worth.",
    "X-Unit": "The unit of number times step; empty for a share.",
    "X-Box": "top,left,bottom,right: the pixels of the scan that the numbers cover.",
}
_RASTER: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {
            "description": "The numbers; gzip where it is accepted.",
            "content": {_NUMBERS: {"schema": {"type": "string", "format": "binary"}}},
            "headers": {
                name: {"description": said, "schema": {"type": "string"}} for name, said in _HEADERS.items()
            },
        },
        304: {"description": "If-None-Match names these numbers."},
        **documented(401, 403, 404, 422),
    },
}
Box = tuple[int, int, int, int]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)


class PlaneDocument(_Document):
    """One plane: its number, the name of its energy, and where its transmission is."""

    number: int
    energy: str
    href: str


class LayerDocument(_Document):
    """A layer measured at every pixel, and where it is."""

    layer: Layer
    href: str


class PlanesDocument(_Document):
    """A scan as a viewer needs to know it first.

    planes: lowest energy first. layers: areal density, where it is only a lower bound, share of steel.
    material: where the plane of effective atomic number or vendor's class is, null without one; heatmap:
    where the heat-map's own values are. pixel_pitch_m: vertical, horizontal; null if unknown. saturated:
    share of pixels without transmission. turned: what was done to set it upright; degraded: why measuring is
    limited. Boxes are top, left, bottom, right; motor: the cooling unit, null without one.
    """

    rows: int
    columns: int
    planes: list[PlaneDocument]
    layers: list[LayerDocument]
    material: str | None
    heatmap: str | None
    pixel_pitch_m: tuple[float, float] | None
    bit_depth: int
    view: str
    scanner: str | None
    saturated: float
    turned: list[str]
    degraded: list[str]
    container: Box
    cargo: Box
    motor: Box | None


class TypicalDocument(_Document):
    """Areal density of clean scans of a code, g/cm²: mean, and the range of nine in ten.

    group: the code, or the level above it that has enough scans; scans: how many.
    """

    hs: str
    group: str
    typical: float
    low: float
    high: float
    scans: int


class LikelyDensity(_Document):
    """A code that the density fits, with its probability; typical is null where it is not known."""

    hs: str | None
    probability: float
    typical: TypicalDocument | None


class ExpectedDensityDocument(_Document):
    """What the declared goods usually show against what was observed, areal density in g/cm².

    line: whose goods the scan shows, from 1; null for a mixed load. said: in words, also why nothing can be
    expected. observed, expected, p_value, reference: as the report has them, null where the check abstained.
    declared: what the model that is loaded knows of the code; null without a model, or without scans of it.
    """

    line: int | None
    hs: str | None
    unit: str
    observed: float | None
    expected: tuple[float, float] | None
    p_value: float | None
    reference: ReferenceGroup | None
    said: Sentence
    declared: TypicalDocument | None
    likely: list[LikelyDensity]
    model: str | None


class SimilarDocument(_Document):
    """A scan that looks alike.

    source: assessment, or reference of the model (a clean scan it learned from, without a picture here). id:
    of the assessment or the reference. distance: 0 is the same; similarity: 1 is the same, 0.5 two usual
    scans of one code. normal: a reference, found as declared, or of the clear band with nothing found.
    """

    source: str
    id: str
    href: str | None
    scan: str | None
    planes: str | None
    code: str
    importer: str
    date: dt.date | None
    distance: float
    similarity: float
    band: str | None
    outcome: OutcomeOfPast | None
    normal: bool


class SimilarScansDocument(_Document):
    """Scans that look alike, nearest first.

    match: the digits or the importer that they share with this scan; null for any, and for a mixed load.
    kind: of picture; only those of one kind are compared. searched: how many scans; waiting: stored ones that
    are not ready for the search yet: ask again.
    """

    of: Of
    match: str | None
    kind: str
    model: str
    searched: int
    waiting: int
    items: list[SimilarDocument]


@router.get("/{assessment_id}/scan/planes", responses=documented(401, 403, 404, 422))
def planes(service: Serving, account: ReadingCases, assessment_id: Id, response: Response) -> PlanesDocument:
    """Size, energies, pixel pitch and boxes of a scan, and where its numbers are."""
    found = service.assessment(assessment_id)
    about = service.insight.scans.planes(found)
    here = f"/v1/assessments/{found.id}"
    same = ("rows", "columns", "pixel_pitch_m", "bit_depth", "view", "scanner", "saturated", "turned")
    response.headers["Cache-Control"] = _KEEP["Cache-Control"]
    return PlanesDocument(
        **{name: getattr(about, name) for name in (*same, "degraded", "container", "cargo", "motor")},
        planes=[
            PlaneDocument(number=p.number, energy=p.energy, href=f"{here}/scan/planes/{p.number}")
            for p in about.planes
        ],
        layers=[LayerDocument(layer=each, href=f"{here}/scan/density?layer={each}") for each in Layer],
        material=f"{here}/scan/material" if about.material else None,
        heatmap=None if found.heatmap is None else f"{here}/heatmap/values",
    )


@router.get("/{assessment_id}/scan/planes/{number}", **_RASTER)
def plane(
    service: Serving,
    account: ReadingCases,
    request: Request,
    assessment_id: Id,
    number: Annotated[int, Path(ge=0, lt=MAX_PLANES)],
) -> Response:
    """Transmission of one plane as uint16: 0 nothing came through, 65535 everything; more is cut off."""
    found, desk = service.assessment(assessment_id), service.insight.scans
    return _answer(request, desk, found, f"plane{number}", lambda: desk.plane(found, number))


@router.get("/{assessment_id}/scan/material", **_RASTER)
def material(service: Serving, account: ReadingCases, request: Request, assessment_id: Id) -> Response:
    """Effective atomic number or vendor's class as uint16 in steps of 0.01, where the scanner gives it."""
    found, desk = service.assessment(assessment_id), service.insight.scans
    return _answer(request, desk, found, "material", lambda: desk.material(found))


@router.get("/{assessment_id}/scan/density", **_RASTER)
def density(
    service: Serving,
    account: ReadingCases,
    request: Request,
    assessment_id: Id,
    layer: Annotated[Layer, Query(description="What is measured.")] = Layer.AREAL,
) -> Response:
    """What the scan measures: areal density of everything in the beam as uint16 in steps of 0.01 g/cm²,
    where that is only a lower bound (uint8, 1), or the share of steel-like material (uint8, 255 is all).
    """
    found, desk = service.assessment(assessment_id), service.insight.scans
    return _answer(request, desk, found, layer.value, lambda: desk.density(found, layer))


@router.get("/{assessment_id}/heatmap/values", **_RASTER)
def oddness(service: Serving, account: ReadingCases, request: Request, assessment_id: Id) -> Response:
    """The heat-map's own values as uint8, 0 usual to 255 oddest; a coarse grid over its box."""
    found, desk = service.assessment(assessment_id), service.insight.scans
    return _answer(request, desk, found, "oddness", lambda: desk.oddness(found))


@router.get("/{assessment_id}/expected-density", responses=documented(401, 403, 404, 422))
def expected_density(
    service: Serving, account: ReadingCases, assessment_id: Id, language: Speaking
) -> ExpectedDensityDocument:
    """What the declared goods usually show against what was observed, and which codes the density fits."""
    found = service.insight.scans.expected_density(service.assessment(assessment_id))
    same = ("line", "hs", "observed", "expected", "p_value", "model")
    return ExpectedDensityDocument(
        **{name: getattr(found, name) for name in same},
        unit="g/cm²",
        reference=None if found.reference is None else ReferenceGroup(**found.reference.model_dump()),
        said=sentence(found.said, language),
        declared=_typical(found.declared),
        likely=[
            LikelyDensity(
                hs=None if other.hs is None else other.hs.digits,
                probability=other.probability,
                typical=_typical(typical),
            )
            for other, typical in found.likely
        ],
    )


@router.get("/{assessment_id}/similar-scans", responses=documented(401, 403, 404, 422, 503))
def similar(
    service: Serving,
    account: ReadingCases,
    assessment_id: Id,
    of: Of = Of.SAME_CODE,
    normal: Annotated[bool, Query(description="Only scans that are as they should be.")] = False,
    stored: Annotated[bool, Query(description="Only scans of cases, whose pictures are here.")] = False,
    limit: Annotated[int, Query(ge=1, le=MOST_SIMILAR)] = 10,
) -> SimilarScansDocument:
    """The nearest scans of earlier cases and of the model's references."""
    assessment = service.assessment(assessment_id)
    found = service.insight.similar.similar(assessment, of, limit=limit, normal=normal, stored=stored)
    same = ("of", "match", "kind", "model", "searched", "waiting")
    return SimilarScansDocument(
        **{name: getattr(found, name) for name in same}, items=[_similar(one) for one in found.scans]
    )


def _answer(
    request: Request, desk: ScanDesk, found: Assessment, what: str, make: Callable[[], Raster]
) -> Response:
    """The numbers, compressed where the client takes it; 304 where it has them, without working them out."""
    packs = takes_gzip(request.headers.get("accept-encoding", ""))
    tag = f'"{desk.tag(found, what)}{"-gzip" if packs else ""}"' if _there(found, what) else ""
    if tag and tag in [t.strip() for t in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers={**_KEEP, "ETag": tag})
    raster = make()
    headers = {
        **_KEEP,
        "ETag": tag,
        "X-Rows": str(raster.rows),
        "X-Columns": str(raster.columns),
        "X-Type": raster.dtype,
        "X-Step": repr(raster.step),
        "X-Unit": raster.unit.replace("²", "2"),
        "X-Box": ",".join(map(str, raster.box)),
    }
    if packs:
        headers["Content-Encoding"] = "gzip"
    return Response(desk.packed(raster) if packs else raster.data, media_type=_NUMBERS, headers=headers)


def _there(found: Assessment, what: str) -> bool:
    return (found.heatmap if what == "oddness" else found.scan) is not None


def _typical(found: TypicalDensity | None) -> TypicalDocument | None:
    return None if found is None else TypicalDocument.model_validate(found)


def _similar(one: SimilarScan) -> SimilarDocument:
    here = f"/v1/assessments/{one.id}" if one.source == "assessment" else None
    same = ("source", "id", "code", "importer", "date", "distance", "similarity", "band", "normal")
    return SimilarDocument(
        **{name: getattr(one, name) for name in same},
        href=here,
        scan=None if here is None else f"{here}/scan",
        planes=None if here is None else f"{here}/scan/planes",
        outcome=outcome_document(one.outcome),
    )
