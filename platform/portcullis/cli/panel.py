"""`portcullis panel`: the official files as one panel of monthly imports, and what became of their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def panel(
    trade: Annotated[Path, typer.Option(help="Trade statistics of any country: CSV, XLSX or parquet.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    freight: Annotated[
        Path | None, typer.Option(help="Route freight as published, thousand KRW per 2TEU.")
    ] = None,
    macro: Annotated[Path | None, typer.Option(help="Monthly figures such as oil and rates.")] = None,
    partners: Annotated[
        str | None, typer.Option(help="Countries to keep, such as CN,JP,US,VN,EU; all by default.")
    ] = None,
    merge: Annotated[str | None, typer.Option(help="Groups whose members become one, such as EU.")] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="our=theirs column names; may be repeated.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Bring trade, freight and macro files into one panel, and say what became of every row."""
    from portcullis.cli.console import overrides, print_json
    from tabular_ae.panel_maker import make_panel

    made = make_panel(
        trade,
        columns=overrides(map_ or []),
        freight=freight,
        macro=macro,
        partners=_names(partners),
        merge=_names(merge),
    )
    made.write(out)
    if json:
        print_json({**made.as_dict(), "out": str(out)})
    else:
        print(made)
        print(f"wrote {len(made.table):,} rows to {out}")


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]
