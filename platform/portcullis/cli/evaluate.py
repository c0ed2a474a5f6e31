"""`portcullis evaluate`: quality figures of a module beside every rival."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from portcullis.modules import Module

# Options whose keyword in Python has another name.
_KEYWORDS = {"map": "columns", "test-from": "test_from", "config": "configs", "no-rivals": "with_rivals"}


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
    config: Annotated[
        list[str] | None,
        typer.Option(help="tabular: a named configuration to compare; may be repeated. Default: all."),
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="tabular: the proposal's variants too.")] = False,
    freight: Annotated[
        Path | None, typer.Option(help="tabular: route freight as published, for rows without their own.")
    ] = None,
    macro: Annotated[
        Path | None, typer.Option(help="tabular: monthly figures such as oil and rates.")
    ] = None,
    rivals: Annotated[
        bool, typer.Option("--rivals/--no-rivals", help="tabular: the rivals beside the configurations.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Same seed, same figures.")] = 0,
    nomenclature: Annotated[
        list[Path] | None,
        typer.Option(help="hs: official code table whose wording joins the training; may be repeated."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Fit on --data, measure, and print the module's figures beside its rivals'."""
    from customs.errors import InvalidConfig
    from portcullis.cli.console import overrides, print_json, progress_bars

    tabular: dict[str, Any] = {
        "map": overrides(map_) if map_ else None,
        "seeds": seeds,
        "test-from": test_from,
        "config": config or None,
        "grid": grid or None,
        "freight": freight,
        "macro": macro,
        "no-rivals": None if rivals else False,
    }
    given = [name for name, value in tabular.items() if value is not None]
    if given and module is not Module.TABULAR:
        raise InvalidConfig(
            f"--{given[0]} is for tabular",
            field=given[0],
            remedy="leave it out",
        )
    options = {_KEYWORDS.get(name, name): tabular[name] for name in given}
    if set_:
        options["overrides"] = overrides(set_)
    if nomenclature:
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
