"""All that alerts need in one process, put together once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import sqlalchemy as sa

from fusion.policy import Band
from portcullis.alerting.dispatcher import Dispatcher
from portcullis.alerting.feed import Feed
from portcullis.alerting.network import Reach
from portcullis.alerting.post import Sender
from portcullis.identity.seal import Seal
from portcullis.identity.secret import derived
from portcullis.settings import Settings
from portcullis.store.alerts import Alerts
from portcullis.store.audit import Audit
from portcullis.store.webhooks import Webhooks


@dataclass(frozen=True, eq=False)
class Alerting:
    """Alerts, who listens to them, and where they are sent."""

    alerts: Alerts
    feed: Feed
    webhooks: Webhooks
    dispatcher: Dispatcher
    reach: Reach

    @classmethod
    def of(
        cls,
        engine: sa.Engine,
        audit: Audit,
        secret: bytes,
        settings: Settings,
        now: Callable[[], dt.datetime],
    ) -> Alerting:
        """The parts over one store; nothing runs yet."""
        alerts = Alerts(engine, now, cast(Band, settings.alert_band))
        webhooks = Webhooks(engine, audit, alerts, Seal(derived(secret, "webhooks")), now)
        reach = Reach(settings.networks, settings.webhook_http)
        return cls(
            alerts=alerts,
            feed=Feed(alerts, limit=settings.alert_listeners),
            webhooks=webhooks,
            dispatcher=Dispatcher(webhooks, alerts, Sender(reach), now),
            reach=reach,
        )

    def start(self) -> None:
        """Begin to send webhooks."""
        self.dispatcher.start()

    def close(self) -> None:
        """End the streams and stop sending; what is pending is sent after the next start."""
        self.feed.close()
        self.dispatcher.close()
