"""Who may ask at all: routes, headers, health and the API's own description, against a live server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from portcullis.service import Service

URL = "/v1/assessments"


def test_every_route_but_the_open_ones_needs_an_account(service: Service, address: str) -> None:
    """Deny by default: a new route that is not listed here must refuse strangers."""
    from fastapi.routing import APIRoute

    from portcullis.api.app import make_app

    # by default /metrics is open to this machine
    opened = {"/healthz", "/readyz", "/metrics", "/login", "/login/provider", "/login/provider/return"}
    seen = set()
    for route in _routes(make_app(service).routes):
        if not isinstance(route, APIRoute):
            continue
        seen.add(route.path)
        for method in route.methods or ():
            path = route.path.replace("{assessment_id}", "0123456789abcdef")
            answer = httpx.request(method, address + path, headers={"Sec-Fetch-Site": "same-origin"})
            if route.path in opened:
                # no provider is set here
                assert answer.status_code in ((404,) if "provider" in route.path else (200, 422))
            elif route.path.startswith("/v1/"):
                assert answer.status_code == 401, (method, path)
            else:
                assert answer.headers["location"].startswith("/login"), (method, path)
    assert seen >= {*opened, "/desk", "/assessments/{assessment_id}", URL, URL + "/{assessment_id}/heatmap"}


def _routes(routes: Any) -> Iterator[Any]:
    for route in routes:
        inner = getattr(route, "routes", None) or getattr(
            getattr(route, "original_router", None), "routes", ()
        )
        yield route
        yield from _routes(inner)


@pytest.mark.parametrize("path", ["/healthz", "/login", "/v1/nothing", "/static/css/base.css", "/"])
def test_every_answer_carries_strict_headers(address: str, path: str) -> None:
    """No script can run, no frame can hold a page, no type is guessed."""
    headers = httpx.get(address + path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_health_and_readiness_are_open_and_name_the_models(address: str) -> None:
    """For whoever watches the process."""
    assert httpx.get(address + "/healthz").json()["status"] == "ok"
    assert httpx.get(address + "/readyz").json()["models"] == {"tabular": "tabular@byhand"}


def test_the_openapi_document_names_upload_errors_and_sign_in(address: str) -> None:
    """Every operation under /v1 says which permission it takes; one whose model is not loaded is there."""
    document = httpx.get(address + "/openapi.json").json()
    post = document["paths"][URL]["post"]
    assert set(post["requestBody"]["content"]) == {"multipart/form-data"}
    assert "application/problem+json" in post["responses"]["422"]["content"]
    assert post["security"] == [{"basic": []}, {"bearer": []}, {"cookie": []}]
    assert set(document["components"]["securitySchemes"]) == {"basic", "bearer", "cookie"}
    assert post["x-permission"] == "cases.assess"
    assert "503" in document["paths"]["/v1/hs/suggestions"]["post"]["responses"]
    operations = [
        o for path, found in document["paths"].items() if path[:4] == "/v1/" for o in found.values()
    ]
    assert all(operation["x-permission"] for operation in operations)
    schemas = document["components"]["schemas"]
    assert "ProblemDocument" in schemas
    assert {"details", "contributions"} <= set(schemas["EvidenceDocument"]["required"])
    assert set(schemas["ContributionDocument"]["properties"]) == {"driver", "month", "effect"}
