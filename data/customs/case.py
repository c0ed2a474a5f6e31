"""One line under review with all that came with it; anything may be missing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from customs.declaration import Declaration, Line
from customs.hs import HsCode
from customs.scan import Scan


@dataclass(frozen=True, eq=False)
class Photo:
    """A product photo: uint8 (height, width, 3), RGB."""

    pixels: npt.NDArray[np.uint8]
    source: str = ""


@dataclass(frozen=True, eq=False)
class Case:
    """One line under review.

    `declared` is the line's code, or a bare code when there is no line (a scan looked at by itself).
    A scan shows the whole container, so it is shared by all lines of `declaration`.
    """

    subject: str
    line: Line | None = None
    declaration: Declaration | None = None
    photos: tuple[Photo, ...] = ()
    scan: Scan | None = None
    hs: HsCode | None = None

    @property
    def declared(self) -> HsCode | None:
        """The code to be checked, if any was declared."""
        return self.line.hsk if self.line is not None else self.hs

    def redeclared(self, code: HsCode) -> Case:
        """The same case as if its line had been declared under another code, here also a shorter one."""
        if self.line is None:
            return replace(self, hs=code)
        line = self.line.model_copy(update={"hsk": code})
        declaration = self.declaration
        if declaration is not None:
            lines = tuple(line if other is self.line else other for other in declaration.lines)
            declaration = declaration.model_copy(update={"lines": lines})
        return replace(self, line=line, declaration=declaration)

    @classmethod
    def of(
        cls, declaration: Declaration, *, scan: Scan | None = None, photos: tuple[Photo, ...] = ()
    ) -> list[Case]:
        """A case for each line, numbered from 1 in the subject: `D000123/1`.

        Photos show the first line's goods unless there is one for each line, in order.
        """
        n = len(declaration.lines)
        per_line = [(p,) for p in photos] if n > 1 and len(photos) == n else [photos, *[()] * (n - 1)]
        return [
            cls(f"{declaration.id}/{i + 1}", line, declaration, per_line[i], scan)
            for i, line in enumerate(declaration.lines)
        ]
