"""What one check has to say about one case, calibrated, or why it is silent."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from customs.hs import HsCode


def _code(value: Any) -> HsCode | None:
    return value if value is None or isinstance(value, HsCode) else HsCode.parse(value)


CodeField = Annotated[
    HsCode | None,
    BeforeValidator(_code),
    PlainSerializer(lambda v: None if v is None else v.digits, return_type=str | None),
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Message(_Frozen):
    """A sentence to be rendered in Korean or English: its name in `sentences.toml` and the values in it."""

    id: str
    params: dict[str, str | int | float] = Field(default_factory=dict)


class Reference(_Frozen):
    """The clean cases that a p-value was counted on: which group (an HS prefix, or `all`) and how many."""

    group: str
    size: int


class Alternative(_Frozen):
    """A code that the goods may have instead, with its probability; `hs` is None for an empty container."""

    hs: CodeField
    probability: float = Field(ge=0, le=1)


class Contribution(_Frozen):
    """What one driver adds to an expected value, as a share of it; month: YYYY-MM if of one month."""

    driver: str
    month: str | None = None
    effect: float


class HeatMap(_Frozen):
    """Where on the scan the oddness sits: float32 (rows, columns), 0 = usual, 1 = oddest.

    `box` is (top, left, bottom, right) in pixels of the scan that the map covers.
    """

    values: Any
    box: tuple[int, int, int, int]

    @model_validator(mode="after")
    def _is_a_map(self) -> HeatMap:
        if not (isinstance(self.values, np.ndarray) and self.values.ndim == 2):
            raise ValueError("a heat-map is a two-dimensional array")
        return self


class Evidence(_Frozen):
    """The result of one check on one case.

    p_value: share of clean reference cases at least as odd (conformal); None = the check abstained and
        `message` says why.
    surprise: continuous, higher = odder, in −log10 of the smoothed tail probability, so that checks
        compare and ties break; monotone with the p-value within a reference group; None when abstained.
    observed, expected, unit: the figure looked at and the range that is usual (90 % of clean cases).
    alternatives: codes that would fit better, best first.
    details: further sentences, such as why the expectation is what it is; contributions: its parts.
    """

    check: str
    subject: str
    p_value: float | None = Field(default=None, gt=0, le=1)
    surprise: float | None = None
    observed: float | None = None
    expected: tuple[float, float] | None = None
    unit: str | None = None
    reference: Reference | None = None
    alternatives: tuple[Alternative, ...] = ()
    message: Message
    details: tuple[Message, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    artefact: HeatMap | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _speaks_or_abstains(self) -> Evidence:
        if (self.p_value is None) != (self.surprise is None):
            raise ValueError("p_value and surprise are given together or not at all")
        if self.p_value is not None and self.reference is None:
            raise ValueError("a p-value names the reference group it was counted on")
        return self

    @classmethod
    def abstain(cls, check: str, subject: str, reason: str, **params: str | int | float) -> Evidence:
        """The check cannot speak; `reason` names a sentence."""
        return cls(check=check, subject=subject, message=Message(id=reason, params=params))

    @property
    def abstained(self) -> bool:
        """True if the check had nothing to go on."""
        return self.p_value is None
