"""What every model of unit values answers, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt
import torch

from customs.errors import InvalidConfig
from tabular_ae.history import History
from tabular_ae.rows import Floats, Ints, Rows


@dataclass(frozen=True, eq=False)
class Prices:
    """n scored unit values.

    score: higher = odder, NaN where nothing is known to compare with.
    centre: expected ln(USD/kg), NaN where the model expects none; scale: its spread.
    months, group: months of the row's own series it was compared with; the code group that filled in.
    """

    score: Floats
    centre: Floats
    scale: Floats
    months: Ints
    group: tuple[str, ...]


class PriceModel(Protocol):
    """A fitted model of unit values.

    config has at least `model`, `memory`, `calibration_share` and `flag_share`; extra: standard deviation of
    ln(USD/kg) of one consignment about its month's mean; losses: of the training, epoch by epoch; unseen: the
    rows it was fitted on, as scored by parts that have not seen them; None where there are no such parts.
    """

    config: Any
    extra: float
    losses: list[float]
    unseen: Prices | None

    def score(self, history: History, rows: Rows, *, consignment: bool = False) -> Prices:
        """Score rows against the months before them; a `consignment` row is one line, not a month."""
        ...

    def tensors(self) -> Mapping[str, npt.NDArray[Any]]:
        """Weights for the artefact."""
        ...

    def facts(self) -> dict[str, Any]:
        """Everything else, as JSON can hold it."""
        ...

    def texts(self) -> dict[str, list[str]]:
        """Columns of text for the artefact: boosted trees; empty without any."""
        ...


def usable(device: str) -> torch.device:
    """The device by its name; an error if there is none such here."""
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError):
        raise InvalidConfig(
            f"there is no {device!r} here",
            field="device",
            remedy="give cpu, or cuda on a machine that has it",
        ) from None
    return found
