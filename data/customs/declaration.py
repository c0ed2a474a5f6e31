"""The import declaration and its lines, as an importer hands them in."""

from __future__ import annotations

import datetime as dt
import json
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from customs.errors import InvalidDeclaration, InvalidValue, Problem
from customs.hs import SEPARATORS, HsCode
from customs.units import Country, Kilograms, Money

MOST_TRANSIT = 10  # countries of one way
_TEN_DIGITS = "declare all ten digits of the HSK, leading zero included"


def _hsk(value: Any) -> HsCode:
    if isinstance(value, HsCode):
        code = value
    else:
        digits = _text(value, "0303670000").strip().translate(SEPARATORS)
        if digits.isdigit() and len(digits) != 10:
            raise InvalidValue(f"{value!r} has {len(digits)} digits", remedy=_TEN_DIGITS)
        code = HsCode(digits)
    if code.level != 10:
        raise InvalidValue(f"{code} has {code.level} digits", remedy=_TEN_DIGITS)
    return code


def _text(value: Any, example: str) -> str:
    if not isinstance(value, str):
        raise InvalidValue(f"{value!r} is not text", remedy=f'write it in quotes, such as "{example}"')
    return value


def _country(value: Any) -> Country:
    return value if isinstance(value, Country) else Country.parse(_text(value, "VN"))


def _kilograms(value: Any) -> Kilograms:
    if isinstance(value, Kilograms):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue(f"{value!r} is not a weight", remedy="give kilograms as a number, such as 24000")
    try:
        return Kilograms(float(value))
    except OverflowError:
        remedy = "give kilograms as a number, such as 24000"
        raise InvalidValue("the weight is beyond all numbers", remedy=remedy) from None


def _money(value: Any) -> Money:
    match value:
        case Money():
            return value
        case str():
            return Money.parse(value)
        case {"amount": str() | int() | float() as amount, "currency": str() as currency}:
            return Money.of(amount, currency)
    raise InvalidValue(
        f"{value!r} is not money", remedy='write {"amount": "81600.00", "currency": "USD"} or "81600.00 USD"'
    )


HskField = Annotated[HsCode, BeforeValidator(_hsk), PlainSerializer(lambda v: v.digits, return_type=str)]
CountryField = Annotated[
    Country, BeforeValidator(_country), PlainSerializer(lambda v: v.code, return_type=str)
]
WeightField = Annotated[
    Kilograms, BeforeValidator(_kilograms), PlainSerializer(lambda v: v.value, return_type=float)
]
MoneyField = Annotated[
    Money,
    BeforeValidator(_money),
    PlainSerializer(lambda v: {"amount": str(v.amount), "currency": v.currency}, return_type=dict),
]
Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s/\\][^\x00-\x1f/\\]*$")]
# Text that every database can hold (pydantic refuses lone surrogates by itself).
_HOLDABLE = r"^[^\x00]*$"
ShortText = Annotated[str, Field(max_length=500, pattern=_HOLDABLE)]


class Mode(StrEnum):
    """How the goods travelled."""

    SEA = "sea"
    AIR = "air"
    ROAD = "road"
    RAIL = "rail"
    POST = "post"
    OTHER = "other"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)


class Line(_Frozen):
    """One item of a declaration: what it is called, what code, how much, for how much.

    `net_kg` excludes packing, `gross_kg` includes it; `value` is the declared customs value
    without `freight` and `insurance`; `duty_rate` is in per cent.
    """

    hsk: HskField
    name: Annotated[str, Field(min_length=1, max_length=500, pattern=_HOLDABLE)]
    description: Annotated[str, Field(max_length=20_000, pattern=_HOLDABLE)] = ""
    net_kg: WeightField
    gross_kg: WeightField | None = None
    quantity: Annotated[float, Field(ge=0)] | None = None
    unit: Annotated[str, Field(max_length=16, pattern=_HOLDABLE)] | None = None
    packages: Annotated[int, Field(ge=0, le=10**9)] | None = None
    value: MoneyField
    freight: MoneyField | None = None
    insurance: MoneyField | None = None
    duty_rate: Annotated[float, Field(ge=0, le=3000)] | None = None
    tax_type: Annotated[str, Field(max_length=16, pattern=_HOLDABLE)] | None = None

    @model_validator(mode="after")
    def _gross_holds_net(self) -> Line:
        if self.gross_kg is not None and self.gross_kg < self.net_kg:
            raise InvalidValue(
                f"gross weight {self.gross_kg} is below net weight {self.net_kg}",
                remedy="gross weight includes packing: check which is which",
            )
        return self


class Declaration(_Frozen):
    """An import declaration with at least one line.

    transit: countries passed between `departure` and arrival, in order; empty: none, None: not declared.
    """

    id: Identifier
    date: dt.date
    office: ShortText | None = None
    mode: Mode | None = None
    departure: CountryField | None = None
    transit: Annotated[tuple[CountryField, ...], Field(max_length=MOST_TRANSIT)] | None = None
    origin: CountryField
    importer: ShortText
    declarant: ShortText | None = None
    seller: ShortText | None = None
    forwarder: ShortText | None = None
    container: Annotated[str, Field(pattern=r"^[A-Z]{4}\d{7}$")] | None = None
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=999)]

    @classmethod
    def from_json(cls, text: str | bytes) -> Declaration:
        """Read one declaration; `InvalidDeclaration` names every field at fault and the remedy."""
        try:
            raw = json.loads(text)
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
            raise InvalidDeclaration(
                f"this is not JSON{where}",
                field="declaration",
                remedy="send one JSON object in UTF-8 with id, date, origin, importer and lines",
            ) from None
        return cls.from_dict(raw)

    @classmethod
    def from_dict(cls, raw: Any) -> Declaration:
        """Check and build from decoded JSON."""
        if not isinstance(raw, dict):
            raise InvalidDeclaration(
                f"got a {type(raw).__name__}, not a declaration",
                field="declaration",
                remedy="send one JSON object with id, date, origin, importer and lines",
            )
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise InvalidDeclaration.of(_problems(error)) from None

    def to_json(self) -> str:
        """The same JSON that `from_json` reads."""
        return json.dumps(self.model_dump(mode="json", exclude_none=True), ensure_ascii=False)

    @property
    def gross_kg(self) -> Kilograms:
        """Weight of all lines, net where a line gives no gross weight."""
        return Kilograms(sum(float(line.gross_kg or line.net_kg) for line in self.lines))


_REMEDIES = {
    "missing": "add this field",
    "extra_forbidden": "remove this field or correct its name",
    "date_from_datetime_parsing": "write a date such as 2025-04-30",
    "date_parsing": "write a date such as 2025-04-30",
    "date_type": "write a date such as 2025-04-30",
    "too_short": "give at least one line",
}


def _problems(error: ValidationError) -> list[Problem]:
    found = error.errors(include_url=False)
    # pydantic also calls a list too short whose members were all refused: name the members only
    nested = {e["loc"][:-1] for e in found} | {e["loc"][:1] for e in found if len(e["loc"]) > 1}
    return [_problem(e) for e in found if not (e["type"] == "too_short" and e["loc"] in nested)]


def _problem(error: Any) -> Problem:
    field = ".".join(str(part) for part in error["loc"])
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, InvalidValue):
        inner = cause.problems[0]
        return Problem(inner.problem, field or inner.field, inner.remedy)
    remedy = _REMEDIES.get(
        error["type"], f"got {error['input']!r:.80}; see the declaration format in the README"
    )
    return Problem(error["msg"], field, remedy)
