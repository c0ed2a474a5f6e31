"""All rooms of the house of pages: their routes, and what their pages are given."""

from __future__ import annotations

from fastapi import FastAPI

from portcullis.web import home, pages, sign_in
from portcullis.web.account import pages as account
from portcullis.web.admin import hooks, imports, models, overview, people, policies, trail
from portcullis.web.broker import pages as broker
from portcullis.web.case import history
from portcullis.web.case import pages as case
from portcullis.web.desk import pages as desk
from portcullis.web.frame import Page, Part
from portcullis.web.queue import pages as queue
from portcullis.web.replay import pages as replay
from portcullis.web.watch import pages as watch

ADMIN = (overview, people, models, policies, imports, hooks, trail)
ROOMS = (home, sign_in, desk, case, history, broker, queue, replay, watch, *ADMIN, account)
PAGES: tuple[type[Page], ...] = (*pages.PAGES, *(page for room in ROOMS for page in room.PAGES))
PARTS: tuple[type[Part], ...] = tuple(part for room in ROOMS for part in room.PARTS)


def add_pages(app: FastAPI) -> None:
    """Add the pages, what they load and their errors to the application."""
    pages.add_errors(app)
    for room in ROOMS:
        app.include_router(room.router)
