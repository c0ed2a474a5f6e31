"""One's own account: password, logins, API keys."""

from __future__ import annotations

from fastapi import APIRouter

from portcullis.web.frame import Page, Part

router = APIRouter(include_in_schema=False)
PAGES: tuple[type[Page], ...] = ()
PARTS: tuple[type[Part], ...] = ()
