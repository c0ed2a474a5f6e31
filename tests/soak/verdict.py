"""What a soak measured, and whether each figure reaches what it has to: one line of JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reach:
    """One figure that has to be reached; wanted: in words, such as `<= 400 ms`."""

    name: str
    wanted: str
    measured: float
    met: bool

    @classmethod
    def none(cls, name: str, measured: int) -> Reach:
        """Of something that must not happen at all."""
        return cls(name, "0", measured, measured == 0)

    @classmethod
    def most(cls, name: str, measured: float, limit: float) -> Reach:
        """Of a figure with an upper limit."""
        return cls(name, f"<= {limit:g}", round(measured, 4), measured <= limit)

    @classmethod
    def least(cls, name: str, measured: float, limit: float) -> Reach:
        """Of a figure with a lower limit."""
        return cls(name, f">= {limit:g}", round(measured, 4), measured >= limit)


@dataclass(frozen=True)
class Result:
    """All that one soak found."""

    soak: str
    reach: tuple[Reach, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether everything was reached."""
        return all(reach.met for reach in self.reach)

    def line(self) -> str:
        """One line of JSON."""
        reach = {
            r.name: {"wanted": r.wanted, "measured": r.measured, "verdict": "met" if r.met else "missed"}
            for r in self.reach
        }
        verdict = "met" if self.met else "missed"
        whole = {"soak": self.soak, "verdict": verdict, "reach": reach, "figures": dict(self.figures)}
        return json.dumps(whole, ensure_ascii=False, default=str)


def say(text: str) -> None:
    """Progress for whoever waits, on stderr."""
    print(text, file=sys.stderr, flush=True)


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
