"""Classification rulings and other names with their code: CSV `hsk,name[,description]` or JSON lines."""

from __future__ import annotations

from collections.abc import Mapping

from customs.errors import UnreadableFile
from customs.readers import fields
from customs.readers.jsonl import is_jsonl, open_jsonl
from customs.readers.report import Read
from customs.readers.sheet import Columns, open_sheet
from customs.readers.source import Source

COLUMNS = Columns(
    {
        "hs": ("hsk", "hs_code", "hscode", "code", "HS부호", "품목번호", "세번"),
        "name": ("product_name", "품명", "물품명", "한글품목명"),
        "description": ("물품설명", "설명"),
        "reference": ("reference_id", "참조번호", "시행기관문서번호"),
        "date": ("decision_date", "결정일자", "시행일자"),
    },
    required=("hs",),
)
LONGEST_REFERENCE = 64


def read(source: Source, columns: Mapping[str, str] | None = None) -> Read:
    """Read rulings from CSV, XLSX or JSON lines.

    Equal rows are kept: how often a name was classified so is information.

    Returns:
        A table with the columns hs (4, 6, 8 or 10 digits), name, description (one of the two may be ""),
        reference, date (None where the file has none).

    Raises:
        UnreadableFile: the file is no table and no JSON lines, or lacks the code or every text.
        InvalidConfig: `columns` names a column that does not exist here.
    """
    if is_jsonl(source):
        sheet = open_jsonl(source, COLUMNS.mapped(columns))
    else:
        sheet = open_sheet(source, COLUMNS, mapping=columns)
    if "name" not in sheet.found and "description" not in sheet.found:
        raise UnreadableFile(
            f"{sheet.source} has neither name nor description",
            field="name",
            remedy=f"the file has {', '.join(sheet.header)[:300]!r}; name the column with --map name=THEIRS",
        )
    intake = fields.Intake(sheet)
    data = {
        "hs": intake.column("hs", fields.code()),
        "name": [text or "" for text in intake.column("name", fields.plain)],
        "description": [text or "" for text in intake.column("description", fields.plain)],
        "reference": intake.column("reference", _reference),
        "date": intake.column("date", fields.optional(fields.date)),
    }
    for row, texts in enumerate(zip(data["name"], data["description"], strict=True)):
        if not any(texts):
            intake.refuse(row, "name", "", "neither name nor description is given")
    table = intake.table(data)
    return Read(table, intake.report())


def _reference(value: str) -> fields.Parsed:
    if len(value.strip()) > LONGEST_REFERENCE:
        raise fields.Refusal(f"a reference has at most {LONGEST_REFERENCE} characters")
    return fields.plain(value)
