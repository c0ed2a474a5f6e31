"""Login sessions as signed cookies; nothing is kept on the server, a new password ends them."""

from __future__ import annotations

import datetime as dt
import hashlib

from itsdangerous import BadData, URLSafeTimedSerializer

from portcullis.store.accounts import Account, Accounts

COOKIE = "portcullis_session"


class Sessions:
    """Issues and reads session cookies."""

    def __init__(self, accounts: Accounts, secret: bytes, lasting: dt.timedelta) -> None:
        self.accounts = accounts
        self.lasting = lasting
        self._signer = URLSafeTimedSerializer(
            secret, salt="session", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def issue(self, account: Account) -> str:
        """A cookie value for this account."""
        return self._signer.dumps([account.id, _of(account)])

    def read(self, cookie: str) -> Account | None:
        """The account of a cookie; None if it is forged, too old, or from before a password change."""
        try:
            account_id, mark = self._signer.loads(cookie, max_age=int(self.lasting.total_seconds()))
        except (BadData, ValueError, TypeError):
            return None
        account = self.accounts.by_id(account_id) if isinstance(account_id, int) else None
        return account if account is not None and mark == _of(account) else None


def _of(account: Account) -> str:
    return hashlib.sha256(account.password_hash.encode()).hexdigest()[:16]
