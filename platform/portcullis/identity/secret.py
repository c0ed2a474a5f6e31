"""The secret of an installation: made once, kept in a file that only its owner reads."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def read_secret(folder: Path) -> bytes:
    """Read `folder/secret`, making it where it is missing."""
    path = folder / "secret"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_hex(32).encode())
    return path.read_bytes()


def derived(secret: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose; nobody who has them learns the secret or those of another purpose."""
    return hmac.digest(secret, f"portcullis {purpose}".encode(), hashlib.sha256)


def signing_key(secret: bytes) -> Ed25519PrivateKey:
    """The key that signs the entries of the audit log."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(derived(secret, "audit"))
