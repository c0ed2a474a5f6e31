"""Money, weights, countries."""

from decimal import Decimal

import pytest

from customs import Country, InvalidValue, Kilograms, Money


def test_money_keeps_every_digit() -> None:
    assert Money.of("0.10", "usd").amount + Money.of("0.20", "usd").amount == Decimal("0.30")
    assert str(Money.of("1234567.5", "KRW")) == "1,234,567.5 KRW"


@pytest.mark.parametrize(
    ("amount", "currency", "field"),
    [
        ("1e19", "USD", "amount"),
        ("1e-99999", "USD", "amount"),
        ("-1", "USD", "amount"),
        ("NaN", "USD", "amount"),
        ("ten", "USD", "amount"),
        ("1", "XYZ", "currency"),
    ],
)
def test_impossible_money_names_the_field(amount: str, currency: str, field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Money.of(amount, currency)
    assert caught.value.problems[0].field == field


def test_money_never_holds_a_float() -> None:
    with pytest.raises(InvalidValue, match="exact"):
        Money(1.5, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-0.001, float("nan"), float("inf"), "12", True, None])
def test_impossible_weights_are_refused(value: object) -> None:
    with pytest.raises(InvalidValue):
        Kilograms(value)  # type: ignore[arg-type]


def test_namibia_and_kosovo_are_countries_and_zz_is_not() -> None:
    assert Country.parse(" na ").code == "NA"
    assert Country.parse("XK").code == "XK"
    with pytest.raises(InvalidValue):
        Country.parse("ZZ")
