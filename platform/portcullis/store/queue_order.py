"""In which order cases stand in a list, and cursors into such a list."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from customs.errors import InvalidValue
from portcullis.store.queue_tables import UNKNOWN, queue


class Order(StrEnum):
    """What comes first in a list; ties go to the newer case, so the order is total."""

    SURPRISE = "surprise"
    CHANCE = "chance"
    NEWEST = "newest"
    OLDEST = "oldest"
    REVENUE = "revenue"  # duty at stake; where it cannot be told, last
    FINDING = "finding"  # surprise of the kinds that the filter names; without any, as SURPRISE


@dataclass(frozen=True)
class Key:
    """One thing that a list is ordered by."""

    expression: sa.ColumnElement[Any]
    name: str
    falls: bool = True


_CHANCE = sa.func.coalesce(queue.c.chance, sa.literal_column("-1"))
_DUTY = sa.func.coalesce(queue.c.duty_at_stake_usd, sa.literal_column("-1"))
_KEYS = {
    Order.SURPRISE: (Key(queue.c.surprise, "surprise"), Key(queue.c.number, "number")),
    Order.CHANCE: (
        Key(_CHANCE, "chance"),
        Key(queue.c.surprise, "surprise"),
        Key(queue.c.number, "number"),
    ),
    Order.NEWEST: (Key(queue.c.number, "number"),),
    Order.OLDEST: (Key(queue.c.number, "number", falls=False),),
    Order.REVENUE: (
        Key(_DUTY, "duty_at_stake_usd"),
        Key(queue.c.surprise, "surprise"),
        Key(queue.c.number, "number"),
    ),
}


def keys_of(order: Order, worst: sa.Subquery | None) -> tuple[Key, ...]:
    """The keys of an order; worst: number and surprise (`odd`) of each case's oddest wanted finding."""
    if order is not Order.FINDING:
        return _KEYS[order]
    if worst is None:
        return _KEYS[Order.SURPRISE]
    return (Key(worst.c.odd, "odd"), Key(queue.c.number, "number"))


def behind(keys: Sequence[Key], values: Sequence[float]) -> sa.ColumnElement[bool]:
    """True for rows that come after those values in the order of the keys."""
    ways = []
    for i, (key, value) in enumerate(zip(keys, values, strict=True)):
        same = [k.expression == v for k, v in zip(keys[:i], values[:i], strict=True)]
        ways.append(sa.and_(*same, key.expression < value if key.falls else key.expression > value))
    return sa.or_(*ways)


def closed(order: Order, keys: Sequence[Key], row: Any) -> str:
    """The cursor behind a row."""
    values = [UNKNOWN if (v := getattr(row, key.name)) is None else v for key in keys]
    return base64.urlsafe_b64encode(json.dumps([order.value, *values]).encode()).decode().rstrip("=")


def opened(cursor: str, order: Order, keys: Sequence[Key]) -> list[float]:
    """The values of the keys behind which the page begins; `InvalidValue` if it is not such a cursor."""
    try:
        name, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        numbers = [float(v) for v in values]
        if name != order.value or len(numbers) != len(keys) or not all(map(math.isfinite, numbers)):
            raise ValueError
        return [*numbers[:-1], int(_in_range(numbers[-1]))]
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise InvalidValue(
            "this cursor is not of such a list",
            field="cursor",
            remedy="send `next` of the page before, with the same order",
        ) from None


def _in_range(number: float) -> float:
    if not 0 <= number < 2**31:
        raise ValueError
    return number
