"""`portcullis serve`: the API and the pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    store: Annotated[str | None, typer.Option(help="Database URL.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of model folders.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.")] = None,
) -> None:
    """Serve the API and the pages; what is not given comes from PORTCULLIS_… settings.

    SIGTERM stops accepting, finishes what was accepted and ends.
    """
    from dataclasses import replace

    from portcullis.server import listen, serve_all
    from portcullis.settings import Settings

    given = {"host": host, "port": port, "store_url": store, "models": models, "workers": workers}
    settings = replace(Settings.read(), **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]

    def ready(address: str, versions: Sequence[str]) -> None:
        print(f"Portcullis serves {address} with {', '.join(versions)}", flush=True)

    serve_all(settings, listen(settings.host, settings.port), ready)
