"""Periods to choose with one click, each named by its days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from urllib.parse import urlencode

from portcullis.web.queue.contexts import Range


def ranges(
    days: tuple[dt.date, dt.date] | None, today: dt.date, pairs: Sequence[tuple[str, str]]
) -> tuple[Range, ...]:
    """Of the calendar, and of the newest declarations where those are older.

    days: the first and the last day of declaration in the store. A period that two names stand for is offered
    once, under the first of them: "last month" is that of the calendar if it has declarations.
    """
    this = today.replace(day=1)
    newest = today if days is None else min(days[1], today)
    month = newest.replace(day=1)
    offered = [
        ("this_month", this, today),
        ("last_month", _before(this), this - dt.timedelta(days=1)),
        ("newest_month", month, _before(month, -1) - dt.timedelta(days=1)),
        ("month_before", _before(month), month - dt.timedelta(days=1)),
        ("seven_days", newest - dt.timedelta(days=6), newest),
    ]
    others = [(name, value) for name, value in pairs if name not in ("since", "until")]
    asked = {name: value for name, value in pairs if name in ("since", "until")}
    found: dict[tuple[str, str], Range] = {}
    for name, first, last in offered:
        if days is None or last < days[0] or first > days[1]:
            continue
        if month == this and name in ("newest_month", "month_before"):
            continue
        period = {"since": first.isoformat(), "until": last.isoformat()}
        href = "/queue?" + urlencode([*others, *period.items()])
        made = Range(name, period["since"], period["until"], href, asked == period)
        found.setdefault((made.since, made.until), made)
    return tuple(found.values())


def _before(month: dt.date, back: int = 1) -> dt.date:
    """The first day of the month so many months earlier."""
    count = month.year * 12 + month.month - 1 - back
    return dt.date(count // 12, count % 12 + 1, 1)
