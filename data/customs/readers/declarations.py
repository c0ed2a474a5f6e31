"""Import declarations: the published KCS columns, labels included, or this project's own JSON lines."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from customs.declaration import MOST_TRANSIT, Declaration, Mode
from customs.errors import InvalidConfig, InvalidDeclaration
from customs.readers import fields
from customs.readers.jsonl import fault, is_jsonl, lines
from customs.readers.report import Read, Remark, RepairReport, Tally, total
from customs.readers.sheet import Columns, Sheet, sheets
from customs.readers.source import File, Source

COLUMNS = Columns(
    {
        "declaration_id": ("Declaration ID", "신고번호"),
        "date": ("Date", "신고일자"),
        "office": ("Office ID", "통관지세관부호"),
        "mode": ("Mode of Transport", "운송수단유형코드"),
        "departure": ("Country of Departure", "적출국가코드"),
        "transit": ("Countries of Transit", "경유국가코드"),
        "origin": ("Country of Origin", "원산지국가코드"),
        "importer": ("Importer ID", "수입자부호"),
        "declarant": ("Declarant ID", "신고인부호"),
        "seller": ("Seller ID", "해외거래처부호"),
        "forwarder": ("Courier ID", "특송업체부호"),
        "hs": ("HS6 Code", "HS10 Code", "HS Code", "HS10단위부호"),
        "net_kg": ("Net Mass", "신고중량"),
        "value": ("Item Price", "과세가격원화금액"),
        "duty_rate": ("Tax Rate", "관세율"),
        "tax_type": ("Tax Type", "관세율구분코드"),
        "origin_indicator": ("Country of Origin Indicator",),
        "process_type": ("Process Type", "수입신고구분코드"),
        "import_type": ("Import Type", "수입거래구분코드"),
        "import_use": ("Import Use", "수입종류코드"),
        "payment_type": ("Payment Type", "징수형태코드"),
        "fraud": ("Fraud", "우범여부"),
        "critical_fraud": ("Critical Fraud", "핵심적발"),
    },
    required=("declaration_id", "date", "origin", "importer", "hs", "net_kg", "value"),
)
# Korea Customs' codes for the means of transport are those of UN/ECE Recommendation 19 with a zero behind.
MODES = {
    "10": Mode.SEA,
    "20": Mode.RAIL,
    "30": Mode.ROAD,
    "40": Mode.AIR,
    "50": Mode.POST,
    "60": Mode.OTHER,
    "70": Mode.OTHER,
    "80": Mode.OTHER,
    "90": Mode.OTHER,
}
CURRENCY = "KRW"  # of the published item prices
LONGEST_ID = 64
LONGEST_CODE = 16
_BETWEEN = re.compile(r"[\s,;/>→-]+")

# The columns of a table in their order.
TABLE = (
    *("row", "declaration_id", "line", "date", "office", "mode", "departure", "transit", "origin"),
    *("importer", "declarant", "seller", "forwarder", "hs", "name", "net_kg", "value"),
    *("currency", "duty_rate", "tax_type", "origin_indicator", "process_type", "import_type"),
    *("import_use", "payment_type", "fraud", "critical_fraud"),
)
_UNSAID = (None,) * 7  # those from origin_indicator on, which a `Declaration` has not
# Those that do not hold objects; labels are nullable, since a file may have none.
TYPES: dict[str, Any] = {
    **{"row": int, "line": int, "net_kg": float, "duty_rate": float},
    **{"fraud": "Int8", "critical_fraud": "Int8"},
}


def read(source: Source, columns: Mapping[str, str] | None = None, *, today: dt.date | None = None) -> Read:
    """Read declarations, CSV, XLSX or parquet in the KCS columns or one `Declaration` as JSON a line.

    A text such as NA is Namibia and never a missing value.

    Args:
        source: a path, or the contents of a file.
        columns: headers that differ from the published ones, our name to theirs; not for JSON lines.
        today: later dates are refused; the machine's date by default.

    Returns:
        A table with one row for each line of a declaration and the columns row (that of the file, from 0;
        refused ones are counted, header and blank lines not), declaration_id, line (from 1), date, office,
        mode (of `customs.Mode`), departure, transit (in order, a blank between two; empty: none passed),
        origin (alpha-2), importer, declarant, seller, forwarder, hs (6 or 10 digits), name, net_kg, value
        (Decimal) and its currency, duty_rate (per cent), tax_type, origin_indicator, process_type,
        import_type, import_use, payment_type, fraud (0 or 1), critical_fraud (0, 1 or 2); None where there
        is none. The report counts rows of the file and names its lines.

    Raises:
        UnreadableFile: the file is no table and no JSON lines, or lacks a column.
        InvalidConfig: `columns` names a column that does not exist here.
    """
    parts = list(chunks(File.of(source).limited(), columns, today=today))
    table = pd.concat([part.table for part in parts], ignore_index=True)
    return Read(table, total(part.report for part in parts))


def chunks(
    source: Source,
    columns: Mapping[str, str] | None = None,
    *,
    rows: int = 50_000,
    today: dt.date | None = None,
) -> Iterator[Read]:
    """Read declarations as `read` does, `rows` rows of the file at a time.

    Memory does not grow with the file but for the ids seen, some 150 bytes each; only a workbook is held
    whole. Each report is on its own rows; `customs.readers.total` adds them up.

    Yields:
        Tables as of `read` in the order of the file, each with an index from 0; one may be empty, where all
        rows were refused. Of JSON lines a chunk ends when its table has `rows` rows or more.

    Raises:
        UnreadableFile: as `read`, when the first chunk is asked for; but what can only be seen on the way,
            such as a quotation mark that is never closed, when it is reached.
        InvalidConfig: `columns` names a column that does not exist here, or `rows` is below one.
    """
    if rows < 1:
        raise InvalidConfig(f"got {rows} rows", field="rows", remedy="read one row or more at a time")
    today = today or dt.date.today()
    file = File.of(source)
    seen: dict[str, int] = {}  # ids with the line of each
    if is_jsonl(file):
        numbered = enumerate(lines(file))
        while (part := _of_lines(numbered, file.name, rows, today, seen)) is not None:
            yield part
    else:
        for sheet in sheets(file, COLUMNS, mapping=columns, rows=rows):
            yield _of_sheet(sheet, today, seen)


def _of_sheet(sheet: Sheet, today: dt.date, seen: dict[str, int]) -> Read:
    intake = fields.Intake(sheet)
    code, party = _short(LONGEST_CODE), _short(LONGEST_ID)
    label = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
    parsers = {
        "declaration_id": _identifier,
        "date": _not_after(today),
        "office": party,
        "mode": fields.optional(means_of_transport),
        "departure": country_or_none,
        "transit": countries,
        "origin": country_or_none,
        "importer": party,
        "declarant": party,
        "seller": party,
        "forwarder": party,
        "hs": fields.code((6, 10)),
        "net_kg": fields.at_least_zero,
        "value": fields.amount,
        "duty_rate": fields.optional(fields.at_least_zero),
        "tax_type": code,
        "origin_indicator": code,
        "process_type": code,
        "import_type": code,
        "import_use": code,
        "payment_type": code,
        "fraud": fields.optional(fields.one_of(label, "a label")),
        "critical_fraud": fields.optional(fields.one_of({**label, "2": 2, "2.0": 2}, "a label")),
    }
    count = len(sheet)
    data: dict[str, Sequence[Any]] = {ours: intake.column(ours, parser) for ours, parser in parsers.items()}
    data["row"] = range(sheet.first, sheet.first + count)
    data |= {"line": [1] * count, "name": [None] * count, "currency": [CURRENCY] * count}
    intake.refuse_repeats(data["declaration_id"], name="declaration_id", seen=seen)
    if intake.refused:
        kept = intake.kept()
        data = {ours: [values[row] for row in kept] for ours, values in data.items()}
    return Read(_table(data), intake.report())


def _of_lines(
    numbered: Iterator[tuple[int, tuple[int, str]]],
    name: str,
    rows: int,
    today: dt.date,
    seen: dict[str, int],
) -> Read | None:
    """The next `rows` lines of the file, fewer where they make as many rows of the table; None at its end."""
    values: list[tuple[Any, ...]] = []
    tally = Tally()
    taken = refused = 0
    for row, (number, text) in numbered:
        found = _declaration(text, today)
        if isinstance(found, Declaration) and (before := seen.setdefault(found.id, number)) != number:
            found = ("id", f"{found.id} as on line {before}", "the declaration repeats an earlier one")
        if isinstance(found, Declaration):
            values += _rows(row, found)
        else:
            refused += 1
            tally.add(Remark(number, *found, refused=True))
        taken += 1
        if max(taken, len(values)) >= rows:
            break
    if not taken:
        return None
    reasons = dict(tally.reasons.most_common())
    report = RepairReport(name, taken, 0, refused, tally.remarks(), reasons, ("read as JSON lines",))
    return Read(_table(_columns(values)), report)


def table_of(declarations: Sequence[Declaration]) -> pd.DataFrame:
    """The table that `read` would answer for these declarations; `row` counts them from 0."""
    values = [row for number, declaration in enumerate(declarations) for row in _rows(number, declaration)]
    return _table(
        dict(zip(TABLE, zip(*values, strict=True), strict=True)) if values else dict.fromkeys(TABLE, ())
    )


def _columns(values: Sequence[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    """Rows turned into the columns of the table."""
    return dict(zip(TABLE, zip(*values, strict=True), strict=True)) if values else dict.fromkeys(TABLE, ())


def _table(data: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    return pd.DataFrame({name: data[name] for name in TABLE}, dtype=object).astype(TYPES)


def _declaration(text: str, today: dt.date) -> Declaration | tuple[str, str, str]:
    """A declaration, or field, text and reason of its refusal."""
    if said := fault(text):
        return "declaration", text[:80], said
    try:
        declaration = Declaration.from_json(text)
    except InvalidDeclaration as error:
        first = error.problems[0]
        return first.field or "declaration", text[:80], first.problem
    if declaration.date > today:
        return "date", str(declaration.date), "it lies in the future"
    return declaration


def _rows(row: int, declaration: Declaration) -> Iterator[tuple[Any, ...]]:
    """The lines of a declaration as rows of a table."""
    d = declaration
    mode = d.mode.value if d.mode else None
    departure = d.departure.code if d.departure else None
    transit = None if d.transit is None else " ".join(country.code for country in d.transit)
    way = (d.date, d.office, mode, departure, transit, d.origin.code)
    parties = (d.importer, d.declarant, d.seller, d.forwarder)
    for number, line in enumerate(d.lines, start=1):
        value = (line.value.amount, line.value.currency, line.duty_rate, line.tax_type)
        item = (line.hsk.digits, line.name, float(line.net_kg), *value)
        yield (row, d.id, number, *way, *parties, *item, *_UNSAID)


def _identifier(value: str) -> fields.Parsed:
    found, _ = fields.text(value)
    if len(found) > LONGEST_ID:
        raise fields.Refusal(f"it has more than {LONGEST_ID} characters")
    return found, None


def _short(longest: int) -> fields.Parser:
    def parse(value: str) -> fields.Parsed:
        found, _ = fields.plain(value)
        if found and len(found) > longest:
            raise fields.Refusal(f"it has more than {longest} characters")
        return found, None

    return parse


def means_of_transport(value: str) -> fields.Parsed:
    """A means of transport by the code of Korea Customs or by our name."""
    code = value.strip().removesuffix(".0")
    if code in set(Mode):
        return Mode(code).value, None
    found, repair = fields.one_of({**MODES}, "a means of transport")(code)
    return found.value, repair


def country_or_none(value: str) -> fields.Parsed:
    """A country; ZZ and an empty field are none, and NA is Namibia."""
    # Not `optional`: among its signs for nothing is NA.
    code = value.strip().upper()
    if not code:
        return None, None
    if code == fields.NO_COUNTRY:
        return None, "ZZ, which stands for no country in particular, was read as none"
    return fields.country(code)


def countries(value: str) -> fields.Parsed:
    """One after the other, with blanks, commas, semicolons, slashes or arrows between them."""
    named = [code for code in _BETWEEN.split(value.strip().upper()) if code not in ("", fields.NO_COUNTRY)]
    codes = [fields.country(code)[0] for code in named]
    if len(codes) > MOST_TRANSIT:
        raise fields.Refusal(f"it names more than {MOST_TRANSIT} countries")
    return " ".join(codes) or None, None


def _not_after(today: dt.date) -> fields.Parser:
    def parse(value: str) -> fields.Parsed:
        found, _ = fields.date(value)
        if found > today:
            raise fields.Refusal("it lies in the future")
        return found, None

    return parse
