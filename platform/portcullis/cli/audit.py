"""`portcullis audit`: the log of who did what, checked, shown and taken along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from portcullis.settings import Settings
    from portcullis.store.audit import Head

audit = typer.Typer(help="The log of who did what: check it, take it along.", no_args_is_help=True)

Store = Annotated[str | None, typer.Option(help="Database URL.")]
Key = Annotated[
    Path | None, typer.Option(help="Public key (PEM) to check with; default: this installation's own.")
]
HeadOption = Annotated[
    str | None, typer.Option(help="NUMBER:HASH that `audit head` printed at some time before.")
]


@audit.command("verify")
def verify(
    head: HeadOption = None,
    key: Key = None,
    images: Annotated[bool, typer.Option("--images", help="Also read every image file.")] = False,
    store: Store = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check the chain, its signatures, and every row that it vouches for; exit code 1 on any fault."""
    import dataclasses

    from portcullis.cli.console import print_json, progress_bars
    from portcullis.store.engine import open_store, snapshot
    from portcullis.store.images import Images
    from portcullis.store.vouching import Tally, check

    settings = _settings(store)
    public = _key(key, settings)
    wanted = None if head is None else _head(head)
    tally = Tally()
    faults = []
    with progress_bars() as progress, snapshot(open_store(settings.store_url)) as connection:
        found = check(
            connection,
            public,
            tally,
            head=wanted,
            images=Images(settings.images) if images else None,
            progress=progress,
        )
        for fault in found:
            faults.append(dataclasses.asdict(fault) if json else None)
            if not json:
                print(fault)
    if json:
        print_json(
            {
                "entries": tally.entries,
                "head": None if tally.head is None else dataclasses.asdict(tally.head),
                "rows": tally.rows,
                "images": tally.images if images else None,
                "faults": faults,
            }
        )
    else:
        rows = ", ".join(f"{count:,} × {name}" for name, count in tally.rows.items())
        seen = f"{tally.entries:,} entries, {rows}" + (f", {tally.images:,} images" if images else "")
        print(f"{len(faults):,} faults in {seen}" if faults else f"all is as it was written: {seen}")
        if tally.head is not None:
            print(f"head {tally.head}")
    if faults:
        raise typer.Exit(1)


@audit.command("head")
def head(store: Store = None) -> None:
    """Print NUMBER:HASH of the newest entry, to be written down elsewhere."""
    from portcullis.store.audit import START, head_of
    from portcullis.store.engine import open_store, snapshot

    with snapshot(open_store(_settings(store).store_url)) as connection:
        print(head_of(connection) or START)


@audit.command("key")
def key() -> None:
    """Print the public key that signatures are checked with (PEM); its fingerprint goes to stderr."""
    import sys

    from portcullis.identity.secret import fingerprint, public_pem

    public = _key(None, _settings(None))
    print(public_pem(public), end="")
    print(f"fingerprint {fingerprint(public)}", file=sys.stderr)


@audit.command("export")
def export(
    out: Annotated[Path, typer.Option(help="File for the entries, a JSON object on each line.")],
    store: Store = None,
) -> None:
    """Write all entries, oldest first."""
    import dataclasses
    import json

    import sqlalchemy as sa

    from portcullis.cli.console import progress_bars
    from portcullis.store.audit import audit as table
    from portcullis.store.audit import entries_of
    from portcullis.store.engine import open_store, snapshot
    from portcullis.store.files import writing_file

    engine = open_store(_settings(store).store_url)
    done = 0
    with progress_bars() as progress, snapshot(engine) as connection, writing_file(out) as file:
        total = int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)
        for entry in entries_of(connection):
            line = {**dataclasses.asdict(entry), "details": entry.values}
            file.write((json.dumps(line, ensure_ascii=False) + "\n").encode())
            done += 1
            if done % 500 == 0 or done == total:
                progress("entries", done, total)
    print(f"wrote {done:,} entries to {out}")


@audit.command("verify-bundle")
def verify_bundle(
    bundle: Annotated[Path, typer.Argument(help="An evidence bundle (ZIP).")],
    key: Annotated[
        Path | None, typer.Option(help="Public key (PEM) of the agency, from anywhere but this bundle.")
    ] = None,
    head: HeadOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check an evidence bundle by itself: no store, no models, no network. Exit code 1 on any fault."""
    from portcullis.bundle.check import check
    from portcullis.cli.console import print_json, read_bytes
    from portcullis.identity.secret import read_public_pem

    trusted = None if key is None else read_public_pem(read_bytes(key, field="key"))
    found = check(bundle, trusted, None if head is None else _head(head))
    if json:
        print_json({"faults": found.faults, "verified": found.verified, "not_verified": found.not_verified})
    else:
        for text in found.verified:
            print(f"verified: {text}")
        for text in found.not_verified:
            print(f"NOT verified: {text}")
        for text in found.faults:
            print(f"FAULT: {text}")
        print("this bundle is damaged or was changed" if found.faults else "no fault was found")
    if found.faults:
        raise typer.Exit(1)


@audit.callback()
def log() -> None:
    """The log of who did what: check it, take it along."""


def _settings(store: str | None) -> Settings:
    from dataclasses import replace

    from portcullis.settings import Settings

    settings = Settings.read()
    return settings if store is None else replace(settings, store_url=store)


def _key(path: Path | None, settings: Settings) -> Ed25519PublicKey:
    """The key of a file, or of the installation whose secret lies in the data folder."""
    from customs.errors import InvalidConfig
    from portcullis.cli.console import read_bytes
    from portcullis.identity.secret import find_secret, read_public_pem, signing_key

    if path is not None:
        return read_public_pem(read_bytes(path, field="key"))
    secret = find_secret(settings.data)
    if secret is None:
        raise InvalidConfig(
            f"{settings.data} holds no secret, so the key is not known",
            field="key",
            remedy="give --key FILE with what `audit key` printed, or set PORTCULLIS_DATA",
        )
    return signing_key(secret).public_key()


def _head(text: str) -> Head:
    import re

    from customs.errors import InvalidValue
    from portcullis.store.audit import Head

    found = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", text.strip())
    if found is None:
        raise InvalidValue(f"got {text!r}", field="head", remedy="give NUMBER:HASH as `audit head` prints it")
    return Head(int(found[1]), found[2])
