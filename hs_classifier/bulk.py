"""Many texts at once: a CSV file in, JSON lines out, row by row in bounded memory."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from customs.case import Photo
from customs.errors import CustomsError, UnreadableFile
from customs.evidence import Message
from customs.hs import HsCode
from customs.progress import Progress, silent
from customs.sentences import Language, render
from hs_classifier.explain import Separation, explain, separate
from hs_classifier.official.table import CodeTable, Entry
from hs_classifier.suggest import CHUNK, Suggester, Suggestion
from hs_classifier.text import Goods, Refusal

# Of one field; a CSV file whose quote was never closed would otherwise be read as one field to its end.
_LONGEST_FIELD = 4_000_000
_PROBE = 1 << 20
# Of a decoded photo that waits for its turn, in pixels.
_PHOTO_SIDE = 256


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the input: its number from 0, the goods and their photo, or what is wrong with the line."""

    number: int
    goods: Goods
    fault: Message | None = None
    photo: Path | None = None


def rows_of_texts(texts: Iterable[str], photo: Path | None = None) -> Iterator[Row]:
    """Texts given one by one, all of the same goods if there is a photo."""
    return (Row(i, Goods.of(text), photo=photo) for i, text in enumerate(texts))


def rows_of_csv(
    path: Path,
    text_column: str,
    description_column: str | None = None,
    photo_column: str | None = None,
) -> Iterator[Row]:
    """Rows of a CSV file, read as they are asked for; the header row has no number.

    photo_column: paths of photos, relative to the file; empty where a row has none.

    A row that lacks the column becomes a row with a fault. `UnreadableFile` is raised here, before the
    first row, if the file cannot be read or lacks a column.
    """
    encoding = _encoding(path)
    file = path.open(encoding=encoding, errors="replace", newline="")
    try:
        csv.field_size_limit(_LONGEST_FIELD)
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        columns = [_column(path, header, text_column)]
        if description_column is not None:
            columns.append(_column(path, header, description_column))
        photo = None if photo_column is None else _column(path, header, photo_column)
    except (CustomsError, csv.Error) as error:
        file.close()
        if isinstance(error, csv.Error):
            raise UnreadableFile(f"{path}: {error}", field="input", remedy="save it as CSV again") from None
        raise
    return _rows(file, reader, columns, photo, path.parent)


def answer_lines(
    suggester: Suggester,
    rows: Iterable[Row],
    *,
    top: int,
    language: Language = "en",
    explained: bool = False,
    progress: Progress = silent,
) -> Iterator[str]:
    """One JSON line for each row, in order; a faulty row is answered with its fault and the work goes on.

    explained: ask each text again in some thirty variants, to say which fact would change its code.
    """
    stream = iter(rows)
    done = 0
    while chunk := list(itertools.islice(stream, CHUNK)):
        shots: dict[int, tuple[Photo, ...]] = {}
        chunk = [_with_photo(row, shots) for row in chunk]
        good = [row for row in chunk if row.fault is None]
        found = iter(suggester([row.goods for row in good], top, [shots[row.number] for row in good]))
        for row in chunk:
            answer = next(found) if row.fault is None else Suggestion(refused=Refusal(row.fault, ()))
            goods = row.goods if explained else None
            told = as_json(answer, suggester, language, goods)
            yield json.dumps({"row": row.number, **told}, ensure_ascii=False) + "\n"
        done += len(chunk)
        progress("suggesting", done, done)


def as_json(
    suggestion: Suggestion, suggester: Suggester, language: Language = "en", goods: Goods | None = None
) -> dict[str, Any]:
    """A suggestion for machines: `levels`, `set`, `rulings`, `official`, `separates`, `refused`.

    goods: where given, `separates` also tells which words decided and which facts would change the code.
    """
    refused = suggestion.refused
    if goods is None or refused is not None:
        separation = separate(suggester, suggestion)
    else:
        separation = explain(suggester, goods, suggestion, language)
    codes = [a.hs for a in suggestion.levels.get(10, ()) if a.hs is not None]
    return {
        "levels": {
            str(level): [
                {"code": a.hs.digits, "probability": a.probability} for a in likely if a.hs is not None
            ]
            for level, likely in suggestion.levels.items()
        },
        "set": [code.digits for code in suggestion.codes],
        "rulings": [
            {
                "text": near.precedent.text,
                "code": near.precedent.code.digits,
                "source": near.precedent.source,
                "similarity": round(near.similarity, 4),
            }
            for near in suggestion.rulings
        ],
        "official": {code.digits: _official(suggester.table, code) for code in codes},
        "separates": None if separation is None else _separates(separation),
        "refused": None
        if refused is None
        else {
            "reason": render(refused.reason, language),
            "questions": [render(question, language) for question in refused.questions],
        },
    }


