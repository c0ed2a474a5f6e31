"""The proposal's training loop: Adam at a constant rate on the squared error of scaled windows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from customs.progress import Progress, silent
from tabular_ae.proposal.model import ProposalNetwork, squared_error
from tabular_ae.rows import Ints


def optimise(
    network: ProposalNetwork,
    x: npt.NDArray[np.float32],
    known: npt.NDArray[np.bool_],
    item: Ints,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> list[float]:
    """Train in place on windows x (n, window, c), what of them is known, and their items (n,).

    Returns the mean loss of each epoch.
    """
    config = network.config
    device = next(network.parameters()).device
    inputs, items = torch.from_numpy(x).to(device), torch.from_numpy(item).to(device)
    counted = torch.from_numpy(known.astype(np.float32)).to(device)
    shuffler, dropper = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed + 1)
    optimiser = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    losses = []
    network.train()
    for epoch in range(config.epochs):
        order = torch.randperm(len(inputs), generator=shuffler).to(device)
        total = 0.0
        for rows in order.split(config.batch):
            if config.batch_norm and len(rows) == 1:
                continue  # one row has no spread; the next epoch's order serves it
            out = network(inputs[rows], items[rows], dropper)
            loss = squared_error(out, inputs[rows], counted[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(rows)
        losses.append(total / len(inputs))
        progress("training", epoch + 1, config.epochs)
    network.eval()
    return losses
