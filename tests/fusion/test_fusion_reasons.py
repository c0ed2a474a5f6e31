"""Why a declaration stands where it does: sentences that name combinations and say their true counts."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from customs.sentences import LANGUAGES, Language
from fusion.data import Cases
from fusion.head.attributes import attributes
from fusion.head.model import Head
from fusion.head.reasons import check_reason, nothing, reasons, unreadable
from fusion.model import Fusion
from fusion.why import of_evidence, shortfall

COUNT = {
    "en": re.compile(r"^(?P<what>.+): (?P<found>[\d,]+) of (?P<seen>[\d,]+) inspected were frauds$"),
    "ko": re.compile(r"^(?P<what>.+): 검사 (?P<seen>[\d,]+)건 중 (?P<found>[\d,]+)건 적발$"),
}
# How a label begins, or ends, in words, and the column it is of.
LABEL = {
    "en": {"HS ": "hs6", "origin ": "origin", "departure ": "departure", "tax type ": "tax_type"},
    "ko": {"품목번호 ": "hs6", "원산지 ": "origin", "적출국 ": "departure", "관세율구분 ": "tax_type"},
}


def told(head: Head, table: pd.DataFrame, language: Language) -> list[str]:
    rows = attributes(table)
    features = head.features(rows)
    return reasons(head, rows, features, head.forest.contributions(features), language)


def mask_of(what: str, table: pd.DataFrame, language: Language) -> np.ndarray:
    """Rows that a combination in words speaks of."""
    mask = np.ones(len(table), dtype=bool)
    for part in what.split(" × "):
        prefix = next(p for p in LABEL[language] if part.startswith(p))
        value = part.removeprefix(prefix)
        column = LABEL[language][prefix]
        if column == "hs6":
            mask &= (table["hs"].str[:6] == value.replace(".", "")).to_numpy()
        else:
            mask &= (table[column] == value).to_numpy()
    return mask


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_bad_lane_is_named_with_what_its_inspections_found(
    head: Head, declared: pd.DataFrame, make: SimpleNamespace, language: Language
) -> None:
    """Every count can be checked against the outcomes that were learned from."""
    bad = np.array([make.is_bad(c, o) for c, o in zip(declared["hs"], declared["origin"], strict=True)])
    table = declared[bad].head(40)
    checked = 0
    for text in told(head, table, language):
        first = text.split("; ")[0]
        found = COUNT[language].match(first)
        assert found is not None, first
        mine = mask_of(found["what"], declared, language)
        assert len(found["what"].split(" × ")) >= 2
        assert int(found["seen"].replace(",", "")) == mine.sum()
        assert int(found["found"].replace(",", "")) == int(declared["fraud"][mine].sum())
        checked += 1
    assert checked == 40


def test_at_most_three_things_are_said_and_none_twice(head: Head, declared: pd.DataFrame) -> None:
    """Nor a combination beside another that holds it."""
    for text in told(head, declared.head(200), "en"):
        parts = text.split("; ") if text else []
        assert len(parts) <= 3
        assert len(set(parts)) == len(parts)
        sets = [set(found["what"].split(" × ")) for p in parts if (found := COUNT["en"].match(p))]
        assert not any(a < b for a in sets for b in sets)


def test_what_a_combination_says_is_not_said_again_by_its_parts_or_by_a_larger_one(
    head: Head, declared: pd.DataFrame
) -> None:
    """Code and origin speak for the code alone and for the two with the tax type; another pair is news."""
    rows = attributes(declared.head(1))
    features = head.features(rows)
    keys = list(head.encoder.rates)
    contributions = np.zeros((1, features.shape[1]))
    told_of = (("hs6", "origin"), ("hs6",), ("hs6", "origin", "tax_type"), ("departure", "origin"))
    for worth, key in zip((2.0, 1.5, 1.2, 1.0), told_of, strict=True):
        contributions[0, 2 * keys.index(key)] = worth
    (text,) = reasons(head, rows, features, contributions, "en")
    said = [part.rsplit(": ", 1)[0].split(" × ") for part in text.split("; ")]
    assert [[word.split(" ")[0] for word in what] for what in said] == [
        ["HS", "origin"],
        ["departure", "origin"],
    ]


def test_a_combination_nobody_inspected_says_so(head: Head, declared: pd.DataFrame) -> None:
    """And what speaks against an inspection is no reason for one."""
    table = declared.head(1)
    rows = attributes(table.assign(importer="Nobody"))
    features = head.features(rows)
    keys = list(head.encoder.rates)
    contributions = np.full((1, features.shape[1]), -1.0)
    contributions[0, 2 * keys.index(("importer",))] = 2.0
    assert reasons(head, rows, features, contributions, "en") == ["importer Nobody: never inspected before"]
    assert reasons(head, rows, features, contributions, "ko") == ["수입자 Nobody: 검사 이력 없음"]
    assert reasons(head, rows, features, -np.abs(contributions), "en") == [""]


@pytest.mark.parametrize(
    ("figure", "change", "en"),
    [
        ("unit_value_gap", {"half": True}, "unit value 2.0 times below what is usual"),
        ("unit_value", {"half": True}, "unit value 2.0 times below what is usual"),
        ("value", {"value": 1234.0}, "value 1,234"),
        ("net_kg", {"net_kg": 5000.0}, "net weight 5,000 kg"),
        ("duty_rate", {"duty_rate": 13.0}, "duty rate 13.0 %"),
        ("unit_value_gap", {"hs": "970110", "origin": "BR"}, "no usual unit value is known"),
    ],
)
def test_a_figure_is_told_in_its_own_unit(
    head: Head, declared: pd.DataFrame, figure: str, change: dict, en: str
) -> None:
    table = declared.head(1)
    if change.pop("half", False):
        usual = float(np.exp(head.prices.usual(attributes(table))[0]))
        change = {"value": 0.5 * usual * float(table["net_kg"].iloc[0])}
    rows = attributes(table.assign(**change))
    features = head.features(rows)
    contributions = np.zeros((1, features.shape[1]))
    contributions[0, head.names.index(f"figure:{figure}")] = 1.0
    assert reasons(head, rows, features, contributions, "en") == [en]
    (korean,) = reasons(head, rows, features, contributions, "ko")
    assert re.search("[가-힣]", korean)


def test_a_check_that_was_odd_is_a_reason_by_its_name(learned: Fusion, make: SimpleNamespace) -> None:
    """An evidence feature of the head in words, one in how many clean cases."""
    cases: Cases = make.inspected(50, 15)
    assert learned.head is not None
    surprise = np.zeros((1, len(learned.head.checks)))
    surprise[0, 0] = 3.0
    rows = attributes(cases.table.head(1))
    features = learned.head.features(rows, surprise)
    contributions = np.zeros((1, features.shape[1]))
    contributions[0, learned.head.names.index("check:price.unit_value")] = 1.0
    said = reasons(learned.head, rows, features, contributions, "en")
    assert said == ["Unit value: one clean case in 1,000 is this odd"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_for_what_is_fused_or_not_there(language: Language) -> None:
    """In the language that was asked for; the fused surprise has a name of its own too."""
    hangul = re.compile("[가-힣]")
    for text in (
        check_reason("hs.text", 2.0, language),
        check_reason("fused", 2.0, language),
        nothing(language),
        unreadable("date: no day", language),
    ):
        assert bool(hangul.search(text)) == (language == "ko"), text
        assert "fused" not in text, text
    assert "date: no day" in unreadable("date: no day", language)


@pytest.mark.parametrize(("surprise", "counted"), [(3.0, True), (3.6, False), (300.0, False)])
def test_a_reason_counts_clean_cases_only_where_there_are_that_many(surprise: float, counted: bool) -> None:
    """Beyond some thousand a count would be a model's guess."""
    for language in LANGUAGES:
        assert bool(re.search(r"\d", check_reason("price.unit_value", surprise, language))) == counted


