"""What one of the proposal's autoencoders is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from customs.errors import InvalidConfig
from tabular_ae.thresholds import ThresholdKind


@dataclass(frozen=True)
class ProposalConfig:
    """Inputs, size, training and threshold of one of the proposal's autoencoders.

    window: steps the network reads, the row itself being the last; 1 is the proposal's plain 3-D array.
    windows: `series` keeps to the months of one item and country; `original` slides over all rows of an item
    and keeps the proposal's labelling error (see `windows.mixed`).
    error: of the whole `window`, as the proposal scored, or of its `last` step alone.
    embedding: size of the item's embedding, 0 = none; dropout: share of the state set to zero in training.
    macro: Dubai oil, KRW/USD, CPI and PPI of the month as columns, where the panel has them.
    numeric_only: without the country as a column.
    threshold: the rule that flagged rows in the proposal; flag_share: part of clean rows flagged here.
    memory, calibration_share: read by every scorer, as in `FlagshipConfig`.
    """

    model: Literal["proposal"] = "proposal"
    window: int = 12
    windows: Literal["series", "original"] = "series"
    error: Literal["window", "last"] = "window"
    bidirectional: bool = False
    hidden: int = 64
    embedding: int = 0
    dropout: float = 0.0
    batch_norm: bool = False
    scaling: Literal["minmax", "robust"] = "minmax"
    macro: bool = True
    numeric_only: bool = False
    threshold: ThresholdKind = "top10"
    epochs: int = 50
    batch: int = 64
    learning_rate: float = 1e-3
    memory: int = 12
    calibration_share: float = 0.2
    flag_share: float = 0.10

    def __post_init__(self) -> None:
        # batch normalisation of a single row has no spread to divide by
        least = {"window": 1, "memory": 2, "hidden": 1, "embedding": 0, "epochs": 1}
        least["batch"] = 2 if self.batch_norm else 1
        for key, low in least.items():
            if getattr(self, key) < low:
                raise InvalidConfig(
                    f"got {getattr(self, key)}", field=f"config.{key}", remedy=f"give {low} or more"
                )
        if not self.learning_rate > 0:
            raise InvalidConfig(
                f"got {self.learning_rate}", field="config.learning_rate", remedy="give more than 0"
            )
        if not 0 <= self.dropout < 1:
            raise InvalidConfig(
                f"got {self.dropout}", field="config.dropout", remedy="give a share from 0 to below 1"
            )
        for key in ("calibration_share", "flag_share"):
            if not 0 < getattr(self, key) < 1:
                raise InvalidConfig(
                    f"got {getattr(self, key)}", field=f"config.{key}", remedy="give a share between 0 and 1"
                )
