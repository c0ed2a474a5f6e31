"""`/v1/views`: saved views of the queue, one's own and those that others share."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from portcullis.api.access import ReadingCases, Serving
from portcullis.api.documents import Id, Text
from portcullis.api.problems import documented
from portcullis.api.queue_address import checked
from portcullis.store.saved_views import MAX_NAME, MAX_QUERY, View

router = APIRouter(prefix="/v1/views", tags=["queue"])


class ViewBody(BaseModel):
    """A name for a filter. query: as it stands in the address of the queue, without `?`."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[Text, Field(min_length=1, max_length=MAX_NAME)]
    query: Annotated[Text, Field(max_length=MAX_QUERY)]
    shared: bool = False
    is_default: bool = False


class ViewDocument(BaseModel):
    """A saved view; is_default: the owner's queue begins with it."""

    model_config = ConfigDict(extra="forbid")
    id: str
    name: str
    query: str
    shared: bool
    is_default: bool
    owner: str
    at: dt.datetime

    @classmethod
    def of(cls, view: View) -> ViewDocument:
        """From the store."""
        return cls(**vars(view))


class ViewsDocument(BaseModel):
    """Saved views."""

    items: list[ViewDocument]


@router.get("", responses=documented(401, 403))
def views(service: Serving, account: ReadingCases) -> ViewsDocument:
    """One's own by name, then what others share."""
    return ViewsDocument(items=[ViewDocument.of(view) for view in service.views.of(account)])


@router.put("", responses=documented(400, 401, 403, 422))
def save(service: Serving, account: ReadingCases, body: ViewBody) -> ViewDocument:
    """Keep a filter under a name; one's own view of that name is replaced."""
    checked(parse_qsl(body.query, keep_blank_values=True))
    view = service.views.save(account, body.name, body.query, shared=body.shared, is_default=body.is_default)
    return ViewDocument.of(view)


@router.delete("/{view_id}", status_code=204, responses=documented(401, 403, 404, 422))
def delete(service: Serving, account: ReadingCases, view_id: Id) -> Response:
    """Delete one's own view."""
    service.views.delete(account, view_id)
    return Response(status_code=204)
