"""The thread of every server process that gives codes to lists of goods, between requests."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from customs.errors import CustomsError
from portcullis.broking.goods_file import GoodsFile
from portcullis.broking.list_desk import ListDesk
from portcullis.jobs.runner import NO_ANSWER, NotNow
from portcullis.store.goods_lists import GoodsList, ListState, Turn, TurnLost

if TYPE_CHECKING:
    from hs_classifier.bulk import Row

log = logging.getLogger("portcullis.lists")
TOP = 3  # suggestions for each row
_SLICE_SECONDS, _MOST = 0.1, 64  # of one question to the models; requests wait for it
_CHUNK = 64  # rows that are stored together
_TURN_SECONDS = 20.0  # before another list has its turn
_PAUSE = 0.002  # between slices, for whoever waits for the models
_NOT_NOW_SECONDS = 0.1
_IDLE_SECONDS = 1.0
_TROUBLE_SECONDS = 2.0


class _Stopped(Exception):
    """The server ends in the middle of a list."""


class ListRunner:
    """Does lists until it is stopped. What is stored is never done twice; what is not will be done again."""

    def __init__(self, desk: ListDesk) -> None:
        self.desk = desk
        self.stopping = threading.Event()
        self._size = 4  # rows of the next slice
        self._thread = threading.Thread(target=self._run, name="lists", daemon=True)

    def start(self) -> None:
        """Begin to look for work."""
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Give the list back after the slice at hand, and end."""
        self.stopping.set()
        self.desk.woken.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                if self.run_one():
                    continue
            except NO_ANSWER as error:
                log.warning("the store does not answer (%s)", type(error).__name__)
                self.stopping.wait(_TROUBLE_SECONDS)
                continue
            self.desk.woken.wait(_IDLE_SECONDS)
            self.desk.woken.clear()

    def run_one(self) -> bool:
        """Do a turn of one list; False if none waits, or no model could answer."""
        if not self.desk.suggesting.possible:
            return False
        turn = self.desk.lists.claim()
        if turn is None:
            return False
        try:
            self.desk.lists.end(turn, self._turn(turn))
        except _Stopped:
            self.desk.lists.end(turn, ListState.WAITING)
        except TurnLost:
            log.info("list %s was paused, cancelled or taken over", turn.list.id)
        except NO_ANSWER:
            raise
        except Exception as error:
            log.exception("list %s failed", turn.list.id)
            said = str(error) if isinstance(error, CustomsError) else type(error).__name__
            self.desk.lists.end(turn, ListState.FAILED, said)
        return True

    def _turn(self, turn: Turn) -> ListState:
        found, lists = turn.list, self.desk.lists
        rows = itertools.islice(goods_rows(self.desk.file(found), found), found.done, None)
        ends = time.monotonic() + _TURN_SECONDS
        while chunk := list(itertools.islice(rows, _CHUNK)):
            answers = self._answers(chunk, found)
            versions = dict(self.desk.suggesting.batcher.models.versions)
            lists.write(turn, answers, {"hs": versions["hs"]})
            if time.monotonic() > ends:
                return ListState.WAITING
        return ListState.DONE

    def _answers(self, chunk: list[Row], found: GoodsList) -> list[tuple[int, bool, dict[str, Any]]]:
        answers: list[tuple[int, bool, dict[str, Any]]] = []
        while len(answers) < len(chunk):
            some = chunk[len(answers) : len(answers) + self._size]
            begun = time.monotonic()
            told = self._ask(some, found)
            took = max(time.monotonic() - begun, 1e-6)
            self._size = max(1, min(_MOST, 2 * self._size, int(len(some) * _SLICE_SECONDS / took)))
            answers += [
                (row.number, one["refused"] is not None, one) for row, one in zip(some, told, strict=True)
            ]
        return answers

    def _ask(self, some: list[Row], found: GoodsList) -> list[dict[str, Any]]:
        while True:
            if self.stopping.wait(_PAUSE):
                raise _Stopped
            try:
                return self.desk.suggesting.rows(some, TOP, "ko" if found.language == "ko" else "en")
            except NotNow:
                if self.stopping.wait(_NOT_NOW_SECONDS):
                    raise _Stopped from None


def goods_rows(file: GoodsFile, found: GoodsList) -> Iterator[Row]:
    """Rows of a list as the models are asked, numbered from 0; a short one has a fault."""
    from customs.evidence import Message
    from hs_classifier.bulk import Row
    from hs_classifier.text import Goods

    text = file.column(found.text_column or "", "text_column")
    other = found.description_column
    columns = [text] if other is None else [text, file.column(other, "description_column")]
    for number, fields in enumerate(file.rows()):
        if len(fields) <= max(columns):
            # the header is line 1; a line break inside a field shifts it, so the number of the row is told
            fault = Message(id="hs.row.short", params={"fields": len(fields), "line": number + 2})
            yield Row(number, Goods(""), fault)
        else:
            texts = [fields[c] for c in columns]
            yield Row(number, Goods.of(texts[0]) if len(texts) == 1 else Goods(*texts))
