"""Series and trade statistics: months, codes, weights, mappings, and that no row is lost."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customs.errors import InvalidConfig, UnreadableFile
from customs.readers import series, trade

TODAY = dt.date(2025, 6, 30)
HEADER = "month,hs,country,value_usd,weight_kg\n"
GOOD = "2024-04,0303670000,RU,52000,20000\n"


def read(rows: str, **options: object) -> series.SeriesRead:
    return series.read((HEADER + rows).encode(), today=TODAY, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "written", ["202404", "2024-04", "2024.04", "2024/04", "2024-4", "2024년 4월", "2024-04-01"]
)
def test_a_month_is_read_in_each_usual_form(written: str) -> None:
    """All mean 2024-04."""
    assert read(f"{written},0303670000,RU,1,1\n").table["month"].tolist() == ["2024-04"]


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("2024-13,0303670000,RU,1,1", "month", "no such month"),
        ("2025-07,0303670000,RU,1,1", "month", "in the future"),
        ("2024.1,0303670000,RU,1,1", "month", "not a month"),
        (",0303670000,RU,1,1", "month", "not a month"),
        ("2024-04,3.0367E+08,RU,1,1", "hs", "spreadsheet turned the code into a rounded number"),
        ("2024-04,30367,RU,1,1", "hs", "has 5 digits"),
        ("2024-04,7712345678,RU,1,1", "hs", "chapter 77"),
        ("2024-04,fish,RU,1,1", "hs", "not an HS code"),
        ("2024-04,,RU,1,1", "hs", "empty"),
        ("2024-04,0303670000,,1,1", "country", "empty"),
        ("2024-04,0303670000,RU,1,-5", "weight_kg", "negative"),
        ("2024-04,0303670000,RU,1,0", "weight_kg", "zero"),
        ("2024-04,0303670000,RU,-1,5", "value_usd", "negative"),
        ("2024-04,0303670000,RU,1e999,5", "value_usd", "too large"),
        ("2024-04,0303670000,RU,1e15,5", "value_usd", "too large to be real"),
        ("2024-04,0303670000,RU,5,1e-9", "weight_kg", "too small to be real"),
        ("2024-04,0303670000,RU,nan,5", "value_usd", "missing"),
        ("2024-04,0303670000,RU,0x10,5", "value_usd", "not a number"),
        ("2024-04,0303670000,RU,1_000,5", "value_usd", "not a number"),
        ("2024-04,0303670000,RU,1", "row", "4 fields"),
        (GOOD.strip(), "row", "repeats an earlier one"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_line_and_reason(row: str, field: str, reason: str) -> None:
    """The good row beside it stays."""
    found = read(GOOD + row + "\n")
    assert len(found.table) == 1
    (remark,) = found.report.remarks
    assert (remark.line, remark.field, remark.refused) == (3, field, True)
    assert reason in remark.reason
    assert (found.report.rows_read, found.report.rows_refused) == (2, 1)


@pytest.mark.parametrize(
    ("hs", "digits", "reason"),
    [
        ("303670000", "0303670000", "leading zero"),
        ("303670000.0", "0303670000", "leading zero"),
        ("'0303670000", "0303670000", "apostrophe"),
        ("030367.0", "030367", ".0"),
    ],
)
def test_what_a_spreadsheet_did_to_a_code_is_undone_and_told(hs: str, digits: str, reason: str) -> None:
    """A repair, not a silent change."""
    found = read(f"2024-04,{hs},RU,1,1\n")
    assert found.table["hs"].tolist() == [digits]
    assert found.report.rows_repaired == 1
    assert reason in found.report.remarks[0].reason


@pytest.mark.parametrize("hs", ["0303", "030367", "03036700", "0303.67-0000", "0303.67"])
def test_codes_of_four_to_ten_digits_are_taken_as_they_are(hs: str) -> None:
    """Nothing else is ever padded."""
    found = read(f"2024-04,{hs},RU,1,1\n")
    assert found.table["hs"].tolist() == [hs.replace(".", "").replace("-", "")]
    assert found.report.rows_repaired == 0


def test_every_row_stays_where_each_must_have_an_answer() -> None:
    """With `keep_refused` the table is as long as the file and says why a row is no good."""
    found = read(GOOD + "2024-05,0303670000,RU,1,-5\n" + GOOD + "x\n", keep_refused=True)
    assert found.table["row"].tolist() == [0, 1, 2, 3]
    assert found.table["refused"].tolist() == [
        None,
        "weight_kg: it is negative",
        "row: the row repeats an earlier one",
        "row: it has 1 fields, the header has 5",
    ]
    assert found.table["month"].tolist()[1] == "2024-05"
    assert found.table["weight_kg"].isna().tolist() == [False, True, False, True]


def test_row_numbers_are_those_of_the_file_when_refused_rows_are_left_out() -> None:
    """So that an answer can be put beside its row."""
    assert read("x,y,z,1,1\n" + GOOD).table["row"].tolist() == [1]


def test_thousands_separators_are_removed_and_told() -> None:
    """1,234 is one thousand two hundred and thirty-four, 1,23 is nothing."""
    found = read('2024-04,0303670000,RU,"1,234,567.5",10\n2024-05,0303670000,RU,"1,23",10\n')
    assert found.table["value_usd"].tolist() == [1234567.5]
    assert (found.report.rows_repaired, found.report.rows_refused) == (1, 1)


@pytest.mark.parametrize(
    ("header", "columns", "unit"),
    [
        ("freight_krw_per_kg", None, "krw_per_kg"),
        ("freight", None, None),
        ("운송비", None, None),
        ("sea", {"freight": "sea"}, None),
        ("sea", {"freight_usd_per_kg": "sea"}, "usd_per_kg"),
        ("freight_krw_per_kg", {"freight": "freight_krw_per_kg"}, "krw_per_kg"),
    ],
)
def test_freight_carries_the_unit_of_its_header(header: str, columns: dict | None, unit: str | None) -> None:
    """An empty freight is NaN, not zero."""
    data = (
        f"month,hs,country,value_usd,weight_kg,{header}\n2024-04,030367,RU,1,1,12.5\n2024-05,030367,RU,1,1,\n"
    )
    found = series.read(data.encode(), columns, today=TODAY)
    assert found.freight_unit == unit
    assert found.table["freight"].isna().tolist() == [False, True]


def test_two_freight_columns_need_a_choice() -> None:
    """Taking the first would be a guess."""
    data = b"month,hs,country,value_usd,weight_kg,freight_a,freight_b\n2024-04,030367,RU,1,1,1,2\n"
    with pytest.raises(UnreadableFile, match="both give the freight"):
        series.read(data)
    assert series.read(data, {"freight": "freight_b"}, today=TODAY).table["freight"].tolist() == [2.0]


def test_a_missing_column_says_what_is_there_and_how_to_map_it() -> None:
    """One error for the file."""
    with pytest.raises(UnreadableFile, match=r"lacks the column weight_kg.*--map weight_kg=THEIRS"):
        series.read(b"month,hs,country,value_usd,kg\n2024-04,030367,RU,1,1\n")
    with pytest.raises(InvalidConfig, match="no column 'mass'"):
        series.read(b"month,hs,country,value_usd,kg\n2024-04,030367,RU,1,1\n", {"mass": "kg"})


def test_parquet_reads_like_csv(tmp_path: Path) -> None:
    """Numbers stay numbers, integer codes regain their zero, missing values are refused."""
    pd.DataFrame(
        {
            "ym": [202404, 202405, 202406],
            "code": [303670000, 1605100000, 1605100000],
            "where": ["RU", "CHINA", None],
            "value_usd": [1.5, 2.0, 3.0],
            "weight_kg": [10, 20, 30],
        }
    ).to_parquet(tmp_path / "s.parquet")
    mapping = {"month": "ym", "hs": "code", "country": "where"}
    found = series.read(tmp_path / "s.parquet", mapping, today=TODAY)
    assert found.table["hs"].tolist() == ["0303670000", "1605100000"]
    assert found.table["value_usd"].tolist() == [1.5, 2.0]
    assert found.report.remarks[-1].line == 3


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["2024-04", "202405", "2024-99", ""]),
            st.sampled_from(["0303670000", "303670000", "030367", "12345", "3E8"]),
            st.sampled_from(["RU", "CHINA", ""]),
            st.sampled_from(["1", "-1", "1,000", "x", "1e308"]),
            st.sampled_from(["1", "0", "-0.5", "nan", ".5"]),
        ),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=100, deadline=None)
def test_every_row_is_in_the_table_or_refused_never_lost(rows: list[tuple[str, ...]]) -> None:
    """And what is in the table is sound."""
    out = io.StringIO()
    pd.DataFrame(rows, columns=HEADER.strip().split(",")).to_csv(out, index=False)
    kept = series.read(out.getvalue().encode(), today=TODAY)
    every = series.read(out.getvalue().encode(), today=TODAY, keep_refused=True)
    assert len(kept.table) + kept.report.rows_refused == kept.report.rows_read == len(rows)
    assert len(every.table) == len(rows)
    assert every.table.loc[every.table["refused"].isna(), "row"].tolist() == kept.table["row"].tolist()
    assert (kept.table["weight_kg"] > 0).all()
    assert kept.table["hs"].str.fullmatch(r"\d{6}|\d{10}").all()
    assert not kept.table.duplicated(["month", "hs", "country"]).any()


OFFICIAL = (
    "기준년월,국가코드,HSK품목코드,수출입구분코드,수출입구분명,국가명,경제권명,수산물수출입품목명,"
    "당월수출입중량(킬로그램),당월수출입미화금액(달러),당해누계수출입중량(킬로그램),당해누계수출입미화금액(달러),데이터기준일자\n"
    "202404,RU,303670000,I,수입,러시아,기타,명태(냉동),20000,52000,80000,210000,2024-05-15\n"
    "202404,JP,1605100000,E,수출,일본,동아시아,게,0,0,50,900,2024-05-15\n"
    "202404,ZZ,0306170000,I,수입,기타국,기타,새우,10,100,10,100,2024-05-15\n"
    "202404,QQ,0306170000,I,수입,없는나라,기타,새우,10,100,10,100,2024-05-15\n"
    "202404,VN,0306170000,X,?,베트남,아세안,새우,10,100,10,100,2024-05-15\n"
    "202404,VN,0306170000,I,수입,베트남,아세안,새우,-10,100,10,100,2024-05-15\n"
)


@pytest.mark.parametrize("encoding", ["cp949", "utf-8"])
def test_the_official_trade_file_is_read_with_both_flows(encoding: str) -> None:
    """Nine digits regain the zero; a month without trade stays; the rest is refused by line."""
    found = trade.read(OFFICIAL.encode(encoding), today=TODAY)
    table = found.table
    assert table["hs"].tolist() == ["0303670000", "1605100000", "0306170000"]
    assert table["flow"].tolist() == ["I", "E", "I"]
    assert table["country"].tolist() == ["RU", "JP", "ZZ"]
    assert table["name"].tolist()[0] == "명태(냉동)"
    assert table["year_value_usd"].tolist() == [210000, 900, 100]
    refused = {r.line: r.field for r in found.report.remarks if r.refused}
    assert refused == {5: "country", 6: "flow", 7: "weight_kg"}
    assert (found.report.rows_repaired, found.report.rows_refused) == (1, 3)


def test_the_official_trade_file_is_a_series_of_its_imports() -> None:
    """Exports are refused there with that reason."""
    found = series.read(OFFICIAL.encode("cp949"), today=TODAY)
    assert found.table["hs"].tolist() == ["0303670000", "0306170000", "0306170000"]
    assert found.table["country"].tolist() == ["RU", "ZZ", "QQ"]
    assert any("export" in r.reason for r in found.report.remarks)


def test_a_plain_series_is_trade_of_imports() -> None:
    """The report says what was assumed."""
    found = trade.read((HEADER + GOOD).encode(), today=TODAY)
    assert found.table["flow"].tolist() == ["I"]
    assert any("taken as imports" in note for note in found.report.notes)


@pytest.mark.parametrize("reader", [series.read, trade.read])
def test_a_parquet_cell_that_no_value_can_be_made_of_is_one_clear_error(
    reader: Callable[[Path], series.SeriesRead], tmp_path: Path
) -> None:
    """A day in the year 2,900,000 has no date in Python, and so no text."""
    far = pa.array([2**30], pa.int32()).cast(pa.date32())
    columns = {"month": far, "hs": ["030367"], "country": ["RU"], "value_usd": [1.0], "weight_kg": [1.0]}
    pq.write_table(pa.table(columns), tmp_path / "far.parquet")
    with pytest.raises(UnreadableFile, match="a value cannot be read"):
        reader(tmp_path / "far.parquet")


@pytest.mark.eval_data
def test_the_real_us_panel_reads_whole(eval_data: Path) -> None:
    """Mapped as the command line maps it."""
    found = series.read(eval_data / "trade/us_seafood_imports.parquet", {"hs": "hs6"})
    assert (len(found.table), found.report.rows_refused) == (29_963, 0)
    assert found.table["hs"].str.len().eq(6).all()
    assert found.table["country"].iloc[0] == "CANADA"
