"""`/v1/hs/suggestions`: codes for a name or description, a photo, or both."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from portcullis.api.access import Serving, Speaking, SuggestingCodes
from portcullis.api.problems import documented
from portcullis.api.told import PHOTO_PART, Telling, model_of, two_bodies
from portcullis.service import MAX_SUGGESTION_TEXT, MAX_SUGGESTIONS

router = APIRouter(prefix="/v1/hs", tags=["hs"])


class Wanted(BaseModel):
    """What to suggest codes for."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(max_length=MAX_SUGGESTION_TEXT)
    top: int = Field(default=5, ge=1, le=MAX_SUGGESTIONS)


class Likely(BaseModel):
    """A code and how probable it is."""

    code: str
    probability: float


class Ruling(BaseModel):
    """A precedent near the text."""

    text: str
    code: str
    source: str
    similarity: float


class Refused(BaseModel):
    """Why nothing is suggested, and what to ask."""

    reason: str
    questions: list[str]


class Worded(BaseModel):
    """A code, or a group of codes, with its official wording; empty where the table has none."""

    code: str
    ko: str
    en: str


class Official(BaseModel):
    """What the official table says of a code, chapter first; days as the table has them."""

    path: list[Worded]
    valid_from: date | None
    valid_to: date | None


class Separates(BaseModel):
    """What separates the likeliest code from the runner-up.

    common: the deepest code above both. decided_by: words that speak most for the likeliest.
    would_change: facts that, added to the text, would make the runner-up's branch the likelier.
    """

    best: str
    runner_up: str
    common: str | None
    best_branch: Worded | None
    runner_up_branch: Worded | None
    decided_by: list[str]
    would_change: list[str]


class PhotoUsed(BaseModel):
    """Whether the suggestions rest on the photo; reason: why not.

    by_text: the likeliest code of the text alone, where it is another.
    """

    used: bool
    reason: str | None
    by_text: Likely | None


class Suggested(BaseModel):
    """Codes at each level ("2", "4", "6", "10"), best first.

    set: the codes that hold the right one at the calibrated rate. official: of every ten-digit code
    suggested; null where the model's table does not have it. photo: null where none was sent.
    """

    levels: dict[str, list[Likely]]
    set: list[str]
    rulings: list[Ruling]
    official: dict[str, Official | None]
    separates: Separates | None
    refused: Refused | None
    photo: PhotoUsed | None


@router.post(
    "/suggestions",
    response_model=Suggested,
    responses=documented(400, 401, 403, 413, 422, 429, 503),
    openapi_extra=two_bodies(
        Wanted, {"text": {"type": "string"}, "top": {"type": "integer"}, "photo": PHOTO_PART}, ()
    ),
)
def suggestions(
    service: Serving, account: SuggestingCodes, told: Telling, language: Speaking
) -> dict[str, Any]:
    """Likely codes with the nearest rulings, or why there are none and what to ask; nothing is stored.

    JSON with a text; or a form with a text, a photo, or both.
    """
    if told.json is not None:
        wanted = model_of(Wanted, told.json)
        return service.suggest(wanted.text, wanted.top, language)
    told.require_only("text", "top", "photo")
    wanted = model_of(Wanted, {"text": told.one("text"), "top": told.one("top") or 5})
    return service.suggest(wanted.text, wanted.top, language, told.photo)
