"""`portcullis score`: one row in, one row out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Scored(StrEnum):
    """What can be scored from a file."""

    TABULAR = "tabular"
    CASES = "cases"


def score(
    module: Annotated[
        Scored, typer.Argument(help="tabular: a series file; cases: a world's declarations, by all models.")
    ],
    model: Annotated[Path, typer.Option(help="Folder that train wrote; cases: the folder of all models.")],
    data: Annotated[Path, typer.Option(help="Series file, CSV or parquet; cases: a world.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="tabular: our=theirs column names; may be repeated.")
    ] = None,
    freight: Annotated[
        Path | None, typer.Option(help="tabular: route freight as published, for rows without their own.")
    ] = None,
    macro: Annotated[
        Path | None, typer.Option(help="tabular: monthly figures such as oil and rates.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="cases: processes, each with its own models.")] = 1,
    device: Annotated[str, typer.Option(help="cpu, or cuda where there is one.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Score every row; rows that cannot be scored say why."""
    from portcullis.cli.console import print_json

    files = {name: path for name, path in (("freight", freight), ("macro", macro)) if path is not None}
    if module is Scored.CASES:
        summary = _cases(model, data, out, {**files, **({"map": map_} if map_ else {})}, workers, device)
    else:
        summary = _series(model, data, out, map_, files, device)
    if json:
        print_json(summary)
    else:
        print(f"{summary['rows']:,} rows, {summary['scored']:,} scored, {summary['flagged']:,} flagged")
        for reason, count in summary["reasons"].items():
            print(f"{count:,} not scored: {reason}")
        print(f"wrote {out}")


def _series(
    model: Path, data: Path, out: Path, columns: list[str] | None, files: dict[str, Path], device: str
) -> dict[str, Any]:
    from portcullis.cli.console import overrides
    from tabular_ae.panel_file import score_file

    return score_file(model, data, out, columns=overrides(columns or []), device=device, **files)


def _cases(
    model: Path, data: Path, out: Path, foreign: dict[str, Any], workers: int, device: str
) -> dict[str, Any]:
    from customs.errors import InvalidConfig
    from portcullis.cli.console import progress_bars
    from portcullis.scoring import module_folders, score_world, summary_of

    if foreign:
        name = next(iter(foreign))
        raise InvalidConfig(f"--{name} is for tabular", field=name, remedy="leave it out")
    with progress_bars() as progress:
        cases = score_world(data, module_folders(model), device=device, workers=workers, progress=progress)
    cases.write(out)
    return summary_of(cases)
