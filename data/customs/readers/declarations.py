"""Import declarations: the published KCS columns, labels included, or this project's own JSON lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pandas as pd

from customs.declaration import Declaration, Mode
from customs.errors import InvalidDeclaration
from customs.readers import fields
from customs.readers.jsonl import fault, is_jsonl, lines
from customs.readers.report import KEPT, Read, Remark, RepairReport
from customs.readers.sheet import Columns, Source, open_sheet

COLUMNS = Columns(
    {
        "declaration_id": ("Declaration ID", "신고번호"),
        "date": ("Date", "신고일자"),
        "office": ("Office ID", "통관지세관부호"),
        "mode": ("Mode of Transport", "운송수단유형코드"),
        "departure": ("Country of Departure", "적출국가코드"),
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


def read(source: Source, columns: Mapping[str, str] | None = None, *, today: dt.date | None = None) -> Read:
    """Read declarations, CSV or XLSX in the KCS columns or one `Declaration` as JSON a line.

    A text such as NA is Namibia and never a missing value.

    Args:
        source: a path, or the contents of a file.
        columns: headers that differ from the published ones, our name to theirs; not for JSON lines.
        today: later dates are refused; the machine's date by default.

    Returns:
        A table with one row for each line of a declaration and the columns declaration_id, line (from 1),
        date, office, mode (of `customs.Mode`), departure, origin (alpha-2), importer, declarant, seller,
        forwarder, hs (6 or 10 digits), name, net_kg, value (Decimal) and its currency, duty_rate (per
        cent), tax_type, origin_indicator, process_type, import_type, import_use, payment_type, fraud (0 or
        1), critical_fraud (0, 1 or 2); None where there is none. The report counts lines of the file.

    Raises:
        UnreadableFile: the file is no table and no JSON lines, or lacks a column.
        InvalidConfig: `columns` names a column that does not exist here.
    """
    today = today or dt.date.today()
    return _read_jsonl(source, today) if is_jsonl(source) else _read_table(source, columns, today)


def _read_table(source: Source, columns: Mapping[str, str] | None, today: dt.date) -> Read:
    sheet = open_sheet(source, COLUMNS, mapping=columns)
    intake = fields.Intake(sheet)
    short = _short(LONGEST_CODE)
    party = _short(LONGEST_ID)
    data: dict[str, list[Any]] = {
        "declaration_id": intake.column("declaration_id", _identifier),
        "line": [1] * len(sheet),
        "date": intake.column("date", _not_after(today)),
        "office": intake.column("office", party),
        "mode": intake.column("mode", fields.optional(_mode)),
        "departure": intake.column("departure", _country),
        "origin": intake.column("origin", _country),
        "importer": intake.column("importer", party),
        "declarant": intake.column("declarant", party),
        "seller": intake.column("seller", party),
        "forwarder": intake.column("forwarder", party),
        "hs": intake.column("hs", fields.code((6, 10))),
        "name": [None] * len(sheet),
        "net_kg": intake.column("net_kg", fields.at_least_zero),
        "value": intake.column("value", fields.amount),
        "currency": [CURRENCY] * len(sheet),
        "duty_rate": intake.column("duty_rate", fields.optional(fields.at_least_zero)),
    }
    for ours in ("tax_type", "origin_indicator", "process_type", "import_type", "import_use", "payment_type"):
        data[ours] = intake.column(ours, short)
    labels = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
    data["fraud"] = intake.column("fraud", fields.optional(fields.one_of(labels, "a label")))
    labels = {**labels, "2": 2, "2.0": 2}
    data["critical_fraud"] = intake.column(
        "critical_fraud", fields.optional(fields.one_of(labels, "a label"))
    )
    intake.refuse_repeats(data["declaration_id"], name="declaration_id")
    table = pd.DataFrame(data, dtype=object).iloc[intake.kept()].reset_index(drop=True)
    return Read(_typed(table), intake.report())


def _read_jsonl(source: Source, today: dt.date) -> Read:
    name, numbered = lines(source)
    rows: list[dict[str, Any]] = []
    remarks: list[Remark] = []
    reasons: dict[str, int] = {}
    first: dict[str, int] = {}
    refused = 0
    for number, text in numbered:
        found = _declaration(text, today)
        if isinstance(found, Declaration) and found.id in first:
            found = ("id", found.id, f"the declaration repeats that of line {first[found.id]}")
        if isinstance(found, Declaration):
            first[found.id] = number
            rows += _rows(found)
            continue
        refused += 1
        key = f"{found[0]}: {found[2]}"
        reasons[key] = reasons.get(key, 0) + 1
        if refused <= KEPT:
            remarks.append(Remark(number, *found, refused=True))
    report = RepairReport(name, len(numbered), 0, refused, tuple(remarks), reasons, ("read as JSON lines",))
    order = ["declaration_id", "line", *(c for c in COLUMNS.aliases if c != "declaration_id")]
    order[order.index("net_kg") : order.index("net_kg")] = ["name"]
    order[order.index("duty_rate") : order.index("duty_rate")] = ["currency"]
    return Read(_typed(pd.DataFrame(rows, columns=order, dtype=object)), report)


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


def _rows(declaration: Declaration) -> list[dict[str, Any]]:
    d = declaration
    head = {
        "declaration_id": d.id,
        "date": d.date,
        "office": d.office,
        "mode": d.mode.value if d.mode else None,
        "departure": d.departure.code if d.departure else None,
        "origin": d.origin.code,
        "importer": d.importer,
        "declarant": d.declarant,
        "seller": d.seller,
        "forwarder": d.forwarder,
    }
    return [
        {
            **head,
            "line": number,
            "hs": line.hsk.digits,
            "name": line.name,
            "net_kg": float(line.net_kg),
            "value": line.value.amount,
            "currency": line.value.currency,
            "duty_rate": line.duty_rate,
            "tax_type": line.tax_type,
        }
        for number, line in enumerate(d.lines, start=1)
    ]


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as numbers; labels as nullable integers, since a file may have none."""
    table = table.astype({"line": int, "net_kg": float, "duty_rate": float})
    return table.astype({"fraud": "Int8", "critical_fraud": "Int8"})


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


def _mode(value: str) -> fields.Parsed:
    code = value.strip().removesuffix(".0")
    if code in set(Mode):
        return Mode(code).value, None
    mode, repair = fields.one_of({**MODES}, "a means of transport")(code)
    return mode.value, repair


def _country(value: str) -> fields.Parsed:
    # Not `optional`: among its signs for nothing is NA.
    code = value.strip().upper()
    if not code:
        return None, None
    if code == fields.NO_COUNTRY:
        return None, "ZZ, which stands for no country in particular, was read as none"
    return fields.country(code)


def _not_after(today: dt.date) -> fields.Parser:
    def parse(value: str) -> fields.Parsed:
        found, _ = fields.date(value)
        if found > today:
            raise fields.Refusal("it lies in the future")
        return found, None

    return parse
