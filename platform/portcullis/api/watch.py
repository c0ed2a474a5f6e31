"""Around every request: its id, one line in the log, and its place in the metrics."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from portcullis.metrics import Metrics

log = logging.getLogger("portcullis.request")
# A caller's own id is kept if it is a UUID: no name or number of a case looks like one.
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_NO_ANSWER = 499  # the client left before there was one
_QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/static"})
NO_ROUTE = "none"


class Watch:
    """Gives each request an id (`X-Request-ID`), logs it when it is answered, and counts it.

    Paths, queries and bodies may name people and goods: only the route's template is written down.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked.lower() if _UUID.fullmatch(asked) else str(uuid.uuid4())
        status = _NO_ANSWER
        began = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, watched)
            finally:
                self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = route_of(scope), method_of(scope)
        self.metrics.requests.labels(method, route, str(status)).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        quiet = route in _QUIET and status < 400
        log.log(
            logging.DEBUG if quiet else logging.INFO,
            "answered",
            extra={
                "method": method,
                "route": route,
                "status": status,
                "ms": round(1000 * seconds, 1),
                "account": scope.get("state", {}).get("account_id"),
            },
        )


def route_of(scope: Scope) -> str:
    """The template of the route that answered; `none` where no route did."""
    template = getattr(scope.get("route"), "path", None)
    if template is None and scope["path"].startswith("/static/"):
        return "/static"
    return template or NO_ROUTE


def method_of(scope: Scope) -> str:
    """The method, if HTTP knows it: anybody can make one up."""
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"
