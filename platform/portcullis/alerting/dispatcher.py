"""The worker that sends what is due: in every serving process, taking turns through the store."""

from __future__ import annotations

import datetime as dt
import json
import logging
import random
import threading
import time
from collections.abc import Callable

from portcullis.alerting.document import alert_document
from portcullis.alerting.post import Answer, Sender
from portcullis.alerting.signature import headers
from portcullis.identity.seal import BrokenSeal
from portcullis.store.alerts import Alerts, StoredAlert
from portcullis.store.deliveries import WAITS, Delivery
from portcullis.store.webhooks import Attempt, Webhook, Webhooks

log = logging.getLogger("portcullis")
JITTER = 0.2
LONGEST_WAIT = 86_400
_FORGET_EVERY = 3_600.0  # seconds


class Dispatcher:
    """Claims one due delivery after the other and sends it: at least once, never twice at the same time."""

    def __init__(
        self,
        webhooks: Webhooks,
        alerts: Alerts,
        sender: Sender,
        now: Callable[[], dt.datetime],
        *,
        every: float = 1.0,
        senders: int = 2,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.webhooks = webhooks
        self.alerts = alerts
        self.sender = sender
        self.now = now
        self.every = every
        self.senders = senders
        self.chance = chance
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin in threads of its own: one slow receiver must not hold all others up."""
        self._stop.clear()
        for number in range(self.senders):
            thread = threading.Thread(target=self._run, name=f"webhooks-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self, timeout: float = 5.0) -> None:
        """Stop, and let what is being sent be finished for so many seconds; else it is sent again later."""
        self._stop.set()
        ends = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(ends - time.monotonic(), 0))
        self._threads.clear()

    def run_due(self) -> int:
        """Send everything that is due now, one after the other; how many attempts that were."""
        count = 0
        while not self._stop.is_set() and (delivery := self.webhooks.claim()) is not None:
            self.attempt(delivery)
            count += 1
        return count

    def attempt(self, delivery: Delivery) -> Delivery:
        """Send one delivery that the caller has claimed, and write down how it ended."""
        hook = self.webhooks.get(delivery.webhook)
        told = self.alerts.get(delivery.alert)
        if hook is None or told is None:  # removed meanwhile: `claim` does not give it out again
            return delivery
        answer = self._post(hook, delivery, told)
        wait = self._wait(delivery.attempts, answer)
        self.webhooks.settle(delivery, Attempt(answer.accepted, answer.status, answer.error, wait))
        found = self.webhooks.delivery(delivery.id)
        return found or delivery

    def _post(self, hook: Webhook, delivery: Delivery, told: StoredAlert) -> Answer:
        try:
            key = self.webhooks.key_of(hook)
        except BrokenSeal:
            return Answer(None, "its secret cannot be read: the installation's secret is another one")
        body = payload(told)
        timestamp = int(self.now().timestamp())
        return self.sender.post(hook.url, body, headers(key, delivery.id, timestamp, body))

    def _wait(self, before: int, answer: Answer) -> float:
        """Seconds until the next attempt after `before` earlier ones; a little at random, so that many
        deliveries that failed together do not come back together."""
        wait = WAITS[min(before, len(WAITS) - 1)] * (1 + JITTER * (2 * self.chance() - 1))
        asked = 0 if answer.wait is None else min(answer.wait, LONGEST_WAIT)
        return max(wait, float(asked))

    def _run(self) -> None:
        forget_in, well = 0.0, True
        while not self._stop.is_set():
            try:
                self.run_due()
                if forget_in <= 0:
                    self.webhooks.forget_finished()
                    forget_in = _FORGET_EVERY
                well = True
            except Exception:  # the store may be away for a while; this thread must outlive that
                if well:  # once, not at every turn
                    log.exception("webhooks cannot be sent")
                well = False
            forget_in -= self.every
            self._stop.wait(self.every)


def payload(told: StoredAlert) -> bytes:
    """The body of a webhook: `type`, `timestamp` and `data`, the alert as the API shows it."""
    document = alert_document(told)
    body = {"type": document["kind"], "timestamp": document["at"], "data": document}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
