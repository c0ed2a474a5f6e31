"""A scan as numbers for a viewer: transmission, density, oddness; and what it should show."""

from __future__ import annotations

import gzip
import hashlib
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from customs.evidence import Alternative, Evidence, Message, Reference
from customs.scan import Scan
from portcullis.insight.kept import Kept
from portcullis.insight.models import xray_of
from portcullis.models import Models
from portcullis.service import NotFound
from portcullis.store.assessments import Assessment, Box
from portcullis.store.images import Images

if TYPE_CHECKING:
    from xray_encoder.weigh import Densities

TRANSMISSION_STEP = 1 / 65535  # of a number in a plane
MATERIAL_STEP = 0.01
DENSITY_STEP = 0.01  # g/cm²
SHARE_STEP = 1 / 255
DENSITY = "xray.density"
_EDITION = "1"  # of these encodings: part of every tag
_MEMORY = 96 * 2**20  # bytes of layers kept, and as many of compressed ones
_LEVEL = 1  # of gzip: levels above take seconds for a large plane and save little of its noise
_WITHIN = 1.645  # standard deviations: nine in ten


class Layer(StrEnum):
    """What is measured at every pixel of a scan.

    areal: uint16, areal density in steps of 0.01 g/cm². bound: uint8, 1 where it is only a lower bound.
    steel: uint8, share of steel-like material in steps of 1/255, found from two energies or assumed.
    """

    AREAL = "areal"
    BOUND = "bound"
    STEEL = "steel"


@dataclass(frozen=True, eq=False)
class Raster:
    """Numbers of a picture row by row, the upper left first; little-endian.

    dtype: uint8 or uint16; a number times `step` is the value in `unit` ("" for a share). box: top, left,
    bottom, right of the scan's pixels that it covers. tag: the same for the same numbers only.
    """

    data: bytes
    rows: int
    columns: int
    dtype: str
    step: float
    unit: str
    box: Box
    tag: str


@dataclass(frozen=True)
class Plane:
    """One plane of a scan; energy: its name."""

    number: int
    energy: str


@dataclass(frozen=True)
class PlaneSet:
    """A scan as a viewer needs to know it before any pixel; pixel_pitch_m: vertical, horizontal.

    container, cargo: boxes found; motor: the cooling unit of a reefer, None where none was found. material:
    whether there is a plane of effective atomic number or vendor's class. turned: what was done to set the
    scan upright.
    """

    rows: int
    columns: int
    planes: tuple[Plane, ...]
    material: bool
    pixel_pitch_m: tuple[float, float] | None
    bit_depth: int
    view: str
    scanner: str | None
    saturated: float
    turned: tuple[str, ...]
    degraded: tuple[str, ...]
    container: Box
    cargo: Box
    motor: Box | None


@dataclass(frozen=True)
class TypicalDensity:
    """Mean areal density of clean scans of a code, and the range that nine in ten keep to, g/cm².

    group: the code or the level above that has enough scans; scans: how many.
    """

    hs: str
    group: str
    typical: float
    low: float
    high: float
    scans: int


@dataclass(frozen=True)
class ExpectedDensity:
    """What the declared goods usually show against what was observed.

    line: whose goods the scan shows, from 1; None for a mixed load. observed, expected in g/cm², from the
    report; said: in words, also why nothing can be expected. declared: what the model knows of the code now,
    None without a model or scans; likely: of the codes that the density fits best.
    """

    line: int | None
    hs: str | None
    observed: float | None
    expected: tuple[float, float] | None
    p_value: float | None
    reference: Reference | None
    said: Message
    declared: TypicalDensity | None
    likely: tuple[tuple[Alternative, TypicalDensity | None], ...]
    model: str | None


