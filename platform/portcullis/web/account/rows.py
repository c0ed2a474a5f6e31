"""API keys as the pages list them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from portcullis.identity.keys import ApiKey


@dataclass(frozen=True)
class KeyRow:
    """An API key without its secret; used: empty if it never was."""

    id: str
    owner: str
    name: str
    scopes: tuple[str, ...]
    expires: str
    used: str
    state: Literal["good", "expired", "revoked"]

    @classmethod
    def of(cls, key: ApiKey, now: dt.datetime, zone: dt.tzinfo) -> KeyRow:
        """From the store's key."""
        state: Literal["good", "expired", "revoked"] = "good" if key.expires_at > now else "expired"
        return cls(
            id=key.id,
            owner=key.account,
            name=key.name,
            scopes=tuple(scope.value for scope in key.scopes),
            expires=f"{key.expires_at.astimezone(zone):%Y-%m-%d}",
            used="" if key.last_used_at is None else f"{key.last_used_at.astimezone(zone):%Y-%m-%d %H:%M}",
            state="revoked" if key.revoked_at is not None else state,
        )
