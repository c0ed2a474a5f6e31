"""`portcullis work`: do batches in a process of its own, here or on another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def work(
    store: Annotated[str | None, typer.Option(help="Database URL.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of model folders.")] = None,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when no chunk waits or runs, instead of on a signal.")
    ] = False,
) -> None:
    """Do chunks of batches until a signal comes; what is not given comes from PORTCULLIS_… settings.

    SIGTERM and Ctrl-C let the slice at hand end and give the chunk back.
    """
    from dataclasses import replace

    from portcullis.jobs.worker import work as run
    from portcullis.settings import Settings

    given = {"store_url": store, "models": models}
    settings = replace(Settings.read(), **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    done = run(settings, until_idle=until_idle)
    print(f"{done:,} chunks done")
