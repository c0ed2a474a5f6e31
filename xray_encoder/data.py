"""Reference scans to learn from: a world's past, or a folder of scans named by their declared code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from customs.errors import CustomsError, InvalidValue, UnreadableFile
from customs.hs import HsCode
from customs.scan import Scan
from xray_encoder.normality import ALL_EMPTY_NAMES, EMPTY
from xray_encoder.reading import find_scans, read_scan_files

_NAMED = re.compile(r"(\d{4,10})(?:\D|$)")
# A scan shows the whole container: it stands for a code only if most of the weight is declared under it.
MAIN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Example:
    """A clean scan and the code it was declared under (`0000`: empty container), digits only.

    paths: one file, or one for each energy.
    gross_kg: declared weight of everything in the container, None if unknown; packages: declared, likewise.
    lot: name of the shipment that this container is part of, "" if unknown.
    """

    paths: tuple[Path, ...]
    code: str
    gross_kg: float | None = None
    packages: int | None = None
    importer: str = ""
    lot: str = ""

    def read(self) -> Scan:
        """Decode the file; an unreadable one is named."""
        try:
            return read_scan_files(self.paths)
        except CustomsError as error:
            first = error.problems[0]
            raise UnreadableFile(f"{self.name}: {first.problem}", field="data", remedy=first.remedy) from None

    @property
    def name(self) -> str:
        """Of the first file."""
        return self.paths[0].name


def find_examples(data: Sequence[Path]) -> list[Example]:
    """All clean examples of worlds and folders, in a fixed order."""
    from customs.world import is_world

    found: list[Example] = []
    for path in map(Path, data):
        if not path.is_dir():
            raise InvalidValue(
                f"{path} is not a folder",
                field="data",
                remedy="name a world, or a folder of scans such as 0207_1.jpg",
            )
        found += _of_world(path) if is_world(path) else _of_folder(path)
    if not found:
        raise InvalidValue(
            "there are no scans to learn from",
            field="data",
            remedy="name each scan by its HS code: 0207_1.jpg",
        )
    return found


def kind_of(scan: Scan) -> str:
    """Which reference scans a scan may be compared with: pictures of one kind show the same things alike."""
    if "pseudo-colour" in scan.degraded:
        return "pseudo-colour"
    return "8-bit" if "8-bit" in scan.degraded else "16-bit"


def code_of_name(name: str) -> str | None:
    """Code that a file name starts with: `0207_1.jpg` is 0207, `0000_0.jpg` an empty container.

    >>> code_of_name("0207141010_D000123.tif")
    '0207141010'
    """
    match = _NAMED.match(name)
    if match is None:
        return None
    digits = match[1]
    if digits in ALL_EMPTY_NAMES:
        return EMPTY
    try:
        return HsCode(digits).digits
    except InvalidValue:
        return None


def _of_folder(folder: Path) -> list[Example]:
    found = []
    for paths in find_scans(folder):
        path = paths[0]
        code = code_of_name(path.name)
        if code is None:
            raise InvalidValue(
                f"{path.name} does not start with an HS code",
                field="data",
                remedy="name each scan by 4, 6, 8 or 10 digits: 0207_1.jpg; 0000 is an empty container",
            )
        found.append(Example(tuple(paths), code))
    return found


def _of_world(folder: Path) -> list[Example]:
    from customs.world import World

    found = []
    world = World.open(folder)
    lots = world.lots()
    for declaration, scan, _ in world.cases("past"):
        if scan is None:
            continue
        main = main_line(declaration.lines)
        if main is not None:
            line = declaration.lines[main]
            packages = line.packages if len(declaration.lines) == 1 else None
            found.append(
                Example(
                    (Path(scan),),
                    line.hsk.digits,
                    float(declaration.gross_kg),
                    packages,
                    declaration.importer,
                    lots.get(declaration.id, ""),
                )
            )
    return found


def main_line(lines: Sequence) -> int | None:
    """Index of the line that makes up most of the weight, None if none does."""
    weights = [float(line.gross_kg or line.net_kg) for line in lines]
    best = max(range(len(weights)), key=weights.__getitem__)
    total = sum(weights)
    if len(weights) == 1 or (total > 0 and weights[best] / total >= MAIN_SHARE):
        return best
    return None
