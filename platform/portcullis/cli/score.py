"""`portcullis score tabular`: one row in, one row out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Scored(StrEnum):
    """What can be scored from a file."""

    TABULAR = "tabular"


def score(
    module: Annotated[Scored, typer.Argument(help="Which module scores.")],
    model: Annotated[Path, typer.Option(help="Folder that train wrote.")],
    data: Annotated[Path, typer.Option(help="Series file, CSV or parquet.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="our=theirs column names; may be repeated.")
    ] = None,
    freight: Annotated[
        Path | None, typer.Option(help="Route freight as published, for rows without their own.")
    ] = None,
    macro: Annotated[Path | None, typer.Option(help="Monthly figures such as oil and rates.")] = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda where there is one.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Score every row of a series file; rows that cannot be scored say why."""
    from portcullis.cli.console import overrides, print_json
    from tabular_ae.panel_file import score_file

    files = {name: path for name, path in (("freight", freight), ("macro", macro)) if path is not None}
    summary = score_file(model, data, out, columns=overrides(map_ or []), device=device, **files)
    if json:
        print_json(summary)
    else:
        print(f"{summary['rows']:,} rows, {summary['scored']:,} scored, {summary['flagged']:,} flagged")
        for reason, count in summary["reasons"].items():
            print(f"{count:,} not scored: {reason}")
        print(f"wrote {out}")
