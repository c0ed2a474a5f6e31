"""Whether this process can take work now: the store answers, there is room, there are models."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from contextlib import suppress

from customs.errors import Problem
from portcullis.batcher import Batcher
from portcullis.settings import Settings

STORE_SECONDS = 2.0


class Readiness:
    """Looks each time it is asked, at the store with one thread at a time."""

    def __init__(self, settings: Settings, batcher: Batcher, ask_store: Callable[[], object]) -> None:
        self.settings = settings
        self.batcher = batcher
        self.ask_store = ask_store
        self._question: _Question | None = None
        self._lock = threading.Lock()

    def problems(self, stopping: bool) -> list[Problem]:
        """Why no work should be sent here; empty if there is no reason."""
        found = []
        if stopping:
            found.append(Problem("the service is being stopped", "service", "ask another worker"))
        if not self._store_answers():
            found.append(Problem("the store does not answer", "store", "look at the database server"))
        if not self.batcher.models.scorers:
            found.append(Problem("no model is loaded", "models", "train or switch to one"))
        if self.batcher.full:
            found.append(Problem("as much is in hand as can be answered soon", "queue", "ask again soon"))
        free = shutil.disk_usage(self.settings.data).free // 2**20
        if free < self.settings.min_free_mb:
            found.append(
                Problem(
                    f"{free:,} MB are free where the data lie",
                    "disk",
                    f"free {self.settings.min_free_mb:,} MB",
                )
            )
        return found

    def _store_answers(self) -> bool:
        with self._lock:
            if self._question is None or not self._question.is_alive():
                self._question = _Question(self.ask_store)
                self._question.start()
            question = self._question
        question.join(STORE_SECONDS)
        return question.answered


class _Question(threading.Thread):
    """One look at the store; a thread, since a frozen database answers to no timeout."""

    def __init__(self, ask: Callable[[], object]) -> None:
        super().__init__(name="readiness", daemon=True)
        self.ask = ask
        self.answered = False

    def run(self) -> None:
        """Ask."""
        with suppress(Exception):
            self.ask()
            self.answered = True