def _official(table: CodeTable, code: HsCode) -> dict[str, Any] | None:
    """Wording of the whole path and days of validity; None for a code that the table does not have."""
    entry = table.get(code)
    if entry is None or not entry.listed:
        return None
    return {
        "path": [_entry(e) for e in table.path(code)],
        "valid_from": entry.valid_from.isoformat() if entry.valid_from else None,
        "valid_to": entry.valid_to.isoformat() if entry.valid_to else None,
    }


def _separates(found: Separation) -> dict[str, Any]:
    here, there = found.difference.parting
    parent = found.difference.parent
    return {
        "best": found.best.digits,
        "runner_up": found.runner_up.digits,
        "common": None if parent is None else parent.digits,
        "best_branch": None if here is None else _entry(here),
        "runner_up_branch": None if there is None else _entry(there),
        "decided_by": list(found.decided_by),
        "would_change": list(found.would_change),
    }


def _entry(entry: Entry) -> dict[str, str]:
    return {"code": entry.digits, "ko": entry.ko, "en": entry.en}


def _with_photo(row: Row, shots: dict[int, tuple[Photo, ...]]) -> Row:
    """Decode a row's photo into `shots`, small; the row with its fault if that cannot be done."""
    shots[row.number] = ()
    if row.photo is None or row.fault is not None:
        return row
    from hs_classifier.photo.pixels import open_photo, working_pixels

    try:
        shots[row.number] = (Photo(working_pixels(open_photo(row.photo), _PHOTO_SIDE)),)
    except CustomsError as error:
        params: dict[str, str | int | float] = {"error": error.problems[0].problem}
        return replace(row, fault=Message(id="hs.row.photo", params=params))
    return row


def _encoding(path: Path) -> str:
    """UTF-8 if the whole file is, else CP949; read in pieces."""
    import codecs

    decoders = {
        "utf-8-sig": codecs.getincrementaldecoder("utf-8")(),
        "cp949": codecs.getincrementaldecoder("cp949")(),
    }
    try:
        with path.open("rb") as file:
            empty = True
            while piece := file.read(_PROBE):
                empty = False
                if b"\0" in piece:
                    raise UnreadableFile(f"{path} is not text", field="input", remedy="save the table as CSV")
                for name in list(decoders):
                    try:
                        decoders[name].decode(piece)
                    except UnicodeDecodeError:
                        del decoders[name]
    except IsADirectoryError:
        raise UnreadableFile(f"{path} is a folder", field="input", remedy="name a CSV file") from None
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}", field="input", remedy="check the path") from None
    if empty:
        raise UnreadableFile(f"{path} is empty", field="input", remedy="give a CSV file with a header row")
    # neither: UTF-8 with a few broken characters, which are replaced
    return next(iter(decoders), "utf-8-sig")


def _column(path: Path, header: list[str], wanted: str) -> int:
    if wanted not in header:
        raise UnreadableFile(
            f"{path} has no column {wanted!r}",
            field="text-column",
            remedy=f"choose from {', '.join(header)[:300]}",
        )
    return header.index(wanted)


def _rows(file: IO[str], reader: Any, columns: list[int], photo: int | None, folder: Path) -> Iterator[Row]:
    with file:
        for number in itertools.count():
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(
                    number,
                    Goods(""),
                    Message(id="hs.row.broken", params={"line": reader.line_num, "error": str(error)}),
                )
                continue
            if not fields:
                yield Row(number, Goods(""))
            elif len(fields) <= max(*columns, photo or 0):
                params: dict[str, str | int | float] = {
                    "fields": len(fields),
                    "line": reader.line_num,
                }
                yield Row(number, Goods(""), Message(id="hs.row.short", params=params))
            else:
                texts = [fields[c] for c in columns]
                goods = Goods.of(texts[0]) if len(texts) == 1 else Goods(*texts)
                shot = "" if photo is None else fields[photo].strip()
                yield Row(number, goods, photo=folder / shot if shot else None)
