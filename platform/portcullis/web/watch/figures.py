"""Figures as the watch pages write and draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from portcullis.watching.shares import Share

_WIDTH, _HEIGHT, _EDGE = 120.0, 24.0, 2.0


def percent(value: float | None) -> str:
    """A share in words that never round to none or all.

    >>> percent(0.4321), percent(0.043), percent(0.0002), percent(0.9998), percent(1.0), percent(None)
    ('43%', '4.3%', '<0.1%', '>99.9%', '100%', '–')
    """
    if value is None:
        return "–"
    if 0 < value < 0.001:
        return "<0.1%"
    if 0.999 < value < 1:
        return ">99.9%"
    if value in (0.0, 1.0):
        return f"{value:.0%}"
    return f"{value:.1%}" if value < 0.1 or value > 0.9 else f"{value:.0%}"


@dataclass(frozen=True)
class Rate:
    """A share with its interval; low, middle and high: per cent, for drawing. little: too few to say."""

    hits: int
    of: int
    rate: str
    interval: str
    little: bool
    low: str
    middle: str
    high: str

    @classmethod
    def of_share(cls, share: Share) -> Self:
        """As it is written."""
        return cls(
            hits=share.hits,
            of=share.of,
            rate=percent(share.rate),
            interval=f"{percent(share.low)} – {percent(share.high)}" if share.of else "–",
            little=share.says_little,
            low=f"{100 * share.low:.2f}",
            middle="" if share.rate is None else f"{100 * share.rate:.2f}",
            high=f"{100 * share.high:.2f}",
        )


@dataclass(frozen=True)
class Spark:
    """A share week by week as a small picture: lines between weeks that follow each other, a dot for each.

    first, last, most: in words, of the weeks that have any.
    """

    lines: tuple[str, ...]
    dots: tuple[tuple[str, str], ...]
    first: str
    last: str
    most: str

    @classmethod
    def of_trend(cls, trend: Sequence[Share]) -> Self:
        """Scaled to its own highest week, or to one in ten where all are lower."""
        rates = [share.rate for share in trend]
        known = [rate for rate in rates if rate is not None]
        top = max([0.1, *known])
        step = (_WIDTH - 2 * _EDGE) / max(len(rates) - 1, 1)
        lines: list[list[str]] = [[]]
        dots = []
        for i, rate in enumerate(rates):
            if rate is None:
                lines.append([])
                continue
            x, y = _EDGE + i * step, _HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * rate / top
            lines[-1].append(f"{x:.1f},{y:.1f}")
            dots.append((f"{x:.1f}", f"{y:.1f}"))
        return cls(
            lines=tuple(" ".join(line) for line in lines if len(line) > 1),
            dots=tuple(dots),
            first=percent(known[0]) if known else "–",
            last=percent(known[-1]) if known else "–",
            most=percent(max(known)) if known else "–",
        )
