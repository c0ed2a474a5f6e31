"""A scanner for containers or parcels: from areal density to 16-bit grey levels of one or two beams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.physics.beam import BEAMS_MV, transmission
from customs.physics.container import PITCH_M
from customs.physics.tube import BEAMS_KV

Plane = npt.NDArray[np.float32]

_COARSE = 16  # pixels that scatter, which is smooth, is reckoned on
_BEAMS = (("6MV", "9MV"), ("4MV", "6MV"), ("6MV",), ("9MV",))
_BEAM_SHARES = (0.5, 0.25, 0.15, 0.1)


@dataclass(frozen=True)
class Scanner:
    """What sets one machine's pictures apart.

    photons: detected for each pixel of open beam, which sets the noise; scatter: share of the beam in a
    pixel's surroundings that reaches it, half from the whole picture and half from within `reach` metres;
    blur: of the focal spot and the detector, pixels (one sigma); dark: noise of the electronics, share of the
    open beam; drift: how far the dose of the pulses wanders from column to column (one sigma, share); weak:
    detector elements (rows) whose gain is off by up to a fifth; missed: pulses (columns) that failed and
    repeat their neighbour; gain: open beam over full scale, above 1 air and thin walls are clipped white;
    pitch: pixel size in the picture plane, metres, for the scene to be drawn with.
    """

    name: str = "sim-a"
    beams: tuple[str, ...] = ("6MV", "9MV")
    photons: float = 2.5e5
    scatter: float = 1.5e-4
    blur: float = 0.45
    dark: float = 1.0e-5
    drift: float = 0.0
    weak: int = 0
    missed: int = 0
    gain: float = 1.0
    reach: float = 0.0
    pitch: float = PITCH_M

    def __post_init__(self) -> None:
        unknown = [beam for beam in self.beams if beam not in BEAMS_MV and beam not in BEAMS_KV]
        if unknown or not self.beams:
            raise InvalidValue(
                f"a scanner has no beam {', '.join(unknown) or 'at all'}",
                field="beams",
                remedy=f"choose from {', '.join((*BEAMS_MV, *BEAMS_KV))}",
            )
        if not (self.photons > 0 and self.blur > 0 and self.gain > 0 and self.pitch > 0):
            raise InvalidValue(
                "photons, blur, gain and pitch must be positive",
                field="scanner",
                remedy="give values above 0",
            )

    @classmethod
    def draw(
        cls, rng: np.random.Generator, name: str = "sim", *, beams: tuple[str, ...] | None = None
    ) -> Scanner:
        """A machine of its own: settings from the range that real ones span.

        beams: as given, or pairs 6/9 (half of all machines) and 4/6 MV and single 6 and 9 MV.
        """
        picked = _BEAMS[int(rng.choice(len(_BEAMS), p=_BEAM_SHARES))]
        return cls(
            name=name,
            beams=picked if beams is None else beams,
            photons=float(np.exp(rng.uniform(np.log(8e4), np.log(6e5)))),
            scatter=float(np.exp(rng.uniform(np.log(5e-5), np.log(4e-4)))),
            blur=float(rng.uniform(0.35, 0.8)),
            dark=float(np.exp(rng.uniform(np.log(5e-6), np.log(3e-5)))),
            drift=float(rng.choice([0.0, 1.0])) * float(rng.uniform(0.0005, 0.004)),
            weak=int(rng.random() < 0.15) * int(rng.integers(1, 3)),
            missed=int(rng.random() < 0.1) * int(rng.integers(1, 3)),
            gain=float(rng.choice([1.0, 1.0, rng.uniform(1.0, 1.02)])),
            reach=float(rng.uniform(0.3, 1.2)),
            pitch=float(rng.choice([0.016, 0.02, 0.02, 0.024])),
        )

    def expose(self, areal: Mapping[str, npt.NDArray], rng: np.random.Generator) -> npt.NDArray[np.uint16]:
        """Grey levels (beams, height, width), 65535 = open air, of materials in g/cm²."""
        shape = next(iter(areal.values())).shape
        wander = self._wander(shape[1], rng)
        weak = {int(row): float(rng.uniform(0.8, 0.97)) for row in rng.integers(0, shape[0], self.weak)}
        missed = [int(column) for column in rng.integers(1, max(shape[1], 2), self.missed)]
        planes = []
        for beam in self.beams:
            clean = _blur(transmission(areal, beam), self.blur)
            clean += self._scattered(clean)
            sigma = clean * np.float32(1 / self.photons)
            sigma += np.float32(self.dark**2)
            np.sqrt(sigma, out=sigma)
            sigma *= rng.standard_normal(clean.shape, dtype=np.float32)
            sigma += clean
            if wander is not None:
                sigma *= wander
            for row, gain in weak.items():
                sigma[row] *= np.float32(gain)
            for column in missed:
                if column < shape[1]:
                    sigma[:, column] = sigma[:, column - 1]
            sigma *= np.float32(65535.0 * self.gain)
            np.rint(sigma, out=sigma)
            planes.append(np.clip(sigma, 0, 65535, out=sigma).astype(np.uint16))
        return np.stack(planes)

    def _wander(self, columns: int, rng: np.random.Generator) -> Plane | None:
        """Gain of each column: a slow wander and a pulse's own jitter."""
        if self.drift <= 0:
            return None
        knots = rng.standard_normal(max(columns // 60, 2))
        slow = np.interp(np.linspace(0, len(knots) - 1, columns), np.arange(len(knots)), knots)
        own = rng.standard_normal(columns)
        return np.asarray(np.clip(1 + self.drift * (0.8 * slow + 0.6 * own), 0.5, 1.5), dtype=np.float32)

    def _scattered(self, clean: Plane) -> Plane | np.float32:
        """What the surroundings throw into each pixel."""
        everywhere = np.float32(self.scatter) * clean.mean(dtype=np.float32)
        if self.reach <= 0 or min(clean.shape) < 2 * _COARSE:
            return np.float32(everywhere)
        rows, columns = clean.shape
        take_r, give_r = _smoother(rows, self.reach / self.pitch)
        take_c, give_c = _smoother(columns, self.reach / self.pitch)
        near = give_r @ (take_r @ clean @ take_c.T) @ give_c.T
        near *= np.float32(self.scatter / 2)
        near += everywhere / 2
        return np.asarray(near, dtype=np.float32)


@lru_cache(maxsize=16)
def _smoother(size: int, sigma: float) -> tuple[Plane, Plane]:
    """(coarse × size) means over blocks under a Gaussian of `sigma` pixels, and (size × coarse) back."""
    count = max(size // _COARSE, 2)
    centre = (np.arange(count) + 0.5) * size / count
    take = np.zeros((count, size))
    take[np.minimum(np.arange(size) * count // size, count - 1), np.arange(size)] = 1.0
    take /= take.sum(axis=1, keepdims=True)
    kernel = np.exp(-0.5 * ((centre[:, None] - centre[None, :]) / max(sigma, 1.0)) ** 2)
    kernel /= kernel.sum(axis=1, keepdims=True)
    at = np.interp(np.arange(size) + 0.5, centre, np.arange(count, dtype=np.float64))
    low = np.minimum(at.astype(int), count - 2)
    give = np.zeros((size, count))
    give[np.arange(size), low] = 1 - (at - low)
    give[np.arange(size), low + 1] = at - low
    return (kernel @ take).astype(np.float32), give.astype(np.float32)


def _blur(plane: Plane, sigma: float) -> Plane:
    """Three taps each way; enough for a sigma of half a pixel."""
    side = np.float32(np.exp(-0.5 / sigma**2))
    middle, side = np.float32(1 / (1 + 2 * side)), np.float32(side / (1 + 2 * side))
    for axis in (0, 1):
        plane = plane.swapaxes(0, axis)
        out = middle * plane
        out[1:] += side * plane[:-1]
        out[:-1] += side * plane[1:]
        out[0] += side * plane[0]
        out[-1] += side * plane[-1]
        plane = out.swapaxes(0, axis)
    return np.asarray(plane, dtype=np.float32)
