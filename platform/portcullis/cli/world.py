"""`portcullis world`: write the synthetic world."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Size(StrEnum):
    """How large a world."""

    TINY = "tiny"
    SMALL = "small"
    DEMO = "demo"
    LARGE = "large"
    SCANS = "scans"
    QUEUE = "queue"


def world(
    out: Annotated[Path, typer.Option(help="A new folder, or an older world to replace.")],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 0,
    size: Annotated[
        Size,
        typer.Option(
            help="How much of everything; scans: containers only, each scanned, for the X-ray module; "
            "queue: 20,000 to review and 10,000 whose outcome is known, for fusion."
        ),
    ] = Size.DEMO,
    fraud_share: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=0.5,
            help="Share of the declarations under review that are frauds; the size's own if not given.",
        ),
    ] = None,
    scan_fraud_share: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of the scanned ones left clean in which something is planted that only a scan shows; "
            "the size's own share if not given.",
        ),
    ] = None,
    gallery: Annotated[
        Path | None,
        typer.Option(help="A PNG to write as well: one load of each of eight kinds of packing, scanned."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Write declarations, series, texts, scans and photos, with planted frauds and their truth apart."""
    from customs.world import make_world
    from portcullis.cli.console import print_json, progress_bars

    if gallery is not None:
        _draw(gallery, seed)
    with progress_bars() as progress:
        counts = make_world(
            out,
            seed=seed,
            size=size.value,
            fraud_share=fraud_share,
            scan_fraud_share=scan_fraud_share,
            progress=progress,
        )
    if json:
        print_json(counts)
    else:
        for key, value in counts.items():
            print(f"{key}: {value}")
        print(f"wrote {out}")


def _draw(path: Path, seed: int) -> None:
    """The simulator's kinds of packing on one sheet."""
    from customs.errors import UnreadableFile
    from customs.world.gallery import gallery
    from portcullis.maps import sheet

    data = sheet(gallery(seed))
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UnreadableFile(
            f"{path}: {error.strerror}", field="gallery", remedy="name a file in a folder that exists"
        ) from None
