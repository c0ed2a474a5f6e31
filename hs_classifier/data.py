"""Texts with their codes: rulings, past declarations and the official wording, and how they are split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from customs.errors import InvalidValue, UnreadableFile
from customs.hs import HsCode
from customs.progress import Progress, silent
from hs_classifier.text import Goods, head, refuse

Source = Literal["ruling", "declared", "wording"]
# What says nothing where no parent's name stands before it.
_REST = frozenset({"기타", "other", "others"})


@dataclass(frozen=True, slots=True)
class Sample:
    """Goods with their ten-digit code; `wording` is the code's official name, never held out."""

    goods: Goods
    code: HsCode
    source: Source = "ruling"


@dataclass(frozen=True)
class Corpus:
    """All samples of a training run, in the order of the files, and what was left out."""

    samples: tuple[Sample, ...]
    left_out: dict[str, int]


@dataclass(frozen=True)
class Split:
    """Samples to train on, to set blend and temperatures with, and to calibrate on."""

    train: tuple[Sample, ...]
    tune: tuple[Sample, ...]
    calibrate: tuple[Sample, ...]


def read_corpus(
    data: Sequence[Path], nomenclature: Path | Sequence[Path] | None = None, progress: Progress = silent
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
    parts = len(data) + len(tables)
    for i, path in enumerate([*data, *tables]):
        path = Path(path)
        if i >= len(data):
            found = _wording(path, left_out)
        elif path.is_dir():
            found = _world(path, left_out)
        else:
            found = _rulings(path, left_out)
        samples.extend(s for s in found if _has_words(s, left_out))
        progress("reading texts", i + 1, parts)
    if not samples:
        raise InvalidValue(
            "no text with a ten-digit code was found",
            field="data",
            remedy="give a file with the columns hsk and name",
        )
    return Corpus(tuple(samples), left_out)


def split(samples: Sequence[Sample], *, share: float, seed: int) -> Split:
    """Hold out about `share` of the texts, a third of it for tuning and the rest for calibration.

    Where there are declarations, theirs are held out at random: names repeat from one shipment to the
    next, and declarations are what will be scored. Rulings that share the first segment of their name
    stay on one side, because a later ruling is never a twin of an earlier one. Of declarations half are
    held out at least: rulings and wording teach, declarations are what p-values are counted on.
    """
    rng = np.random.default_rng(seed)
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
    order = rng.permutation(len(groups))
    wanted = max(round(share * sum(map(len, groups))), 2)
    held: list[list[int]] = [[], []]
    for g in order:
        if len(held[0]) + len(held[1]) >= wanted:
            break
        # every third to tuning; a group above a tenth of the quota would decide alone, so it is trained on
        if len(groups[g]) <= max(wanted // 10, 1):
            held[len(held[1]) < 2 * len(held[0])].extend(groups[g])
    out = set(held[0]) | set(held[1])
    train = tuple(s for i, s in enumerate(samples) if i not in out)
    if not (held[0] and held[1] and train):
        raise InvalidValue(
            f"{len(samples)} texts are too few to train and to calibrate on",
            field="data",
            remedy="give at least some hundred texts with their codes",
        )
    return Split(
        train, tuple(samples[i] for i in sorted(held[0])), tuple(samples[i] for i in sorted(held[1]))
    )


def _has_words(sample: Sample, left_out: dict[str, int]) -> bool:
    if refuse(sample.goods) is None:
        return True
    left_out["rows_without_words"] += 1
    return False


def _rulings(path: Path, left_out: dict[str, int]) -> list[Sample]:
    from customs.readers import rulings

    read = rulings.read(path)
    left_out["rows_refused"] += read.report.rows_refused
    table = read.table
    found = [
        Sample(Goods(name, description), HsCode(digits))
        for digits, name, description in zip(table["hs"], table["name"], table["description"], strict=True)
        if len(digits) == 10
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
    return found + _wording(path / "hsk.csv", left_out)


def _wording(path: Path, left_out: dict[str, int]) -> list[Sample]:
    """The official name of each ten-digit code, in Korean and in English, its parents' names first."""
    from customs.readers import hsk

    read = hsk.read(path)
    left_out["rows_refused"] += read.report.rows_refused
    table = read.table.sort_values("valid_from")  # of a code that changed, the newest name
    names = {
        digits: (ko, en)
        for digits, ko, en in zip(table["digits"], table["name_ko"], table["name_en"], strict=True)
    }
    found = []
    for digits in sorted(d for d in names if len(d) == 10):
        path_names = [names[digits[:n]] for n in range(2, 11) if digits[:n] in names]
        for language in (0, 1):
            parts = [pair[language] for pair in path_names]
            if any(part.strip().lower() not in _REST for part in parts):
                found.append(Sample(Goods(" ; ".join(parts)), HsCode(digits), "wording"))
    return found
