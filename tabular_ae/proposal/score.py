"""How odd the proposal's autoencoder finds a row: the error with which it reconstructs the row's window."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from customs.errors import InvalidConfig
from customs.progress import Progress, silent
from tabular_ae.history import History, prefixes
from tabular_ae.macro import Macro
from tabular_ae.price import Prices, usable
from tabular_ae.proposal.columns import Columns
from tabular_ae.proposal.config import ProposalConfig
from tabular_ae.proposal.model import ProposalNetwork, new_network
from tabular_ae.proposal.scaling import Scaling
from tabular_ae.proposal.train import optimise
from tabular_ae.proposal.windows import Windows, mixed, mixed_line, of_series
from tabular_ae.rows import Floats, Ints, Rows

_BATCH = 4096
_LEAST_WINDOWS = 100
# Outputs are cut here so that the order of float sums, which depends on the batch, does not show.
_DECIMALS = 4


class ProposalModel:
    """A trained network with the columns, scaling and items that it knows.

    losses: mean loss of each epoch; extra: noise of one consignment beyond a month's, which the proposal did
    not have.
    """

    def __init__(
        self,
        network: ProposalNetwork,
        columns: Columns,
        scaling: Scaling,
        items: Mapping[str, int],
        *,
        losses: list[float] | None = None,
        device: str = "cpu",
    ) -> None:
        self.network = network.to(usable(device)).eval()
        self.config: ProposalConfig = network.config
        self.columns = columns
        self.scaling = scaling
        self.items = dict(items)
        self.losses = losses or []
        self.extra = 0.0
        self.unseen: Prices | None = None
        self.device = device

    @classmethod
    def fit(
        cls,
        history: History,
        learn: Rows,
        config: ProposalConfig,
        *,
        macro: Macro | None = None,
        seed: int = 0,
        device: str = "cpu",
        progress: Progress = silent,
    ) -> Self:
        """Train on rows that the history holds; scales and labels are learned on the same rows.

        Raises:
            InvalidConfig: fewer than 100 of the rows have a window, or there is no such device.
        """
        columns = Columns.choose(config, learn, macro)
        scaling = Scaling.fit(config.scaling, columns.of(history, learn))
        items = {hs: i + 1 for i, hs in enumerate(sorted(set(map(str, learn.hs))))}
        network = new_network(config, len(columns.names), len(items), seed).to(usable(device))
        model = cls(network, columns, scaling, items, device=device)
        windows = model._windows(history, learn, consignment=False)
        if len(windows.end) < _LEAST_WINDOWS:
            raise InvalidConfig(
                f"only {len(windows.end)} rows have a window of {config.window}",
                field="data",
                remedy=f"give longer series, {_LEAST_WINDOWS} such rows at least, or a smaller config.window",
            )
        x, known = model._scaled(windows)
        item = model._item_of(learn.hs[windows.end])
        model.losses = optimise(network, x, known, item, seed=seed, progress=progress)
        return model

    def score(self, history: History, rows: Rows, *, consignment: bool = False) -> Prices:
        """Score rows by a thousand times the root of their window's mean squared error.

        The root keeps the order of squared errors and survives rounding. NaN without an earlier month in the
        window (with windows longer than one step). Expectation and scale are NaN: an error expects nothing.
        A `consignment` row is one line; it gets the same score alone and among others.
        """
        windows = self._windows(history, rows, consignment=consignment)
        x, known = self._scaled(windows)
        squared = (self._forward(x, self._item_of(rows.hs[windows.end]), exact=consignment) - x) ** 2
        if self.config.error == "last":
            squared, known = squared[:, -1:], known[:, -1:]
        mean = (squared * known).sum(axis=(1, 2)) / np.maximum(known.sum(axis=(1, 2)), 1)
        score, months = np.full(len(rows), np.nan), np.zeros(len(rows), dtype=np.int64)
        booked = windows.label >= 0
        score[windows.label[booked]] = np.round(1e3 * np.sqrt(mean[booked]), _DECIMALS)
        months[windows.label[booked]] = windows.months[booked]
        score[~np.isfinite(rows.log_unit)] = np.nan
        nothing = np.full(len(rows), np.nan)
        return Prices(score, nothing, nothing, months, tuple("" for _ in range(len(rows))))

    # -- keeping -----------------------------------------------------------------------------------

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The network's weights by name."""
        return {name: value.cpu().numpy() for name, value in self.network.state_dict().items()}

    def facts(self) -> dict[str, Any]:
        """All else that `restore` needs beside the configuration and the macro figures, for JSON."""
        return {
            "channels": list(self.columns.names),
            "countries": list(self.columns.countries),
            "items": sorted(self.items, key=self.items.__getitem__),
            "scaling": self.scaling.as_lists(),
            "losses": self.losses,
        }

    def texts(self) -> dict[str, list[str]]:
        """The proposal has no trees."""
        return {}

    @classmethod
    def restore(
        cls,
        config: ProposalConfig,
        tensors: Mapping[str, npt.NDArray[Any]],
        facts: Mapping[str, Any],
        macro: Macro | None = None,
        device: str = "cpu",
    ) -> Self:
        """Read back what `tensors` and `facts` gave, with the macro figures that it was fitted with."""
        columns = Columns(tuple(facts["channels"]), tuple(facts["countries"]), macro)
        network = new_network(config, len(columns.names), len(facts["items"]), seed=0)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
        return cls(
            network,
            columns,
            Scaling.from_lists(facts["scaling"]),
            {hs: i + 1 for i, hs in enumerate(facts["items"])},
            losses=list(facts["losses"]),
            device=device,
        )

    # -- inside ------------------------------------------------------------------------------------

    def _windows(self, history: History, rows: Rows, *, consignment: bool) -> Windows:
        """The windows that can be scored: their last row is usable and has a month before it."""
        window = self.config.window
        if self.config.windows == "series":
            found = of_series(self.columns, history, rows, window)
            return found.take(np.isfinite(found.x[:, -1, 0]) & ((found.months > 0) | (window == 1)))
        cut = mixed_line if consignment else mixed
        found = cut(self.columns, history, rows, window)
        return found.take(np.isfinite(found.x[:, -1, 0]))

    def _scaled(self, windows: Windows) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Channels as the network reads them, 0 where unknown, and what is known: both (m, window, c)."""
        known = np.isfinite(windows.x)
        return np.where(known, self.scaling(np.where(known, windows.x, 0.0)), 0.0).astype(np.float32), known

    def _item_of(self, codes: npt.NDArray[Any]) -> Ints:
        """The number of each item (n,), of a finer code that of the item it belongs to; 0 if unknown."""
        known = {
            hs: next((self.items[p] for p in (hs, *prefixes(hs)) if p in self.items), 0) for hs in set(codes)
        }
        return np.array([known[hs] for hs in codes], dtype=np.int64)

    @cached_property
    def _double(self) -> ProposalNetwork:
        """The network in double precision: a line must get the same answer alone and in a batch."""
        return copy.deepcopy(self.network).double()

    def _forward(self, x: npt.NDArray[np.float32], item: Ints, *, exact: bool) -> Floats:
        """(m, window, c) -> (m, window, c), in batches; `exact` computes in double precision."""
        network = self._double if exact else self.network
        parts = [np.empty((0, *x.shape[1:]))]
        with torch.inference_mode():
            for start in range(0, len(x), _BATCH):
                batch = torch.from_numpy(x[start : start + _BATCH]).to(self.device)
                items = torch.from_numpy(item[start : start + _BATCH]).to(self.device)
                parts.append(network(batch.double() if exact else batch, items).cpu().numpy())
        return np.concatenate(parts).astype(np.float64)
