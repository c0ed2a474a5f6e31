"""Secrets of others that have to be kept readable, such as a webhook's: encrypted in the store."""

from __future__ import annotations

import base64
import secrets

_NONCE = 12  # bytes, of AES-GCM


class BrokenSeal(Exception):
    """What was kept cannot be read: the installation's secret is another one, or somebody changed it."""


class Seal:
    """AES-256-GCM under one key; what is sealed for one owner cannot be opened as another's."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)

    def close(self, value: bytes, owner: str) -> str:
        """Encrypt; the answer is ASCII."""
        nonce = secrets.token_bytes(_NONCE)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, value, owner.encode())).decode()

    def open(self, sealed: str, owner: str) -> bytes:
        """Decrypt; `BrokenSeal` if that is not possible."""
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(sealed, validate=True)
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], owner.encode())
        except (InvalidTag, ValueError):
            raise BrokenSeal("it was sealed with another secret, or changed") from None
