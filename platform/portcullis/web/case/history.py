"""What happened to a case and to ones like it: pieces of its page, fetched when they are looked at."""

from __future__ import annotations

from fastapi import APIRouter

from portcullis.web.frame import Page, Part

router = APIRouter(include_in_schema=False)
PAGES: tuple[type[Page], ...] = ()
PARTS: tuple[type[Part], ...] = ()
