"""Which way round and which way up a scan is drawn, found from the picture alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# What the evidence must reach before a picture is turned, and by how much it must beat leaving it be. Real
# scans (20 container crops, 9 trucks of Brazil Customs) have 1.06 to 1.92 upright, at most .81 upside down.
_SURE, _MARGIN = 1.0, 0.3
# Evidence below which a file's own word on polarity counts for more than the picture.
_DUMB = 0.5
# Height over width above which a picture can be, and can only be, one of a container on its side.
_MAY_LIE, _LIES = 1.1, 1.8


@dataclass(frozen=True, slots=True)
class Way:
    """How to set a picture right: quarter turns counter-clockwise first, then top to bottom if `flip`.

    air_bright: True if empty air is drawn bright. evidence: how clearly, about 0 (dumb) to 2.
    """

    turns: int
    flip: bool
    air_bright: bool
    evidence: float

    @property
    def changes(self) -> tuple[str, ...]:
        """Names of what was changed, for `Scan.orientation`."""
        return (("turned",) if self.turns else ()) + (("upside-down",) if self.flip else ())

    def apply(self, plane: npt.NDArray) -> npt.NDArray:
        """The plane set upright; a view where nothing or only rows change."""
        out = np.rot90(plane, self.turns) if self.turns else plane
        return out[::-1] if self.flip else out


def find_way(grey: npt.NDArray, *, said: bool | None = None, turnable: bool = True) -> Way:
    """Polarity and orientation of `grey` (height, width; any scale).

    Around a container there is open air, on top and at the sides, while the load, the chassis and the wheels
    reach the lower rim: seen the right way round and up, that evidence is at its clearest. A picture is
    turned over only on clear evidence; left and right cannot be told apart and stay. `said` is what the file
    says about its polarity (True: air bright), believed where the picture itself is dumb.
    """
    small = _small(grey)
    if small is None:
        return Way(0, False, True if said is None else said, 0.0)
    upright = evidence(small)
    best = (abs(upright), 0, False, upright)
    if turnable:
        tall = grey.shape[0] / grey.shape[1]
        others = [(0, True)]
        if tall > _MAY_LIE:
            others += [(turns, False) for turns in (1, 3)]
        margin = 0.0 if tall > _LIES else _MARGIN
        for turns, flip in others:
            found = evidence((np.rot90(small, turns) if turns else small)[:: -1 if flip else 1])
            needed = margin if turns else _MARGIN
            if abs(found) >= _SURE and abs(found) >= abs(upright) + needed and abs(found) > best[0]:
                best = (abs(found), turns, flip, found)
    clear, turns, flip, signed = best
    bright = signed >= 0
    if said is not None and clear < _DUMB:
        bright = said
    return Way(turns, flip, bool(bright), float(clear))


def air_is_bright(grey: npt.NDArray) -> bool:
    """True if empty air is drawn bright; grey of shape (height, width), upright, any scale."""
    return find_way(grey, turnable=False).air_bright


def evidence(small: npt.NDArray[np.float64]) -> float:
    """How well a picture (0…1) fits an upright one with bright air: about 2 well, −2 with dark air.

    Counted is at which end of the grey scale more of the upper rim lies. Where goods reach the rim, the upper
    rows, mostly above the load, help.
    """
    rows, columns = small.shape
    upper, edge = max(int(0.7 * rows), 1), max(columns // 80, 1)
    sides = (small[:upper, :edge], small[:upper, -edge:], small[: max(rows // 60, 1)])
    rim = np.concatenate([side.ravel() for side in sides])
    top = small[: max(rows // 12, 1)]
    load = small[int(0.45 * rows) : max(int(0.85 * rows), int(0.45 * rows) + 1)]
    ends = (rim > 0.9).mean() - (rim < 0.1).mean()
    return float(ends + (np.median(top) - 0.5) + 0.5 * (top.mean() - load.mean()))


def _small(grey: npt.NDArray) -> npt.NDArray[np.float64] | None:
    """A thinned picture on 0…1; None if it is the same all over."""
    small = grey[:: max(grey.shape[0] // 256, 1), :: max(grey.shape[1] // 256, 1)].astype(np.float64)
    low, high = np.percentile(small, [0.5, 99.5])
    if high <= low:
        return None
    return np.clip((small - low) / (high - low), 0, 1)
