"""`/`: everybody begins where their work is."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from portcullis.web.frame import HOMES, Page, Part
from portcullis.web.pages import Visitor

router = APIRouter(include_in_schema=False)
PAGES: tuple[type[Page], ...] = ()
PARTS: tuple[type[Part], ...] = ()


@router.get("/")
def home(account: Visitor) -> Response:
    """To the first page of the visitor's role."""
    return RedirectResponse(HOMES[account.role], 303)
