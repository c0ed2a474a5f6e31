"""Photos of the two public sets under HSK codes, each paired with a name of the same code.

Nobody publishes photos and names of the same goods with their codes, as the joint study had from customs.
So a photo is paired with a name that some ruling gave to goods of its code; where rulings have too few
names (fresh fruit and vegetables are hardly ever ruled on), the official wording of the code stands in.
"""

from __future__ import annotations

import csv
import functools
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue, UnreadableFile
from customs.hs import HsCode
from hs_classifier.photo.reading import PhotoSample, group_of, read_photos
from hs_classifier.text import clean

NameSource = Literal["ruling", "ruling of the subheading", "wording"]
# Names of one code beyond this many tell a text model nothing that the first ones did not.
MOST_NAMES = 60
# With fewer there is nothing to train on once one is tested.
LEAST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Name:
    """A cleaned name of goods and where it was found."""

    text: str
    source: NameSource


@dataclass(frozen=True)
class Pairs:
    """Photos with names of the same code, in folds: no photo and no name lies in two folds.

    samples, names: one each for every pair; targets: numbers of `codes`; folds: 0 to folds − 1.
    """

    samples: tuple[PhotoSample, ...]
    names: tuple[Name, ...]
    targets: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64]
    codes: tuple[HsCode, ...]
    left_out: tuple[HsCode, ...]  # codes with too few names or photos


@functools.cache
def codes_of_labels() -> dict[str, dict[str, HsCode]]:
    """`grocery` and `clothing`: label of the set to our HSK code."""
    with Path(__file__).with_name("pairs.toml").open("rb") as file:
        raw = tomllib.load(file)
    return {kind: {label: HsCode(code) for label, code in codes.items()} for kind, codes in raw.items()}


def read_labelled(photos: Sequence[Path]) -> tuple[PhotoSample, ...]:
    """Photos with codes from the grocery set, the clothing set, or whatever `read_photos` reads.

    The grocery set is known by its classes.csv, the clothing set by folders named by its labels.
    """
    found: list[PhotoSample] = []
    for path in map(Path, photos):
        if (path / "classes.csv").is_file():
            found.extend(_grocery(path))
        elif path.is_dir() and any((path / label).is_dir() for label in codes_of_labels()["clothing"]):
            found.extend(_clothing(path))
        else:
            found.extend(read_photos([path]))
    return tuple(found)


def read_names(
    codes: Sequence[HsCode], rulings: Sequence[Path], tables: Sequence[Path], *, enough: int
) -> dict[HsCode, list[Name]]:
    """Distinct names of each code: of its rulings, then of its subheading's, then the official wording.

    The next source is opened only for codes that have fewer than `enough` names so far.
    """
    from customs.readers import hsk
    from customs.readers import rulings as reader

    by_code: dict[str, list[str]] = {}
    for path in map(Path, rulings):
        # a world keeps its rulings in a file of its own
        table = reader.read(path / "texts.csv" if path.is_dir() else path).table
        for digits, name in zip(table["hs"], table["name"], strict=True):
            by_code.setdefault(digits, []).append(name)
    wording: list[dict[str, tuple[str, ...]]] = []
    for path in tables:
        table = hsk.read(path).table
        rows = zip(table["digits"], table["name_ko"], table["name_en"], strict=True)
        wording.append({digits: tuple(filter(None, names)) for digits, *names in rows})
    found: dict[HsCode, list[Name]] = {}
    own = {code.digits for code in codes}
    for code in codes:
        mine: dict[str, Name] = {}

        def add(texts: Sequence[str], source: NameSource, mine: dict[str, Name] = mine) -> None:
            for text in dict.fromkeys(map(clean, texts)):
                if len(text) > 1 and len(mine) < MOST_NAMES:
                    mine.setdefault(text, Name(text, source))

        add(by_code.get(code.digits, []), "ruling")
        if len(mine) < enough:
            below = [
                name
                for d in sorted(by_code)
                if d[:6] == code.digits[:6] and d not in own
                for name in by_code[d]
            ]
            add(below, "ruling of the subheading")
        if len(mine) < enough:
            add([text for table in wording for text in _phrases(code, table)], "wording")
        found[code] = list(mine.values())
    return found


