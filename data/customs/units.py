"""Money, weight and country: the values that must never travel as bare numbers or strings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from customs.errors import InvalidValue

# Used in trade statistics although ISO 3166-1 leaves them to users: Kosovo, Northern Ireland.
_USER_ASSIGNED = frozenset({"XK", "XI"})


@lru_cache(maxsize=1)
def _iso_countries() -> frozenset[str]:
    import pycountry

    return frozenset(c.alpha_2 for c in pycountry.countries) | _USER_ASSIGNED


@lru_cache(maxsize=1)
def _iso_currencies() -> frozenset[str]:
    import pycountry

    return frozenset(c.alpha_3 for c in pycountry.currencies)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of zero or more in one ISO 4217 currency, exact.

    >>> Money.parse("1250.40 USD")
    Money(amount=Decimal('1250.40'), currency='USD')
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise InvalidValue(
                f"{self.amount!r} is not an exact amount",
                field="amount",
                remedy="give a Decimal, never a float",
            )
        if not self.amount.is_finite() or self.amount < 0:
            raise InvalidValue(f"got {self.amount}", field="amount", remedy="give an amount of zero or more")
        if self.amount.adjusted() > 18 or int(self.amount.as_tuple().exponent) < -9:
            raise InvalidValue(
                f"got {self.amount}",
                field="amount",
                remedy="give less than 10^19, with at most nine decimals",
            )
        if self.currency not in _iso_currencies():
            raise InvalidValue(
                f"{self.currency!r} is not a currency",
                field="currency",
                remedy="give an ISO 4217 code such as USD",
            )

    @classmethod
    def of(cls, amount: str | int | float | Decimal, currency: str) -> Money:
        """Make money from a number as it is written; a float is read by its shortest decimal form."""
        try:
            exact = Decimal(str(amount).replace(",", "").strip())
        except InvalidOperation:
            raise InvalidValue(
                f"{amount!r} is not an amount", field="amount", remedy="give a number such as 1250.40"
            ) from None
        return cls(exact, str(currency).strip().upper())

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read `1250.40 USD`."""
        parts = str(text).split()
        if len(parts) != 2:
            raise InvalidValue(
                f"{text!r} is not money", field="value", remedy="write amount and currency: 1250.40 USD"
            )
        return cls.of(*parts)

    def __float__(self) -> float:
        return float(self.amount)

    def __str__(self) -> str:
        return f"{self.amount:,} {self.currency}"


@dataclass(frozen=True, slots=True, order=True)
class Kilograms:
    """A weight of zero or more kilograms.

    >>> str(Kilograms(24000))
    '24,000 kg'
    """

    value: float

    def __post_init__(self) -> None:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise InvalidValue(f"{self.value!r} is not a weight", remedy="give kilograms as a number")
        if not math.isfinite(self.value) or self.value < 0:
            raise InvalidValue(f"got {self.value} kg", remedy="give a weight of zero or more kilograms")

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return f"{self.value:,.10g} kg"


@dataclass(frozen=True, slots=True, order=True)
class Country:
    """A country by its ISO 3166-1 alpha-2 code.

    >>> Country.parse("vn").code
    'VN'
    """

    code: str

    def __post_init__(self) -> None:
        if self.code not in _iso_countries():
            raise InvalidValue(
                f"{self.code!r} is not a country", remedy="give an ISO 3166-1 alpha-2 code such as VN"
            )

    @classmethod
    def parse(cls, text: str) -> Country:
        """Read a code in any case, with blanks around it."""
        return cls(str(text).strip().upper())

    def __str__(self) -> str:
        return self.code
