"""Cases of the queue as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from customs.sentences import Language
from portcullis.jobs.report import cell
from portcullis.report import check_label
from portcullis.store.queue import Summary

MAX_ROWS = 10_000
COLUMNS = (
    *("id", "declaration_id", "date", "origin", "departure", "hs", "goods", "lines", "importer", "band"),
    *("lane", "surprise", "chance", "duty_at_stake_usd", "status", "assignee", "result", "reason"),
)
_ROWS = 500  # written at once


def queue_csv(rows: Iterable[Summary], language: Language) -> Iterator[str]:
    """CSV with a header, in pieces; the last column names the findings in words, gravest first."""
    out = io.StringIO()
    out.write("\ufeff")  # without it, spreadsheets take Korean for something else
    writer = csv.writer(out)
    writer.writerow((*COLUMNS, "findings"))
    for number, row in enumerate(rows, start=1):
        words = "; ".join(check_label(kind, language) for kind in row.findings)
        writer.writerow([cell(getattr(row, name)) for name in COLUMNS] + [cell(words)])
        if number % _ROWS == 0:
            yield _taken(out)
    yield _taken(out)


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text
