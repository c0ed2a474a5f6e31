"""Finding codes by digits and by words."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from customs.errors import InvalidValue
from customs.sentences import LANGUAGES, render
from hs_classifier.official.search import Found
from hs_classifier.official.table import CodeTable, Entry

OLD, NEW, END = dt.date(2012, 1, 1), dt.date(2022, 1, 1), dt.date(2025, 12, 31)
TABLE = CodeTable(
    [
        Entry("03", "어류·갑각류", "Fish and crustaceans"),
        Entry("0306", "갑각류(살아 있는 것, 냉동한 것)", "Crustaceans, live or frozen"),
        Entry("030617", "그 밖의 새우류(냉동한 것)", "Other shrimps and prawns, frozen"),
        Entry("0306171000", "새우살", "Peeled", OLD, END),
        Entry("0306179000", "기타", "Other", OLD, NEW - dt.timedelta(days=1)),
        Entry("0306179010", "흰다리새우", "White leg shrimp", NEW, END),
        Entry("030636", "새우류(신선한 것)", "Shrimps, fresh"),
        Entry("0306360000", "그 밖의 것", "Other", OLD, END),
        Entry("09", "커피", "Coffee"),
        Entry("0901", "커피", "Coffee, tea substitutes excluding maté"),
        Entry("0901110000", "볶지 않은 것(카페인을 제거한 것은 제외한다)", "Not roasted", OLD, END),
        Entry("0901120000", "카페인을 제거한 것", "Decaffeinated", OLD, END),
        Entry("1006300000", "쌀", "Berries of rice", OLD, END),
    ]
)


def codes(found: Found) -> list[str]:
    return [hit.entry.digits for hit in found.hits]


@pytest.mark.parametrize(
    "text", ["030617", "0306.17", "0306-17", " HS 0306.17 ", "hs code: 030617", "03 06 17"]
)
def test_six_digits_find_the_subheading_and_all_below_it_however_they_are_typed(text: str) -> None:
    """The code itself first, then in order."""
    found = TABLE.search(text)
    assert found.digits == "030617"
    assert codes(found) == ["030617", "0306171000", "0306179000", "0306179010"]
    assert found.note is None


@pytest.mark.parametrize(
    ("text", "total", "note", "said"),
    [
        ("0306179", 2, "codes.search.part", "7"),
        ("03061", 4, "codes.search.part", "5"),
        ("0306179999", 0, "codes.search.no_code", "030617"),
        ("84713000", 0, "codes.search.no_chapter", "84713000"),
        ("306171000", 0, "codes.search.lost_zero", "0306171000"),
    ],
)
def test_digits_that_are_no_code_of_the_table_have_a_defined_answer(
    text: str, total: int, note: str, said: str
) -> None:
    """Never padded: a lost zero is only pointed at."""
    found = TABLE.search(text)
    assert (found.total, len(found.hits)) == (total, total)
    assert found.note is not None
    assert found.note.id == note
    for language in LANGUAGES:
        assert said in render(found.note, language)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("새우", "0306171000"),
        ("흰다리새우", "0306179010"),
        ("냉동 새우", "030617"),
        ("냉동새우", "030617"),
        ("frozen shrimp", "030617"),
        ("Frozen PRAWNS", "030617"),
        ("peeled shrimp", "0306171000"),
        ("shrmip", "0306179010"),
        ("decaffeinated coffee", "0901120000"),
        ("카페인", "0901120000"),
        ("쌀", "1006300000"),
        ("berry", "1006300000"),
    ],
)
def test_words_find_the_code_whose_path_has_them(text: str, first: str) -> None:
    """Compounds, plurals, cases, parents' words and slips of the finger; what is excluded does not count."""
    assert codes(TABLE.search(text))[0] == first


def test_a_code_is_listed_for_its_own_words_and_not_for_its_parents_alone() -> None:
    """Else every code of a chapter would be found with its chapter's name."""
    assert codes(TABLE.search("coffee")) == ["09", "0901"]
    assert codes(TABLE.search("maté substitutes")) == ["0901"]


def test_the_words_that_no_wording_has_are_named() -> None:
    """The others are still looked for."""
    found = TABLE.search("frozen zzyzx prawns")
    assert codes(found)[0] == "030617"
    assert found.hits[0].words == ("frozen", "prawns")
    assert found.note is not None
    assert "zzyzx" in render(found.note, "en")
    assert TABLE.search("zzyzx").hits == ()


def test_matched_words_are_marked_where_they_stand() -> None:
    """A part of a Korean compound; an English plural whole, or as far as it was typed."""
    found = TABLE.search("냉동새우")
    assert found.marked("그 밖의 새우류(냉동한 것)", "<", ">") == "그 밖의 <새우>류(<냉동>한 것)"
    assert TABLE.search("prawn").marked("Prawns, frozen", "<", ">") == "<Prawn>s, frozen"
    assert TABLE.search("prawns").marked("a PRAWN", "<", ">") == "a <PRAWN>"
    assert TABLE.search("0306").marked("0306 새우", "<", ">") == "0306 새우"


def test_with_a_day_only_codes_of_that_day_are_found_but_the_one_asked_for_is_shown() -> None:
    """An ended code that somebody types is better told than hidden."""
    before, now = dt.date(2020, 1, 1), dt.date(2023, 1, 1)
    assert codes(TABLE.search("030617", before))[1:] == ["0306171000", "0306179000"]
    assert codes(TABLE.search("030617", now))[1:] == ["0306171000", "0306179010"]
    assert codes(TABLE.search("0306179000", now)) == ["0306179000"]
    assert codes(TABLE.search("white leg", before)) == []


def test_the_limit_cuts_and_the_total_tells() -> None:
    """Both for digits and for words."""
    assert (len(TABLE.search("03", limit=2).hits), TABLE.search("03", limit=2).total) == (2, 8)
    assert (len(TABLE.search("shrimp", limit=1).hits), TABLE.search("shrimp", limit=1).total) == (1, 3)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "query"),
        ("  ", "query"),
        ("3", "query"),
        ("03061710001", "query"),
        ("🐟", "query"),
        ("---", "query"),
        ("a" * 1_000_000, "query"),
        ("\x00", "query"),
    ],
)
def test_bad_queries_are_one_clear_error(text: str, field: str) -> None:
    """With a remedy, and without repeating a megabyte of text."""
    with pytest.raises(InvalidValue) as caught:
        TABLE.search(text)
    assert caught.value.problems[0].field == field
    assert caught.value.problems[0].remedy
    assert len(str(caught.value)) < 300
    with pytest.raises(InvalidValue, match="limit"):
        TABLE.search("fish", limit=0)


@pytest.mark.eval_data
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("김치", "2005991000"),
        ("lithium battery", "850650"),
        ("frozen tuna fillets", "030487"),
        ("men's cotton shirts", "610510"),
    ],
)
def test_real_wording_is_found_first(eval_data: Path, text: str, expected: str) -> None:
    """In the official tables of 2025 and 2022."""
    folder = eval_data / "nomenclature"
    table = CodeTable.read([folder / "kcs_hsk_2025.csv", folder / "hs2022_en.csv"])
    assert codes(table.search(text, limit=3))[0] == expected
