"""`portcullis backup`: everything in one file, while others go on working."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def backup(
    out: Annotated[Path, typer.Option(help="File to write.")],
    store: Annotated[str | None, typer.Option(help="Database URL.")] = None,
    images: Annotated[str | None, typer.Option(help="Folder or URL of the image files.")] = None,
    without_images: Annotated[bool, typer.Option("--no-images", help="Leave all images out.")] = False,
    since: Annotated[Path | None, typer.Option(help="Leave out what this earlier backup holds.")] = None,
    with_secret: Annotated[
        bool, typer.Option("--with-secret", help="Put the installation's secret in, encrypted.")
    ] = False,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase for the secret; default: it is asked for.")
    ] = None,
) -> None:
    """Write all rows as one moment saw them, their images and the audit chain's head to one file.

    That it was taken is written into the audit log. The file `secret` of the data folder is left out unless
    asked for: the audit log's key comes from it.
    """
    from portcullis.cli.console import progress_bars
    from portcullis.identity.secret import signing_key
    from portcullis.service import utc_now
    from portcullis.settings import Settings
    from portcullis.store.audit import SYSTEM, Act, Audit
    from portcullis.store.backup import make
    from portcullis.store.engine import open_store
    from portcullis.store.files import writing_file
    from portcullis.store.images import Images

    settings = Settings.read()
    secret = _secret(settings.data)
    passphrase = read_passphrase(passphrase_file, new=True) if with_secret else None
    engine = open_store(store or settings.store_url)
    audit = Audit(engine, signing_key(secret), utc_now)
    audit.require_ours(settings.data)
    with progress_bars() as progress, writing_file(out) as file:
        made = make(
            file,
            engine,
            Images(images or settings.images),
            audit.key,
            with_images=not without_images,
            earlier=since,
            secret=secret if with_secret else None,
            passphrase=passphrase,
            progress=progress,
        )
    taken = {"rows": made.rows, "images": made.images, "secret": with_secret, "head": str(made.head)}
    audit.add(Act(SYSTEM, "backup", out.name[-80:], taken))
    engine.dispose()
    left = made.images_needed - made.images
    print(
        f"wrote {out}: {made.rows:,} rows, {made.images:,} images"
        + (f" ({left:,} left out)" if left else "")
        + f", head {made.head}"
    )
    if not with_secret:
        print(f"the secret is not in it: keep {settings.data / 'secret'} apart, or use --with-secret")


def read_passphrase(path: Path | None, *, new: bool) -> str:
    """The first line of a file, or what somebody types; eight characters at least."""
    from customs.errors import InvalidValue
    from portcullis.cli.console import read_bytes

    if path is None:
        text = str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))
    else:
        text = (
            read_bytes(path, field="passphrase-file")
            .decode("utf-8", "replace")
            .partition("\n")[0]
            .rstrip("\r")
        )
    if len(text) < 8:
        raise InvalidValue(
            f"the passphrase has {len(text)} characters", field="passphrase-file", remedy="give 8 or more"
        )
    return text


def _secret(folder: Path) -> bytes:
    from customs.errors import InvalidConfig
    from portcullis.identity.secret import find_secret

    found = find_secret(folder)
    if found is None:
        raise InvalidConfig(
            f"{folder} holds no secret",
            field="data",
            remedy="set PORTCULLIS_DATA to the service's data folder",
        )
    return found
