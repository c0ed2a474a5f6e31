"""The secret of an installation: made once, kept in a file that only its owner reads."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def read_secret(folder: Path) -> bytes:
    """Read `folder/secret`, making it where it is missing.

    It appears whole, in one move: of several processes that start at once, all have the same secret.
    """
    path = folder / "secret"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        handle, waiting = tempfile.mkstemp(dir=folder, prefix=".secret.")  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_hex(32).encode())
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(waiting, path)
        finally:
            os.unlink(waiting)
    return path.read_bytes()


def derived(secret: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose; nobody who has them learns the secret or those of another purpose."""
    return hmac.digest(secret, f"portcullis {purpose}".encode(), hashlib.sha256)


def signing_key(secret: bytes) -> Ed25519PrivateKey:
    """The key that signs the entries of the audit log."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(derived(secret, "audit"))
