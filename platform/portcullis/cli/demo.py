"""`portcullis demo`: everything from nothing, with one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Folder of the demo.")] = Path("demo"),
    size: Annotated[str, typer.Option(help="Size of its world: tiny, small, demo or large.")] = "demo",
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Only build.")] = False,
) -> None:
    """Build the synthetic world, train on it, fill the store, serve the pages with demo logins.

    What an earlier run has done is not done again.
    """
    from collections.abc import Sequence
    from dataclasses import replace

    from portcullis.cli.console import progress_bars
    from portcullis.demo import Demo
    from portcullis.server import listen, serve_all
    from portcullis.settings import Settings

    made = Demo(folder, size)
    base = Settings.read()
    settings = made.settings(replace(base, host=host or base.host, port=base.port if port is None else port))
    listener = None if no_serve else listen(settings.host, settings.port)
    with progress_bars() as progress:
        service = made.build(settings, progress)

    def ready(address: str, versions: Sequence[str]) -> None:
        print(f"Portcullis serves {address}", flush=True)

    print("Demo logins, also in", made.logins)
    for name, password in made.passwords().items():
        print(f"  {name:<10} {password}")
    if listener is not None:
        serve_all(settings, listener, ready, service)
