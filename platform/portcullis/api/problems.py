"""The one shape of every error: application/problem+json (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

from customs.errors import CustomsError, Problem, TooLarge
from portcullis.batcher import Busy
from portcullis.identity import KeyRefused, LoginRefused, TooManyFailures, TooManyRequests
from portcullis.service import NoModel, NotFound
from portcullis.store.casework import Conflict
from portcullis.store.saved_views import NoView
from portcullis.store.trouble import Trouble, reason_of, trouble_of

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("portcullis")
RETRY_SECONDS = 5
# What the store's trouble is to a visitor; nothing was stored in either case.
_TROUBLES = {
    Trouble.UNAVAILABLE: (503, "the store does not answer now", "send the same request again later"),
    Trouble.FULL: (507, "there is no room to store this", "tell an administrator: the disk is full"),
}
_SEE = "see /openapi.json for what this request takes"


class FieldProblem(BaseModel):
    """One thing that is wrong, and how to put it right."""

    field: str | None
    problem: str
    remedy: str | None


class ProblemDocument(BaseModel):
    """What every error answers with."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    problems: list[FieldProblem]


def problem(
    status: int,
    *,
    instance: str,
    detail: str,
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An error answer."""
    title = HTTPStatus(status).phrase
    body = ProblemDocument(
        type=f"urn:portcullis:problem:{title.lower().replace(' ', '-')}",
        title=title,
        status=status,
        detail=detail,
        instance=instance,
        problems=[FieldProblem(field=p.field, problem=p.problem, remedy=p.remedy) for p in problems],
    )
    return JSONResponse(body.model_dump(), status, headers, media_type=MEDIA_TYPE)


def status_of(error: CustomsError) -> int:
    """HTTP status of an error that a user can put right."""
    if isinstance(error, NotFound | NoView):
        return HTTPStatus.NOT_FOUND
    if isinstance(error, Conflict):
        return HTTPStatus.CONFLICT
    if isinstance(error, NoModel):
        return HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(error, TooLarge):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if isinstance(error, Busy):
        return HTTPStatus.TOO_MANY_REQUESTS
    return HTTPStatus.UNPROCESSABLE_ENTITY


def headers_of(error: CustomsError) -> dict[str, str]:
    """Headers that its answer has beside the body."""
    return {"Retry-After": str(error.seconds)} if isinstance(error, Busy) else {}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Error answers for the OpenAPI document of a route."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: schema}}
        for status in statuses
    }


def _answer(
    request: Request,
    status: int,
    detail: str,
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The problem document; a browser that looks for a page gets a page that says the same."""
    page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1")
    if page:
        answer: Response = request.app.state.pages.error(request, status, detail, tuple(problems))
        answer.headers.update(headers or {})
        return answer
    return problem(status, instance=request.url.path, detail=detail, problems=problems, headers=headers)


def our_fault(request: Request) -> Response:
    """The answer to an error that no visitor can put right."""
    return _answer(request, 500, "the service made a mistake; nothing was stored")


def _store_error(request: Request, error: Exception) -> Response:
    trouble = trouble_of(error)
    if trouble is None:
        raise error
    status, detail, remedy = _TROUBLES[trouble]
    log.error("%s %s: the store is %s: %s", request.method, request.url.path, trouble, reason_of(error))
    retry = {"Retry-After": str(RETRY_SECONDS)} if trouble is Trouble.UNAVAILABLE else {}
    return _answer(request, status, detail, [Problem(detail, None, remedy)], retry)


def add_handlers(app: FastAPI) -> None:
    """Answer every error in the one shape."""
    for kind in (DBAPIError, PoolTimeout, OSError):
        app.add_exception_handler(kind, _store_error)

    @app.exception_handler(CustomsError)
    def customs_error(request: Request, error: CustomsError) -> Response:
        count = len(error.problems)
        detail = str(error) if count == 1 else f"{count} things have to be put right"
        return _answer(request, status_of(error), detail, error.problems, headers_of(error))

    @app.exception_handler(TooManyFailures)
    def too_many(request: Request, error: TooManyFailures) -> Response:
        found = [Problem("this account or address waits", "Authorization", str(error))]
        retry = {"Retry-After": str(error.seconds)}
        return _answer(request, 429, "too many wrong passwords", found, retry)

    @app.exception_handler(TooManyRequests)
    def too_often(request: Request, error: TooManyRequests) -> Response:
        found = [Problem("this account asks too often", "Authorization", str(error))]
        return _answer(request, 429, "too many requests", found, {"Retry-After": str(error.seconds)})

    @app.exception_handler(LoginRefused)
    def refused(request: Request, error: LoginRefused) -> Response:
        if isinstance(error, KeyRefused):
            remedy = "send a key that is still good, or make another"
            challenge = {"WWW-Authenticate": 'Bearer realm="portcullis", error="invalid_token"'}
        else:
            remedy = "send name and password by HTTP Basic or an API key as a Bearer token, or sign in"
            challenge = {"WWW-Authenticate": 'Basic realm="portcullis", charset="UTF-8", Bearer'}
        found = [Problem(str(error), "Authorization", remedy)]
        return _answer(request, 401, str(error), found, challenge)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        found = [
            Problem(e["msg"], ".".join(str(p) for p in e["loc"][-2:] if p != "body") or "body", _SEE)
            for e in error.errors()
        ]
        return _answer(request, 422, "the request is not valid", found)

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> Response:
        problems = getattr(error, "problems", ())
        headers = error.headers
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers = {**(headers or {}), "Allow": ", ".join(_allowed(request))}
        return _answer(request, error.status_code, str(error.detail), problems, headers)


def _allowed(request: Request) -> list[str]:
    """Every method that some route takes at this address; the router tells only of the first route."""
    found: set[str] = set()
    for context in iter_route_contexts(request.app.routes):
        route = context.original_route
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    return sorted(found)
