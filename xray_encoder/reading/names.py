"""What a file's name says: which energy it holds, and which files beside it belong to the same scan."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from xray_encoder.reading.raw import HIGH, LOW, energy_number

MATERIAL = "material"
SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npy", ".img", ".dcm", ".dicom", ".dcs", ".dicos"}
)
# An energy stands between marks (`im1_4MeV_T.tif`, `a-low.png`); low, high and material also end a name.
_TOKEN = re.compile(
    r"(?<![a-z0-9])(?:(?P<number>\d{1,4}(?:\.\d{1,3})?) ?(?P<unit>mev|mv|kev|kvp|kv)|"
    r"(?P<word>low|high|material))(?![a-z0-9])|(?P<last>low|high|material)$",
    re.IGNORECASE,
)
# Maps that stand beside scans and are none.
_NO_SCAN = re.compile(r"(?<![a-z0-9])(?:lambda|z|zeff|density|heatmap|mask)(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """label: `4MV`, `160kV`, `low`, `high` or `material`; rest: the name without it."""

    label: str
    rest: str

    @property
    def order(self) -> float:
        """Lowest energy first, material last."""
        return float("inf") if self.label == MATERIAL else energy_number(self.label)


def token_of(name: str) -> Token | None:
    """The energy that a file name tells, None if it tells none.

    >>> token_of("im1_4MeV_T_uint16.tif")
    Token(label='4MV', rest='im1_*_T_uint16.tif')
    >>> token_of("D0012high.img").label, token_of("highway.tif")
    ('high', None)
    """
    path = Path(name)
    matches = list(_TOKEN.finditer(path.stem))
    if not matches:
        return None
    last = matches[-1]
    rest = f"{path.stem[: last.start()]}*{path.stem[last.end() :]}{path.suffix.lower()}"
    if last["number"]:
        unit = "MV" if last["unit"].lower().startswith("m") else "kV"
        return Token(f"{float(last['number']):g}{unit}", rest)
    word = (last["word"] or last["last"]).lower()
    return Token({"low": LOW, "high": HIGH}.get(word, MATERIAL), rest)


def group(paths: Iterable[Path]) -> list[list[Path]]:
    """Files of one scan together, lowest energy first and material last; in the order of their first file."""
    groups: dict[object, dict[str, Path]] = {}
    for path in paths:
        token = token_of(path.name)
        key = (path.parent, token.rest) if token is not None else path
        groups.setdefault(key, {})[token.label if token is not None else ""] = path
    ordered = []
    for members in groups.values():
        tokens = {path: token_of(path.name) for path in members.values()}
        ordered.append(sorted(tokens, key=lambda p: (0.0 if (t := tokens[p]) is None else t.order, p.name)))
    return ordered


def find_siblings(path: Path) -> list[Path]:
    """The file and those beside it that hold the same scan's other energies or its material.

    `a_low.tif` finds `a_high.tif`; `im1_4MeV.npy` finds `im1_6MeV.npy`. A lone `material` is no scan.
    """
    token = token_of(path.name)
    if token is None:
        return [path]
    try:
        beside = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == path.suffix.lower())
    except OSError:
        return [path]
    found = {}
    for other in beside:
        theirs = token_of(other.name)
        if theirs is not None and theirs.rest == token.rest and theirs.label not in found and other.is_file():
            found[theirs.label] = other
    found[token.label] = path
    return group(found.values())[0]


def find_scans(folder: Path) -> list[list[Path]]:
    """All scans in a folder by name, siblings together; maps of density or atomic number left out."""
    files = sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and not _NO_SCAN.search(p.stem)
    )
    return group(p for p in files if p.is_file())
