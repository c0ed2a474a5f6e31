"""Duty rates by code: the published table of the customs service, or one with the same columns."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from customs.readers import fields
from customs.readers.fields import Parsed, Refusal
from customs.readers.report import Read
from customs.readers.sheet import Columns, open_sheet
from customs.readers.source import Source

COLUMNS = Columns(
    {
        "digits": ("품목번호", "HS부호", "HS코드", "HSK", "HS10단위부호", "hs", "hs_code"),
        "kind": ("관세율구분", "관세율구분코드", "세율구분", "rate_type", "rate_kind"),
        "percent": ("관세율", "세율", "rate", "duty_rate", "rate_percent"),
        "amount": ("단위당세액", "unit_tax", "specific_duty"),
        "unit": ("단위", "세액단위", "per_unit"),
        "base_price": ("기준가격", "base_price"),
        "scope": ("적용국가구분", "country_group"),
        "country": ("적용국가", "국가", "country_code"),
        "use": ("용도세율구분", "용도구분", "end_use"),
        "valid_from": ("적용개시일", "적용시작일", "적용개시일자", "적용시작일자"),
        "valid_to": ("적용만료일", "적용종료일", "적용만료일자", "적용종료일자"),
    },
    required=("digits", "kind", "percent"),
)
HIGHEST = 10_000  # per cent; the highest rates of farm goods lie near 900
LONGEST = 32  # characters of a kind, scope, country, use or unit


def read(source: Source, columns: Mapping[str, str] | None = None) -> Read:
    """Read duty rates from CSV, XLSX or parquet.

    A rate is per cent of the value, an amount for each unit (a specific duty), or both; a row with
    neither is refused, and neither is ever made from the other. The kind is kept as published (A base, C WTO,
    FCN1 the agreement with China).

    Args:
        source: a path, or the contents of a file.
        columns: headers that differ from the known ones, our name to theirs.

    Returns:
        A table with the columns digits (4 to 10), kind, percent, amount, base_price (Decimal or None; per
        cent; KRW as published), unit (of the amount, None if not given), scope (the file's country group),
        country, use ("" if not given), valid_from, valid_to (dates, both included; None without a limit).

    Raises:
        UnreadableFile: the file is no table, or lacks a column.
        InvalidConfig: `columns` names a column that does not exist here.
    """
    sheet = open_sheet(source, COLUMNS, mapping=columns)
    intake = fields.Intake(sheet)
    data = {
        "digits": intake.column("digits", fields.code()),
        "kind": intake.column("kind", _kind),
        "percent": intake.column("percent", fields.optional(_percent)),
        "amount": intake.column("amount", fields.optional(fields.amount)),
        "unit": intake.column("unit", _short),
        "base_price": intake.column("base_price", fields.optional(fields.amount)),
        **{name: [v or "" for v in intake.column(name, _short)] for name in ("scope", "country", "use")},
        "valid_from": intake.column("valid_from", fields.optional(fields.date)),
        "valid_to": intake.column("valid_to", fields.optional(fields.date)),
    }
    for row, (percent, amount) in enumerate(zip(data["percent"], data["amount"], strict=True)):
        if percent is None and amount is None:
            intake.refuse(row, "percent", "", "neither a percentage nor an amount for each unit is given")
        begins, ends = data["valid_from"][row], data["valid_to"][row]
        if begins and ends and begins > ends:
            intake.refuse(row, "valid_to", str(ends), f"it lies before valid_from, {begins}")
    keys = ("digits", "kind", "scope", "country", "use", "valid_from")
    intake.refuse_repeats(*(data[name] for name in keys), name="row")
    return Read(intake.table(data), intake.report())


def _percent(value: str) -> Parsed:
    found, repair = fields.amount(value.strip().removesuffix("%"))
    if found > Decimal(HIGHEST):
        raise Refusal(f"a rate above {HIGHEST:,} % is no percentage")
    return found, repair


def _kind(value: str) -> Parsed:
    kind, repair = fields.text(value)
    if len(kind) > LONGEST:
        raise Refusal(f"a kind of rate has at most {LONGEST} characters")
    return kind.upper(), repair


def _short(value: str) -> Parsed:
    if len(value.strip()) > LONGEST:
        raise Refusal(f"it has more than {LONGEST} characters")
    return fields.plain(value)
