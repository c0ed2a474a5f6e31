"""`portcullis xray`: what scans show, without a declaration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from customs.scan import Scan
    from customs.sentences import Language
    from xray_encoder.examine import Examination


class Tongue(StrEnum):
    """Language of the sentences."""

    KO = "ko"
    EN = "en"


def xray(
    images: Annotated[
        list[Path],
        typer.Argument(
            help="Scans (PNG, TIFF, JPEG, .npy, DICOS, .img), or folders of them. "
            "The other energy is found beside a file: a_low.tif, a_high.tif.",
            metavar="IMAGE…",
        ),
    ],
    model: Annotated[Path, typer.Option(help="Folder written by `portcullis train xray`.")],
    hs: Annotated[str | None, typer.Option(help="Declared HS code to judge the scans under.")] = None,
    heatmap: Annotated[
        Path | None,
        typer.Option(
            help="Folder for a PNG of each scan with what is odd on it, as large as the scan; needs --hs."
        ),
    ] = None,
    maps: Annotated[
        Path | None,
        typer.Option(
            help="Folder for small PNGs of each scan: the scan with the container, cargo and cooling unit "
            "found, its areal density in g/cm² and, with --hs, what each check finds odd."
        ),
    ] = None,
    pitch: Annotated[
        str | None,
        typer.Option(
            help="Size of a pixel in metres, or its height and width (0.005,0.006), where the file is silent."
        ),
    ] = None,
    energies: Annotated[
        str | None, typer.Option(help="Energies of the planes, such as 4MV,6MV, where the file is silent.")
    ] = None,
    lot: Annotated[
        bool, typer.Option("--lot", help="The scans are containers of one lot: how odd each is among them.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object for each scan.")] = False,
    language: Annotated[Tongue, typer.Option("--lang", help="Language of the sentences.")] = Tongue.EN,
    device: Annotated[str, typer.Option(help="cpu, or cuda where there is one.")] = "cpu",
) -> None:
    """Areal density, mass, likely goods and, with --hs, p-values and heat-map of each scan."""
    import sys

    from customs.errors import CustomsError, InvalidConfig
    from customs.hs import HsCode
    from portcullis.cli.console import print_json
    from xray_encoder.examine import examine, same_lot
    from xray_encoder.reading import find_containers, read_scan_files
    from xray_encoder.scorer import XrayScorer

    if heatmap is not None and hs is None:
        raise InvalidConfig("a heat-map needs a declared code", field="heatmap", remedy="give --hs CODE")
    declared = None if hs is None else HsCode.parse(hs)
    pixel, beams = _pitch(pitch), _beams(energies)
    groups = _groups(images)
    for field, folder in (("heatmap", heatmap), ("maps", maps)):
        if folder is not None:
            _make(folder, field)
    scorer = XrayScorer.load(model, device)
    results, failed, looks = [], 0, []
    stems: set[str] = set()
    for files in groups:
        path = files[0]
        try:
            scan = read_scan_files(files, pixel_pitch_m=pixel, energies=beams)
            found = examine(scorer, scan, declared, name=path.name)
        except CustomsError as error:
            failed += 1
            results.append({"image": str(path), "files": [str(file) for file in files], "error": str(error)})
            print(f"portcullis: {path}: {error}", file=sys.stderr)
            continue
        motor = found.look.crop.motor
        answer = {
            "image": str(path),
            "files": [str(file) for file in files],
            **found.as_dict(scan),
            "scanner": scan.scanner,
            "view": scan.view,
            "bit_depth": scan.bit_depth,
            "pixel_pitch_m": None if scan.pixel_pitch_m is None else list(scan.pixel_pitch_m),
            "orientation": list(scan.orientation),
            "saturated_fraction": scan.saturated_fraction,
            "motor": None if motor is None else list(motor),
            "containers": [list(crop.container) for crop in find_containers(scan)],
        }
        stem = _free(path.stem, stems)
        drawn = next((e.artefact for e in found.evidence if e.artefact is not None), None)
        if heatmap is not None and drawn is not None:
            from portcullis.drawing import heatmap_png

            target = heatmap / f"{stem}_{declared.digits if declared else ''}.png"
            target.write_bytes(heatmap_png(scan, drawn))
            answer["heatmap"] = str(target)
        if maps is not None:
            answer["maps"] = {
                name: str(_written(maps / f"{stem}_{name.replace('.', '-')}.png", drawn))
                for name, drawn in _maps(scan, found)
            }
        results.append(answer)
        looks.append((answer, found.look))
        if not json:
            for line in _lines(path.name, answer, found, language.value):
                print(line)
    if lot:
        for (answer, _), odd in zip(looks, same_lot(scorer, [look for _, look in looks]), strict=True):
            answer["lot_oddness"] = odd
            if not json:
                print(
                    f"{Path(answer['image']).name}: among its lot {odd:+.1f} (above 0: rather not one of it)"
                )
    if json:
        print_json(results)
    if failed:
        raise typer.Exit(2)


def _make(folder: Path, field: str) -> None:
    from customs.errors import UnreadableFile

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnreadableFile(f"{folder}: {error.strerror}", field=field, remedy="name a folder") from None


def _free(stem: str, taken: set[str]) -> str:
    """A name for a scan's pictures that no other scan of the same call has."""
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name)
    return name


