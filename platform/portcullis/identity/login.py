"""Names and passwords: argon2 hashes, a pause after wrong ones, and a short memory for HTTP Basic."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
import threading
from functools import cached_property

from pwdlib import PasswordHash

from customs.errors import InvalidValue
from portcullis.store.accounts import Account, Accounts, Role

MIN_PASSWORD = 10
_REMEMBER = dt.timedelta(minutes=5)
_MAX_REMEMBERED = 1000


class LoginRefused(Exception):
    """Name or password is wrong; which of the two is not said."""


class TooManyFailures(LoginRefused):
    """The account waits after wrong passwords."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"try again in {seconds} seconds")
        self.seconds = seconds


class Login:
    """Checks names and passwords against the store."""

    def __init__(
        self, accounts: Accounts, *, max_failures: int = 5, wait: dt.timedelta = dt.timedelta(minutes=15)
    ) -> None:
        self.accounts = accounts
        self.max_failures = max_failures
        self.wait = wait
        self._hasher = PasswordHash.recommended()
        self._key = secrets.token_bytes(32)
        self._remembered: dict[bytes, dt.datetime] = {}
        self._lock = threading.Lock()

    def add(self, name: str, password: str, role: Role) -> Account:
        """A new account."""
        return self.accounts.add(name, self.hashed(password), role)

    def hashed(self, password: str) -> str:
        """The argon2 hash of a new password; one that is too short is an `InvalidValue`."""
        if len(password) < MIN_PASSWORD:
            raise InvalidValue(
                f"the password has {len(password)} characters",
                field="password",
                remedy=f"give at least {MIN_PASSWORD}",
            )
        return self._hasher.hash(password)

    def check(self, name: str, password: str) -> Account:
        """The account of this name and password.

        Raises `TooManyFailures` while the account waits, `LoginRefused` for anything else that is wrong.
        """
        found = self.accounts.by_name(name)
        mark = self._mark(name, password, found)
        if found is not None and self._is_remembered(mark):
            return found
        failures = self.accounts.failures(name, self.wait)
        if len(failures) >= self.max_failures:
            ends = failures[-self.max_failures] + self.wait
            raise TooManyFailures(max(int((ends - self.accounts.now()).total_seconds()) + 1, 1))
        # an unknown name costs the same time as a known one
        right = self._hasher.verify(password, found.password_hash if found else self._nobody)
        if found is None or not right:
            self.accounts.failed(name)
            raise LoginRefused("name or password is wrong")
        if failures:
            self.accounts.succeeded(name)
        with self._lock:
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[mark] = self.accounts.now() + _REMEMBER
        return found

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(secrets.token_hex(16))

    def _mark(self, name: str, password: str, found: Account | None) -> bytes:
        # holds the stored hash, so that a changed password is forgotten at once
        parts = "\0".join((name, password, found.password_hash if found else ""))
        return hmac.digest(self._key, parts.encode(), hashlib.sha256)

    def _is_remembered(self, mark: bytes) -> bool:
        with self._lock:
            until = self._remembered.get(mark)
        return until is not None and self.accounts.now() < until
