"""A backup: all rows as one moment saw them, the images they name, and the head of the audit chain, in a ZIP.

The rows are text of no particular database: what was taken from SQLite goes back into PostgreSQL, and the
other way round. Every member's digest stands in the manifest, which is signed with the installation's key.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import sqlalchemy as sa

from customs.errors import CustomsError, UnreadableFile
from customs.progress import Progress, silent
from portcullis.identity.secret import public_pem, read_public_pem
from portcullis.store.audit import START, Head, canonical, head_of
from portcullis.store.dumping import Sum, lines_of, tables_of
from portcullis.store.engine import revision_of, snapshot
from portcullis.store.images import Images
from portcullis.store.vouching import image_names

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORMAT = 1
MANIFEST, SIGNATURE, IMAGE_LIST, SECRET = "manifest.json", "manifest.sig", "images.txt", "secret.json"
_SIGNED = b"portcullis backup\n"
_IMAGE = re.compile(r"images/([0-9a-f]{64})")
_SCRYPT = {"n": 2**15, "r": 8, "p": 1}


@dataclass(frozen=True)
class Made:
    """What a backup holds: rows, images in it and those that its rows name, the head of the chain."""

    rows: int
    images: int
    images_needed: int
    head: Head


def make(
    file: IO[bytes],
    engine: sa.Engine,
    images: Images,
    key: Ed25519PrivateKey,
    *,
    with_images: bool = True,
    earlier: Path | None = None,
    secret: bytes | None = None,
    passphrase: str | None = None,
    progress: Progress = silent,
) -> Made:
    """Write a backup while others go on working.

    earlier: a backup whose images are left out here. secret: goes in, encrypted with the passphrase.
    """
    had = set() if earlier is None else image_members(earlier)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        with snapshot(engine) as connection:
            head = head_of(connection) or START
            revision = revision_of(connection)
            tables: dict[str, Any] = {}
            names = tables_of(connection)
            for done, table in enumerate(names, 1):
                tables[table.name] = _write_table(archive, connection, table)
                progress("tables", done, len(names))
            needed = sorted(set(image_names(connection)))
        listed = "".join(f"{name}\n" for name in needed).encode()
        archive.writestr(IMAGE_LIST, listed)
        # no row ever lets go of its images, so they are all still there
        taken = [name for name in needed if with_images and name not in had]
        for done, name in enumerate(taken, 1):
            archive.writestr(f"images/{name}", images.read(name), zipfile.ZIP_STORED)
            progress("images", done, len(taken))
        if secret is not None:
            archive.writestr(SECRET, _locked(secret, passphrase or ""))
        manifest = canonical(
            {
                "backup": FORMAT,
                "revision": revision,
                "head": asdict(head),
                "public_key": public_pem(key.public_key()),
                "tables": tables,
                "images": {"needed": len(needed), "included": len(taken), "sha256": _digest(listed)},
            }
        ).encode()
        archive.writestr(MANIFEST, manifest)
        archive.writestr(SIGNATURE, key.sign(_SIGNED + manifest).hex())
    return Made(sum(t["rows"] for t in tables.values()), len(taken), len(needed), head)


@dataclass(frozen=True)
class Backup:
    """An opened backup whose manifest is as it was signed."""

    archive: zipfile.ZipFile
    manifest: dict[str, Any]
    key: Ed25519PublicKey

    @property
    def head(self) -> Head:
        """The end of the audit chain when it was made."""
        return Head(**self.manifest["head"])

    @property
    def revision(self) -> str:
        """Of the schema."""
        return str(self.manifest["revision"])

    def check(self) -> None:
        """Read all rows; an `UnreadableFile` if they are not those that were written."""
        for table, described in self.manifest["tables"].items():
            total = hashlib.sha256()
            for line in self.lines(table):
                total.update(line)
            if total.hexdigest() != described["sha256"]:
                raise damaged(f"the rows of {table} were changed")

    def lines(self, table: str) -> Iterator[bytes]:
        """The rows of one table."""
        with self.archive.open(f"tables/{table}.jsonl") as file:
            yield from file

    def image_names(self) -> list[str]:
        """All images that its rows name."""
        listed = self.archive.read(IMAGE_LIST)
        if _digest(listed) != self.manifest["images"]["sha256"]:
            raise damaged("the list of images was changed")
        return listed.decode().split()

    def image(self, name: str) -> bytes | None:
        """Contents of an image; None where this backup does not hold it."""
        try:
            content = self.archive.read(f"images/{name}")
        except KeyError:
            return None
        if _digest(content) != name:
            raise damaged(f"the image {name} was changed")
        return content

    def secret(self, passphrase: str | None) -> bytes | None:
        """The installation's secret; None where it is not in here."""
        if SECRET not in self.archive.namelist():
            return None
        if passphrase is None:
            return None
        return _unlocked(self.archive.read(SECRET), passphrase)


