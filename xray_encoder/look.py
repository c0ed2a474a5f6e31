"""What is computed once for each scan, whoever asks: container, crops, packing, measurement."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.scan import Scan
from xray_encoder.data import kind_of
from xray_encoder.depth import deep_crop, describe
from xray_encoder.inserted.view import DeepView, deep_view
from xray_encoder.measure import Measurement, measure
from xray_encoder.packages import Visible, count
from xray_encoder.packing import CAP, SHAPE, packing_features
from xray_encoder.reading import Crop, find_container

_GREY_PIXELS = 60_000  # enough for a histogram of grey levels


@dataclass(frozen=True, eq=False)
class Look:
    """What one scan shows; small enough to keep hundreds of.

    canonical: float32 `packing.SHAPE`, −ln T of the cargo. packing: (features,), see `packing.FEATURES`.
    description: (numbers,), see `depth.DESCRIPTION`. kind: see `data.kind_of`.
    view: the depth of the load on cells of 4 cm. visible: the grid of packages.
    scanner: its name, "" if the file does not say.
    deep: see `depth.deep_crop`, None for pictures too shallow.
    grey: uint8 (rows, columns), every nth pixel of the container on a vendor's picture, None for other kinds.
    """

    crop: Crop
    canonical: npt.NDArray[np.float32]
    packing: npt.NDArray[np.float64]
    description: npt.NDArray[np.float64]
    measurement: Measurement
    kind: str
    view: DeepView
    visible: Visible
    scanner: str = ""
    deep: npt.NDArray[np.float16] | None = None
    grey: npt.NDArray[np.uint8] | None = None


def look_at(scan: Scan) -> Look:
    """Find the container and take its measure."""
    crop = find_container(scan)
    canonical = crop.canonical(scan, SHAPE, CAP)
    kind = kind_of(scan)
    packing, measurement = packing_features(canonical), measure(scan, crop)
    deep = deep_crop(scan, crop) if kind == "16-bit" else None
    return Look(
        crop=crop,
        canonical=canonical,
        packing=packing,
        description=describe(packing, deep, measurement),
        measurement=measurement,
        kind=kind,
        view=deep_view(scan, crop),
        visible=count(crop.inside(scan, len(scan.transmission) - 1)),
        scanner=scan.scanner or "",
        deep=deep,
        grey=_grey(scan, crop) if kind == "8-bit" else None,
    )


def _grey(scan: Scan, crop: Crop) -> npt.NDArray[np.uint8]:
    top, left, bottom, right = crop.container
    step = max(math.isqrt(max((bottom - top) * (right - left) // _GREY_PIXELS, 1)), 1)
    part = scan.transmission[0, top:bottom:step, left:right:step]
    return np.rint(part * 255).astype(np.uint8)
