"""Texts with their codes: rulings, past declarations and the official wording, and how they are split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from customs.errors import InvalidValue, UnreadableFile
from customs.hs import HsCode
from customs.progress import Progress, silent
from hs_classifier.official.table import CodeTable
from hs_classifier.text import Goods, head, refuse

if TYPE_CHECKING:
    from hs_classifier.photo.reading import PhotoSample

Source = Literal["ruling", "declared", "wording"]
# What says nothing where no parent's name stands before it.
_REST = frozenset({"기타", "other", "others"})


@dataclass(frozen=True, slots=True)
class Sample:
    """Goods with their ten-digit code; `wording` is the code's official name, never held out."""

    goods: Goods
    code: HsCode
    source: Source = "ruling"
    reference: str = ""


@dataclass(frozen=True)
class Corpus:
    """All samples of a training run, in the order of the files, what was left out, the official
    table, photos with their codes, and texts known to be vague."""

    samples: tuple[Sample, ...]
    left_out: dict[str, int]
    table: CodeTable = field(default_factory=lambda: CodeTable(()))
    photos: tuple[PhotoSample, ...] = ()
    vague: tuple[str, ...] = ()


@dataclass(frozen=True)
class Split:
    """Rows of samples to train on and rows held out; `group` (samples,) tells which belong together."""

    train: tuple[int, ...]
    held: tuple[int, ...]
    group: tuple[int, ...]


def read_corpus(
    data: Sequence[Path],
    nomenclature: Path | Sequence[Path] | None = None,
    progress: Progress = silent,
    *,
    photos: Sequence[Path] = (),
    vague: Path | None = None,
) -> Corpus:
    """Read rulings (CSV, XLSX, JSON lines), worlds, and the official tables of codes.

    Rows without a ten-digit code or without words are left out and counted.
    `UnreadableFile` names the file and column at fault; `InvalidValue` if no sample is left.
    """
    tables = (
        [] if nomenclature is None else [nomenclature] if isinstance(nomenclature, Path) else [*nomenclature]
    )
    samples: list[Sample] = []
    left_out = {"rows_refused": 0, "rows_without_ten_digits": 0, "rows_without_words": 0}
    tables += [Path(path) / "hsk.csv" for path in data if Path(path).is_dir()]
    for i, path in enumerate(data):
        path = Path(path)
        found = _world(path, left_out) if path.is_dir() else _rulings(path, left_out)
        samples.extend(s for s in found if _has_words(s, left_out))
        progress("reading texts", i + 1, len(data) + len(tables))
    table = CodeTable.read(tables)
    samples.extend(_wording(table))
    progress("reading texts", len(data) + len(tables), len(data) + len(tables))
    if not samples:
        raise InvalidValue(
            "no text with a ten-digit code was found",
            field="data",
            remedy="give a file with the columns hsk and name",
        )
    shots = [*(Path(p) for p in data if Path(p).is_dir()), *photos]
    unclear = () if vague is None else tuple(g.name for g in read_lines(vague, "vague"))
    return Corpus(tuple(samples), left_out, table, _shots(shots, optional=not photos), unclear)


