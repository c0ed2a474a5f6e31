"""Codes of older editions, and duty rates."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from customs.errors import InvalidValue
from customs.sentences import LANGUAGES, render
from hs_classifier.official.concordance import Concordance, Link, edition_of
from hs_classifier.official.rates import Rate, in_force
from hs_classifier.official.table import CodeTable, Entry

SIX = Concordance(
    [
        Link("030613", "030616", "2007", "2012"),
        Link("030613", "030617", "2007", "2012"),
        Link("030617", "030617", "2017", "2022"),
        Link("030617", "030695", "2017", "2022", partly=True),
        Link("030616", "030616", "2017", "2022"),
        Link("240300", "", "2017", "2022"),
        Link("", "999999", "2017", "2022"),
        Link("854140", "854141", "2017", "2022"),
        Link("854140", "854142", "2017", "2022"),
        Link("030616", "030616", "2012", "2017"),
    ]
)


def targets(concordance: Concordance, code: str, edition: str | dt.date | None) -> list[str]:
    return [target.digits for target in concordance.map(code, edition).targets]


def test_a_code_is_walked_through_every_edition_to_the_newest() -> None:
    """A step that does not list it keeps its digits and is told."""
    found = SIX.map("030613", "2007")
    assert found.status == "split"
    assert found.editions == ("2007", "2012", "2017", "2022")
    assert [(t.digits, t.listed) for t in found.targets] == [
        ("030616", True),
        ("030617", False),  # 2012 to 2017 does not list it
        ("030695", False),
    ]


@pytest.mark.parametrize(
    ("code", "edition", "status", "expected"),
    [
        ("030616", "2017", "mapped", ["030616"]),
        ("0306.17", "HS2017", "split", ["030617", "030695"]),
        ("0306171000", "2017", "split", ["030617", "030695"]),  # the concordance has six digits
        ("8541", "2017", "mapped", ["8541"]),
        ("240300", "2017", "removed", []),
        ("847130", "2017", "not_listed", []),
        ("030617", "2022", "no_edition", []),
        ("030616", None, "which_edition", []),
        ("030613", None, "split", ["030616", "030617", "030695"]),
        ("030617", dt.date(2018, 3, 1), "split", ["030617", "030695"]),
        ("030617", dt.date(2023, 3, 1), "no_edition", []),
    ],
)
def test_each_question_about_an_older_code_has_its_answer(
    code: str, edition: str | dt.date | None, status: str, expected: list[str]
) -> None:
    """Nothing is guessed: not the edition, and not the successor of a code that is not listed."""
    found = SIX.map(code, edition)
    assert (found.status, [t.digits for t in found.targets]) == (status, expected)
    for language in LANGUAGES:
        sentence = render(found.message, language)
        assert found.digits in sentence
        assert all(target in sentence for target in expected)


def test_ten_digits_are_compared_at_the_level_that_the_concordance_has() -> None:
    """The answer says which."""
    assert SIX.map("0306171000", "2017").digits == "030617"
    ten = Concordance([Link("0306179000", "0306179091"), Link("0306179000", "0306179099")])
    assert targets(ten, "0306179000", None) == ["0306179091", "0306179099"]
    assert targets(ten, "030617", "2017") == ["030617"]  # the file names no edition, so it is the one step
    assert ten.map("0306179000").editions == ()


def test_without_a_concordance_nothing_is_known_and_the_sentence_says_how_to_import_one() -> None:
    """Also through the table."""
    table = CodeTable([Entry("0306170000", "새우", "Shrimps")])
    found = table.map_old("0306170000", None)
    assert (found.status, found.targets) == ("no_table", ())
    assert "portcullis import concordance" in render(found.message, "en")
    assert table.map_old("030616", SIX, "2017").status == "mapped"


@pytest.mark.parametrize("edition", ["2018", "", "abc"])
def test_an_edition_that_never_was_is_refused(edition: str) -> None:
    """The remedy names those that were."""
    with pytest.raises(InvalidValue, match="2017, 2022"):
        SIX.map("030617", edition)


def test_a_day_has_the_edition_in_force() -> None:
    """From the first of January of its year."""
    assert edition_of(dt.date(2016, 12, 31)) == "2012"
    assert edition_of(dt.date(2017, 1, 1)) == "2017"
    assert edition_of(dt.date(1970, 1, 1)) == "1988"


CODE = "0306179091"
RATES = [
    Rate("030617", "A", Decimal(20), valid_from=dt.date(2020, 1, 1)),
    Rate(CODE, "A", Decimal("18.5"), valid_from=dt.date(2024, 1, 1), valid_to=dt.date(2024, 12, 31)),
    Rate(CODE, "FCN1", Decimal(0), country="CN"),
    Rate(CODE, "C", None, Decimal(1500), "kg"),
    Rate(CODE, "C", Decimal(30), use="sashimi"),
    Rate("0306179099", "A", Decimal(1)),
    Rate(CODE, "R", Decimal(5), valid_to=dt.date(2019, 12, 31)),
]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (dt.date(2024, 6, 1), ["18.5 %", "1,500 KRW per kg", "30 %", "0 %"]),
        (dt.date(2025, 1, 1), ["20 %", "1,500 KRW per kg", "30 %", "0 %"]),
        (dt.date(2019, 6, 1), ["1,500 KRW per kg", "30 %", "5 %", "0 %"]),
    ],
)
def test_rates_in_force_are_those_of_the_day_and_of_the_deepest_level(
    on: dt.date, expected: list[str]
) -> None:
    """Base first, agreements last; a parent's rate holds where the code has none of that kind."""
    assert [str(rate) for rate in in_force(reversed(RATES), CODE, on)] == expected


@pytest.mark.parametrize(
    ("kind", "ko", "en"),
    [
        ("A", "기본세율", "base rate"),
        ("FCN1", "한·중국 FTA", "FTA with China"),
        ("FAS1", "한·아세안 FTA", "FTA with ASEAN"),
        ("FRCJP1", "RCEP (일본)", "RCEP (Japan)"),
        ("FQQ1", None, None),
        ("ZZ9", None, None),
    ],
)
def test_kinds_of_rate_are_named_only_if_they_are_known(kind: str, ko: str | None, en: str | None) -> None:
    """An unknown kind stays as published."""
    rate = Rate(CODE, kind, Decimal(1))
    assert (rate.name("ko"), rate.name("en")) == (ko, en)
