"""What others do with such scans, fitted on the same references and asked the same questions.

Every rival is a class with `name` and `fit(references, seed)`; a fitted one has

- `mismatch(look, code) -> float`: how odd the scan is under a declared code; higher is odder;
- `inserted(look, code) -> (float, heat map or None)`: how odd as a scan of that code with something in it;
- `top1(look) -> str`: the heading that it takes the scan for.

NaN says that it cannot tell: no reference of the picture's kind under that code.
"""

from __future__ import annotations

from xray_encoder.rivals.cnn import PlainCnn
from xray_encoder.rivals.contrast import Contrast
from xray_encoder.rivals.histogram import HistogramForest
from xray_encoder.rivals.patches import Padim, PatchCore
from xray_encoder.rivals.profile import ProfileNearest
from xray_encoder.rivals.rival import Rival, fit_all

RIVALS: tuple[type[Rival], ...] = (
    ProfileNearest,
    HistogramForest,
    PlainCnn,
    Contrast,
    PatchCore,
    Padim,
)

__all__ = [
    "RIVALS",
    "Contrast",
    "HistogramForest",
    "Padim",
    "PatchCore",
    "PlainCnn",
    "ProfileNearest",
    "Rival",
    "fit_all",
]
