"""Photos with their codes: folders named by code, lists of files, and worlds."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from customs.case import Photo
from customs.errors import InvalidValue, UnreadableFile
from customs.hs import HsCode
from hs_classifier.text import Goods

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
_REMEDY = "give a folder with a sub-folder for each HS code, a CSV or JSONL with hsk and photo, or a world"
_NUMBERED = re.compile(r"^(.*?)[ _-]?\(?(\d{1,6})\)?$")
# Shots taken one after the other show the same heap; numbers run on as one walks along.
_RUN = 5


@dataclass(frozen=True, eq=False)
class PhotoSample:
    """A photo with its code, and the goods' name where it is known.

    `group` names photos that must stay on one side of a split: shots of one thing, or of one shipment.
    """

    code: HsCode
    photo: Path | Photo
    goods: Goods | None = None
    group: str = ""


def read_photos(data: Sequence[Path]) -> tuple[PhotoSample, ...]:
    """Read folders, lists (CSV, JSON lines) and worlds, in order; nothing is decoded yet.

    A folder holds sub-folders named by HS code. A list has the columns `hsk` and `photo` (a path
    relative to the list) and may have `name` and `description`. Of a world, past declarations are read.
    `UnreadableFile` names the file, line and column at fault; `InvalidValue` if there is no photo at all.
    """
    from customs.world import is_world

    found: list[PhotoSample] = []
    for path in map(Path, data):
        if path.is_dir():
            found.extend(_world(path) if is_world(path) else _folder(path))
        elif path.suffix.lower() in (".csv", ".jsonl"):
            found.extend(_list(path))
        else:
            raise UnreadableFile(f"{path} is no list of photos", field="photos", remedy=_REMEDY)
    if not found:
        raise InvalidValue("no photo with a code was found", field="photos", remedy=_REMEDY)
    return tuple(found)


def group_of(path: Path) -> str:
    """What the file's name tells about its neighbours: numbered shots stay together in runs of five.

    >>> group_of(Path("0808100000/apple_012.jpg")) == group_of(Path("0808100000/apple_014.jpg"))
    True
    >>> group_of(Path("0808100000/apple_012.jpg")) == group_of(Path("0808100000/apple_015.jpg"))
    False
    """
    numbered = _NUMBERED.match(path.stem)
    if numbered is None or len(numbered[1]) == 0:
        return str(path)
    return f"{path.parent}/{numbered[1]}/{int(numbered[2]) // _RUN}"


def _folder(folder: Path) -> Iterator[PhotoSample]:
    rooms = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not rooms:
        raise UnreadableFile(f"{folder} has no sub-folder named by a code", field="photos", remedy=_REMEDY)
    for room in rooms:
        code = _code(room.name, str(room))
        for photo in sorted(room.rglob("*")):
            if photo.suffix.lower() in SUFFIXES:
                yield PhotoSample(code, photo, None, group_of(photo))


def _list(path: Path) -> Iterator[PhotoSample]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows: Iterator[tuple[int, dict[str, str]]]
            rows = _csv_rows(file, path) if path.suffix.lower() == ".csv" else _json_rows(file, path)
            for number, row in rows:
                where = f"{path} line {number}"
                if not row.get("photo") or not row.get("hsk"):
                    lacking = "photo" if not row.get("photo") else "hsk"
                    raise UnreadableFile(f"{where} has no {lacking}", field=lacking, remedy=_REMEDY)
                photo = path.parent / str(row["photo"])
                name, description = str(row.get("name") or ""), str(row.get("description") or "")
                goods = Goods(name, description) if name or description else None
                yield PhotoSample(_code(str(row["hsk"]), where), photo, goods, group_of(photo))
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path} cannot be read ({error})", field="photos", remedy=_REMEDY) from None


def _csv_rows(file: TextIO, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(file)
    missing = {"hsk", "photo"} - set(reader.fieldnames or ())
    if missing:
        raise UnreadableFile(
            f"{path} has no column {', '.join(sorted(missing))}", field="photos", remedy=_REMEDY
        )
    for row in reader:
        yield reader.line_num, row


def _json_rows(file: TextIO, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise UnreadableFile(f"{path} line {number} is no JSON object", field="photos", remedy=_REMEDY)
        yield number, row


def _world(folder: Path) -> Iterator[PhotoSample]:
    from customs.world import World

    for declaration, _, photo in World.open(folder).cases("past"):
        # a photo shows one thing, so of several lines nobody knows which one it shows
        if photo is not None and len(declaration.lines) == 1:
            line = declaration.lines[0]
            yield PhotoSample(line.hsk, photo, Goods(line.name, line.description), declaration.id)


def _code(text: str, where: str) -> HsCode:
    try:
        return HsCode.parse(text)
    except InvalidValue as error:
        raise UnreadableFile(f"{where}: {error.problems[0].problem}", field="hsk", remedy=_REMEDY) from None
