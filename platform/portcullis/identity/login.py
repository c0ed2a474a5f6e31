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
from portcullis.identity.rates import Rates
from portcullis.identity.refusals import AccountDisabled, LoginRefused
from portcullis.store.accounts import SYSTEM, Account, Accounts, Role
from portcullis.store.audit import Act, Audit

MIN_PASSWORD = 10
MAX_PASSWORD = 1_000
_REMEMBER = dt.timedelta(minutes=5)
_MAX_REMEMBERED = 1000
_TURNS = 64
_AT_ONCE = 4  # an argon2 hash takes 64 MiB while it is made


class Login:
    """Checks names and passwords against the store."""

    def __init__(self, accounts: Accounts, audit: Audit, rates: Rates) -> None:
        self.accounts = accounts
        self.audit = audit
        self.rates = rates
        self._hasher = PasswordHash.recommended()
        self._key = secrets.token_bytes(32)
        self._remembered: dict[bytes, dt.datetime] = {}
        self._lock = threading.Lock()
        self._turns = [threading.Lock() for _ in range(_TURNS)]
        self._hashing = threading.Semaphore(_AT_ONCE)

    def add(self, name: str, password: str, role: Role, by: str = SYSTEM) -> Account:
        """A new account."""
        return self.accounts.add(name, self.hashed(password), role, by)

    def hashed(self, password: str) -> str:
        """The argon2 hash of a new password; one that is too short or too long is an `InvalidValue`."""
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise InvalidValue(
                f"the password has {len(password)} characters",
                field="password",
                remedy=f"give at least {MIN_PASSWORD} and at most {MAX_PASSWORD}",
            )
        with self._hashing:
            return self._hasher.hash(password.encode("utf-8", "surrogatepass"))

    def check(self, name: str, password: str, address: str = "", how: str | None = None) -> Account:
        """The account of this name and password, which came from this address.

        `how` is what the audit log says of a login that no session begins, such as HTTP Basic: an entry
        whenever the password is looked at, which is every five minutes while it is in use.

        Raises `TooManyFailures` while the name or the address waits, `AccountDisabled` if only that is wrong,
        `LoginRefused` for anything else that is wrong.
        """
        found = self.accounts.by_name(name)
        mark = self._mark(name, password, found)
        if found is not None and self._is_remembered(mark):
            return _active(found)
        # one attempt at a time for a name: many requests that begin at once pay argon2 once
        with self._turns[mark[0] % _TURNS if found is None else found.id % _TURNS]:
            if found is not None and self._is_remembered(mark):
                return _active(found)
            left = self.rates.begin_login(name, address)
            right = self._fits(password, found)
            if found is None or not right:
                self.rates.wrong(address)
                if found is not None and left == 0:
                    self.audit.add(Act(SYSTEM, "login.locked", name, {}))
                raise LoginRefused("name or password is wrong")
            self.rates.right(name)
            _active(found)
            if how is not None:
                self.audit.add(Act(name, "login", name, {"how": how}))
            with self._lock:
                if len(self._remembered) >= _MAX_REMEMBERED:
                    self._remembered.clear()
                self._remembered[mark] = self.accounts.now() + _REMEMBER
            return found

    def unlock(self, name: str, by: str) -> None:
        """Let a name that waits after wrong passwords try again at once."""
        if self.rates.is_locked(name):
            self.rates.right(name)
            self.audit.add(Act(by, "login.unlocked", name, {}))

    def _fits(self, password: str, found: Account | None) -> bool:
        # an unknown name costs the same time as a known one
        stored = found.password_hash if found is not None and found.has_password else self._nobody
        with self._hashing:
            right = self._hasher.verify(password.encode("utf-8", "surrogatepass"), stored)
        return right and stored is not self._nobody

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(secrets.token_hex(16))

    def _mark(self, name: str, password: str, found: Account | None) -> bytes:
        # holds the stored hash, so that a changed password is forgotten at once
        parts = "\0".join((name, password, found.password_hash if found else ""))
        return hmac.digest(self._key, parts.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def _is_remembered(self, mark: bytes) -> bool:
        with self._lock:
            until = self._remembered.get(mark)
        return until is not None and self.accounts.now() < until


def _active(account: Account) -> Account:
    if not account.active:
        raise AccountDisabled
    return account
