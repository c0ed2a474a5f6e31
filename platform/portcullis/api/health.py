"""`/healthz`, `/readyz` and `/metrics`: for whoever watches the process. Open ones tell little."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from customs.errors import Problem
from portcullis.api.access import Forbidden, Serving, signed_in
from portcullis.api.documents import Health
from portcullis.api.problems import documented
from portcullis.identity.permissions import Permission
from portcullis.metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip")


class NotReady(HTTPException):
    """This process should get no work now."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(503, "; ".join(p.problem for p in problems), {"Retry-After": "5"})
        self.problems = tuple(problems)


@router.get("/healthz")
async def healthz() -> Health:
    """The process answers."""
    return Health(status="ok", models={})


@router.get("/readyz", responses=documented(500, 503))
def readyz(service: Serving) -> Health:
    """The store answers, there are room and disk space, and these models are loaded; else 503 says why."""
    if problems := service.readiness.problems(service.stopping.is_set()):
        raise NotReady(problems)
    return Health(status="ready", models=dict(service.models.versions))


def may_read_metrics(request: Request, service: Serving) -> None:
    """By the setting `metrics`: everybody, or an account that may, or besides those this machine itself."""
    how = service.settings.metrics
    if how == "open" or (how == "local" and _is_here(request)):
        return
    if Permission.READ_METRICS not in signed_in(request, service).permissions:
        raise Forbidden(Permission.READ_METRICS)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **documented(401, 403)},
)
def metrics(service: Serving, allowed: Annotated[None, Depends(may_read_metrics)]) -> Response:
    """Figures for Prometheus, of all workers together."""
    return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _is_here(request: Request) -> bool:
    """Whether the request comes from this machine itself and was not passed on by a proxy on it."""
    if request.client is None or any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
