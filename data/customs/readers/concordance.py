"""A concordance of two editions of the tariff: which codes became which, many to many."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from customs.errors import UnreadableFile
from customs.readers import fields
from customs.readers.fields import Parsed, Refusal
from customs.readers.report import Read
from customs.readers.sheet import Columns, Sheet, open_sheet
from customs.readers.source import Source

# Years in which an edition of the Harmonised System came into force.
REVISIONS = ("1988", "1992", "1996", "2002", "2007", "2012", "2017", "2022", "2028")


def _named(year: str) -> tuple[str, ...]:
    words = [f"{hs}{year}" for hs in ("HS", "HSK")] + [
        f"{year}{hs}" for hs in ("HS", "HSK", "년 HS", "년 HSK")
    ]
    return tuple(word + end for word in words for end in ("", "코드", "부호", " code", "단위"))


COLUMNS = Columns(
    {
        "old": ("개정전", "개정전HS", "개정전HSK", "변경전", "종전", "old_code"),
        "new": ("개정후", "개정후HS", "개정후HSK", "변경후", "현행", "new_code"),
        "from_revision": ("개정전연도", "old_revision"),
        "to_revision": ("개정후연도", "new_revision"),
        "valid_from": ("시행일", "시행일자", "적용시작일", "적용시작일자", "적용개시일", "effective_from"),
        **{f"hs{year}": _named(year) for year in REVISIONS},
    },
    required=("old", "new"),
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_PARTLY = re.compile(r"^ex[\s.]*", re.IGNORECASE)
_REMOVED = frozenset({"", "-", "삭제", "폐지", "deleted", "removed", "none"})
_ADDED = frozenset({"", "-", "신설", "new", "added", "none"})


def read(source: Source, columns: Mapping[str, str] | None = None) -> Read:
    """Read a concordance, CSV, XLSX or parquet.

    Known headers are 개정전 and 개정후, old and new, or the editions themselves, such as HS2017 and HS2022;
    of those the earlier is the old one. The editions are read from columns of their own, or from a year in
    the headers of the codes. `ex` before a code says that only a part of it is meant.

    Args:
        source: a path, or the contents of a file.
        columns: headers that differ from the known ones, our name to theirs.

    Returns:
        A table with the columns old and new (digits of 4, 6, 8 or 10; "" for a code that was new, or was
        removed without a successor), from_revision and to_revision (years as text, "" if the file does not
        say), valid_from (date from which the new code applies, None if it does not say), partly (True for
        `ex` on either side).

    Raises:
        UnreadableFile: the file is no table, or does not tell old codes from new ones.
        InvalidConfig: `columns` names a column that does not exist here.
    """
    sheet = _opened(source, columns)
    intake = fields.Intake(sheet)
    old = intake.column("old", _side(_ADDED), missing=("", False))
    new = intake.column("new", _side(_REMOVED), missing=("", False))
    data = {
        "old": [digits for digits, _ in old],
        "new": [digits for digits, _ in new],
        "from_revision": _revision(intake, "from_revision", "old"),
        "to_revision": _revision(intake, "to_revision", "new"),
        "valid_from": intake.column("valid_from", fields.optional(fields.date)),
        "partly": [a or b for (_, a), (_, b) in zip(old, new, strict=True)],
    }
    for row, (before, after) in enumerate(zip(data["old"], data["new"], strict=True)):
        begins, ends = data["from_revision"][row], data["to_revision"][row]
        if not (before or after):
            intake.refuse(row, "old", "", "neither an old nor a new code is given")
        elif begins and ends and begins >= ends:
            intake.refuse(row, "to_revision", ends, f"it is not later than from_revision, {begins}")
    keys = ("old", "new", "from_revision", "to_revision")
    intake.refuse_repeats(*(data[name] for name in keys), name="row")
    if not any(data["from_revision"]):
        intake.notes.append("the file does not say which edition the old codes are of")
    return Read(intake.table(data), intake.report())


def _opened(source: Source, columns: Mapping[str, str] | None) -> Sheet:
    """The sheet with its columns `old` and `new`, which may be named after editions."""
    try:
        return open_sheet(source, COLUMNS, mapping=columns)
    except UnreadableFile as error:
        if columns or error.problems[0].field not in ("old", "new"):
            raise
        for year in reversed(REVISIONS):
            try:
                sheet = open_sheet(source, replace(COLUMNS, required=(f"hs{year}",)))
            except UnreadableFile:
                continue
            editions = sorted(name for name in sheet.found if name.startswith("hs"))
            if len(editions) == 2:
                before, after = editions
                return sheet.with_columns({"old": sheet.found[before], "new": sheet.found[after]})
        raise


def _side(absent: frozenset[str]) -> fields.Parser:
    code = fields.code()

    def parse(value: str) -> Parsed:
        value = value.strip()
        if value.casefold() in absent:
            return ("", False), None
        partly = _PARTLY.match(value)
        digits, repair = code(value[partly.end() :] if partly else value)
        return (digits, partly is not None), repair

    return parse


def _revision(intake: fields.Intake, name: str, code: str) -> list[str]:
    if name in intake.sheet.found:
        return [year or "" for year in intake.column(name, fields.optional(_year, ""))]
    header = intake.sheet.header[intake.sheet.found[code]]
    written = _YEAR.search(header)
    return [written[0] if written else ""] * len(intake.sheet)


def _year(value: str) -> Parsed:
    written = _YEAR.search(value)
    if not written:
        raise Refusal("it is not an edition such as 2017")
    return written[0], None