def ruling_names(rulings: Sequence[Path]) -> list[str]:
    """Every ruling's name as written, in order, for word vectors; codes are not read."""
    from customs.readers import rulings as reader

    files = [Path(p) / "texts.csv" if Path(p).is_dir() else Path(p) for p in rulings]
    return [name for path in files for name in reader.read(path).table["name"]]


def make_pairs(
    samples: Sequence[PhotoSample],
    names: Mapping[HsCode, Sequence[Name]],
    *,
    folds: int = 5,
    most: int | None = None,
    seed: int = 0,
) -> Pairs:
    """Deal photos (by group) and names of each code to folds and pair them inside each fold.

    A code with fewer names or groups of photos than folds is in some folds only; with fewer than
    `LEAST_NAMES` it is left out. A name that several codes share is dropped. most: photos for each code.
    `InvalidValue` if fewer than two codes remain.
    """
    shared = Counter(name.text for of_code in names.values() for name in of_code)
    rng = np.random.default_rng(seed)
    kept: list[tuple[PhotoSample, Name, HsCode, int]] = []
    out: list[HsCode] = []
    for code in sorted({s.code for s in samples}):
        mine = [s for s in samples if s.code == code]
        mine = [mine[i] for i in sorted(rng.permutation(len(mine))[:most])]
        groups = sorted({s.group for s in mine})
        theirs = [name for name in names.get(code, ()) if shared[name.text] == 1]
        places = min(folds, len(theirs), len(groups))
        if places < LEAST_NAMES:
            out.append(code)
            continue
        # the folds of a code that is not in all of them are drawn, so that no fold lacks all small codes
        used = rng.permutation(folds)[:places]
        fold_of = {groups[g]: int(used[i % places]) for i, g in enumerate(rng.permutation(len(groups)))}
        shuffled = [theirs[i] for i in rng.permutation(len(theirs))]
        dealt = {int(fold): shuffled[i::places] for i, fold in enumerate(used)}
        for i, sample in enumerate(mine):
            fold = fold_of[sample.group]
            kept.append((sample, dealt[fold][i % len(dealt[fold])], code, fold))
    codes = tuple(sorted({code for _, _, code, _ in kept}))
    if len(codes) < 2:
        raise InvalidValue(
            f"{len(codes)} codes have names and photos enough to be split",
            field="photos",
            remedy=f"give at least {LEAST_NAMES} photos and as many different names of two codes",
        )
    return Pairs(
        tuple(sample for sample, _, _, _ in kept),
        tuple(name for _, name, _, _ in kept),
        np.array([codes.index(code) for _, _, code, _ in kept], dtype=np.int64),
        np.array([fold for _, _, _, fold in kept], dtype=np.int64),
        codes,
        tuple(out),
    )


def _phrases(code: HsCode, table: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """The wording of a code alone and with its parents', in each language that the table has."""
    path = [table[code.digits[:n]] for n in range(4, 11) if code.digits[:n] in table]
    if not path:
        return
    for language in range(len(path[-1])):
        parts = [names[language] for names in path if language < len(names)]
        if clean(parts[-1]) not in ("기타", "other"):
            yield parts[-1]
        if len(parts) > 1:
            yield " ".join(parts[-2:])
            yield " ".join([parts[0], parts[-1]])
            yield " ".join(parts)


def _grocery(folder: Path) -> Iterator[PhotoSample]:
    codes = codes_of_labels()["grocery"]
    with (folder / "classes.csv").open(encoding="utf-8", newline="") as file:
        labels = {row["Class ID (int)"].strip(): row["Class Name (str)"] for row in csv.DictReader(file)}
    for part in ("train.txt", "val.txt"):
        if not (folder / part).is_file():
            continue
        for number, line in enumerate((folder / part).read_text(encoding="utf-8").splitlines(), start=1):
            cells = [cell.strip() for cell in line.split(",")]
            label = labels.get(cells[1]) if len(cells) > 1 else None
            if label not in codes:
                raise UnreadableFile(
                    f"{folder / part} line {number} names no known class",
                    field="photos",
                    remedy="give the set as published",
                )
            yield PhotoSample(codes[label], folder / cells[0], None, group_of(folder / cells[0]))


def _clothing(folder: Path) -> Iterator[PhotoSample]:
    for label, code in codes_of_labels()["clothing"].items():
        for photo in sorted((folder / label).glob("*.jpg")):
            yield PhotoSample(code, photo, None, str(photo))
