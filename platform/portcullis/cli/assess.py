"""`portcullis assess`: one consignment to one fused report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def assess(
    declaration: Annotated[Path, typer.Option(help="The declaration, a JSON file.")],
    scan: Annotated[
        list[Path] | None,
        typer.Option(
            help="Its X-ray: PNG, TIFF, JPEG, .npy, DICOS or .img. Other energy and material are found "
            "beside one file (a_low.tif, a_high.tif), or named by repeating this option."
        ),
    ] = None,
    photo: Annotated[Path | None, typer.Option(help="A product photo.")] = None,
    model: Annotated[
        list[Path] | None,
        typer.Option(help="A model folder or a folder of them; may be repeated."),
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the sentences: ko or en.")] = "en",
    heatmap: Annotated[Path | None, typer.Option(help="PNG to draw the odd places of the scan into.")] = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda where there is one.")] = "cpu",
) -> None:
    """Judge one consignment and print its fused risk report as JSON; nothing is stored."""
    from customs.errors import InvalidValue
    from customs.sentences import LANGUAGES
    from fusion import Policy
    from portcullis.cli.console import print_json, read_bytes
    from portcullis.consignment import Consignment, Upload
    from portcullis.drawing import heatmap_png
    from portcullis.judge import judge
    from portcullis.models import Models, model_folders
    from portcullis.report import report_document
    from portcullis.settings import Settings
    from xray_encoder.reading import find_siblings

    language = next((known for known in LANGUAGES if known == lang), None)
    if language is None:
        raise InvalidValue(f"got {lang!r}", field="lang", remedy="give ko or en")
    paths = find_siblings(scan[0]) if scan and len(scan) == 1 else scan or []
    upload = Upload(
        declaration=read_bytes(declaration, field="declaration"),
        scan=tuple((path.name, read_bytes(path, field="scan")) for path in paths),
        photo=None if photo is None else read_bytes(photo, field="photo"),
    )
    consignment = Consignment.read(upload)
    given = model or [Settings.read().models]
    models = Models.load([folder for place in given for folder in model_folders(place)], device)
    verdict = judge(consignment, models, Policy.default())
    if heatmap is not None:
        if verdict.heatmap is None or consignment.scan is None:
            raise InvalidValue(
                "no check drew a heat-map for this consignment", field="heatmap", remedy="leave it out"
            )
        heatmap.write_bytes(heatmap_png(consignment.scan, verdict.heatmap))
    print_json(report_document(verdict.report, language))
