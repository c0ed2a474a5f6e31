"""The application: API and pages over one service."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.middleware import Middleware

from portcullis.api import (
    account,
    accounts,
    alerts,
    assessments,
    audit,
    batches,
    casework,
    codes,
    dossiers,
    goods_lists,
    health,
    imports,
    models,
    past,
    policies,
    queue,
    queue_work,
    replay,
    scans,
    series,
    suggestions,
    views,
    watching,
    webhooks,
)
from portcullis.api.access import permission_of
from portcullis.api.problems import ProblemDocument, add_handlers, documented
from portcullis.api.shell import BodyLimit, Mistakes, SecurityHeaders
from portcullis.api.watch import Watch
from portcullis.identity.session import COOKIE, cookie_name
from portcullis.service import Service
from portcullis.web.rooms import add_pages


def make_app(service: Service) -> FastAPI:
    """Build the application.

    Open without an account are only /healthz, /readyz, the ways to sign in, /static and the OpenAPI document;
    /metrics as its setting says.
    """
    settings = service.settings
    app = FastAPI(
        title="Portcullis",
        summary="Customs risk from declaration, text, photo and X-ray.",
        version=version("portcullis"),
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        middleware=[
            Middleware(Watch, metrics=service.metrics),
            Middleware(SecurityHeaders, https=settings.https),
            Middleware(Mistakes),
            Middleware(BodyLimit, limit=settings.max_body_mb * 1024 * 1024),
        ],
    )
    app.state.service = service
    add_handlers(app)
    app.include_router(health.router)
    app.include_router(queue.router)
    app.include_router(queue_work.router)
    app.include_router(views.router)
    app.include_router(assessments.router)
    app.include_router(casework.router)
    app.include_router(alerts.router)
    app.include_router(webhooks.router)
    app.include_router(batches.router)
    app.include_router(past.router)
    app.include_router(replay.router)
    app.include_router(scans.router)
    app.include_router(series.router)
    app.include_router(watching.router)
    app.include_router(suggestions.router)
    app.include_router(dossiers.router)  # before the codes, among which one could be called so
    app.include_router(goods_lists.router)
    app.include_router(codes.router)
    app.include_router(audit.router)
    app.include_router(models.router)
    app.include_router(policies.router)
    app.include_router(imports.router)
    app.include_router(account.router)
    app.include_router(accounts.router)
    add_pages(app)
    _refuse_open_routes(app)
    _describe(app)
    return app


def api_routes(app: FastAPI) -> list[APIRoute]:
    """The routes under /v1."""
    found = [context.original_route for context in iter_route_contexts(app.routes)]
    return [route for route in found if isinstance(route, APIRoute) and route.path.startswith("/v1/")]


def _refuse_open_routes(app: FastAPI) -> None:
    """Deny by default: a route of the API that asks for no permission is a mistake of ours."""
    for route in api_routes(app):
        if permission_of(route.dependant) is None:
            raise RuntimeError(f"{route.path} asks for no permission: give it one of portcullis.api.access")


def _describe(app: FastAPI) -> None:
    """Add the error shape and the ways to sign in to the OpenAPI document."""

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, summary=app.summary, routes=app.routes
            )
            components = document.setdefault("components", {})
            schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
            components.setdefault("schemas", {}).update(schema.pop("$defs", {}))
            components["schemas"]["ProblemDocument"] = schema
            cookie = cookie_name(COOKIE, app.state.service.settings.https)
            components["securitySchemes"] = {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: pck_…"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
            }
            for route in api_routes(app):
                for method in route.methods or ():
                    operation = document["paths"][route.path_format][method.lower()]
                    operation["security"] = [{"basic": []}, {"bearer": []}, {"cookie": []}]
                    operation["x-permission"] = permission_of(route.dependant)
                    # a body that is no text is a 400
                    always = [400, 401, 403, 429] if "requestBody" in operation else [401, 403, 429]
                    always += [503] if method == "GET" else [503, 507]
                    for status, answer in documented(*always).items():
                        operation["responses"].setdefault(str(status), answer)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
