"""`portcullis bench`: speed and memory of a module beside its peers."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from portcullis.modules import Module


def bench(
    module: Annotated[Module, typer.Argument(help="What to time.")],
    data: Annotated[
        list[Path] | None, typer.Option(help="A data file, or a world; may be repeated. Default: made up.")
    ] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="tabular: our=theirs column names; may be repeated.")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(help="Rows to time on [default: 63000; hs: 37000; fusion: 1000000].")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value over our configurations.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Run this contender alone, such as flagship; may be repeated.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="For each contender [default: all cores].")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same data and models.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Print fit time, speed and peak memory of a module beside its peers, all measured in this run."""
    from portcullis.cli.console import overrides, print_json, progress_bars

    room = _room(module)
    options: dict[str, Any] = {"rows": rows} if rows is not None else {}
    if map_:
        options["columns"] = overrides(map_)
    with progress_bars() as progress:
        report = room.bench(
            data or (),
            overrides=overrides(set_ or []),
            only=only or (),
            threads=threads,
            seed=seed,
            progress=progress,
            **options,
        )
    if json:
        print_json(report)
    else:
        print(room.table(report))


def _room(module: Module) -> ModuleType:
    """The module's bench; an error that names the modules which have one."""
    from customs.errors import InvalidConfig

    if (room := _found(module)) is None:
        known = [other for other in Module if _found(other) is not None]
        raise InvalidConfig(
            f"{module} has no bench", field="module", remedy=f"choose from {', '.join(known)}"
        )
    return room


def _found(module: Module) -> ModuleType | None:
    try:
        return module.room("bench")
    except ModuleNotFoundError as error:
        if str(error.name).endswith(".bench"):
            return None
        raise  # the room is there, and something that it needs is not