def test_without_a_head_the_oddest_checks_are_the_reasons() -> None:
    """None below one in ten, none of the silent, the oddest first, three at most."""
    checks = ("price.unit_value", "hs.text", "xray.mass", "hs.photo")
    heard = np.array([[2.0, 0.9, np.nan, 3.0], [0.5, np.nan, np.nan, 0.2], [1.0, 1.1, 1.2, 1.3]])
    first, second, third = of_evidence(checks, heard, "en")
    assert first.split("; ") == [
        "Code against photo: one clean case in 1,000 is this odd",
        "Unit value: one clean case in 100 is this odd",
    ]
    assert second == ""
    assert third.count("; ") == 2


def test_what_a_price_below_its_range_lacks_is_told_in_value_and_duty(make: SimpleNamespace) -> None:
    """To the middle of the range, for the kilograms declared; a usual price or none lacks nothing."""
    from customs import Evidence, Message, Reference

    def price(observed: float | None) -> list[Evidence]:
        if observed is None:
            return [Evidence.abstain("price.unit_value", "D", "band.unknown")]
        return [
            Evidence(
                check="price.unit_value",
                subject="D",
                p_value=0.1,
                surprise=1.0,
                observed=observed,
                expected=(4.0, 9.0),
                reference=Reference(group="all", size=99),
                message=Message(id="band.unknown"),
            )
        ]

    table = make.table(make.csv(4, 0)).assign(net_kg=10.0, duty_rate=[8.0, 8.0, 8.0, np.nan])
    found = shortfall(Cases.of(table, [price(2.0), price(5.0), price(None), price(2.0)]))
    assert found["value_gap"].tolist() == [40.0, 0.0, 0.0, 40.0]
    assert found["duty_gap"].tolist() == [3.2, 0.0, 0.0, 0.0]
