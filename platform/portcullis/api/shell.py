"""What surrounds every request: a limit on its size, and headers that keep browsers strict."""

from __future__ import annotations

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from customs.errors import Problem
from portcullis.api.problems import our_fault, problem

log = logging.getLogger("portcullis.api")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def _kept(scope: Scope, status: int) -> str:
    """How long a browser may keep an answer: what is built has its contents in its name, a sheet behind it.

    That a file is missing is kept by nobody: another version of the program may have it.
    """
    path = scope["path"]
    if status not in (200, 206, 304):
        return "no-store"
    if path.startswith("/static/built/") or (path.startswith("/static/css/") and scope["query_string"]):
        return "public, max-age=31536000, immutable"
    return "public, max-age=3600" if path.startswith("/static/") else "no-store"


class BodyTooLarge(HTTPException):
    """The request is larger than the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, "the request is too large")
        self.problems = (Problem("the request is too large", "body", f"send at most {limit:,} bytes"),)


class SecurityHeaders:
    """Adds the headers to every answer; what an account sees is never kept by caches on the way."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self.app = app
        self.https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", _kept(scope, message["status"]))
                if self.https:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self.app(scope, receive, with_headers)


class Mistakes:
    """Answers our own errors in the one shape, logs them, and keeps the connection.

    Starlette's outermost handler raises the error again after its answer: the server would close the
    connection under a client's next request, and the answer would lack what `SecurityHeaders` adds.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            return  # in the middle of its body: there is nobody to answer
        except Exception:
            if started:
                raise
            log.exception("a request failed by a mistake of ours")
            await our_fault(Request(scope, receive))(scope, receive, send)


MAX_PLAIN = 1024 * 1024


class BodyLimit:
    """Refuses bodies above `limit` bytes, announced or counted while they arrive.

    What is no upload is held to `MAX_PLAIN`: it is read before anybody knows who sent it.

    Starlette's own limit answers an announced body in plain text; here every error has one shape.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        upload = headers.get("content-type", "").startswith("multipart/form-data")
        limit = self.limit if upload else min(self.limit, MAX_PLAIN)
        announced = headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            error = BodyTooLarge(limit)
            answer = problem(
                413,
                instance=scope["path"],
                detail=error.detail,
                problems=error.problems,
                headers={"Connection": "close"},
            )
            await answer(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise BodyTooLarge(limit)
            return message

        await self.app(scope, counted, send)
