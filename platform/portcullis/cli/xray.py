"""`portcullis xray`: what scans show, without a declaration."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from customs.sentences import Language
    from xray_encoder.examine import Examination


class Tongue(StrEnum):
    """Language of the sentences."""

    KO = "ko"
    EN = "en"


def xray(
    images: Annotated[list[Path], typer.Argument(help="Scans: PNG, TIFF or JPEG.", metavar="IMAGE…")],
    model: Annotated[Path, typer.Option(help="Folder written by `portcullis train xray`.")],
    hs: Annotated[str | None, typer.Option(help="Declared HS code to judge the scans under.")] = None,
    heatmap: Annotated[
        Path | None, typer.Option(help="Folder for a PNG of each scan with what is odd on it; needs --hs.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object for each scan.")] = False,
    language: Annotated[Tongue, typer.Option("--lang", help="Language of the sentences.")] = Tongue.EN,
    device: Annotated[str, typer.Option(help="cpu, or cuda where there is one.")] = "cpu",
) -> None:
    """Areal density, mass, likely goods and, with --hs, p-values and heat-map of each scan."""
    import sys

    from customs.errors import CustomsError, InvalidConfig, UnreadableFile
    from customs.hs import HsCode
    from portcullis.cli.console import print_json, read_bytes
    from xray_encoder.examine import examine
    from xray_encoder.reading import read_scan
    from xray_encoder.scorer import XrayScorer

    if heatmap is not None and hs is None:
        raise InvalidConfig("a heat-map needs a declared code", field="heatmap", remedy="give --hs CODE")
    declared = None if hs is None else HsCode.parse(hs)
    if heatmap is not None:
        try:
            heatmap.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnreadableFile(
                f"{heatmap}: {error.strerror}", field="heatmap", remedy="name a folder"
            ) from None
    scorer = XrayScorer.load(model, device)
    results, failed = [], 0
    for path in images:
        try:
            scan = read_scan(read_bytes(path, field="scan"), name=path.name)
            found = examine(scorer, scan, declared, name=path.name)
        except CustomsError as error:
            failed += 1
            results.append({"image": str(path), "error": str(error)})
            print(f"portcullis: {path}: {error}", file=sys.stderr)
            continue
        answer = {"image": str(path), **found.as_dict(scan)}
        drawn = next((e.artefact for e in found.evidence if e.artefact is not None), None)
        if heatmap is not None and drawn is not None:
            from portcullis.drawing import heatmap_png

            target = heatmap / f"{path.stem}_{declared.digits if declared else ''}.png"
            target.write_bytes(heatmap_png(scan, drawn))
            answer["heatmap"] = str(target)
        results.append(answer)
        if not json:
            for line in _lines(path.name, answer, found, language.value):
                print(line)
    if json:
        print_json(results)
    if failed:
        raise typer.Exit(2)


def _lines(name: str, answer: dict[str, Any], found: Examination, language: Language) -> Iterator[str]:
    """What an officer reads in the terminal."""
    from customs.sentences import render

    least = "at least " if found.bound else ""
    yield f"{name}: {answer['kind']}, mean areal density {least}{found.areal_density:,.0f} g/cm²"
    if found.mass_kg is not None:
        low, best, high = found.mass_kg
        yield f"  mass {best:,.0f} kg ({low:,.0f}–{high:,.0f})"
    likely = ", ".join(
        f"{'empty' if r['empty'] else r['hs']} {r['probability']:.0%}" for r in answer["ranking"][:5]
    )
    if likely:
        yield f"  looks like {likely}"
    for evidence in found.evidence:
        p = "" if evidence.p_value is None else f" p={evidence.p_value:.3g}"
        yield f"  {evidence.check}{p}: {render(evidence.message, language)}"
    if "heatmap" in answer:
        yield f"  heat-map {answer['heatmap']}"
