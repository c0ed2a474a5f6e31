"""What a scan shows of the depth of its load, small enough to keep: transmission of its beams, coarsely.

A cell is the height of the cargo space ÷ `ROWS`, about 4 cm in any sea container, in both directions. So a
thing of 5 litres covers some five by five cells whatever the scanner's pixels are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.physics.beam import BEAMS_MV
from customs.scan import Scan
from xray_encoder.reading import Crop
from xray_encoder.reading.container import resample

ROWS = 64
HEIGHT_M = 2.4  # inside of a sea container, 2.38 to 2.69 m
CELL_M = HEIGHT_M / ROWS
_LEAST_COLUMNS, _MOST_COLUMNS = 32, 512
BLIND = 2.0e-4  # transmission that scatter alone makes up: what stands behind cannot be judged
_LOADED = 0.15  # −ln T over the walls': something stands there
ASSUMED = "6MV"  # where a scan does not name its beams
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class DeepView:
    """planes: float32 (beams, `ROWS`, columns), transmission, lowest energy first, one or two beams.

    beams: their names, `BEAMS_MV`'s or "unknown". walls: −ln T of the empty container's walls, each beam.
    floor: the lowest transmission that the scan can tell from none.
    """

    planes: Floats
    beams: tuple[str, ...]
    walls: tuple[float, ...]
    floor: float

    @property
    def depth(self) -> Floats:
        """−ln T of what is in the container: float32 (beams, `ROWS`, columns), below zero by noise alone."""
        return depth_of(self.planes, self.walls, self.floor)

    @property
    def blind(self) -> float:
        """Share of the loaded cells through which nothing but scatter came; 0 for an empty container."""
        loaded = self.depth[-1] > _LOADED
        return float((self.planes[-1][loaded] < max(BLIND, 2 * self.floor)).mean()) if loaded.any() else 0.0


def deep_view(scan: Scan, crop: Crop) -> DeepView:
    """The cargo box on coarse cells: the lowest and the highest energy, or the one there is."""
    top, left, bottom, right = crop.cargo
    square = 1.0 if scan.pixel_pitch_m is None else scan.pixel_pitch_m[1] / scan.pixel_pitch_m[0]
    columns = round((right - left) * square * ROWS / max(bottom - top, 1))
    columns = int(np.clip(columns, _LEAST_COLUMNS, _MOST_COLUMNS))
    wanted = sorted({0, scan.transmission.shape[0] - 1})
    planes = np.stack(
        [resample(scan.transmission[i, top:bottom, left:right], (ROWS, columns)) for i in wanted]
    )
    beams = tuple(scan.energies[i] if scan.energies[i] in BEAMS_MV else "unknown" for i in wanted)
    return DeepView(planes, beams, tuple(wall_of(plane, scan.floor) for plane in planes), scan.floor)


def depth_of(planes: Floats, walls: tuple[float, ...], floor: float) -> Floats:
    """−ln T less that of the walls: float32 like `planes`."""
    walls_of = np.asarray(walls, dtype=np.float32).reshape(-1, 1, 1)
    return np.asarray(-np.log(np.clip(planes, floor, None)) - walls_of, dtype=np.float32)


def wall_of(plane: Floats, floor: float) -> float:
    """−ln T of the empty walls, from the upper quarter of the cargo space."""
    upper = plane[: ROWS // 4]
    return float(np.clip(np.percentile(-np.log(np.clip(upper, floor, None)), 10), 0.0, 0.5))
