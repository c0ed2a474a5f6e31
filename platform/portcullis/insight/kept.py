"""Answers kept in memory for a while: the least recently asked for goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """At most `limit` of what `cost` counts: answers, if it is not given.

    Threads that ask for one answer at the same time may each make it; the last one is kept.
    """

    def __init__(self, limit: int, cost: Callable[[T], int] = lambda _: 1) -> None:
        self.limit = limit
        self.cost = cost
        self._found: OrderedDict[Hashable, T] = OrderedDict()
        self._spent = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer under a key, made if it is not there."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        made = make()
        with self._lock:
            if key in self._found:
                self._spent -= self.cost(self._found.pop(key))
            self._found[key] = made
            self._spent += self.cost(made)
            while self._spent > self.limit and len(self._found) > 1:
                _, gone = self._found.popitem(last=False)
                self._spent -= self.cost(gone)
        return made
