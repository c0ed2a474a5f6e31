"""Webhooks in the store: who wants to be told, what was sent, and what is sent next by which process."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from fusion.policy import Band
from portcullis.alerting.signature import new_secret
from portcullis.identity.seal import Seal
from portcullis.store.accounts import Account
from portcullis.store.accounts import account as account_table
from portcullis.store.alerts import Alert, AlertKind, Alerts
from portcullis.store.audit import SYSTEM, Act, Audit
from portcullis.store.deliveries import (
    WAITS,
    Delivery,
    State,
    delivery_of,
    delivery_row,
    webhook,
    webhook_delivery,
)
from portcullis.store.engine import writing
from portcullis.store.metadata import as_utc

LEASE = dt.timedelta(minutes=2)
GIVE_UP = dt.timedelta(days=3)  # of nothing but failures
KEPT = dt.timedelta(days=30)
GONE = 410
_w, _d = webhook.c, webhook_delivery.c


@dataclass(frozen=True)
class Webhook:
    """Where alerts are sent; kinds: which, empty for all; secret: sealed.

    failing_since: of the first of the failures in a row. removed webhooks are kept, and never found.
    """

    id: str
    created_at: dt.datetime
    account: str
    url: str
    secret: str
    kinds: tuple[AlertKind, ...]
    lowest_band: Band | None
    active: bool
    failures: int
    failing_since: dt.datetime | None


@dataclass(frozen=True)
class Attempt:
    """How an attempt ended; wait: seconds until the next one, if it is tried again."""

    accepted: bool
    status: int | None
    error: str | None
    wait: float = 0.0


class Webhooks:
    """The webhooks of one store."""

    def __init__(
        self, engine: sa.Engine, audit: Audit, alerts: Alerts, seal: Seal, now: Callable[[], dt.datetime]
    ) -> None:
        self.engine = engine
        self.audit = audit
        self.alerts = alerts
        self.seal = seal
        self.now = now

    def add(
        self, url: str, account: Account, kinds: Collection[AlertKind] = (), lowest_band: Band | None = None
    ) -> tuple[Webhook, bytes]:
        """A new webhook and its key, which nobody is shown again."""
        new_id, key = secrets.token_hex(8), new_secret()
        row = {
            "id": new_id,
            "created_at": self.now(),
            "account_id": account.id,
            "url": url,
            "secret": self.seal.close(key, new_id),
            "kinds": _listed(kinds),
            "lowest_band": lowest_band,
            "active": True,
            "failures": 0,
        }
        with writing(self.engine) as connection:
            connection.execute(webhook.insert().values(row))
            details = {"url": url, "kinds": row["kinds"], "lowest_band": lowest_band}
            self.audit.write(connection, Act(account.name, "webhook.add", new_id, details))
        found = self.get(new_id)
        assert found is not None
        return found, key

    def all(self) -> list[Webhook]:
        """Every webhook that was not removed, oldest first."""
        query = _webhooks().where(_w.removed_at.is_(None)).order_by(_w.created_at, _w.id)
        with self.engine.connect() as connection:
            return [_webhook(row) for row in connection.execute(query)]

    def get(self, webhook_id: str) -> Webhook | None:
        """One webhook that was not removed, or None."""
        query = _webhooks().where(_w.id == webhook_id, _w.removed_at.is_(None))
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _webhook(row)

    def key_of(self, found: Webhook) -> bytes:
        """The key that signs; `BrokenSeal` if this installation cannot read it."""
        return self.seal.open(found.secret, found.id)

    def change(self, found: Webhook, account: Account, changes: Mapping[str, Any]) -> None:
        """Change some of `url`, `kinds`, `lowest_band`, `active`; what was switched on begins anew."""
        values = dict(changes)
        if "kinds" in values:
            values["kinds"] = _listed(values["kinds"])
        begins = {"failures": 0, "failing_since": None, "resume_at": None}
        with writing(self.engine) as connection:
            afresh = begins if values.get("active") or "url" in values else {}
            connection.execute(webhook.update().where(_w.id == found.id).values({**values, **afresh}))
            if values.get("active") is False:
                self._drop(connection, found.id)
            self.audit.write(connection, Act(account.name, "webhook.change", found.id, values))

    def remove(self, found: Webhook, account: Account) -> None:
        """Switch it off for good; the row and its deliveries are kept."""
        with writing(self.engine) as connection:
            values = {"active": False, "removed_at": self.now()}
            connection.execute(webhook.update().where(_w.id == found.id).values(values))
            self._drop(connection, found.id)
            self.audit.write(connection, Act(account.name, "webhook.remove", found.id, {}))

    def test(self, found: Webhook, account: Account) -> Delivery:
        """A test alert for this webhook alone, which is tried once: claimed already by whoever calls."""
        with writing(self.engine) as connection:
            details = {"href": f"/v1/webhooks/{found.id}"}
            self.audit.write(connection, Act(account.name, "webhook.test", found.id, {}))
            told = self.alerts.write(connection, Alert(AlertKind.WEBHOOK_TEST, found.id, details))[0]
            row = {**delivery_row(found.id, told.number, told.at, attempts=1), **self._lease()}
            connection.execute(webhook_delivery.insert().values(row))
        delivery = self.delivery(row["id"])
        assert delivery is not None
        return delivery

    def delivery(self, delivery_id: str) -> Delivery | None:
        """One delivery, or None."""
        with self.engine.connect() as connection:
            query = sa.select(webhook_delivery).where(_d.id == delivery_id)
            row = connection.execute(query).one_or_none()
        return None if row is None else delivery_of(row)

    def deliveries(self, webhook_id: str, before: int | None = None, limit: int = 50) -> list[Delivery]:
        """Deliveries of one webhook, newest alert first, of alerts before number `before`."""
        query = sa.select(webhook_delivery).where(_d.webhook_id == webhook_id)
        if before is not None:
            query = query.where(_d.alert < before)
        with self.engine.connect() as connection:
            found = connection.execute(query.order_by(_d.alert.desc()).limit(limit))
            return [delivery_of(row) for row in found]

    def claim(self) -> Delivery | None:
        """The delivery that is due longest, for the caller alone until its lease ends; None if none is due.

        Whoever is killed with a claim in hand loses it when the lease ends: it is then sent again, with the
        same id.
        """
        due = self._due(self.now())
        with self.engine.connect() as connection:  # most often none is: no write lock for that
            if connection.execute(due).first() is None:
                return None
        with writing(self.engine) as connection:
            row = connection.execute(due.with_for_update(skip_locked=True, of=webhook_delivery)).first()
            if row is None:
                return None
            lease = self._lease()
            connection.execute(webhook_delivery.update().where(_d.id == row.id).values(lease))
            query = sa.select(webhook_delivery).where(_d.id == row.id)
            return delivery_of(connection.execute(query).one())

    def settle(self, delivery: Delivery, attempt: Attempt) -> None:
        """Write down how an attempt ended; one whose lease was lost meanwhile changes nothing.

        A webhook that only failed for `GIVE_UP`, or that answered 410, is switched off, and an alert says so.
        """
        now = self.now()
        with writing(self.engine) as connection:
            # the webhook first, everywhere: two that settle for one webhook must not wait for each other
            hook = connection.execute(
                sa.select(webhook).where(_w.id == delivery.webhook).with_for_update(key_share=True)
            ).one()
            settled = connection.execute(
                webhook_delivery.update()
                .where(_d.id == delivery.id, _d.lease == delivery.lease, _d.state == State.PENDING)
                .values(_outcome(delivery, attempt, now))
            )
            if settled.rowcount == 0 or delivery.most_attempts == 1:
                return  # a test says nothing about how the webhook fares
            if attempt.accepted:
                if hook.failures:
                    fine = {"failures": 0, "failing_since": None, "resume_at": None}
                    connection.execute(webhook.update().where(_w.id == hook.id).values(fine))
                return
            since = as_utc(hook.failing_since or now)
            pause = WAITS[min(hook.failures, 3)]  # others of this webhook wait too, at most ten minutes
            values = {
                "failures": hook.failures + 1,
                "failing_since": since,
                "resume_at": now + dt.timedelta(seconds=pause),
            }
            connection.execute(webhook.update().where(_w.id == hook.id).values(values))
            if hook.active and (attempt.status == GONE or now - since >= GIVE_UP):
                self._switch_off(connection, hook.id, since, attempt)

    def forget_finished(self) -> int:
        """Delete deliveries that ended more than `KEPT` ago; their alerts stay."""
        with writing(self.engine) as connection:
            old = (_d.state != State.PENDING, _d.finished_at < self.now() - KEPT)
            return connection.execute(webhook_delivery.delete().where(*old)).rowcount

    def _due(self, now: dt.datetime) -> sa.Select[tuple[str]]:
        return (
            sa.select(_d.id)
            .join(webhook)
            .where(
                _d.state == State.PENDING,
                _d.next_at <= now,
                sa.or_(_d.leased_until.is_(None), _d.leased_until <= now),
                _w.active,
                sa.or_(_w.resume_at.is_(None), _w.resume_at <= now),
                _d.most_attempts > _d.attempts,
            )
            .order_by(_d.next_at, _d.alert)
            .limit(1)
        )

    def _lease(self) -> dict[str, Any]:
        return {"lease": secrets.token_hex(8), "leased_until": self.now() + LEASE}

    def _switch_off(
        self, connection: sa.Connection, webhook_id: str, since: dt.datetime, attempt: Attempt
    ) -> None:
        connection.execute(webhook.update().where(_w.id == webhook_id).values(active=False))
        self._drop(connection, webhook_id)
        details = {"since": since.isoformat(), "status": attempt.status, "href": f"/v1/webhooks/{webhook_id}"}
        self.audit.write(connection, Act(SYSTEM, "webhook.off", webhook_id, details))
        self.alerts.write(connection, Alert(AlertKind.WEBHOOK_OFF, webhook_id, details))

    def _drop(self, connection: sa.Connection, webhook_id: str) -> None:
        values = {"state": State.DROPPED.value, "finished_at": self.now()}
        waiting = (_d.webhook_id == webhook_id, _d.state == State.PENDING)
        connection.execute(webhook_delivery.update().where(*waiting).values(values))


def _outcome(delivery: Delivery, attempt: Attempt, now: dt.datetime) -> dict[str, Any]:
    attempts = delivery.attempts + 1
    state = State.PENDING
    if attempt.accepted:
        state = State.DELIVERED
    elif attempts >= delivery.most_attempts:
        state = State.DEAD
    return {
        "state": state.value,
        "attempts": attempts,
        "next_at": now + dt.timedelta(seconds=attempt.wait),
        "lease": None,
        "leased_until": None,
        "last_status": attempt.status,
        "last_error": attempt.error,
        "finished_at": None if state is State.PENDING else now,
    }


def _listed(kinds: Collection[AlertKind]) -> list[str]:
    return sorted(kind.value for kind in set(kinds))


def _webhooks() -> sa.Select[Any]:
    return sa.select(webhook, account_table.c.name).join(account_table)


def _webhook(row: Any) -> Webhook:
    return Webhook(
        id=row.id,
        created_at=as_utc(row.created_at),
        account=row.name,
        url=row.url,
        secret=row.secret,
        kinds=tuple(AlertKind(kind) for kind in row.kinds),
        lowest_band=row.lowest_band,
        active=row.active,
        failures=row.failures,
        failing_since=None if row.failing_since is None else as_utc(row.failing_since),
    )
