"""How much is in the container: areal density and mass from −ln(transmission), with what limits them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from customs.physics.beam import BEAMS_MV, transmission
from customs.scan import Scan
from xray_encoder.reading.container import Crop

# Goods run from hydrogen-rich organics to steel; every other cargo lies between in how it hardens the beam.
_LIGHT, _HEAVY = "cellulose", "steel"
_DEEPEST = 450.0  # g/cm²: 2.4 m of goods at nearly twice the density of water
_STEPS = 901
_LOADED = 4.0  # g/cm², five centimetres of goods: less is dunnage or the other wall's corrugation
_BLOCK = 8  # pixels: the material is judged on means of blocks, a single pixel is noise
_ASSUMED = (
    "6MV"  # most container scanners; used where a picture does not name its energy, and only as a bound
)
# Transmission that scattered radiation alone makes up in a container scanner: nothing is read below it.
_SCATTER = 1.5e-4
# More of the load than this behind such pixels, and any amount may hide there.
_SATURATED = 0.03


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the cargo weighs to the eye of the scanner.

    areal_density: mean over the loaded part, g/cm².
    mass_kg: of everything between roof, walls and floor, before the learned correction; None where the
        pixel size is unknown.
    area_m2: of the cargo box, None where the pixel size is unknown.
    saturated: share of the loaded part through which nothing but scatter came.
    heavy: share of steel-like material by weight, 0…1; None with one energy.
    bound: True if mass and density are only a lower bound.
    """

    areal_density: float
    mass_kg: float | None
    area_m2: float | None
    saturated: float
    heavy: float | None
    bound: bool


def measure(scan: Scan, crop: Crop) -> Measurement:
    """Measure the cargo of one scan.

    Areal density is read off the transmission curve of its beam (`customs.physics.beam`); with two energies
    the light and the steel curve are mixed until both energies agree.
    """
    named = [i for i, energy in enumerate(scan.energies) if energy in BEAMS_MV]
    planes = named or [0]
    beams = [scan.energies[i] if i in named else _ASSUMED for i in planes]
    top, left, bottom, right = crop.cargo
    light, heavy = [], []
    for plane, beam in zip(planes, beams, strict=True):
        a = scan.attenuation(plane)[top:bottom, left:right]
        wall = float(np.percentile(a[: max(len(a) // 4, 1)], 10))
        steel = float(_areal(np.asarray([wall]), beam, _HEAVY)[0])
        light.append(np.maximum(_areal(a, beam, _LIGHT) - _equal(steel, beam), 0.0))
        heavy.append(np.maximum(_areal(a, beam, _HEAVY) - steel, 0.0))
    share = _heavy_share(light, heavy) if len(planes) > 1 else None
    mix = 0.0 if share is None else share
    areal = np.mean([(1 - mix) * lo + mix * hi for lo, hi in zip(light, heavy, strict=True)], axis=0)
    loaded = areal > _LOADED
    blind = scan.transmission[planes[-1], top:bottom, left:right] <= max(2 * scan.floor, _SCATTER)
    saturated = float(blind[loaded].mean()) if loaded.any() else 0.0
    pitch = scan.pixel_pitch_m
    mass = (
        None if pitch is None else float(areal.sum(dtype=np.float64)) * pitch[0] * pitch[1] * 10.0
    )  # g/cm² → kg/m²
    return Measurement(
        areal_density=float(areal[loaded].mean()) if loaded.any() else 0.0,
        mass_kg=mass,
        area_m2=None if pitch is None else areal.size * pitch[0] * pitch[1],
        saturated=saturated,
        heavy=share,
        bound=bool(scan.degraded) or not named or saturated > _SATURATED,
    )


def _heavy_share(light: list[npt.NDArray], heavy: list[npt.NDArray]) -> float:
    """Share of steel that makes two energies agree on the areal density, in the load's thicker half."""
    lo = [_blocks(plane) for plane in light]
    hi = [_blocks(plane) for plane in heavy]
    thick = (lo[0] > np.percentile(lo[0], 50)) & (lo[0] > 2 * _LOADED) & (lo[0] < 0.6 * _DEEPEST)
    if thick.sum() < 8:
        return 0.0
    gap = lo[0][thick] - lo[1][thick]  # what the light curve disagrees by
    bend = gap - (hi[0][thick] - hi[1][thick])
    return float(np.clip((gap * bend).sum() / max((bend * bend).sum(), 1e-12), 0.0, 1.0))


def _blocks(plane: npt.NDArray) -> npt.NDArray[np.float64]:
    rows, columns = plane.shape[0] // _BLOCK, plane.shape[1] // _BLOCK
    if not rows or not columns:
        return np.asarray(plane, dtype=np.float64)
    cut = plane[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    return np.asarray(cut.mean(axis=(1, 3)), dtype=np.float64)


def _areal(attenuation: npt.NDArray, beam: str, material: str) -> npt.NDArray[np.float32]:
    """g/cm² of a material that attenuates like this."""
    thickness, logs = _curve(beam, material)
    return np.interp(attenuation, logs, thickness).astype(np.float32)


def _equal(steel: float, beam: str) -> float:
    """g/cm² of the light material that attenuates like so much steel."""
    thickness, logs = _curve(beam, _HEAVY)
    at = float(np.interp(steel, thickness, logs))
    return float(_areal(np.asarray([at]), beam, _LIGHT)[0])


@lru_cache(maxsize=8)
def _curve(beam: str, material: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Thickness (g/cm²) and −ln(transmission), both increasing."""
    thickness = np.linspace(0.0, _DEEPEST, _STEPS)
    return thickness, -np.log(np.maximum(transmission({material: thickness}, beam).astype(np.float64), 1e-30))
