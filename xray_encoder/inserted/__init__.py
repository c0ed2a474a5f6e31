"""Something put into a load: a network that was shown things planted into clean scans, and what is usual.

The network's parts (`view`, `plant`, `network`, `train`, `detect`) are imported by their own names: they need
torch.
"""

from xray_encoder.inserted.standouts import NETWORK_PRIOR, Map, Standouts, peak

__all__ = ["NETWORK_PRIOR", "Map", "Standouts", "peak"]
