"""The models of the 2025 proposal, reproduced by name."""

from tabular_ae.proposal.config import ProposalConfig
from tabular_ae.proposal.score import ProposalModel

__all__ = ["ProposalConfig", "ProposalModel"]
