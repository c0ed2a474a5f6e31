"""Managing webhooks: what the API and the command line do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fusion.policy import Band
from portcullis.alerting.parts import Alerting
from portcullis.alerting.signature import written
from portcullis.service import NotFound
from portcullis.store.accounts import Account
from portcullis.store.alerts import AlertKind
from portcullis.store.deliveries import Delivery
from portcullis.store.webhooks import Webhook


class WebhookDesk:
    """Adds, changes, tests and removes webhooks; what does not exist is a `NotFound`."""

    def __init__(self, alerting: Alerting) -> None:
        self.webhooks = alerting.webhooks
        self.dispatcher = alerting.dispatcher
        self.reach = alerting.reach

    def add(
        self, url: str, account: Account, kinds: Collection[AlertKind] = (), lowest_band: Band | None = None
    ) -> tuple[Webhook, str]:
        """A new webhook and its secret as the receiver needs it: shown now and never again."""
        self.reach.check(url)
        found, key = self.webhooks.add(url, account, kinds, lowest_band)
        return found, written(key)

    def get(self, webhook_id: str) -> Webhook:
        """One webhook."""
        found = self.webhooks.get(webhook_id)
        if found is None:
            raise NotFound(f"there is no webhook {webhook_id!r}", field="id", remedy="list them")
        return found

    def change(self, webhook_id: str, account: Account, changes: Mapping[str, Any]) -> Webhook:
        """Change some of `url`, `kinds`, `lowest_band`, `active`."""
        found = self.get(webhook_id)
        if "url" in changes:
            self.reach.check(changes["url"])
        if changes:
            self.webhooks.change(found, account, changes)
        return self.get(webhook_id)

    def remove(self, webhook_id: str, account: Account) -> None:
        """Switch one off for good."""
        self.webhooks.remove(self.get(webhook_id), account)

    def test(self, webhook_id: str, account: Account) -> Delivery:
        """Send a test alert now, once, and say how it went; it may be switched off."""
        found = self.get(webhook_id)
        return self.dispatcher.attempt(self.webhooks.test(found, account))

    def deliveries(self, webhook_id: str, before: int | None, limit: int) -> list[Delivery]:
        """What was sent to one webhook and what waits, newest alert first."""
        return self.webhooks.deliveries(self.get(webhook_id).id, before, limit)
