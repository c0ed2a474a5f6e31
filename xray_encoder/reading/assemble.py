"""From planes as a file stores them to a `customs.Scan`: polarity, orientation, air level, energies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from customs.errors import UnreadableFile
from customs.scan import Scan
from xray_encoder.reading.limits import MAX_PLANES, check_size
from xray_encoder.reading.raw import HIGH, LOW, UNKNOWN, Raw, energy_number
from xray_encoder.reading.upright import Way, find_way

# Channels that differ by more than this many of 255 levels, on more than this share of pixels, are colour.
_CHROMA_LEVELS, _CHROMA_SHARE = 24, 0.005
# The share of pixels that is at least as bright as air: a few hot pixels do not move the air level.
_AIR_PERCENTILE = 99.5
# Air this near the full scale of a 16-bit or float file: the scanner calibrated it, and full scale is air.
_CALIBRATED = 0.85
# Air is there if this share of all pixels and of the rim is within _AIR_WIDTH of the brightest.
_AIR_WIDTH, _AIR_SHARE, _AIR_RIM = 0.05, 0.01, 0.02
# A lowest value that this share of pixels holds exactly, and this many times as many as the next level, is
# where the detector or the export stops.
_STUCK_SHARE, _STUCK_TIMES = 0.001, 10
_FLOAT_DEPTH = 16
_LEAST_DEPTH = 10  # goods of one even thickness may hold a lowest level too, but higher than this
# Transmission below this is not told from zero by any container scanner; keeps exp() from denormal numbers.
_LEAST = 1e-12


def assemble(
    raws: Sequence[Raw],
    *,
    name: str,
    field: str,
    pixel_pitch_m: tuple[float, float] | None = None,
    energies: tuple[str, ...] | None = None,
) -> Scan:
    """One scan of one file, or of several of the same view with an energy (or the material) each.

    `pixel_pitch_m` (vertical, horizontal; metres) and `energies` (one a plane, in the files' order) stand in
    where the files say nothing. `UnreadableFile` for planes that do not belong together.
    """
    planes = [plane for raw in raws for plane in raw.planes]
    first = raws[0]
    if len(planes) > MAX_PLANES:
        raise UnreadableFile(
            f"there are {len(planes)} energy planes",
            field=field,
            remedy=f"send one plane for each energy, at most {MAX_PLANES}",
        )
    for raw in raws[1:]:
        if raw.shape != first.shape:
            raise UnreadableFile(
                f"one energy has {first.shape[1]} × {first.shape[0]} pixels, "
                f"the other {raw.shape[1]} × {raw.shape[0]}",
                field=field,
                remedy="send files of the same scan and size",
            )
    check_size(*first.shape, len(planes), field)
    degraded = list(dict.fromkeys(reason for raw in raws for reason in raw.degraded))
    grey: list[tuple[npt.NDArray, Raw]] = []
    for raw in raws:
        if raw.depth == 8 and "8-bit" not in degraded:
            degraded.append("8-bit")
        for page in raw.planes:
            plane, coloured = _grey(page)
            if coloured and "pseudo-colour" not in degraded:
                degraded.append("pseudo-colour")
            grey.append((plane, raw))
    view = next((raw.view for raw in raws if raw.view), "side")
    way = _way(grey[0][0], first, view)
    done = [_transmission(plane, raw, way.air_bright, field) for plane, raw in grey]
    names = _energies(raws, len(planes), energies, field)
    order = sorted(range(len(planes)), key=lambda i: (energy_number(names[i]), i))
    material = next((raw.material for raw in raws if raw.material is not None), None)
    t = np.stack([way.apply(done[i][0]) for i in order])
    return Scan(
        t,
        energies=tuple(names[i] for i in order),
        bit_depth=min(depth for _, depth in done),
        pixel_pitch_m=_pitch(raws, way) or pixel_pitch_m,
        material=None if material is None else np.ascontiguousarray(way.apply(material)),
        view=view,
        scanner=next((raw.scanner for raw in raws if raw.scanner), None),
        degraded=tuple(degraded),
        source=name,
        orientation=way.changes,
    )


def _way(plane: npt.NDArray, raw: Raw, view: str) -> Way:
    """Polarity and orientation; −ln(transmission) has its polarity by itself."""
    turnable = view != "top"
    if raw.scale != "log":
        return find_way(plane, said=raw.air_bright, turnable=turnable)
    way = find_way(np.exp(-plane.clip(0, 20)), said=True, turnable=turnable)
    return Way(way.turns, way.flip, True, way.evidence)


def _energies(raws: Sequence[Raw], planes: int, given: tuple[str, ...] | None, field: str) -> tuple[str, ...]:
    """A name for each plane: the files' own, what the caller says, or low and high."""
    said = [name for raw in raws for name in (raw.energies or (UNKNOWN,) * len(raw.planes))]
    silent = all(name in (LOW, HIGH, UNKNOWN) for name in said)
    if given is not None and silent:
        if len(given) != planes:
            raise UnreadableFile(
                f"{len(given)} energies are named for {planes} planes", field=field, remedy="name each plane"
            )
        # planes known as low and high keep their order whatever order the energies were named in
        if set(said) == {LOW, HIGH}:
            rising = sorted(given, key=energy_number)
            return tuple(rising[0 if name == LOW else 1] for name in said)
        return given
    if planes == 2 and said.count(UNKNOWN):
        known = next((name for name in said if name != UNKNOWN), None)
        if known not in (LOW, HIGH):
            return (LOW, HIGH)
        return tuple((HIGH if known == LOW else LOW) if name == UNKNOWN else name for name in said)
    return tuple(said)


def _pitch(raws: Sequence[Raw], way: Way) -> tuple[float, float] | None:
    pitch = next((raw.pixel_pitch_m for raw in raws if raw.pixel_pitch_m is not None), None)
    return None if pitch is None else pitch[::-1] if way.turns else pitch


def _grey(page: npt.NDArray) -> tuple[npt.NDArray, bool]:
    """One number a pixel, and whether the picture was coloured."""
    if page.ndim == 2:
        return page, False
    thin = page[:: max(page.shape[0] // 512, 1), :: max(page.shape[1] // 512, 1)].astype(np.int32)
    levels = 255 if page.dtype == np.uint8 else 65535
    chroma = (thin.max(axis=2) - thin.min(axis=2)) * (255 / levels)
    if (chroma > _CHROMA_LEVELS).mean() <= _CHROMA_SHARE:
        return page[:, :, 1], False
    red, green, blue = (page[:, :, i].astype(np.float32) for i in range(3))
    luma = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue  # ITU-R BT.601
    return np.rint(luma).astype(page.dtype), True


def _transmission(
    plane: npt.NDArray, raw: Raw, air_bright: bool, field: str
) -> tuple[npt.NDArray[np.float32], int]:
    """Transmission float32 in which air is 1, and the bits that tell its lowest values apart."""
    if raw.scale == "log":
        t = np.exp(-plane, dtype=np.float32)
        t[t < _LEAST] = 0.0
        np.clip(t, 0.0, 1.0, out=t)
        _refuse_flat(t, field)
        return t, _depth_of(t)
    if plane.dtype.kind == "f":
        t = np.asarray(plane, dtype=np.float32)
        _refuse_flat(t, field)
        if raw.scale == "transmission":
            t = t if air_bright else np.float32(1.0) - t
            full = 1.0
        else:  # counts of no known scale: the darkest value is taken for nothing
            dark = float(min(t.min(), 0.0)) if air_bright else float(t.max())
            t = t - np.float32(dark) if air_bright else np.float32(dark) - t
            full = None
        air = _air(t, full, calibrated=True)
        t = t * np.float32(1.0 / air) if air != 1.0 else t.copy()
        t[t < _LEAST] = 0.0
        np.clip(t, 0.0, 1.0, out=t)
        return t, _depth_of(t)
    full_scale = 2**raw.depth - 1
    _refuse_flat(plane, field)
    thin = _thin(plane).astype(np.float32)
    thin = thin if air_bright else full_scale - thin
    air = _air(thin, float(full_scale), calibrated=raw.depth >= 14)
    levels = np.arange(np.iinfo(plane.dtype).max + 1, dtype=np.float32)
    table = np.clip((levels if air_bright else full_scale - levels) / np.float32(air), 0.0, 1.0)
    t = table.astype(np.float32)[plane]
    return t, raw.depth if raw.depth == 8 else _depth_of_grey(plane, raw.depth, air_bright, air)


def _refuse_flat(plane: npt.NDArray, field: str) -> None:
    thin = _thin(plane)
    low, high = float(thin.min()), float(thin.max())
    if high - low <= 0.01 * max(abs(high), abs(low)):
        raise UnreadableFile(
            "the picture is the same grey all over",
            field=field,
            remedy="send a scan that shows the container",
        )


def _air(bright: npt.NDArray[np.float32], full: float | None, *, calibrated: bool) -> float:
    """Level of open air on a picture that is bright in air; full scale where no air is to be seen."""
    thin = _thin(bright)
    air = float(np.percentile(thin, _AIR_PERCENTILE))
    if full is None:
        return air if air > 0 else 1.0
    if air <= 0 or (calibrated and air >= _CALIBRATED * full):
        return full
    edge = max(min(thin.shape) // 80, 1)
    rim = np.concatenate(
        [side.ravel() for side in (thin[:edge], thin[-edge:], thin[:, :edge], thin[:, -edge:])]
    )
    level = air * (1 - _AIR_WIDTH)
    if (thin >= level).mean() < _AIR_SHARE or (rim >= level).mean() < _AIR_RIM:
        return full
    return air


def _thin(plane: npt.NDArray) -> npt.NDArray:
    return plane[:: max(plane.shape[0] // 512, 1), :: max(plane.shape[1] // 512, 1)]


def _depth_of_grey(plane: npt.NDArray, depth: int, air_bright: bool, air: float) -> int:
    """Fewer bits than the file has where an export stops above zero."""
    thin = _thin(plane).astype(np.int64).ravel()
    thin = thin if air_bright else 2**depth - 1 - thin
    least = int(thin.min())
    stuck = int((thin == least).sum())
    beyond = int(((thin > least) & (thin <= least + 4)).sum())
    if least <= 0 or stuck < _STUCK_SHARE * thin.size or stuck < _STUCK_TIMES * max(beyond / 4, 1):
        return depth
    return _bits(least / air, depth)


def _depth_of(t: npt.NDArray[np.float32]) -> int:
    """Bits of a float picture: those whose half grey level is the lowest transmission it tells apart."""
    least = float(t.min())
    if least <= 0 or float((t <= least * 1.0001).mean()) < _STUCK_SHARE:
        return _FLOAT_DEPTH
    return _bits(least, _FLOAT_DEPTH)


def _bits(least: float, otherwise: int) -> int:
    """Most bits of which half a level still covers `least`; `otherwise` if it is too high for an end."""
    bits = int(np.floor(np.log2(0.5 / (least * 1.0001) + 1)))
    return min(bits, otherwise) if bits >= _LEAST_DEPTH else otherwise
