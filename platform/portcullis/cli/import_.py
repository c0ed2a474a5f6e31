"""`portcullis import`: read an official file into the store and tell what was read, repaired and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from portcullis.importing import Kind, read_file


def import_(
    kind: Annotated[Kind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="CSV (UTF-8 or CP949) or XLSX; parquet or JSON lines, too.")],
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="our=theirs column names; may be repeated.")
    ] = None,
    store: Annotated[str | None, typer.Option(help="Database URL; the configured store by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Read an official file into the store; nothing is stored of a file that cannot be read."""
    from customs.readers.source import contents
    from portcullis.cli.console import overrides, print_json, progress_bars
    from portcullis.settings import Settings
    from portcullis.store import open_store
    from portcullis.store.intake import store as store_read

    read = read_file(kind, file, overrides(map_) if map_ else {})
    _, data = contents(file)
    engine = open_store(store or Settings.read().store_url)
    with progress_bars() as progress:
        stored = store_read(engine, kind, read, file=file.name, data=data, progress=progress)
    where = engine.url.render_as_string(hide_password=True)
    engine.dispose()
    if json:
        counts = {"stored": stored.rows, "new": stored.new, "store": where}
        print_json({"kind": kind.value, **read.report.as_dict(), **counts})
    else:
        print(read.report)
        print(f"stored {stored.rows:,} rows, {stored.new:,} of them new, in {where}")
