"""The stream of alerts as server-sent events: one reader of the store for all who listen in a process.

The reader polls by number, so it hears what other processes wrote. It runs in a thread of its own and only
while somebody listens; a listener that waits holds neither a thread nor a connection of the store.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from portcullis.alerting.document import alert_document
from portcullis.store.alerts import AlertKind, Alerts, StoredAlert

log = logging.getLogger("portcullis")
RETRY_SECONDS = 3
_REMEMBERED = 1_000
_PAGE = 200
_THREADS = 4
T = TypeVar("T")


class Feed:
    """Streams of alerts; at most `limit` at a time."""

    def __init__(
        self, alerts: Alerts, *, every: float = 0.5, heartbeat: float = 15.0, limit: int = 200
    ) -> None:
        self.alerts = alerts
        self.every = every
        self.heartbeat = heartbeat
        self.limit = limit
        self._lock = threading.Lock()
        self._listeners: set[_Listener] = set()
        self._recent: deque[StoredAlert] = deque(maxlen=_REMEMBERED)  # without gaps
        self._seen: int | None = None  # number of the newest alert that the reader knows of
        self._reader: threading.Thread | None = None
        self._wake = threading.Event()
        self._closed = False
        # for catching up and for asking again who listens: not the threads that answer requests
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="alerts")

    @property
    def full(self) -> bool:
        """Whether nobody else can listen now."""
        with self._lock:
            return self._closed or len(self._listeners) >= self.limit

    @property
    def listening(self) -> int:
        """How many listen."""
        with self._lock:
            return len(self._listeners)

    async def listen(
        self,
        after: int | None,
        kinds: frozenset[AlertKind],
        allowed: Callable[[], frozenset[AlertKind]],
    ) -> AsyncIterator[str]:
        """Events behind number `after` (None: from now on), until the listener leaves or may not listen.

        allowed: the kinds that may still be read, asked in a thread at every heartbeat; none ends the stream.
        """
        listener = _Listener(asyncio.get_running_loop())
        if not self._enter(listener):
            return
        try:
            yield f"retry: {RETRY_SECONDS * 1000}\n\n"
            head = await self._in_thread(self.alerts.head)
            # a number that was never given, as after a store was restored, would be waited for in silence
            cursor = head if after is None else min(after, head)
            check_at = listener.loop.time() + self.heartbeat
            while not self._closed:
                if listener.loop.time() >= check_at:
                    kinds &= await self._in_thread(allowed)
                    if not kinds:
                        return
                    check_at = listener.loop.time() + self.heartbeat
                    yield ": heartbeat\n\n"
                listener.news.clear()  # before looking: what comes meanwhile is not missed
                found = self._behind(cursor)
                if found is None:
                    found = await self._in_thread(self.alerts.page, cursor, _PAGE)
                for told in found:
                    if told.alert.kind in kinds:
                        yield event(told)
                    cursor = told.number
                if not found:
                    await listener.wait(check_at - listener.loop.time())
        except SQLAlchemyError:  # whoever listens comes back with the last number
            log.exception("a stream of alerts ended")
        finally:
            self._leave(listener)

    def close(self) -> None:
        """End all streams, from any thread; nobody can listen afterwards."""
        with self._lock:
            self._closed = True
            for listener in self._listeners:
                listener.tell()
            reader = self._reader
        self._wake.set()
        if reader is not None and reader is not threading.current_thread():
            reader.join(5)

    async def _in_thread(self, call: Callable[..., T], *values: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *values)

    def _enter(self, listener: _Listener) -> bool:
        with self._lock:
            if self._closed or len(self._listeners) >= self.limit:
                return False
            self._listeners.add(listener)
            if self._reader is None:
                self._wake.clear()
                self._recent.clear()
                self._seen = None
                self._reader = threading.Thread(target=self._read, name="alerts", daemon=True)
                self._reader.start()
        return True

    def _leave(self, listener: _Listener) -> None:
        with self._lock:
            self._listeners.discard(listener)
            if not self._listeners:
                self._wake.set()

    def _behind(self, cursor: int) -> list[StoredAlert] | None:
        """Alerts behind the cursor as far as they are remembered; None: only the store knows."""
        with self._lock:
            if self._seen is None or cursor >= self._seen:
                return []
            if self._recent and cursor >= self._recent[0].number - 1:
                return [told for told in self._recent if told.number > cursor]
            return None

    def _read(self) -> None:
        well = True
        while True:
            try:
                self._poll()
                well = True
            except Exception:  # the store may be away for a while; the listeners wait for it
                if well:  # once, not at every turn
                    log.exception("alerts cannot be read")
                well = False
            self._wake.wait(self.every)
            with self._lock:
                if self._closed or not self._listeners:
                    self._reader = None
                    return
                self._wake.clear()

    def _poll(self) -> None:
        if self._seen is None:
            self._saw([], self.alerts.head())
        while found := self.alerts.page(self._seen or 0, _PAGE):
            self._saw(found, found[-1].number)

    def _saw(self, found: list[StoredAlert], number: int) -> None:
        with self._lock:
            self._recent.extend(found)
            self._seen = number
            for listener in self._listeners:
                listener.tell()


class _Listener:
    """Somebody who waits in an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.news = asyncio.Event()

    def tell(self) -> None:
        """There may be news; from any thread."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.news.set)

    async def wait(self, seconds: float) -> None:
        """Until there is news, or the time is over."""
        try:
            await asyncio.wait_for(self.news.wait(), max(seconds, 0))
        except TimeoutError:
            return


def event(told: StoredAlert) -> str:
    """One server-sent event; its id is what a browser sends back as Last-Event-ID."""
    data = json.dumps(alert_document(told), ensure_ascii=False, separators=(",", ":"))
    return f"id: {told.number}\nevent: {told.alert.kind.value}\ndata: {data}\n\n"
