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
        typer.Option(help="tabular: how often anomalies are planted; hs --study, fusion: trainings; means."),
    ] = None,
    test_from: Annotated[
        str | None,
        typer.Option(help="tabular: first month to measure on, YYYY-MM; learns what is before."),
    ] = None,
    config: Annotated[
        list[str] | None,
        typer.Option(help="A named configuration; tabular: may be repeated, default all."),
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="tabular: the proposal's variants too.")] = False,
    freight: Annotated[
        Path | None, typer.Option(help="tabular: route freight as published, for rows without their own.")
    ] = None,
    macro: Annotated[
        Path | None, typer.Option(help="tabular: monthly figures such as oil and rates.")
    ] = None,
    rivals: Annotated[
        bool, typer.Option("--rivals/--no-rivals", help="tabular, xray, fusion: the rivals in the same run.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Same seed, same figures.")] = 0,
    nomenclature: Annotated[
        list[Path] | None,
        typer.Option(help="hs: official code table whose wording joins the training; may be repeated."),
    ] = None,
    learn_half: Annotated[
        bool,
        typer.Option("--learn-half", help="hs: learn from each half of --test, measured on the other."),
    ] = False,
    vague: Annotated[
        Path | None, typer.Option(help="hs: texts too vague to classify, one a line; how many are refused.")
    ] = None,
    study: Annotated[
        list[str] | None,
        typer.Option(help="hs: rerun a part of the studies: text, photo, joint; may be repeated."),
    ] = None,
    photos: Annotated[
        list[Path] | None, typer.Option(help="hs: photos by code, for --study; may be repeated.")
    ] = None,
    models: Annotated[
        Path | None, typer.Option(help="fusion: folder of the trained modules, for worlds.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Fit on --data, measure, and print the module's figures beside its rivals'."""
    from customs.errors import InvalidConfig
    from portcullis.cli.console import overrides, print_json, progress_bars

    tabular, hs, xray, fusion = Module.TABULAR, Module.HS, Module.XRAY, Module.FUSION
    # option: its keyword in Python, its value, the modules that know it
    asked: dict[str, tuple[str, Any, tuple[Module, ...]]] = {
        "map": ("columns", overrides(map_) if map_ else None, (tabular,)),
        "seeds": ("seeds", seeds, (tabular, hs, fusion)),
        "test-from": ("test_from", test_from, (tabular,)),
        "config": ("configs" if module is tabular else "config", config or None, (tabular, hs, xray, fusion)),
        "grid": ("grid", grid or None, (tabular,)),
        "freight": ("freight", freight, (tabular,)),
        "macro": ("macro", macro, (tabular,)),
        "no-rivals": ("with_rivals", None if rivals else False, (tabular, xray, fusion)),
        "nomenclature": ("nomenclature", nomenclature or None, (hs,)),
        "learn-half": ("learn_half", learn_half or None, (hs,)),
        "vague": ("vague", vague, (hs,)),
        "study": ("study", study or None, (hs,)),
        "photos": ("photos", photos or None, (hs,)),
        "models": ("models", models, (fusion,)),
    }
    options: dict[str, Any] = {}
    for name, (keyword, value, modules) in asked.items():
        if value is None:
            continue
        if module not in modules:
            raise InvalidConfig(f"--{name} is for {' and '.join(modules)}", field=name, remedy="leave it out")
        options[keyword] = value
    if module is not tabular and config:
        if len(config) > 1:
            raise InvalidConfig(f"got {len(config)}", field="config", remedy="name one")
        options["config"] = config[0]
    if set_:
        options["overrides"] = overrides(set_)
    evaluator = module.room("evaluate")
    with progress_bars() as progress:
        report = evaluator.evaluate(data, test, seed=seed, progress=progress, **options)
    if json or not hasattr(evaluator, "table"):
        print_json(report)
    else:
        print(evaluator.table(report))
