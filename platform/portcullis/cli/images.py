"""`portcullis images`: the uploaded files, checked and tidied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from portcullis.store.images import Images

images = typer.Typer(help="The uploaded image files.", no_args_is_help=True)
Store = Annotated[str | None, typer.Option(help="Database URL.")]
Place = Annotated[str | None, typer.Option("--images", help="Folder or URL of the image files.")]


@images.command("check")
def check(
    store: Store = None,
    images: Place = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Read every file that a row names; exit code 1 where one is missing or was changed."""
    from portcullis.cli.console import print_json, progress_bars
    from portcullis.store.sweeping import inspect

    with progress_bars() as progress:
        found = inspect(*_opened(store, images), progress=progress)
    if json:
        print_json({"images": found.images, "faults": found.faults, "orphans": found.orphans})
    else:
        for fault in found.faults:
            print(fault)
        print(
            f"{found.images:,} images, {len(found.faults):,} missing or changed; "
            f"{len(found.orphans):,} files that nothing names (`portcullis images sweep` removes old ones)"
        )
    if found.faults:
        raise typer.Exit(1)


@images.command("sweep")
def sweep(
    store: Store = None,
    images: Place = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove files that nothing names and that are more than an hour old: a crash left them."""
    from portcullis.store.sweeping import sweep as run

    engine, kept = _opened(store, images)
    names, broken = run(engine, kept, dry_run=dry_run)
    for name in names:
        print(name)
    verb = "would be removed" if dry_run else "removed"
    print(f"{len(names):,} files {verb}" + (f", and {broken:,} of broken writes" if broken else ""))


@images.callback()
def files() -> None:
    """The uploaded image files."""


def _opened(store: str | None, images: str | None) -> tuple[Engine, Images]:
    from portcullis.settings import Settings
    from portcullis.store.engine import open_store
    from portcullis.store.images import Images

    settings = Settings.read()
    return open_store(store or settings.store_url), Images(images or settings.images)
