"""What a vendor's software saves from a scan: an 8-bit picture, or pseudo-colours of two energies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Tone:
    """How one vendor's screen shows transmission: grey = 255 · (gain · T)^gamma, then local contrast.

    gamma: 1 linear, less opens the shadows; gain: above 1 thin walls turn white; lift: grey level of
    what lets nothing through; local: share of the detail (log grey minus its surroundings') that is added.
    """

    gamma: float = 1.0
    gain: float = 1.0
    lift: float = 0.0
    local: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Tone:
        """A vendor of its own; the range covers the pictures that Brazilian Customs' scanners save."""
        return cls(
            gamma=float(rng.uniform(0.65, 0.92)),
            gain=float(rng.uniform(0.98, 1.03)),
            lift=float(rng.uniform(0.0, 1.0)),
            local=float(rng.choice([0.0, 0.0, 0.1, 0.2])),
        )

    def grey(self, transmission: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Grey levels 0…255 as floats of a transmission plane (height, width)."""
        t = np.clip(transmission * np.float32(self.gain), 0.0, 1.0)
        grey = t if self.gamma == 1.0 else np.power(t, np.float32(self.gamma))
        if self.local:
            log = np.log(np.maximum(grey, np.float32(1 / 512)))
            grey = grey * np.exp(np.float32(self.local) * np.clip(log - _mean_around(log, 12), -1.0, 1.0))
        return np.asarray(np.clip(self.lift + (255.0 - self.lift) * grey, 0, 255), dtype=np.float32)


def vendor_picture(
    planes: npt.NDArray[np.uint16], rng: np.random.Generator, tone: Tone | None = None
) -> Bytes:
    """The grey 8-bit picture (height, width) that a vendor saves of raw planes (beams, height, width).

    It shows the first, lowest energy, as single-energy machines do; tone: drawn if not given. What is below
    half a grey level is lost for good, which is why mass from such a picture is only a lower bound.
    """
    _check(planes, 1)
    tone = Tone.draw(rng) if tone is None else tone
    grey = tone.grey(planes[0].astype(np.float32) / np.float32(65535))
    # error diffusion is not what vendors do: plain rounding, with the noise that is there
    return np.asarray(np.rint(grey), dtype=np.uint8)


# Hues of the classes (organic, mixed, metal) as a share of red, green and blue, by the trade's convention.
_HUES = np.array([[1.00, 0.55, 0.10], [0.20, 0.72, 0.22], [0.12, 0.30, 0.85]], dtype=np.float32)


def pseudo_colour(planes: npt.NDArray[np.uint16], organic: float = 1.205, metal: float = 1.141) -> Bytes:
    """Colours (height, width, 3) of two energies: organic orange, mixed green, metal blue, air white.

    organic, metal: ratio of the logs of low over high energy that marks each; the defaults are those of
    6/9 MV at a hand's breadth of goods. Where nothing comes through the picture is black.
    """
    _check(planes, 2)
    t = np.clip(planes[:2].astype(np.float32) / np.float32(65535), np.float32(1e-5), 1.0)
    logs = np.stack([_mean_around(-np.log(plane), 3) for plane in t])
    ratio = logs[0] / np.maximum(logs[1], np.float32(0.02))
    metallic = np.clip((organic - ratio) / (organic - metal), 0.0, 1.0)
    low, high = np.clip(1 - 2 * metallic, 0, 1), np.clip(2 * metallic - 1, 0, 1)
    hue = np.stack([low, 1 - low - high, high], axis=-1) @ _HUES
    light = np.sqrt(t[0])[..., None]
    # thin things are pale, thick ones take their colour, and the thickest go black
    paint = light * (light + (1 - light) * 1.6 * hue)
    return np.asarray(np.rint(np.clip(paint, 0, 1) * 255), dtype=np.uint8)


def _check(planes: npt.NDArray, least: int) -> None:
    if planes.ndim != 3 or planes.shape[0] < least or planes.dtype != np.uint16:
        raise InvalidValue(
            f"raw planes have shape {planes.shape} and type {planes.dtype}",
            field="planes",
            remedy=f"give uint16 of shape (beams, height, width) with {least} or more beams",
        )


def _mean_around(plane: npt.NDArray[np.float32], reach: int) -> npt.NDArray[np.float32]:
    """Mean over (2 reach + 1)² pixels, the border repeated."""
    for axis in (0, 1):
        pad = [(reach + 1, reach) if side == axis else (0, 0) for side in (0, 1)]
        total = np.cumsum(np.pad(plane, pad, mode="edge"), axis=axis, dtype=np.float64)
        width = 2 * reach + 1
        size = plane.shape[axis]
        upper = np.take(total, np.arange(width, width + size), axis=axis)
        plane = ((upper - np.take(total, np.arange(size), axis=axis)) / width).astype(np.float32)
    return plane
