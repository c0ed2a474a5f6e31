"""Windows of rows as the proposal's network reads them: along one series, or as the proposal cut them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabular_ae.history import History, prefixes
from tabular_ae.proposal.columns import Columns
from tabular_ae.rows import Floats, Ints, Rows


@dataclass(frozen=True, eq=False)
class Windows:
    """m windows over some rows.

    x: (m, window, c) channels, unscaled, NaN where unknown, oldest step first; label: (m,) the row that a
    window's error is booked to, −1 for none; end: (m,) the row that is its last step; months: (m,) earlier
    months of that row's own series in the window.
    """

    x: Floats
    label: Ints
    end: Ints
    months: Ints

    def take(self, chosen: npt.NDArray) -> Windows:
        """The windows where a mask is true."""
        return Windows(self.x[chosen], self.label[chosen], self.end[chosen], self.months[chosen])


def of_series(columns: Columns, history: History, rows: Rows, window: int) -> Windows:
    """The calendar months before each row in its own series, then the row: one window for each row."""
    last = columns.of(history, rows)[:, None, :]  # (n, 1, c)
    x = np.concatenate([columns.past(history, rows, window - 1), last], axis=1)
    months = np.isfinite(x[:, :-1, 0]).sum(axis=1).astype(np.int64)
    everyone = np.arange(len(rows), dtype=np.int64)
    return Windows(x, everyone, everyone, months)


def mixed(columns: Columns, history: History, rows: Rows, window: int) -> Windows:
    """The proposal's own windows over `rows`, with both of its errors.

    Its frame held the official files one after the other, so rows lie month by month, and each carries its
    position as an index label. For every item the windows slide over the item's rows in that order, whatever
    their countries. A window's error belongs to its last row; the proposal booked it to *the index label of
    the first row plus window − 1*. The two agree only where an item's rows happen to lie next to each other.
    Anywhere else the error lands on the row that lies window − 1 lines below the first one in the frame. That
    is mostly another item, and often a month before the window's end: this is the one place that looks ahead.
    Of two errors for one label the later item's stays. Labels beyond the frame's end are lost, and so are
    rows of items with fewer rows than a window.
    """
    frame = np.argsort(rows.month, kind="stable")  # index label -> row
    item = np.unique(rows.hs[frame].astype(str), return_inverse=True)[1]
    order = np.argsort(item, kind="stable")  # index labels, item after item, each in file order
    starts = np.arange(max(len(order) - window + 1, 0))
    starts = starts[item[order[starts]] == item[order[starts + window - 1]]]
    steps = order[starts[:, None] + np.arange(window)[None, :]]  # (m, window) index labels
    label = steps[:, 0] + window - 1
    inside = label < len(frame)
    booked = np.where(inside, frame[np.where(inside, label, 0)], -1)
    x = columns.of(history, rows)[frame[steps]]  # (m, window, c)
    return Windows(x, booked, frame[steps[:, -1]], np.zeros(len(starts), dtype=np.int64))


def mixed_line(columns: Columns, history: History, rows: Rows, window: int) -> Windows:
    """For single lines: the item's last rows before the month, whatever their countries, then the line.

    A line comes without a frame of index labels, so the proposal's labelling error cannot occur; one whose
    item has fewer than window − 1 earlier rows has no window.
    """
    known = history.rows
    frame = np.argsort(known.month, kind="stable")
    places: dict[str, list[int]] = {}
    for i in frame:
        places.setdefault(known.hs[i], []).append(int(i))
    chosen, past = [], []
    for i, (hs, month) in enumerate(zip(rows.hs, rows.month, strict=True)):
        mine = np.array(next((places[p] for p in (hs, *prefixes(hs)) if p in places), []), dtype=np.int64)
        mine = mine[: int(np.searchsorted(known.month[mine], month, side="left"))]
        if len(mine) >= window - 1:
            chosen.append(i)
            past.append(mine[len(mine) - window + 1 :])
    end = np.array(chosen, dtype=np.int64)
    earlier = np.array(past, dtype=np.int64).reshape(len(end), window - 1)
    last = columns.of(history, rows.take(end))  # (m, c)
    before = columns.of(history, known.take(earlier.ravel())).reshape(len(end), window - 1, last.shape[1])
    x = np.concatenate([before, last[:, None, :]], axis=1)
    return Windows(x, end, end, np.zeros(len(end), dtype=np.int64))
