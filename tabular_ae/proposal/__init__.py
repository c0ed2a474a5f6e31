"""The models of the 2025 proposal, reproduced by name."""

from tabular_ae.proposal.config import ProposalConfig
from tabular_ae.proposal.minmax import MINMAX_CHANNELS, MinMax

__all__ = ["MINMAX_CHANNELS", "MinMax", "ProposalConfig"]