class ScanDesk:
    """Answers about stored scans; what was worked out is kept in memory within bounds."""

    def __init__(
        self, images: Images, models: Callable[[], Models], scan_of: Callable[[Assessment], Scan]
    ) -> None:
        self.images = images
        self.models = models
        self.scan_of = scan_of
        self._rasters: Kept[tuple[Raster, ...]] = Kept(_MEMORY, lambda all_: sum(len(r.data) for r in all_))
        self._packed: Kept[bytes] = Kept(_MEMORY, len)
        self._about: Kept[PlaneSet] = Kept(256)
        # one large scan at a time: a density map takes many times the memory of its scan
        self._measuring = threading.Lock()

    def planes(self, found: Assessment) -> PlaneSet:
        """What a viewer needs to know first; `NotFound` without a scan."""
        return self._about.get(_name(found), lambda: _about(self.scan_of(found)))

    def plane(self, found: Assessment, number: int) -> Raster:
        """Transmission of one plane, lowest energy first: uint16, 65535 = all came through.

        `NotFound` without a scan or such a plane.
        """
        rasters = self._rasters.get((_name(found), "planes"), lambda: self._encode_planes(found))
        transmission = [raster for raster in rasters if raster.tag.startswith("plane")]
        if number >= len(transmission):
            raise NotFound(
                f"the scan has {len(transmission)} planes",
                field="number",
                remedy=f"give 0 to {len(transmission) - 1}",
            )
        return transmission[number]

    def material(self, found: Assessment) -> Raster:
        """Effective atomic number or vendor's class in steps of 0.01: uint16; `NotFound` without one."""
        rasters = self._rasters.get((_name(found), "planes"), lambda: self._encode_planes(found))
        material = next((raster for raster in rasters if raster.tag.startswith("material")), None)
        if material is None:
            raise NotFound("the scan has no material plane", field="id", remedy="few scanners give one")
        return material

    def density(self, found: Assessment, layer: Layer) -> Raster:
        """One layer of what the scan measures; `NotFound` without a scan."""
        layers = self._rasters.get((_name(found), "density"), lambda: self._measure(found))
        return layers[list(Layer).index(layer)]

    def oddness(self, found: Assessment) -> Raster:
        """The heat-map's own values, 0 usual to 255 oddest, uint8, over its box; `NotFound` without one."""
        from customs.picture import decode_picture

        if found.heatmap is None or found.heatmap_box is None:
            raise NotFound("this assessment has no heat-map", field="id", remedy="only an odd scan has one")
        values = decode_picture(self.images.read(found.heatmap), field="heatmap")[0].astype(np.uint8)
        return _raster(values, SHARE_STEP, "", found.heatmap_box, _tag("oddness", found.heatmap))

    def packed(self, raster: Raster) -> bytes:
        """The numbers of a raster, gzip."""
        return self._packed.get(raster.tag, lambda: gzip.compress(raster.data, _LEVEL, mtime=0))

    def tag(self, found: Assessment, what: str) -> str:
        """The tag that the raster `what` of an assessment has, known before it is worked out."""
        return _tag(what, found.heatmap or "") if what == "oddness" else _tag(what, _name(found))

    def expected_density(self, found: Assessment) -> ExpectedDensity:
        """What the scan should show for what was declared; `NotFound` without a scan."""
        from xray_encoder.data import main_line

        _name(found)
        lines = found.declaration.lines
        main = main_line(lines)
        report = found.report.lines[main or 0] if found.report.lines else found.report
        evidence = next((e for e in report.evidence if e.check == DENSITY), None)
        models = self.models()
        scorer = xray_of(models)
        densities = None if scorer is None else scorer.parts.densities
        code = None if main is None else lines[main].hsk.digits
        others = () if evidence is None else evidence.alternatives
        return ExpectedDensity(
            line=None if main is None else main + 1,
            hs=code,
            observed=None if evidence is None else evidence.observed,
            expected=None if evidence is None else evidence.expected,
            p_value=None if evidence is None else evidence.p_value,
            reference=None if evidence is None else evidence.reference,
            said=_said(evidence),
            declared=_typical(densities, code),
            likely=tuple(
                (other, _typical(densities, None if other.hs is None else other.hs.digits))
                for other in others
            ),
            model=models.versions.get("xray") if densities is not None else None,
        )

    def _encode_planes(self, found: Assessment) -> tuple[Raster, ...]:
        with self._measuring:
            scan, name = self.scan_of(found), _name(found)
        whole = (0, 0, scan.height, scan.width)
        rasters = []
        for n, plane in enumerate(scan.transmission):
            values = _stepped(plane, TRANSMISSION_STEP, np.uint16)
            rasters.append(_raster(values, TRANSMISSION_STEP, "", whole, _tag(f"plane{n}", name)))
        if scan.material is not None:
            values = _stepped(scan.material, MATERIAL_STEP, np.uint16)
            rasters.append(_raster(values, MATERIAL_STEP, "", whole, _tag("material", name)))
        return tuple(rasters)

    def _measure(self, found: Assessment) -> tuple[Raster, ...]:
        from xray_encoder.measure import areal_density_map

        with self._measuring:
            scan, name = self.scan_of(found), _name(found)
            whole = (0, 0, scan.height, scan.width)
            map_ = areal_density_map(scan)
            layers = {
                Layer.AREAL: (_stepped(map_.areal, DENSITY_STEP, np.uint16), DENSITY_STEP, "g/cm²"),
                Layer.BOUND: (map_.bound.astype(np.uint8), 1.0, ""),
                Layer.STEEL: (_stepped(map_.heavy, SHARE_STEP, np.uint8), SHARE_STEP, ""),
            }
        return tuple(
            _raster(values, step, unit, whole, _tag(layer, name))
            for layer, (values, step, unit) in layers.items()
        )


