"""`/healthz` and `/readyz`: for whoever watches the process. Open to all, so they tell little."""

from __future__ import annotations

from fastapi import APIRouter

from portcullis.api.access import Serving
from portcullis.api.documents import Health
from portcullis.api.problems import documented

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> Health:
    """The process answers."""
    return Health(status="ok", models={})


@router.get("/readyz", responses=documented(500, 503))
def readyz(service: Serving) -> Health:
    """The store answers and these models are loaded."""
    service.accounts.count()
    return Health(status="ready", models=dict(service.models.versions))