def split(samples: Sequence[Sample], *, share: float, seed: int, most: int = 6000) -> Split:
    """Hold out about `share` of the texts and at most `most`; official wording is never held out.

    Where there are declarations, half of theirs are held out at random: names repeat from one shipment to
    the next, rulings and wording teach, and declarations are what p-values are counted on. Otherwise
    rulings that share the first segment of their name stay on one side, because a later ruling is never a
    twin of an earlier one; those with descriptions are held out first (up to half), because they alone
    tell how far a description is to be trusted.
    """
    rng = np.random.default_rng(seed)
    group = list(range(len(samples)))
    declared = [i for i, s in enumerate(samples) if s.source == "declared"]
    if declared:
        share = max(share, 0.5)
        groups = [[i] for i in declared]
    else:
        by_head: dict[str, list[int]] = {}
        for i, s in enumerate(samples):
            if s.source == "ruling":
                by_head.setdefault(head(s.goods.short), []).append(i)
        groups = list(by_head.values())
        for members in groups:
            for i in members:
                group[i] = members[0]
    wanted = max(min(round(share * sum(map(len, groups))), most), 2)
    # a group above a tenth of the quota would decide alone, so it is trained on
    order = [g for g in rng.permutation(len(groups)) if len(groups[g]) <= max(wanted // 10, 1)]
    held: list[int] = []
    for first in (True, False):
        for g in order:
            described = not declared and any(samples[i].goods.described for i in groups[g])
            if len(held) < (wanted / 2 if first else wanted) and described == first:
                held.extend(groups[g])
    out = set(held)
    train = tuple(i for i in range(len(samples)) if i not in out)
    if len(held) < 2 or not train:
        raise InvalidValue(
            f"{len(samples)} texts are too few to train and to calibrate on",
            field="data",
            remedy="give at least some hundred texts with their codes",
        )
    return Split(train, tuple(sorted(held)), tuple(group))


def _shots(paths: Sequence[Path], *, optional: bool) -> tuple[PhotoSample, ...]:
    """Photos of worlds and of what was named for photos; a world may have none."""
    from hs_classifier.photo.reading import read_photos

    if not paths:
        return ()
    try:
        return read_photos(paths)
    except InvalidValue:
        if optional:
            return ()
        raise


def _has_words(sample: Sample, left_out: dict[str, int]) -> bool:
    if refuse(sample.goods) is None:
        return True
    left_out["rows_without_words"] += 1
    return False


def read_lines(path: Path, field: str) -> list[Goods]:
    """Texts of a file, one a line; quotes around a line and empty lines fall away."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}", field=field, remedy="name a text file") from None
    found = [Goods.of(line.strip().strip('"')) for line in lines if line.strip().strip('"')]
    if not found:
        raise UnreadableFile(f"{path} is empty", field=field, remedy="give a text a line")
    return found


def read_test(path: Path) -> list[Sample]:
    """Rulings to be asked about, of six digits or ten; a world gives its rulings and declarations."""
    left_out = {"rows_refused": 0, "rows_without_ten_digits": 0, "rows_without_words": 0}
    path = Path(path)
    found = _world(path, left_out) if path.is_dir() else _rulings(path, left_out, least=6)
    return [s for s in found if _has_words(s, left_out)]


def _rulings(path: Path, left_out: dict[str, int], least: int = 10) -> list[Sample]:
    from customs.readers import rulings

    read = rulings.read(path)
    left_out["rows_refused"] += read.report.rows_refused
    table = read.table
    columns = (table[name] for name in ("hs", "name", "description", "reference"))
    found = [
        Sample(
            Goods(name, description),
            HsCode(digits if len(digits) in (6, 10) else digits[:6]),
            "ruling",
            ref or "",
        )
        for digits, name, description, ref in zip(*columns, strict=True)
        if len(digits) >= least
    ]
    left_out["rows_without_ten_digits"] += len(table) - len(found)
    return found


def _world(path: Path, left_out: dict[str, int]) -> list[Sample]:
    from customs.world import World, is_world

    if not is_world(path):
        raise UnreadableFile(
            f"{path} is not a world",
            field="data",
            remedy="name a file, or a folder made by `portcullis world`",
        )
    found = _rulings(path / "texts.csv", left_out)
    found += [
        Sample(Goods(line.name, line.description), line.hsk, "declared")
        for declaration in World.open(path).declarations("past")
        for line in declaration.lines
    ]
    return found


def _wording(table: CodeTable) -> list[Sample]:
    """The official wording of each ten-digit code in Korean and in English, its parents' wording first."""
    found = []
    for code in table.codes():
        path = [entry for entry in table.path(code) if entry.level > 2]
        for parts in ([e.ko for e in path], [e.en for e in path]):
            worded = [part for part in parts if part]
            if any(part.strip().lower() not in _REST for part in worded):
                found.append(Sample(Goods(" ; ".join(worded)), code, "wording"))
    return found
