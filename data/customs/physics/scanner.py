"""A container scanner: from areal density to 16-bit grey levels of two beams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.physics.beam import transmission


@dataclass(frozen=True)
class Scanner:
    """What sets one machine's pictures apart.

    photons: detected for each pixel of open beam, which sets the noise; scatter: share of the open beam that
    reaches a pixel from its surroundings; blur: of the focal spot and the detector, pixels (one sigma).
    """

    name: str = "sim-a"
    beams: tuple[str, ...] = ("6MV", "9MV")
    photons: float = 2.5e5
    scatter: float = 1.5e-4
    blur: float = 0.45
    dark: float = 1.0e-5

    def expose(self, areal: Mapping[str, npt.NDArray], rng: np.random.Generator) -> npt.NDArray[np.uint16]:
        """Grey levels (beams, height, width), 65535 = open air, of materials in g/cm²."""
        planes = []
        for beam in self.beams:
            clean = transmission(areal, beam)
            clean = _blur(clean, self.blur) + np.float32(self.scatter) * clean.mean(dtype=np.float32)
            sigma = np.sqrt(clean / np.float32(self.photons) + np.float32(self.dark) ** 2)
            noisy = clean + sigma * rng.standard_normal(clean.shape, dtype=np.float32)
            planes.append(np.clip(np.rint(noisy * 65535.0), 0, 65535).astype(np.uint16))
        return np.stack(planes)


def _blur(plane: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    """Three taps each way; enough for a sigma of half a pixel."""
    side = np.float32(np.exp(-0.5 / sigma**2))
    middle, side = np.float32(1 / (1 + 2 * side)), np.float32(side / (1 + 2 * side))
    rows = np.pad(plane, ((1, 1), (0, 0)), mode="edge")
    plane = middle * rows[1:-1] + side * (rows[:-2] + rows[2:])
    columns = np.pad(plane, ((0, 0), (1, 1)), mode="edge")
    return middle * columns[:, 1:-1] + side * (columns[:, :-2] + columns[:, 2:])
