"""The proposal's network: an encoder's last state, repeated along the window, decoded into the columns.

    x (n, window, channels), item (n,)
      [+ embedding of the item on every step]  -> (n, window, channels + embedding)
      encoder LSTM, last state                 -> (n, state)    state = hidden, twice that in both directions
      [batch norm, dropout]
      repeated                                 -> (n, window, state)
      decoder LSTM                             -> (n, window, state)
      linear                                   -> (n, window, channels)

Parts in brackets are those that the proposal tried out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tabular_ae.proposal.config import ProposalConfig


class ProposalNetwork(nn.Module):
    """LSTM autoencoder of `channels` columns for `items` known items; item 0 stands for any other."""

    def __init__(self, config: ProposalConfig, channels: int, items: int) -> None:
        super().__init__()
        self.config = config
        state = config.hidden * (2 if config.bidirectional else 1)
        both = config.bidirectional
        self.embedding = nn.Embedding(items + 1, config.embedding) if config.embedding else None
        self.encoder = nn.LSTM(
            channels + config.embedding, config.hidden, batch_first=True, bidirectional=both
        )
        self.norm = nn.BatchNorm1d(state) if config.batch_norm else None
        self.decoder = nn.LSTM(state, config.hidden, batch_first=True, bidirectional=both)
        self.out = nn.Linear(state, channels)

    def forward(self, x: Tensor, item: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(n, window, channels), (n,) -> (n, window, channels); dropout only with a generator."""
        if self.embedding is not None:
            vector = self.embedding(item)[:, None, :].expand(-1, x.shape[1], -1)  # (n, window, embedding)
            x = torch.cat([x, vector], dim=2)
        _, (last, _) = self.encoder(x)  # (directions, n, hidden)
        state = last.transpose(0, 1).flatten(1)  # (n, state)
        if self.norm is not None:
            state = self.norm(state)
        state = _drop(state, self.config.dropout, generator)
        repeated = state[:, None, :].expand(-1, x.shape[1], -1)  # (n, window, state)
        decoded, _ = self.decoder(repeated)
        out: Tensor = self.out(_drop(decoded, self.config.dropout, generator))
        return out


def squared_error(out: Tensor, x: Tensor, known: Tensor) -> Tensor:
    """Mean squared error over what is known; all (n, window, channels), known as 0 and 1."""
    return (((out - x) ** 2) * known).sum() / known.sum().clamp(min=1)


def new_network(config: ProposalConfig, channels: int, items: int, seed: int) -> ProposalNetwork:
    """A network with seeded weights; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ProposalNetwork(config, channels, items)


def _drop(values: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Inverted dropout from a generator of its own: nn.Dropout draws from the global one."""
    if generator is None or share == 0.0:
        return values
    kept = torch.rand(values.shape, generator=generator).to(values) >= share
    return values * kept / (1.0 - share)
