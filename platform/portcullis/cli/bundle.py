"""`portcullis bundle`: all of one case in a file that proves itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bundle(
    assessment: Annotated[str, typer.Argument(help="Id of an assessment.")],
    out: Annotated[Path, typer.Option(help="ZIP file to write.")],
    store: Annotated[str | None, typer.Option(help="Database URL.")] = None,
) -> None:
    """Write the evidence bundle of a case; that it was taken goes to the audit log."""
    from dataclasses import replace

    from portcullis.models import Models
    from portcullis.service import Service
    from portcullis.settings import Settings
    from portcullis.store.audit import SYSTEM
    from portcullis.store.files import writing_file

    settings = Settings.read()
    if store is not None:
        settings = replace(settings, store_url=store)
    service = Service.open(settings, Models({}, {}))
    with writing_file(out) as file:
        service.bundle(assessment, SYSTEM, file)
        size = file.tell()
    print(f"wrote {out} ({size:,} bytes); check it with `portcullis audit verify-bundle {out} --key …`")
