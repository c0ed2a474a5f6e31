"""How much is in the container: areal density and mass from −ln(transmission), with what limits them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.physics.beam import BEAMS_MV, transmission
from customs.scan import Scan
from xray_encoder.reading.container import Box, Crop

# Goods run from hydrogen-rich organics to steel; every other cargo lies between in how it hardens the beam.
_LIGHT, _HEAVY = "cellulose", "steel"
_DEEPEST = 450.0  # g/cm²: 2.4 m of goods at nearly twice the density of water
_STEPS = 901
_PIXELS = 200_000  # mass and means need no more; maps keep every pixel
_FINE, _DARK = 2048, 16  # steps for each unit of −ln(transmission): 0.01 g/cm²; no detector sees beyond e⁻¹⁶
_LOADED = 4.0  # g/cm², five centimetres of goods: less is dunnage or the other wall's corrugation
_BLOCK = 8  # pixels: the material is judged on means of blocks, a single pixel is noise
_WINDOW = 3  # blocks each way that speak for a block's material
_ASSUMED = "6MV"  # most container scanners; used where no energy is named, and only as a bound
# With one energy nothing tells the materials apart. A picture of a truck is by weight a quarter steel: a
# 40-foot box weighs 4 t, the trailer's part in the picture about 2, the goods about 20.
_USUAL_HEAVY = 0.25
# Scattered radiation lies under the whole picture. Something in every container lets nothing else through
# (the floor's cross members edge on): the darkest pixels show it, unless they are brighter than this.
_MOST_SCATTER, _DARKEST, _SCATTER_SHARE = 1.0e-3, 1e-3, 0.9
# Transmission that scattered radiation alone makes up in a container scanner: nothing is read below it.
_SCATTER = 1.5e-4
# More of the load than this behind such pixels, and any amount may hide there.
_SATURATED = 0.03
# A row of a broken detector shows blocks of clear and black by turns: one turn in so many columns.
_TURNS, _CLEAR = 16, 7.0
_DEAD_SHARE = 0.2
# Share of the mass by which two energies may disagree: an end point 5 % off shifts it by about as much.
_DISAGREE = 0.03
# g/cm² of steel: both walls, 2 × 1.6 mm, and more where the corrugation runs along the beam.
_THICKEST_WALL = 4.0
_BAND = 0.05  # of the cargo box: its rim, next to what posts, roof and floor hide
_NAMED_BEAM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*Me?V\s*", re.IGNORECASE)

Image = npt.NDArray[np.float32]


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
    fill: share of the cargo box that lies below the load's surface, 0…1.
    free: share of the length without goods at the left and at the right end.
    rim: mean areal density of the left and right, the upper and the lower rim of the cargo box, as shares of
        the whole box's mean: what stands behind posts, roof rails and floor continues it.
    """

    areal_density: float
    mass_kg: float | None
    area_m2: float | None
    saturated: float
    heavy: float | None
    bound: bool
    fill: float = 0.0
    free: tuple[float, float] = (0.0, 0.0)
    rim: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class DensityMap:
    """Areal density of a whole picture: goods, container and vehicle.

    areal: float32 (height, width), g/cm²; 0 where the detector is broken.
    bound: bool (height, width), True where it is only a lower bound: nothing but scatter came through, or the
        beam is unknown.
    dead: bool (height, width), True where the detector is broken.
    heavy: float32 (height, width), share of steel-like material, found (two energies) or assumed (one).
    agreement: how much more mass the high energy sees than the low one, 0 = the same; None with one energy.
    """

    areal: Image
    bound: npt.NDArray[np.bool_]
    dead: npt.NDArray[np.bool_]
    heavy: Image
    agreement: float | None

    @property
    def total(self) -> float:
        """Areal density summed over all pixels, g/cm²; times pixel area (cm²) it is the mass in grams."""
        return float(self.areal.sum(dtype=np.float64))

    def mass_kg(self, pitch_m: tuple[float, float]) -> float:
        """Mass of everything in the picture for a pixel size (vertical, horizontal) in metres."""
        return self.total * pitch_m[0] * pitch_m[1] * 10.0  # g/cm² → kg/m²


