"""`/v1/hs/suggestions`: codes for a name or description."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from portcullis.api.access import Caller, Serving
from portcullis.api.problems import documented
from portcullis.service import MAX_SUGGESTION_TEXT, MAX_SUGGESTIONS

router = APIRouter(prefix="/v1/hs", tags=["hs"])


class Wanted(BaseModel):
    """What to suggest codes for."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(max_length=MAX_SUGGESTION_TEXT)
    top: int = Field(default=5, ge=1, le=MAX_SUGGESTIONS)


@router.post("/suggestions", responses=documented(401, 403, 413, 422))
def suggestions(service: Serving, caller: Caller, wanted: Wanted) -> dict[str, Any]:
    """Likely codes at each level, best first, with supporting rulings; or why not, and what to ask."""
    return service.suggest(wanted.text, wanted.top)
