"""The trained models behind what officers look up, and the one way to run something on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from portcullis.models import Models

if TYPE_CHECKING:
    from tabular_ae.scorer import TabularScorer
    from xray_encoder.scorer import XrayScorer

T = TypeVar("T")


class OnModels(Protocol):
    """Runs something while nobody else uses the models, and answers what it answered."""

    def __call__(self, work: Callable[[Models], T]) -> T:
        """Run `work`."""
        ...


def tabular_of(models: Models) -> TabularScorer | None:
    """The trained scorer of trade series, None without one."""
    from tabular_ae.scorer import TabularScorer

    found = models.scorers.get("tabular")
    return found if isinstance(found, TabularScorer) else None


def xray_of(models: Models) -> XrayScorer | None:
    """The trained scorer of scans, None without one."""
    from xray_encoder.scorer import XrayScorer

    found = models.scorers.get("xray")
    return found if isinstance(found, XrayScorer) else None