def areal_density_map(scan: Scan, heavy: float | None = None) -> DensityMap:
    """g/cm² in every pixel of a scan.

    With two energies the light and the steel curve are mixed, block by block, until both energies agree; with
    one the share of steel is `heavy` (0…1), a usual one if None.

    >>> goods = {"cellulose": np.full((32, 40), 30.0)}
    >>> shown = np.stack([transmission(goods, beam) for beam in ("6MV", "9MV")])
    >>> found = areal_density_map(Scan(shown, energies=("6MV", "9MV")))
    >>> round(float(found.areal.mean()), 1)
    30.0
    """
    if heavy is not None and not 0.0 <= heavy <= 1.0:
        raise InvalidValue(
            f"the share of heavy material is {heavy:g}", field="heavy", remedy="give a share from 0 to 1"
        )
    planes, beams, named = _beams(scan)
    seen = [_clean(scan, plane) for plane in planes]
    dead = _dead(seen[0][0])
    solved = _solve([a for a, _ in seen], beams, _USUAL_HEAVY if heavy is None else heavy, dead)
    blind = seen[-1][1]
    return DensityMap(
        areal=np.where(dead, np.float32(0), solved.areal),
        bound=(blind | (not named) | bool(scan.degraded)) & ~dead,
        dead=dead,
        heavy=solved.heavy,
        agreement=solved.agreement,
    )


