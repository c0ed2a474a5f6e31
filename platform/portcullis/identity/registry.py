"""All that decides who is who, over one store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from portcullis.identity.keys import ApiKeys
from portcullis.identity.login import Login
from portcullis.identity.rates import Rates
from portcullis.identity.session import Sessions
from portcullis.settings import Settings
from portcullis.store.accounts import Accounts
from portcullis.store.audit import Audit
from portcullis.store.rates import Counters, open_rates

if TYPE_CHECKING:
    from portcullis.identity.oidc import Oidc


@dataclass(frozen=True, eq=False)
class Registry:
    """Accounts and their ways in; `oidc` is None where no provider is set."""

    accounts: Accounts
    rates: Rates
    login: Login
    sessions: Sessions
    keys: ApiKeys
    oidc: Oidc | None

    @classmethod
    def open(
        cls,
        engine: sa.Engine,
        settings: Settings,
        audit: Audit,
        secret: bytes,
        now: Callable[[], dt.datetime],
    ) -> Registry:
        """Over an open store; a provider is asked for nothing before somebody signs in there."""
        accounts = Accounts(engine, audit, now)
        rates = Rates(Counters(open_rates(engine), now), settings)
        sessions = Sessions(accounts, audit, dt.timedelta(hours=settings.session_hours), now)
        oidc = None
        if settings.oidc_issuer:
            from portcullis.identity.oidc import Oidc

            oidc = Oidc(settings, accounts, sessions, rates, secret, now)
        return cls(
            accounts=accounts,
            rates=rates,
            login=Login(accounts, audit, rates),
            sessions=sessions,
            keys=ApiKeys(accounts, audit, now),
            oidc=oidc,
        )
