"""The international table of codes, concordances of editions, and duty rates, each in its published form."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from customs.errors import InvalidConfig, UnreadableFile
from customs.readers import concordance, hsk, rates
from customs.readers.report import RepairReport


def refused(report: RepairReport) -> dict[int, str]:
    return {r.line: f"{r.field}: {r.reason}" for r in report.remarks if r.refused}


def test_the_international_table_has_no_days_and_no_korean() -> None:
    """The row for all goods is no code; the report says what the table lacks."""
    data = "section,hscode,description,parent,level\nI,03,Fish,TOTAL,2\nI,030617,Shrimps,0306,6\n"
    found = hsk.read((data + "TOTAL,TOTAL,All,TOTAL,5\nI,0304,,03,4\n").encode())
    assert found.table["digits"].tolist() == ["03", "030617"]
    assert found.table["name_en"].tolist() == ["Fish", "Shrimps"]
    assert found.table["name_ko"].tolist() == ["", ""]
    assert found.table["valid_from"].isna().all()
    assert found.table["valid_to"].isna().all()
    assert refused(found.report) == {
        4: "digits: it stands for all goods, not for a code",
        5: "name_en: it is empty",
    }
    assert any("international" in note for note in found.report.notes)


@pytest.mark.parametrize("left_out", ["적용시작일자", "적용종료일자", "한글품목명"])
def test_a_national_table_that_lost_a_column_is_not_taken_for_the_international_one(left_out: str) -> None:
    """Its codes would seem to be valid for ever."""
    header = "HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명\n"
    data = header.replace(left_out, "x") + "0303670000,20120101,20251231,명태,Pollock\n"
    with pytest.raises(UnreadableFile, match=left_out):
        hsk.read(data.encode())


@pytest.mark.parametrize(
    "header",
    ["개정전(HSK 2017),개정후(HSK 2022)", "HS2017,HS2022", "HSK2017 부호,2022년 HSK", "old 2017,new 2022"],
)
def test_a_concordance_is_known_by_its_headers(header: str) -> None:
    """Korean and English; the years of the editions are read from them."""
    mapping = {"old": "old 2017", "new": "new 2022"} if header.startswith("old") else None
    found = concordance.read(f"{header}\n0306.17,0306.17\nex 030617,030695\n".encode(), mapping)
    assert found.table.to_dict("list") == {
        "old": ["030617", "030617"],
        "new": ["030617", "030695"],
        "from_revision": ["2017", "2017"],
        "to_revision": ["2022", "2022"],
        "valid_from": [None, None],
        "partly": [False, True],
    }


def test_the_earlier_edition_is_the_old_one_wherever_its_column_stands() -> None:
    """Published tables put the newer edition first."""
    found = concordance.read(b"HS 2022,HS 2017\n030695,030617\n")
    assert found.table[["old", "new"]].values.tolist() == [["030617", "030695"]]


def test_rows_of_a_concordance_that_cannot_be_are_refused_and_removed_codes_are_kept() -> None:
    """With line and reason; a zero that a spreadsheet lost comes back for ten digits only."""
    data = "old_code,new_code,old_revision,new_revision,effective_from\n"
    rows = [
        "0306179000,0306179091,2017,2022,2022-01-01",
        "306179000,0306179099,2017,2022,2022-01-01",
        "0306180000,삭제,2017,2022,",
        "신설,0306950000,2017,2022,",
        ",,2017,2022,",
        "30617,030617,2017,2022,",
        "030617,030617,2022,2017,",
        "0306179000,0306179091,2017,2022,",
        "030617,030617,edition,2022,",
    ]
    found = concordance.read((data + "\n".join(rows) + "\n").encode("cp949"))
    assert found.table[["old", "new"]].values.tolist() == [
        ["0306179000", "0306179091"],
        ["0306179000", "0306179099"],
        ["0306180000", ""],
        ["", "0306950000"],
    ]
    assert found.table["valid_from"].tolist()[0] == dt.date(2022, 1, 1)
    assert refused(found.report) == {
        6: "old: neither an old nor a new code is given",
        7: "old: the code has 5 digits",
        8: "to_revision: it is not later than from_revision, 2022",
        9: "row: the row repeats an earlier one",
        10: "from_revision: it is not an edition such as 2017",
    }
    assert found.report.rows_repaired == 1


def test_a_concordance_without_editions_says_so() -> None:
    """It can still be used, as the one step that is known."""
    found = concordance.read("개정전,개정후\n030617,030695\n".encode())
    assert found.table["from_revision"].tolist() == [""]
    assert any("edition" in note for note in found.report.notes)


@pytest.mark.parametrize(
    ("data", "columns", "said"),
    [
        ("a,b\n1,2\n", None, "lacks the columns old"),
        ("HS2022,b\n1,2\n", None, "lacks the columns old"),
        ("HS2012,HS2017,HS2022\n1,2,3\n", None, "lacks the columns old"),  # which two is not for us to say
        ("a,b\n1,2\n", {"old": "x", "new": "b"}, "lacks the column old"),
        ("", None, "is empty"),
    ],
)
def test_a_file_that_does_not_tell_old_from_new_is_an_error(
    data: str, columns: dict[str, str] | None, said: str
) -> None:
    """With the option that names the columns."""
    with pytest.raises(UnreadableFile, match=said):
        concordance.read(data.encode(), columns)
    with pytest.raises(InvalidConfig, match="no column 'price'"):
        concordance.read(b"a,b\n1,2\n", {"price": "b"})


PUBLISHED = "품목번호,관세율구분,관세율,단위당세액,기준가격,적용국가구분,용도세율구분,적용개시일,적용만료일\n"


def test_duty_rates_are_read_as_published() -> None:
    """Percent and amount as exact decimals, kinds as they stand, no limit where the file gives none."""
    rows = ["306171090,fcn1,2.6%,,,2,,20240101,20241231", "0306171090,C,,1500,9000.5,1,A01,20240101,"]
    found = rates.read((PUBLISHED + "\n".join(rows) + "\n").encode("cp949"))
    assert found.table.to_dict("records") == [
        {
            "digits": "0306171090",
            "kind": "FCN1",
            "percent": Decimal("2.6"),
            "amount": None,
            "unit": None,
            "base_price": None,
            "scope": "2",
            "country": "",
            "use": "",
            "valid_from": dt.date(2024, 1, 1),
            "valid_to": dt.date(2024, 12, 31),
        },
        {
            "digits": "0306171090",
            "kind": "C",
            "percent": None,
            "amount": Decimal(1500),
            "unit": None,
            "base_price": Decimal("9000.5"),
            "scope": "1",
            "country": "",
            "use": "A01",
            "valid_from": dt.date(2024, 1, 1),
            "valid_to": None,
        },
    ]


def test_rates_with_english_headers_need_only_code_kind_and_rate() -> None:
    """What is missing is empty, not made up."""
    found = rates.read(b"hs_code,rate_type,duty_rate,country_code\n030617,A,20,\n030617,FTA,0,VN\n")
    assert found.table["percent"].tolist() == [Decimal(20), Decimal(0)]
    assert found.table["country"].tolist() == ["", "VN"]
    assert found.table["valid_from"].isna().all()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("0306171090,A,,,,1,,20240101,20241231", "percent: neither a percentage nor an amount"),
        ("0306171090,A,-8,,,1,,20240101,20241231", "percent: it is negative"),
        ("0306171090,A,free,,,1,,20240101,20241231", "percent: it is not a number"),
        ("0306171090,A,10001,,,1,,20240101,20241231", "percent: a rate above"),
        ("0306171090,,8,,,1,,20240101,20241231", "kind: it is empty"),
        ("0306171,A,8,,,1,,20240101,20241231", "digits: the code has 7 digits"),
        ("0306171090,A,8,,,1,,20240101,20231231", "valid_to: it lies before"),
        ("0306171090,A,8,,,1,,20240230,", "valid_from: there is no such day"),
        ("0306171090,A,9,,,1,,20230101,", "row: the row repeats"),
        (f"0306171090,A,8,,,{'x' * 33},,20240101,", "scope: it has more than 32"),
        (f"0306171090,{'x' * 33},8,,,,,20240101,", "kind: a kind of rate has at most 32"),
    ],
)
def test_a_rate_that_cannot_be_is_refused(row: str, reason: str) -> None:
    """Field and reason; the good row stays."""
    found = rates.read((PUBLISHED + "0306171090,A,8,,,1,,20230101,20231231\n" + row + "\n").encode())
    assert refused(found.report)[3].startswith(reason)
    assert len(found.table) == 1


@pytest.mark.eval_data
def test_the_real_international_table_reads_whole(eval_data: Path) -> None:
    """97 chapters with 99, 1,229 headings, 5,613 subheadings; only the total is refused."""
    found = hsk.read(eval_data / "nomenclature/hs2022_en.csv")
    assert found.table["level"].value_counts().to_dict() == {6: 5_613, 4: 1_229, 2: 97}
    assert found.report.rows_refused == 1
