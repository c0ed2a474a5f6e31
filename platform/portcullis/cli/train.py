"""`portcullis train`: fit and calibrate one module, write an artefact."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from portcullis.modules import Module


def train(
    module: Annotated[Module, typer.Argument(help="What to train.")],
    data: Annotated[list[Path], typer.Option(help="A data file or folder, or a world; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    config: Annotated[str, typer.Option(help="A named configuration of the module.")] = "default",
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value over the configuration.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same model.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, or cuda where there is one.")] = "cpu",
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="tabular: our=theirs column names; may be repeated.")
    ] = None,
    nomenclature: Annotated[
        list[Path] | None,
        typer.Option(help="hs: official code table whose wording joins the training; may be repeated."),
    ] = None,
    photos: Annotated[
        list[Path] | None,
        typer.Option(help="hs: photos in folders named by code, or a list `hsk,photo`; may be repeated."),
    ] = None,
    vague: Annotated[
        Path | None, typer.Option(help="hs: texts you found too vague, one a line, to learn from.")
    ] = None,
    unlabelled: Annotated[
        Path | None,
        typer.Option(help="xray: scans of whatever goods to look at first; give epochs by --set pretrain=N."),
    ] = None,
    freight: Annotated[
        Path | None, typer.Option(help="tabular: route freight as published, for rows without their own.")
    ] = None,
    macro: Annotated[
        Path | None, typer.Option(help="tabular: monthly figures such as oil and rates.")
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            help="fusion: folder of the trained modules, for worlds; where one is missing it is trained and "
            "written there. Default: the folder that holds --out."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train a module, calibrate it on held-out data and write its artefact."""
    from customs.errors import InvalidConfig
    from portcullis.cli.console import overrides, print_json, progress_bars

    extra: dict[str, Any] = {}
    if map_:
        if module is not Module.TABULAR:
            raise InvalidConfig("--map is for tabular", field="map", remedy="leave it out")
        extra["columns"] = overrides(map_)
    for name, path in (("freight", freight), ("macro", macro)):
        if path is not None:
            if module is not Module.TABULAR:
                raise InvalidConfig(f"--{name} is for tabular", field=name, remedy="leave it out")
            extra[name] = path
    if nomenclature:
        if module is not Module.HS:
            raise InvalidConfig("--nomenclature is for hs", field="nomenclature", remedy="leave it out")
        extra["nomenclature"] = nomenclature
    if photos:
        if module is not Module.HS:
            raise InvalidConfig("--photos is for hs", field="photos", remedy="leave it out")
        extra["photos"] = photos
    if vague is not None:
        if module is not Module.HS:
            raise InvalidConfig("--vague is for hs", field="vague", remedy="leave it out")
        extra["vague"] = vague
    if unlabelled is not None:
        if module is not Module.XRAY:
            raise InvalidConfig("--unlabelled is for xray", field="unlabelled", remedy="leave it out")
        extra["unlabelled"] = unlabelled
    if models is not None:
        if module is not Module.FUSION:
            raise InvalidConfig("--models is for fusion", field="models", remedy="leave it out")
        extra["models"] = models
    trainer = module.room("train")
    with progress_bars() as progress:
        figures = trainer.train(
            data,
            out,
            config=config,
            overrides=overrides(set_ or []),
            seed=seed,
            device=device,
            progress=progress,
            **extra,
        )
    if json:
        print_json(figures)
    else:
        for key, value in figures.items():
            print(f"{key}: {value:.4g}" if isinstance(value, float) else f"{key}: {value}")
        print(f"wrote {out}")