def measure(scan: Scan, crop: Crop, heavy: float | None = None) -> Measurement:
    """Measure the cargo of one scan, walls taken off.

    Areal density is read off the transmission curve of its beam (`customs.physics.beam`) as in
    `areal_density_map`; heavy: share of steel (0…1) to assume with one energy, none if None.
    """
    scan, (top, left, bottom, right) = _pooled(scan, crop.cargo)
    planes, beams, named = _beams(scan)
    inside = (slice(top, bottom), slice(left, right))
    seen = [_clean(scan, plane) for plane in planes]
    logs = [np.ascontiguousarray(a[inside]) for a, _ in seen]
    walls = [float(np.percentile(a[: max(len(a) // 4, 1)], 5)) for a in logs]
    solved = _solve(logs, beams, heavy or 0.0, np.zeros(logs[0].shape, dtype=bool), walls)
    areal = solved.areal
    loaded = areal > _LOADED
    blind = seen[-1][1][inside]
    saturated = float(blind[loaded].mean()) if loaded.any() else 0.0
    pitch = scan.pixel_pitch_m
    mass = (
        None if pitch is None else float(areal.sum(dtype=np.float64)) * pitch[0] * pitch[1] * 10.0
    )  # g/cm² → kg/m²
    share = None
    if len(planes) > 1:
        weight = float(areal.sum(dtype=np.float64))
        share = float((areal * solved.heavy).sum(dtype=np.float64) / weight) if weight > 0 else 0.0
    fill, free = _filled(loaded)
    return Measurement(
        areal_density=float(areal[loaded].mean()) if loaded.any() else 0.0,
        mass_kg=mass,
        area_m2=None if pitch is None else areal.size * pitch[0] * pitch[1],
        saturated=saturated,
        heavy=share,
        bound=bool(scan.degraded) or not named or saturated > _SATURATED,
        fill=fill,
        free=free,
        rim=_rim(areal),
    )


def _pooled(scan: Scan, box: Box) -> tuple[Scan, Box]:
    """A large scan with pixels of twice the size or more, as a coarser detector has them; `box` with it."""
    step = math.isqrt(scan.height * scan.width // _PIXELS)
    if step < 2:
        return scan, box
    rows, columns = scan.height // step * step, scan.width // step * step
    t = scan.transmission[:, :rows, :columns]
    wide = sum((t[:, i::step] for i in range(1, step)), start=t[:, ::step])
    small = sum((wide[:, :, i::step] for i in range(1, step)), start=wide[:, :, ::step])
    small = np.asarray(small, dtype=np.float32) / np.float32(step * step)
    pitch = scan.pixel_pitch_m
    coarse = replace(
        scan,
        transmission=small,
        material=None,
        pixel_pitch_m=None if pitch is None else (pitch[0] * step, pitch[1] * step),
    )
    top, left, bottom, right = (round(edge / step) for edge in box)
    return coarse, (top, left, max(bottom, top + 1), max(right, left + 1))


@dataclass(frozen=True, eq=False)
class _Solved:
    areal: Image
    heavy: Image
    agreement: float | None


def _beams(scan: Scan) -> tuple[list[int], list[str], bool]:
    """Planes to measure on, their beams, and whether the scan itself names them."""
    known = [(i, found) for i, energy in enumerate(scan.energies) if (found := _beam(energy)) is not None]
    if not known:
        return [0], [_ASSUMED], False
    known.sort(key=lambda pair: BEAMS_MV[pair[1]])
    return [i for i, _ in known], [beam for _, beam in known], True


def _beam(energy: str) -> str | None:
    """The beam that a plane's name means: "6MV", "6 MeV", "6.0MV"; None if there is none of that energy."""
    match = _NAMED_BEAM.fullmatch(energy)
    name = f"{float(match[1]):g}MV" if match else energy
    return name if name in BEAMS_MV else None


def _clean(scan: Scan, plane: int) -> tuple[Image, npt.NDArray[np.bool_]]:
    """−ln(transmission) without scatter, and where nothing but scatter came through."""
    t = scan.transmission[plane]
    darkest = float(np.quantile(t[::2, ::2], _DARKEST))
    scatter = _SCATTER_SHARE * darkest if darkest < _MOST_SCATTER else 0.0
    least = max(scan.floor, 0.5 * scatter)
    blind = t <= max(2 * scan.floor, 2 * scatter, _SCATTER)
    return np.asarray(-np.log(np.maximum(t - np.float32(scatter), np.float32(least)))), blind


def _dead(a: Image) -> npt.NDArray[np.bool_]:
    """Rows and columns of a broken detector: clear and black by turns, which no cargo is."""
    black, clear = a > 9.0, a < _CLEAR
    out = np.zeros(a.shape, dtype=bool)
    for axis in (0, 1):
        b, c = (black, clear) if axis == 0 else (black.T, clear.T)
        turns = ((b[:, 1:] & c[:, :-1]) | (c[:, 1:] & b[:, :-1])).sum(axis=1)
        stripe = (
            (turns * _TURNS > b.shape[1]) & (b.mean(axis=1) > _DEAD_SHARE) & (c.mean(axis=1) > _DEAD_SHARE)
        )
        if axis == 0:
            out[stripe] = True
        else:
            out[:, stripe] = True
    return out


def _solve(
    logs: list[Image],
    beams: list[str],
    heavy: float,
    dead: npt.NDArray[np.bool_],
    walls: list[float] | None = None,
) -> _Solved:
    """Areal density from −ln T of one or more beams, lowest first; walls: theirs, to take off."""
    light, steel = [], []
    for i, (a, beam) in enumerate(zip(logs, beams, strict=True)):
        lo, hi = _areal(a, beam, _LIGHT), _areal(a, beam, _HEAVY)
        if walls is not None:
            wall = min(float(_areal(np.asarray([walls[i]]), beam, _HEAVY)[0]), _THICKEST_WALL)
            lo, hi = np.maximum(lo - _equal(wall, beam), 0), np.maximum(hi - wall, 0)
        light.append(lo)
        steel.append(hi)
    if len(logs) == 1:
        share = np.full(logs[0].shape, heavy, dtype=np.float32)
        return _Solved(light[0] + np.float32(heavy) * (steel[0] - light[0]), share, None)
    share = _heavy_share(light, steel, dead)
    low, high = (
        lo + share * (hi - lo) for lo, hi in zip((light[0], light[-1]), (steel[0], steel[-1]), strict=True)
    )
    used = ~dead & (low < 0.6 * _DEEPEST)
    agreement = float((high - low)[used].sum(dtype=np.float64) / max(low[used].sum(dtype=np.float64), 1e-6))
    # Goods harder than steel do not fill a picture: energies that disagree even at steel are not quite those
    # that the scan names. An error of a beam's end point or filter shifts its curve the more, the higher the
    # energy, so the high one is believed less. Where little comes through, scatter spoils the low one.
    doubt = float(np.exp(-((agreement / _DISAGREE) ** 2)))
    last = np.float32((BEAMS_MV[beams[0]] / BEAMS_MV[beams[-1]]) ** 2 * max(doubt, 1e-3))
    through = np.exp(-logs[0])
    first = through / (through + np.float32(4 * _SCATTER * doubt))
    areal = (first * low + last * high) / (first + last)
    return _Solved(areal.astype(np.float32), share, agreement)


def _heavy_share(light: list[Image], steel: list[Image], dead: npt.NDArray[np.bool_]) -> Image:
    """Share of steel (rows, columns) that makes the outer two energies agree, in blocks and their neighbours.

    Least squares over a window of blocks; where it says little (thin goods), that of the whole picture.
    """
    alive = _blocks((~dead).astype(np.float32)) > 0.5 if dead.any() else np.True_
    lo, hi = _blocks(light[0]), _blocks(light[-1])
    gap = lo - hi  # what the light curve disagrees by
    bend = gap - (_blocks(steel[0]) - _blocks(steel[-1]))
    fit = alive & (lo > 2 * _LOADED) & (lo < 0.6 * _DEEPEST)
    up, down = np.where(fit, gap * bend, 0.0), np.where(fit, bend * bend, 0.0)
    if fit.sum() < 4 or down.sum() <= 1e-12:
        return np.zeros(light[0].shape, dtype=np.float32)
    whole = float(np.clip(up.sum() / down.sum(), 0.0, 1.0))
    prior = float(down.sum() / fit.sum())  # as much as one average block
    near_up, near_down = _window(up), _window(down)
    blocks = np.clip((near_up + prior * whole) / (near_down + prior), 0.0, 1.0).astype(np.float32)
    rows = np.minimum(np.arange(light[0].shape[0]) // _BLOCK, blocks.shape[0] - 1)
    columns = np.minimum(np.arange(light[0].shape[1]) // _BLOCK, blocks.shape[1] - 1)
    return np.asarray(np.take(np.take(blocks, columns, axis=1), rows, axis=0))


def _window(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sums over windows of 2 × `_WINDOW` + 1 blocks each way."""
    for axis in (0, 1):
        pad = [(_WINDOW + 1, _WINDOW) if i == axis else (0, 0) for i in (0, 1)]
        total = np.cumsum(np.pad(x, pad), axis=axis)
        step = 2 * _WINDOW + 1
        count = total.shape[axis]
        x = np.take(total, range(step, count), axis=axis) - np.take(total, range(count - step), axis=axis)
    return x


def _blocks(plane: Image) -> npt.NDArray[np.float64]:
    rows, columns = plane.shape[0] // _BLOCK, plane.shape[1] // _BLOCK
    if not rows or not columns:
        return np.asarray(plane, dtype=np.float64)
    # several times as fast as a mean over two of four axes, and added up in the same order
    c = plane[: rows * _BLOCK, : columns * _BLOCK].reshape(rows * _BLOCK, columns, _BLOCK)
    wide = ((c[..., 0] + c[..., 1]) + (c[..., 2] + c[..., 3])) + (
        (c[..., 4] + c[..., 5]) + (c[..., 6] + c[..., 7])
    )
    return np.asarray(
        wide.reshape(rows, _BLOCK, columns).sum(axis=1) / np.float32(_BLOCK**2), dtype=np.float64
    )


def _filled(loaded: npt.NDArray[np.bool_]) -> tuple[float, tuple[float, float]]:
    """Share of the box below the load's surface, and of its length that is free at either end."""
    rows, columns = loaded.shape
    reach = max(rows // 24, 1)
    below = np.zeros((rows + 1, columns), dtype=np.int32)
    np.cumsum(loaded, axis=0, out=below[1:])
    thick = (below[reach:] - below[:-reach]) >= 0.75 * reach  # roof bars and seams are thinner
    surface = np.where(thick.any(axis=0), thick.argmax(axis=0), rows)
    height = (rows - surface) / rows
    taken = np.flatnonzero(height > 0.05)
    if not len(taken):
        return 0.0, (1.0, 1.0)
    return float(height.mean()), (float(taken[0] / columns), float((columns - 1 - taken[-1]) / columns))


def _rim(areal: Image) -> tuple[float, float, float]:
    """Means of both ends, of the top and of the bottom, as shares of the mean of all."""
    rows, columns = areal.shape
    high, wide = max(int(_BAND * rows), 1), max(int(_BAND * columns), 1)
    mean = float(areal.mean(dtype=np.float64))
    if mean <= 0:
        return (1.0, 1.0, 1.0)
    ends = 0.5 * (areal[:, :wide].mean(dtype=np.float64) + areal[:, -wide:].mean(dtype=np.float64))
    top, bottom = areal[:high].mean(dtype=np.float64), areal[-high:].mean(dtype=np.float64)
    return (float(ends / mean), float(top / mean), float(bottom / mean))


def _areal(attenuation: npt.NDArray, beam: str, material: str) -> Image:
    """g/cm² of a material that attenuates like this."""
    table = _table(beam, material)
    at = np.asarray(attenuation, dtype=np.float32) * np.float32(_FINE)
    np.clip(at, 0, len(table) - 1.5, out=at)
    return np.take(table, (at + np.float32(0.5)).astype(np.int32))


@lru_cache(maxsize=8)
def _table(beam: str, material: str) -> Image:
    """g/cm² at −ln(transmission) in steps of 1/`_FINE`: a look-up is some times faster than interpolation."""
    thickness, logs = _curve(beam, material)
    return np.interp(np.arange(_DARK * _FINE) / _FINE, logs, thickness).astype(np.float32)


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
