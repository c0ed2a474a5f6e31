"""`/v1/hs/dossiers`: why a code was chosen, written once; each account reads its own."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from customs.hs import HsCode
from portcullis.api.access import Serving, Speaking, SuggestingCodes
from portcullis.api.documents import Id, Text
from portcullis.api.problems import documented
from portcullis.api.told import PHOTO_PART, Telling, model_of, two_bodies
from portcullis.broking.asked import LONGEST_ANSWER, LONGEST_QUESTION, MAX_ANSWERS, Answer, Asked
from portcullis.broking.dossier_desk import LONGEST_REASON, MOST_REJECTED, Judged
from portcullis.service import MAX_SUGGESTION_TEXT
from portcullis.store.dossiers import Dossier

router = APIRouter(prefix="/v1/hs/dossiers", tags=["hs"])


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AddedFact(_Document):
    """A fact that was added to the text; question: what it answers, empty if nothing asked for it."""

    question: Text = Field(default="", max_length=LONGEST_QUESTION)
    answer: Text = Field(max_length=LONGEST_ANSWER)


class JudgedCode(_Document):
    """A code and why it was chosen or rejected."""

    code: Text = Field(max_length=20)
    reason: Text = Field(max_length=LONGEST_REASON)


class NewDossier(_Document):
    """The facts, the ten-digit code that was chosen, and those that were rejected."""

    text: Text = Field(default="", max_length=MAX_SUGGESTION_TEXT)
    answers: list[AddedFact] = Field(default_factory=list, max_length=MAX_ANSWERS)
    chosen: JudgedCode
    rejected: list[JudgedCode] = Field(default_factory=list, max_length=MOST_REJECTED)


class DossierDocument(_Document):
    """A dossier as it was written.

    document: facts, suggestions with their probabilities, what the table said of each code on the day, the
    chosen and the rejected codes with the reasons, and the sources. digest: what the audit log vouches for.
    """

    id: str
    created_at: dt.datetime
    account: str
    title: str
    chosen: str
    photo: str | None
    digest: str
    document: dict[str, Any]


class DossierPage(_Document):
    """One's own dossiers, newest first; next: the cursor of the next page, null on the last."""

    items: list[DossierDocument]
    next: str | None


@router.post(
    "",
    status_code=201,
    responses=documented(400, 401, 403, 413, 422, 429, 503),
    openapi_extra=two_bodies(
        NewDossier,
        {"dossier": {"type": "string", "description": "the JSON document"}, "photo": PHOTO_PART},
        ("dossier",),
    ),
)
def write(
    service: Serving, account: SuggestingCodes, told: Telling, language: Speaking, response: Response
) -> DossierDocument:
    """Ask the models once more, and keep their answer with the choice; JSON, or a form with a photo."""
    if told.json is None:
        told.require_only("dossier", "photo")
    new = model_of(NewDossier, told.one("dossier").encode() if told.json is None else told.json)
    answers = tuple(Answer(a.question, a.answer) for a in new.answers)
    found = service.broking.dossiers.write(
        Asked(new.text, answers, told.photo),
        _judged(new.chosen),
        [_judged(one) for one in new.rejected],
        account,
        day=service.audit.now().astimezone(ZoneInfo(service.settings.time_zone)).date(),
        language=language,
    )
    response.headers["Location"] = f"/v1/hs/dossiers/{found.id}"
    return _document(found)


@router.get("", responses=documented(401, 403, 422))
def page(
    service: Serving,
    account: SuggestingCodes,
    cursor: Annotated[str | None, Query(pattern=r"^[1-9][0-9]{0,8}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DossierPage:
    """One's own dossiers, newest first."""
    before = None if cursor is None else int(cursor)
    found, more = service.broking.dossiers.dossiers.page(account, before, limit)
    return DossierPage(items=[_document(one) for one in found], next=None if more is None else str(more))


@router.get("/{dossier_id}", responses=documented(401, 403, 404, 422))
def get(service: Serving, account: SuggestingCodes, dossier_id: Id) -> DossierDocument:
    """One of one's own dossiers."""
    return _document(service.broking.dossiers.get(dossier_id, account))


@router.get(
    "/{dossier_id}/photo",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, **documented(401, 403, 404, 422)},
)
def photo(service: Serving, account: SuggestingCodes, dossier_id: Id) -> Response:
    """The photo of a dossier as PNG."""
    return Response(service.broking.dossiers.photo(dossier_id, account), media_type="image/png")


def _judged(one: JudgedCode) -> Judged:
    return Judged(HsCode.parse(one.code), one.reason)


def _document(found: Dossier) -> DossierDocument:
    return DossierDocument(
        id=found.id,
        created_at=found.created_at,
        account=found.account,
        title=found.title,
        chosen=found.chosen,
        photo=found.photo,
        digest=found.digest,
        document=found.document,
    )
