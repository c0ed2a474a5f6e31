"""Which way round and which way up a scan is drawn, found from the picture alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# What the evidence must reach before a picture is turned, and by how much it must beat leaving it be. Real
# scans (20 container crops, 9 trucks of Brazil Customs) have 1.06 to 1.92 upright, at most .81 upside down.
_SURE, _MARGIN = 1.0, 0.3
# Polarity may change together with top and bottom only where the picture as it is says less than this: upside
# down, whole scans say at most .44 for the other polarity; upright crops without air around say more.
_TORN = 0.48
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
    says about its polarity (True: air bright), which is believed.
    """
    small = _small(grey)
    if small is None:
        return Way(0, False, True if said is None else said, 0.0)
    sign = None if said is None else 1.0 if said else -1.0
    upright = evidence(small)
    best = (_clear(upright, sign), 0, False, upright)
    if turnable:
        tall = grey.shape[0] / grey.shape[1]
        ways = [(0, True, _MARGIN)]
        if tall > _MAY_LIE:
            ways += [(turns, False, 0.0 if tall > _LIES else _MARGIN) for turns in (1, 3)]
        for turns, flip, margin in ways:
            found = evidence((np.rot90(small, turns) if turns else small)[:: -1 if flip else 1])
            clear = _clear(found, sign)
            if sign is None and flip and found * upright < 0 and abs(upright) > _TORN:
                continue  # a tight crop drawn in negative and one upside down look alike: leave it be
            if clear >= _SURE and clear >= _clear(upright, sign) + margin and clear > best[0]:
                best = (clear, turns, flip, found)
    clear, turns, flip, signed = best
    return Way(turns, flip, signed >= 0 if said is None else said, float(clear))


def _clear(found: float, sign: float | None) -> float:
    """Clearness of evidence: of either polarity, or of the known one."""
    return abs(found) if sign is None else found * sign


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
