"""`portcullis restore`: a backup into an empty store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def restore(
    backup: Annotated[Path, typer.Argument(help="What `portcullis backup` wrote.")],
    store: Annotated[str | None, typer.Option(help="Database URL; the database must be empty.")] = None,
    images: Annotated[str | None, typer.Option(help="Folder or URL for the image files.")] = None,
    base: Annotated[
        list[Path] | None, typer.Option(help="Earlier backup with images that this one left out.")
    ] = None,
    without_images: Annotated[
        bool, typer.Option("--without-images", help="Go on where images are missing.")
    ] = False,
    key: Annotated[Path | None, typer.Option(help="Public key (PEM) that must have signed it.")] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase; the secret is then restored, too.")
    ] = None,
) -> None:
    """Put everything back, all or nothing, and check the audit chain against the backup's head."""
    from portcullis.cli.backup import read_passphrase
    from portcullis.cli.console import progress_bars, read_bytes
    from portcullis.identity.secret import find_secret, read_public_pem, signing_key, write_secret
    from portcullis.settings import Settings
    from portcullis.store.images import Images
    from portcullis.store.restoring import restore as run

    settings = Settings.read()
    there = find_secret(settings.data)
    trusted = None if key is None else read_public_pem(read_bytes(key, field="key"))
    own = None if there is None else signing_key(there).public_key()
    _refuse_other(own, trusted)
    with progress_bars() as progress:
        restored = run(
            backup,
            store or settings.store_url,
            Images(images or settings.images),
            bases=base or (),
            without_images=without_images,
            trusted=trusted or own,
            passphrase=None if passphrase_file is None else read_passphrase(passphrase_file, new=False),
            progress=progress,
        )
    lost = f" ({restored.images_missing:,} are missing)" if restored.images_missing else ""
    print(f"restored {restored.rows:,} rows and {restored.images:,} images{lost}")
    print(f"the audit chain of {restored.entries:,} entries is intact up to head {restored.head}")
    if there is None and restored.secret is not None:
        write_secret(settings.data, restored.secret)
        print(f"the secret is in {settings.data / 'secret'}")
    elif there is None:
        print(
            f"before you serve: put the old installation's secret into {settings.data / 'secret'}; "
            "with a new one its audit log cannot go on"
        )


def _refuse_other(own: Ed25519PublicKey | None, trusted: Ed25519PublicKey | None) -> None:
    from customs.errors import InvalidConfig

    if own is not None and trusted is not None and own != trusted:
        raise InvalidConfig(
            "the data folder holds the secret of another installation than that of the key given",
            field="data",
            remedy="set PORTCULLIS_DATA to a new folder",
        )
