"""One X-ray as physics: what share of the beam came through, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue

FloatImage = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan in transmission (1 = empty air, 0 = nothing came through).

    transmission: float32 (energies, height, width), lowest energy first, row 0 on top.
    energies: a name for each plane, such as ("4MV", "6MV"); ("unknown",) for a plain picture.
    bit_depth: grey-level depth of the source; sets the lowest transmission that can be told from zero.
    pixel_pitch_m: (vertical, horizontal) size of a pixel in the cargo plane, metres; None if unknown.
    material: effective atomic number or vendor class (height, width), None if the source has none.
    degraded: reasons why measuring on it is limited: "8-bit", "pseudo-colour"; empty when none.
    orientation: what a reader changed to set it upright: "turned", "upside-down"; empty when nothing.
    """

    transmission: npt.NDArray[np.float32]
    energies: tuple[str, ...] = ("unknown",)
    bit_depth: int = 16
    pixel_pitch_m: tuple[float, float] | None = None
    material: FloatImage | None = None
    view: str = "side"
    scanner: str | None = None
    degraded: tuple[str, ...] = field(default=())
    source: str = ""
    orientation: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        t = self.transmission
        if t.ndim != 3 or t.dtype != np.float32 or 0 in t.shape:
            raise InvalidValue(
                f"transmission has shape {t.shape} and type {t.dtype}",
                field="scan",
                remedy="give float32 of shape (energies, height, width)",
            )
        if len(self.energies) != t.shape[0]:
            raise InvalidValue(
                f"{t.shape[0]} planes but {len(self.energies)} energies",
                field="scan",
                remedy="name each plane",
            )
        if not np.isfinite(t).all() or float(t.min()) < 0:
            raise InvalidValue(
                "transmission is negative or not a number somewhere",
                field="scan",
                remedy="mend the source file",
            )
        if self.material is not None and self.material.shape != t.shape[1:]:
            raise InvalidValue(
                f"the material plane has shape {self.material.shape}, the energies {t.shape[1:]}",
                field="scan",
                remedy="give one number for each pixel",
            )
        t.flags.writeable = False

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.transmission.shape[1])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.transmission.shape[2])

    @property
    def floor(self) -> float:
        """Half a grey level: transmission at or below it cannot be told from zero."""
        return float(0.5 / (2**self.bit_depth - 1))

    def attenuation(self, plane: int = 0) -> FloatImage:
        """−ln(transmission), float32 (height, width); saturated pixels hold the bound −ln(floor)."""
        return np.asarray(-np.log(np.clip(self.transmission[plane], self.floor, None)), dtype=np.float32)

    @property
    def saturated_fraction(self) -> float:
        """Share of pixels with no transmission left, over all planes."""
        return float((self.transmission <= self.floor).mean())