def _maps(scan: Scan, found: Examination) -> Iterator[tuple[str, bytes]]:
    """Name and PNG of every map: `scan`, `density`, and the check's name for each that marks something."""
    from portcullis import maps
    from xray_encoder.measure import areal_density_map

    crop = found.look.crop
    yield "scan", maps.scan_map(scan, crop)
    yield "density", maps.density_map(scan, crop, areal_density_map(scan))
    for evidence in found.evidence:
        if evidence.artefact is not None:
            yield evidence.check, maps.odd_map(scan, crop, evidence.artefact, evidence.check)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _groups(images: Sequence[Path]) -> list[list[Path]]:
    """Files of one scan each: a file with its siblings, all scans of a folder; none twice."""
    from customs.errors import UnreadableFile
    from xray_encoder.reading import find_scans, find_siblings

    groups: list[list[Path]] = []
    taken: set[Path] = set()
    for image in images:
        try:
            found = find_scans(image) if image.is_dir() else [find_siblings(image)]
        except OSError as error:
            raise UnreadableFile(
                f"{image}: {error.strerror}", field="scan", remedy="check the path"
            ) from None
        if not found:
            raise UnreadableFile(f"{image} holds no scans", field="scan", remedy="name a folder of scans")
        for files in found:
            if not taken.issuperset(files):
                groups.append(files)
                taken.update(files)
    return groups


def _pitch(text: str | None) -> tuple[float, float] | None:
    """`0.005` or `0.005,0.006`: height and width of a pixel, metres."""
    from customs.errors import InvalidValue
    from xray_encoder.reading.limits import pitch_of

    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    found = pitch_of(numbers[0], numbers[-1]) if len(numbers) in (1, 2) else None
    if found is None:
        raise InvalidValue(
            f"got {text!r}", field="pitch", remedy="give metres: 0.005, or height and width: 0.005,0.006"
        )
    return found


def _beams(text: str | None) -> tuple[str, ...] | None:
    """`4MV,6MV`: a name for each plane."""
    from customs.errors import InvalidValue

    if text is None:
        return None
    names = tuple(part.strip() for part in text.split(","))
    if not all(names) or len(names) > 2:
        raise InvalidValue(f"got {text!r}", field="energies", remedy="name one or two: 6MV, or 4MV,6MV")
    return names


def _lines(name: str, answer: dict[str, Any], found: Examination, language: Language) -> Iterator[str]:
    """What an officer reads in the terminal."""
    from customs.sentences import render

    least = "at least " if found.bound else ""
    yield f"{name}: {answer['kind']}, mean areal density {least}{found.areal_density:,.0f} g/cm²"
    if answer["orientation"]:
        yield f"  set upright: was {', '.join(answer['orientation'])}"
    if len(answer["containers"]) > 1:
        yield f"  {len(answer['containers'])} containers; the longest is examined"
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
    for name, path in answer.get("maps", {}).items():
        yield f"  map of {name}: {path}"
