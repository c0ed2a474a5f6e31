"""Signatures of webhooks, as the Standard Webhooks specification has them.

Three headers: `webhook-id` (the same at every attempt), `webhook-timestamp` (seconds since 1970, of this
attempt) and `webhook-signature`: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> bytes:
    """A key for one webhook."""
    return secrets.token_bytes(_BYTES)


def written(secret: bytes) -> str:
    """The key as its receiver gets it: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secret).decode()


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`.

    >>> sign(b"key", "msg_1", 1700000000, b"{}")
    'v1,XaXLFEFQ69Q4+demDWPEv5ydXczDW2mM5crCUEFcFBA='
    """
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def headers(secret: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, message_id, timestamp, body),
    }
