"""What a file holds before it is a scan: planes of numbers, and what the file says about them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

# Names of energies where only their order is known, or nothing.
LOW, HIGH, UNKNOWN = "low", "high", "unknown"

# grey: detector counts or display grey, unscaled; transmission: 0…1; log: −ln(transmission).
Scale = Literal["grey", "transmission", "log"]


@dataclass(frozen=True, eq=False)
class Raw:
    """Planes as the file stores them; `customs.Scan` is made of one or several by `assemble`.

    planes: arrays (height, width), or (height, width, 3) in colour; uint8, uint16 or float32; one an energy.
    depth: bits that tell grey levels apart; 0 for floats, where the numbers themselves tell.
    energies: a name for each plane, None where the file is silent.
    material: float32 (height, width), None if there is none.
    air_bright: what the file says about polarity, None where it is silent and the picture decides.
    """

    planes: tuple[npt.NDArray, ...]
    depth: int
    scale: Scale = "grey"
    energies: tuple[str, ...] | None = None
    pixel_pitch_m: tuple[float, float] | None = None
    material: npt.NDArray[np.float32] | None = None
    view: str | None = None
    scanner: str | None = None
    air_bright: bool | None = None
    degraded: tuple[str, ...] = field(default=())

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return int(self.planes[0].shape[0]), int(self.planes[0].shape[1])


def energy_number(name: str) -> float:
    """Number in an energy's name, for sorting: 6 for `6MV`, 160 kVp as 0.16.

    >>> energy_number("6MV"), energy_number("160kV"), energy_number("high") > energy_number("low")
    (6.0, 0.16, True)
    """
    if name in (LOW, HIGH):
        return 0.0 if name == LOW else 1.0
    number = re.match(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(k?)", name)
    return 0.0 if number is None else float(number[1]) * (1e-3 if number[2] else 1.0)
