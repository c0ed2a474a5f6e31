"""`/v1/hs`: search codes, and read one with all that is known of it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from portcullis.api.access import ReadingCodes, Serving, Speaking
from portcullis.api.documents import Day, Text
from portcullis.api.problems import documented
from portcullis.codes import CodeDesk

router = APIRouter(prefix="/v1/hs", tags=["hs"])
On = Annotated[Day | None, Query(description="The day of the declaration.")]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CodeEntry(_Document):
    """A code or a group of codes as the official table has it.

    code: its digits; written: with dots and dash. A wording is empty where the table has none; listed: false
    for a level that is known only by the codes below it; days are null where the table gives none.
    """

    code: str
    written: str
    level: int
    ko: str
    en: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    quantity_unit: str | None
    weight_unit: str | None
    listed: bool


class CodeValidity(_Document):
    """Whether a code is valid on a day: valid, not_yet, ended, after_table (only a newer table can tell) or
    unknown (the table does not have it).
    """

    status: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    sentence: str


class Marks(_Document):
    """Begin and end of each word that was found, in the two wordings of a code."""

    ko: list[tuple[int, int]]
    en: list[tuple[int, int]]


class CodeHit(CodeEntry):
    """A code that was found; validity is null if no day was given."""

    path: list[CodeEntry]
    validity: CodeValidity | None
    score: float
    words: list[str]
    marks: Marks


class CodesFound(_Document):
    """Codes found, best first; digits: null if words were looked for; note: what to know of the answer."""

    query: str
    digits: str | None
    total: int
    note: str | None
    hits: list[CodeHit]


class DutyRate(_Document):
    """A duty rate as published; percent of the value, amount in KRW for each unit, as exact decimals.

    code: the level that the file gives it for; name: what the kind means, null if that is not known.
    """

    code: str
    kind: str
    name: str | None
    rate: str
    percent: str | None
    amount: str | None
    unit: str | None
    base_price: str | None
    scope: str
    country: str
    use: str
    valid_from: dt.date | None
    valid_to: dt.date | None


class DutyRates(_Document):
    """Rates in force on the day; imported: false if no rate file was imported."""

    imported: bool
    rates: list[DutyRate]


class MappedCode(CodeEntry):
    """A code that goods of the old code may have; partly: only a part of them.

    in_step: false if a step of the concordance did not list the code, which then kept its digits.
    """

    in_step: bool
    partly: bool


class CodeMapping(_Document):
    """What became of this code, taken as one of an older edition.

    status: mapped, split, removed, not_listed, which_edition, no_edition or no_table.
    """

    code: str
    compared: str
    status: str
    editions: list[str]
    sentence: str
    targets: list[MappedCode]


class CodeDocument(CodeEntry):
    """One code on a day; table_ends: the last day that the imported table reaches."""

    on: dt.date
    table_ends: dt.date | None
    validity: CodeValidity
    path: list[CodeEntry]
    rates: DutyRates
    mapping: CodeMapping | None
    children: list[CodeEntry]


@router.get("", response_model=CodesFound, responses=documented(401, 403, 422, 503))
def search(
    service: Serving,
    account: ReadingCodes,
    language: Speaking,
    query: Annotated[
        Text, Query(max_length=500, description="2 to 10 digits, or words of the official wording.")
    ],
    on: On = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> dict[str, Any]:
    """Codes by their first digits or by words; with a day, only those that are valid on it."""
    return CodeDesk.of_store(service.tariff).search(query, on=on, limit=limit, language=language)


@router.get("/{code}", response_model=CodeDocument, responses=documented(401, 403, 404, 422, 503))
def show(
    service: Serving,
    account: ReadingCodes,
    language: Speaking,
    code: str,
    on: On = None,
    edition: Annotated[
        Text | None, Query(max_length=40, description="Edition that the code is taken from.")
    ] = None,
) -> dict[str, Any]:
    """One code: path, validity, rates, mapping from an older edition, children; today if no day is given."""
    day = on or dt.date.today()
    return CodeDesk.of_store(service.tariff).show(code, on=day, edition=edition, language=language)
