"""How often is too often: wrong passwords for a name and from an address, and requests of an account."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import math

import sqlalchemy as sa
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, RateLimiter

from portcullis.identity.refusals import TooManyFailures, TooManyRequests
from portcullis.settings import Settings
from portcullis.store.rates import Counters

log = logging.getLogger("portcullis")


class Rates:
    """The limits of one installation; their counters are shared between its workers.

    A name is counted whether or not it exists, and an address only when it was wrong: an office behind one
    address signs in as often as it likes. Keys are hashes, so that the counters name nobody.
    """

    def __init__(self, counters: Counters, settings: Settings) -> None:
        self.counters = counters
        wait = max(round(settings.login_wait_minutes * 60), 1)
        self._name = RateLimitItemPerSecond(settings.login_failures, wait, "login")
        self._address = RateLimitItemPerSecond(settings.login_failures_per_address, wait, "address")
        self._requests = (
            RateLimitItemPerMinute(settings.requests_per_minute, namespace="requests")
            if settings.requests_per_minute
            else None
        )
        self._moving = MovingWindowRateLimiter(counters)
        self._fixed = FixedWindowRateLimiter(counters)

    def begin_login(self, name: str, address: str) -> int:
        """Count an attempt before its password is looked at; answers with how many are left after it.

        Counting first means that a thousand attempts at once are still only as many as one after another.
        Raises `TooManyFailures`.
        """
        if address and not self._moving.test(self._address, _hashed(_network(address))):
            raise TooManyFailures(self._seconds(self._moving, self._address, _hashed(_network(address))))
        if not self._moving.hit(self._name, _hashed(name)):
            raise TooManyFailures(self._seconds(self._moving, self._name, _hashed(name)))
        return self._moving.get_window_stats(self._name, _hashed(name)).remaining

    def wrong(self, address: str) -> None:
        """The attempt was wrong: it counts for the address, too."""
        if address:
            self._moving.hit(self._address, _hashed(_network(address)))

    def right(self, name: str) -> None:
        """The attempt was right: the wrong ones before it are forgotten."""
        self._moving.clear(self._name, _hashed(name))

    def is_locked(self, name: str) -> bool:
        """Whether a name has to wait after too many wrong passwords; nothing is counted."""
        return not self._moving.test(self._name, _hashed(name))

    def first_use(self, purpose: str, token: str, seconds: int) -> bool:
        """Whether a token comes for the first time within `seconds`."""
        return self._fixed.hit(RateLimitItemPerSecond(1, seconds, purpose), _hashed(token))

    def request(self, account_id: int) -> None:
        """Count a request of an account; `TooManyRequests` above the limit.

        A counter that cannot be kept is logged and stops nobody.
        """
        if self._requests is None:
            return
        try:
            if self._fixed.hit(self._requests, str(account_id)):
                return
            seconds = self._seconds(self._fixed, self._requests, str(account_id))
        except sa.exc.SQLAlchemyError:
            log.exception("requests cannot be counted")
            return
        raise TooManyRequests(seconds)

    def _seconds(self, limiter: RateLimiter, item: RateLimitItem, key: str) -> int:
        ends = limiter.get_window_stats(item, key).reset_time
        return max(math.ceil(ends - self.counters.now().timestamp()), 1)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _network(address: str) -> str:
    """An address, or of IPv6 the /64 that one subscriber has to themselves."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)
