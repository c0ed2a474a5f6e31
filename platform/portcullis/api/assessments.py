"""`/v1/assessments`: hand a consignment in, read its report and pictures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from portcullis.api.access import Assessing, ReadingCases, Serving, Speaking
from portcullis.api.documents import AssessmentDocument, Id
from portcullis.api.problems import documented
from portcullis.api.upload import REQUEST_BODY, Gone, Uploaded
from portcullis.report import assessment_document

router = APIRouter(prefix="/v1/assessments", tags=["assessments"])
# what an assessment shows never changes
_KEEP = {"Cache-Control": "private, max-age=86400, immutable"}
_PICTURE: dict[str, Any] = {
    "response_class": Response,
    "responses": {200: {"content": {"image/png": {}}}, **documented(401, 403, 404, 422)},
}


@router.post(
    "",
    status_code=201,
    response_model=AssessmentDocument,
    responses=documented(400, 401, 403, 413, 422, 429),
    openapi_extra=REQUEST_BODY,
)
def add(
    service: Serving,
    account: Assessing,
    upload: Uploaded,
    gone: Gone,
    language: Speaking,
    response: Response,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> dict[str, Any]:
    """Judge a consignment and store the report; the same Idempotency-Key stores it once."""
    found = service.assess(upload, account, idempotency_key, gone)
    response.headers["Location"] = f"/v1/assessments/{found.id}"
    return assessment_document(found, language)


@router.get("/{assessment_id}", response_model=AssessmentDocument, responses=documented(401, 403, 404, 422))
def get(service: Serving, account: ReadingCases, assessment_id: Id, language: Speaking) -> dict[str, Any]:
    """A stored assessment."""
    return assessment_document(service.assessment(assessment_id), language)


@router.get("/{assessment_id}/scan", **_PICTURE)
def scan(service: Serving, account: ReadingCases, assessment_id: Id) -> Response:
    """The scan as an 8-bit preview."""
    return Response(service.scan_picture(assessment_id), media_type="image/png", headers=_KEEP)


@router.get("/{assessment_id}/heatmap", **_PICTURE)
def heatmap(service: Serving, account: ReadingCases, assessment_id: Id) -> Response:
    """Where the scan is odd, as a transparent picture of the same size."""
    return Response(service.heatmap_picture(assessment_id), media_type="image/png", headers=_KEEP)


@router.get("/{assessment_id}/photo", **_PICTURE)
def photo(service: Serving, account: ReadingCases, assessment_id: Id) -> Response:
    """The product photo, encoded anew."""
    return Response(service.photo_picture(assessment_id), media_type="image/png", headers=_KEEP)
