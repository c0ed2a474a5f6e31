"""Something put into a load: by contrast to what stands around it, or by a network shown planted things.

The network's parts (`view`, `plant`, `network`, `train`, `detect`) are imported by their own names: they need
torch, the contrast does not.
"""

from xray_encoder.inserted.contrast import SHAPE, standout
from xray_encoder.inserted.standouts import NETWORK_PRIOR, Map, Standouts, peak, points_at

__all__ = ["NETWORK_PRIOR", "SHAPE", "Map", "Standouts", "peak", "points_at", "standout"]