@contextmanager
def opened(path: Path) -> Iterator[Backup]:
    """A backup to restore from; everything that is wrong with the file is an `UnreadableFile`."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = archive.read(MANIFEST)
            key = _check_signature(manifest, archive.read(SIGNATURE))
            values = json.loads(manifest)
            if values.get("backup") != FORMAT:
                raise damaged("it was made by another version of this program")
            yield Backup(archive, values, key)
    except OSError as error:
        if error.filename is None or Path(error.filename) != path:
            raise
        raise UnreadableFile(f"{path}: {error.strerror}", field="backup", remedy="check the path") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise damaged(str(error)) from None
    except KeyError as error:
        if "archive" not in str(error):
            raise
        raise damaged(str(error.args[0])) from None


def image_members(path: Path) -> set[str]:
    """Names of the images that a backup holds itself."""
    with opened(path) as backup:
        found = (_IMAGE.fullmatch(name) for name in backup.archive.namelist())
        return {match[1] for match in found if match is not None}


def damaged(why: str) -> UnreadableFile:
    """The error of a backup that is not what was written."""
    return UnreadableFile(
        f"this backup is damaged: {why}", field="backup", remedy="nothing was restored; take another one"
    )


def _write_table(archive: zipfile.ZipFile, connection: sa.Connection, table: sa.Table) -> dict[str, Any]:
    plain, summed = hashlib.sha256(), Sum()
    info = zipfile.ZipInfo(f"tables/{table.name}.jsonl")
    info.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(info, "w", force_zip64=True) as file:
        for line in lines_of(connection, table):
            plain.update(line)
            summed.add(line)
            file.write(line)
    return {"rows": summed.rows, "sha256": plain.hexdigest(), "sum": summed.hex}


def _check_signature(manifest: bytes, signature: bytes) -> Ed25519PublicKey:
    from cryptography.exceptions import InvalidSignature

    try:
        key = read_public_pem(json.loads(manifest)["public_key"].encode())
        key.verify(bytes.fromhex(signature.decode("ascii")), _SIGNED + manifest)
    except (InvalidSignature, ValueError, KeyError, TypeError, AttributeError, UnreadableFile):
        raise damaged("its manifest is not as it was signed") from None
    return key


def _locked(secret: bytes, passphrase: str) -> str:
    import os

    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    salt, nonce = os.urandom(16), os.urandom(12)
    data = ChaCha20Poly1305(_stretched(passphrase, salt)).encrypt(nonce, secret, None)
    return canonical({"salt": salt.hex(), "nonce": nonce.hex(), "data": data.hex()})


def _unlocked(text: bytes, passphrase: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    values = {name: bytes.fromhex(value) for name, value in json.loads(text).items()}
    cipher = ChaCha20Poly1305(_stretched(passphrase, values["salt"]))
    try:
        return cipher.decrypt(values["nonce"], values["data"], None)
    except InvalidTag:
        raise CustomsError(
            "the passphrase is not the one of this backup",
            field="passphrase-file",
            remedy="give the right one, or none and put the secret into the data folder yourself",
        ) from None


def _stretched(passphrase: str, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, **_SCRYPT).derive(passphrase.encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
