"""`portcullis evaluate`: quality figures of a module beside every rival."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from portcullis.modules import Module


def evaluate(
    module: Annotated[Module, typer.Argument(help="What to evaluate.")],
    data: Annotated[list[Path], typer.Option(help="What to fit on; may be repeated.")],
    test: Annotated[Path | None, typer.Option(help="What to measure on; default: part of --data.")] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="tabular: our=theirs column names; may be repeated.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value over the configuration.")] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="tabular: how often anomalies are planted; figures are means."),
    ] = None,
    test_from: Annotated[
        str | None,
        typer.Option(help="tabular: first month to measure on, YYYY-MM; learns what is before."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same figures.")] = 0,
    nomenclature: Annotated[
        Path | None, typer.Option(help="hs: official code table whose wording joins the training texts.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Fit on --data, measure, and print the module's figures beside its rivals'."""
    from customs.errors import InvalidConfig
    from portcullis.cli.console import overrides, print_json, progress_bars

    options: dict[str, Any] = {}
    if map_:
        options["columns"] = overrides(map_)
    if seeds is not None:
        options["seeds"] = seeds
    if test_from is not None:
        options["test_from"] = test_from
    if options and module is not Module.TABULAR:
        raise InvalidConfig(
            "--map, --seeds and --test-from are for tabular", field="module", remedy="leave them out"
        )
    if set_:
        options["overrides"] = overrides(set_)
    if nomenclature is not None:
        if module is not Module.HS:
            raise InvalidConfig("--nomenclature is for hs", field="nomenclature", remedy="leave it out")
        options["nomenclature"] = nomenclature
    evaluator = module.room("evaluate")
    with progress_bars() as progress:
        report = evaluator.evaluate(data, test, seed=seed, progress=progress, **options)
    if json or not hasattr(evaluator, "table"):
        print_json(report)
    else:
        print(evaluator.table(report))
