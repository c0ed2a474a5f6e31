"""The secret of an installation: made once, kept in a file that only its owner reads."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from customs.errors import UnreadableFile

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def read_secret(folder: Path) -> bytes:
    """Read `folder/secret`, making it where it is missing."""
    with contextlib.suppress(FileExistsError):
        write_secret(folder, secrets.token_hex(32).encode())
    return (folder / "secret").read_bytes()


def derived(secret: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose; nobody who has them learns the secret or those of another purpose."""
    return hmac.digest(secret, f"portcullis {purpose}".encode(), hashlib.sha256)


def signing_key(secret: bytes) -> Ed25519PrivateKey:
    """The key that signs the entries of the audit log."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(derived(secret, "audit"))


def find_secret(folder: Path) -> bytes | None:
    """Read `folder/secret` where there is one; nothing is made."""
    try:
        return (folder / "secret").read_bytes()
    except FileNotFoundError:
        return None


def write_secret(folder: Path, secret: bytes) -> None:
    """Put a secret where there is none; `FileExistsError` where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, waiting = tempfile.mkstemp(dir=folder, prefix=".secret.")  # readable by its owner only
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        os.link(waiting, folder / "secret")  # whole at once: whoever starts beside us reads no half of it
    finally:
        os.unlink(waiting)


def public_pem(key: Ed25519PublicKey) -> str:
    """A public key as text, for people to keep and to hand on."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public_pem(text: bytes) -> Ed25519PublicKey:
    """A public key from `public_pem`'s text; anything else is an `UnreadableFile`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise UnreadableFile(
            "this is no public key of an audit log", field="key", remedy="give what `audit key` printed"
        )
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """Short enough to be read out on the telephone: the first 32 hex digits of the key's sha256."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    digest = hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()
    return " ".join(digest[i : i + 4] for i in range(0, 32, 4))
