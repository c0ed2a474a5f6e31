"""The table of codes: tree, wording, validity, and where codes part."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from customs.errors import InvalidValue
from customs.hs import HsCode
from customs.sentences import LANGUAGES, render
from hs_classifier.official.table import CodeTable, Entry, digits_of

OLD, MID, NEW, END = (dt.date(2012, 1, 1), dt.date(2016, 12, 31), dt.date(2017, 1, 1), dt.date(2025, 12, 31))


def make_table() -> CodeTable:
    """Crustaceans as in a national table: no chapter, groups of eight and nine digits, one code renamed."""
    return CodeTable(
        [
            Entry("03061710", "살", "Peeled", NEW, END),
            Entry("0306171010", "훈제", "Smoked", OLD, END, None, "KG"),
            Entry("0306171090", "기타", "Other", OLD, END, None, "KG"),
            Entry("03061790", "기타", "Other", NEW, END),
            Entry("0306179010", "훈제한 새우", "Shrimps, smoked", OLD, MID),
            Entry("0306179010", "훈제한 것", "Smoked", NEW, END),
            Entry("030617909", "기타", "Other", NEW, END),
            Entry("0306179091", "흰다리", "White leg", NEW, END),
            Entry("0306179099", "기타", "Other", NEW, END),
            Entry("0303670000", "명태", "Alaska pollock", OLD, MID),
        ]
    )


INTERNATIONAL = [
    Entry("03", "", "Fish and shellfish"),
    Entry("0306", "", "Crustaceans"),
    Entry("0303670000", "", "An undated name"),
]


def digits(entries: tuple[Entry, ...]) -> list[str]:
    return [entry.digits for entry in entries]


def test_a_path_holds_every_shared_level_and_the_groups_that_the_table_has() -> None:
    """Levels without wording are there and say that they are not listed; unknown codes end early."""
    table = make_table()
    path = table.path("0306.17-9091")
    assert digits(path) == ["03", "0306", "030617", "03061790", "030617909", "0306179091"]
    assert [entry.listed for entry in path] == [False, False, False, True, True, True]
    assert (path[0].ko, path[0].en) == ("", "")
    assert digits(table.path("0306179999")) == ["03", "0306", "030617"]
    assert table.path("8471300000") == ()
    assert table.path(HsCode("030617")) == path[:3]


def test_a_table_without_days_only_fills_what_the_other_leaves_empty() -> None:
    """Official wording with days stays; headings gain their English names."""
    dated = make_table()
    table = CodeTable([*INTERNATIONAL, *(e for d in dated.nodes for e in dated.versions(d))])
    assert [entry.wording("ko") for entry in table.path("0303670000")][::3] == ["Fish and shellfish", "명태"]
    assert table.versions("0303670000") == dated.versions("0303670000")
    only_english = CodeTable([Entry("0303670000", "명태", "", OLD, END), INTERNATIONAL[2]])
    assert only_english.versions("0303670000")[0].en == "An undated name"
    assert only_english.versions("0303670000")[0].valid_to == END


def test_children_are_the_nearest_nodes_below() -> None:
    """Groups stand between; the chapters are the children of nothing; leaves and unknown codes have none."""
    table = make_table()
    assert digits(table.children()) == ["03"]
    assert digits(table.children("03")) == ["0303", "0306"]
    assert digits(table.children("030617")) == ["03061710", "03061790"]
    assert digits(table.children("03061790")) == ["0306179010", "030617909"]
    assert table.children("0306179091") == table.children("99") == ()
    assert digits(table.children("03061790", dt.date(2014, 5, 1))) == ["0306179010"]


@pytest.mark.parametrize(
    ("code", "on", "status", "begins", "ends"),
    [
        ("0306179091", "2024-06-01", "valid", NEW, END),
        ("0306179091", "2017-01-01", "valid", NEW, END),
        ("0306179091", "2016-12-31", "not_yet", NEW, END),
        ("0306179010", "2014-06-01", "valid", OLD, MID),
        ("0306179010", "2011-06-01", "not_yet", OLD, MID),
        ("0303670000", "2016-12-31", "valid", OLD, MID),
        ("0303670000", "2017-01-01", "ended", OLD, MID),
        ("0303", "2017-01-01", "ended", OLD, MID),
        ("0306", "2014-06-01", "valid", OLD, END),
        ("0306179091", "2026-01-01", "after_table", NEW, END),
        ("0306179999", "2024-06-01", "unknown", None, None),
        ("8471", "2024-06-01", "unknown", None, None),
        ("0306179", "2024-06-01", "unknown", None, None),
    ],
)
def test_validity_on_a_day_is_what_the_days_say(
    code: str, on: str, status: str, begins: dt.date | None, ends: dt.date | None
) -> None:
    """Both days included; a level without days has those below it; the table's end is not the code's."""
    found = make_table().valid_on(code, dt.date.fromisoformat(on))
    assert (found.status, found.valid_from, found.valid_to) == (status, begins, ends)
    for language in LANGUAGES:
        sentence = render(found.message, language)
        assert code in sentence
        assert on in sentence


def test_codes_without_days_count_as_valid_and_the_sentence_says_that_no_days_are_known() -> None:
    """The international table has none."""
    found = CodeTable(INTERNATIONAL).valid_on("0306", dt.date(2024, 1, 1))
    assert (found.status, found.valid_from) == ("valid", None)
    assert found.message.id == "codes.undated"


def test_codes_of_a_day_are_those_valid_on_it_and_behind_the_table_those_of_its_last_day() -> None:
    """Nothing vanishes because the table was not renewed; `valid_on` tells the difference."""
    table = make_table()
    assert [c.digits for c in table.codes(dt.date(2014, 1, 1))] == [
        "0303670000",
        "0306171010",
        "0306171090",
        "0306179010",
    ]
    assert table.codes(dt.date(2027, 1, 1)) == table.codes(END)
    assert len(table.codes(END)) == 5
    assert len(table.codes()) == 6
    assert [c.digits for c in table.codes(level=4)] == ["0303", "0306"]


def test_a_code_reads_as_it_did_on_the_day() -> None:
    """The newest wording where no day is given; the nearest one before the code began."""
    table = make_table()
    assert table.get("0306179010", dt.date(2015, 1, 1)).ko == "훈제한 새우"  # type: ignore[union-attr]
    assert table.get("0306179010").ko == "훈제한 것"  # type: ignore[union-attr]
    assert table.get("0306179010", dt.date(2000, 1, 1)).ko == "훈제한 새우"  # type: ignore[union-attr]
    assert table.get("0306.17-9999") is None


@pytest.mark.parametrize(
    ("left", "right", "parent", "parting"),
    [
        ("0306171090", "0306179099", "030617", ("살", "기타")),
        ("0306179091", "0306179099", "030617909", ("흰다리", "기타")),
        ("0306179091", "0303670000", "03", ("기타", "명태")),  # the headings have no wording
        ("0306179091", "0306179091", "0306179091", (None, None)),
        ("030617", "0306179091", "030617", (None, "기타")),
        ("0306179091", "8471300000", None, ("기타", None)),
    ],
)
def test_two_codes_part_where_their_paths_do(
    left: str, right: str, parent: str | None, parting: tuple[str | None, str | None]
) -> None:
    """The first wording on either side is what decides."""
    found = make_table().difference(left, right)
    assert (found.parent.digits if found.parent else None) == parent
    assert tuple(entry.ko if entry else None for entry in found.parting) == parting


def test_a_table_comes_back_from_its_columns() -> None:
    """Every row, day and unit; the columns are plain values that a parquet file can hold."""
    table = make_table()
    columns = table.columns()
    again = CodeTable.restore(columns)
    assert again.columns() == columns
    assert again.nodes == table.nodes
    assert all(again.versions(d) == table.versions(d) for d in table.nodes)
    assert {type(v) for column in columns.values() for v in column} == {str, int}
    assert CodeTable.restore(CodeTable(()).columns()).children() == ()


@pytest.mark.parametrize("code", ["", "3", "03061", "030617909", " 0306.17-90 "])
def test_digits_are_read_as_typed_and_never_padded(code: str) -> None:
    """Two to ten of them; five and nine are a group."""
    if len(code.strip()) < 2:
        with pytest.raises(InvalidValue, match="digits"):
            digits_of(code)
    else:
        assert digits_of(code) == code.strip().replace(".", "").replace("-", "")


@pytest.mark.parametrize("code", ["03061712345", "abc", "🐟", "03o6", "٠٣"])
def test_what_is_no_code_is_one_clear_error(code: str) -> None:
    """Field and remedy are named."""
    with pytest.raises(InvalidValue) as caught:
        make_table().path(code)
    assert caught.value.problems[0].field == "code"
    assert "2 to 10 digits" in str(caught.value.problems[0].remedy)


@pytest.mark.eval_data
def test_the_real_tables_make_one_tree(eval_data: Path) -> None:
    """National codes under international headings; nothing of either is lost."""
    folder = eval_data / "nomenclature"
    table = CodeTable.read([folder / "kcs_hsk_2025.csv", folder / "hs2022_en.csv"])
    assert len(table) == 12_467 + 6_939
    assert len(table.codes()) == 11_327
    assert table.last_day == END
    assert [d for d in table.nodes if not table.versions(d)] == ["2424", "242400"]
    assert digits(table.path("0306179091"))[3:] == ["03061790", "030617909", "0306179091"]
    assert table.valid_on("0306179091", dt.date(2021, 12, 31)).status == "not_yet"
    assert len(table.children()) == 97
    assert CodeTable.restore(table.columns()).columns() == table.columns()
