"""What became of a batch as a table: a row for each item, and for each problem of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from portcullis.store.batches import Item, ItemProblem

COLUMNS = ("row", "source", "declaration_id", "state", "field", "problem", "remedy", "assessment", "band")
# A spreadsheet takes a cell that begins so for a formula, which a declarant may have meant it to.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS = 500  # written at once


def report_csv(items: Iterable[Item]) -> Iterator[str]:
    """CSV with a header, in pieces; a text that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for number, row in enumerate(_rows(items), start=1):
        writer.writerow([cell(value) for value in row])
        if number % _ROWS == 0:
            yield _taken(out)
    yield _taken(out)


def _rows(items: Iterable[Item]) -> Iterator[tuple[object, ...]]:
    for item in items:
        for problem in item.problems or (ItemProblem(item.row, None, "", None),):
            yield (
                *(problem.row, item.source, item.declaration_id, item.state.value),
                *(problem.field, problem.problem, problem.remedy, item.assessment, item.band),
            )


def cell(value: object) -> object:
    """A value of a table as a spreadsheet shows it and does not run it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text