def _name(found: Assessment) -> str:
    """The files of an assessment's scan in one name."""
    if found.scan is None:
        raise NotFound("this assessment has no scan", field="id", remedy="none was uploaded")
    files = "\n".join(f"{file.name} {file.sha256}" for file in found.scan.files)
    return hashlib.sha256(files.encode()).hexdigest()


def _tag(what: str, name: str) -> str:
    return f"{what}-{_EDITION}-{name[:32]}"


def _about(scan: Scan) -> PlaneSet:
    from xray_encoder.reading import find_container

    crop = find_container(scan)
    return PlaneSet(
        rows=scan.height,
        columns=scan.width,
        planes=tuple(Plane(n, energy) for n, energy in enumerate(scan.energies)),
        material=scan.material is not None,
        pixel_pitch_m=scan.pixel_pitch_m,
        bit_depth=scan.bit_depth,
        view=scan.view,
        scanner=scan.scanner,
        saturated=scan.saturated_fraction,
        turned=scan.orientation,
        degraded=scan.degraded,
        container=crop.container,
        cargo=crop.cargo,
        motor=crop.motor,
    )


def _stepped(values: npt.NDArray, step: float, kind: type[np.uint8 | np.uint16]) -> npt.NDArray:
    """Values as whole numbers of steps, within what the type holds."""
    return np.clip(np.rint(values / np.float32(step)), 0, np.iinfo(kind).max).astype(kind)


def _raster(values: npt.NDArray, step: float, unit: str, box: Box, tag: str) -> Raster:
    rows, columns = values.shape
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return Raster(data, rows, columns, values.dtype.name, step, unit, box, tag)


def _typical(densities: Densities | None, code: str | None) -> TypicalDensity | None:
    usual = None if densities is None or code is None else densities.usual(code)
    if usual is None or code is None:
        return None
    mean, spread, group, scans = usual
    low, high = math.exp(mean - _WITHIN * spread), math.exp(mean + _WITHIN * spread)
    return TypicalDensity(code, group, math.exp(mean), low, high, scans)


def _said(evidence: Evidence | None) -> Message:
    return Message(id="density.not_asked") if evidence is None else evidence.message
