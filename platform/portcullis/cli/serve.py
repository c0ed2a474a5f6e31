"""`portcullis serve`: the API and the pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    store: Annotated[str | None, typer.Option(help="Database URL.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of model folders.")] = None,
) -> None:
    """Serve the API and the pages; what is not given comes from PORTCULLIS_… settings."""
    import sys
    from dataclasses import replace

    from portcullis.models import Models
    from portcullis.server import listen
    from portcullis.server import serve as run
    from portcullis.service import Service
    from portcullis.settings import Settings

    given = {"host": host, "port": port, "store_url": store, "models": models}
    settings = replace(Settings.read(), **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    listener = listen(settings.host, settings.port)
    service = Service.open(settings, Models.find(settings.models, settings.device))
    if service.accounts.count() == 0:
        print("there is no account yet: run `portcullis user add NAME`", file=sys.stderr)

    def ready(address: str) -> None:
        print(f"Portcullis serves {address} with {', '.join(service.models.versions.values())}", flush=True)

    run(service, listener, ready)
