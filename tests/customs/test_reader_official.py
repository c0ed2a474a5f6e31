"""Freight, macro series, the HSK table, declarations and rulings, each in its published form."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from customs.errors import CustomsError, UnreadableFile
from customs.readers import declarations, freight, hsk, macro, rulings
from customs.readers.report import RepairReport

TODAY = dt.date(2025, 6, 30)


def refused(report: RepairReport) -> dict[int, str]:
    return {r.line: f"{r.field}: {r.reason}" for r in report.remarks if r.refused}


def test_freight_becomes_one_row_for_each_month_and_route_in_krw() -> None:
    """Thousand KRW become KRW; a gap and an unknown route are told."""
    data = "기간,미국서부,중국,남극\n"
    data += '2024-04,"2,065",712,1\n202405,1636,,1\n2024-06,1500000,700,1\n2024-05,1,1,1\n'
    found = freight.read(data.encode("cp949"), today=TODAY)
    assert found.table.to_dict("list") == {
        "month": ["2024-04", "2024-04", "2024-05"],
        "route": ["us_west", "cn", "us_west"],
        "krw_per_2teu": [2_065_000, 712_000, 1_636_000],
    }
    assert refused(found.report) == {
        4: "us_west: it is too high for thousand KRW per 2 TEU; it may be in KRW",
        5: "month: the row repeats an earlier one",
    }
    assert any("남극" in note for note in found.report.notes)
    assert any("중국" in note and "2024-05" in note for note in found.report.notes)


def test_a_file_without_any_route_is_no_freight_file() -> None:
    """The month alone is not enough."""
    with pytest.raises(UnreadableFile, match="lacks every route"):
        freight.read("기간,금액\n2024-04,1\n".encode())


def test_macro_series_keep_their_gaps_and_tell_them() -> None:
    """Missing values are NaN; missing months are named."""
    data = b"month,oil,krw\n2024-01,80,1300\n2024-02,,1310\n2024-03,-,1320\n2024-06,82,-5\n2024-07,x,1\n"
    found = macro.read(data, today=TODAY)
    assert found.table["month"].tolist() == ["2024-01", "2024-02", "2024-03", "2024-06"]
    assert found.table["oil"].isna().tolist() == [False, True, True, False]
    assert found.table["krw"].tolist()[-1] == -5
    assert found.report.notes[1:] == (
        "no row for 2024-04…2024-05",
        "oil has no value for 2 months: 2024-02…2024-03",
    )
    assert refused(found.report) == {6: "oil: it is not a number"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"month\n2024-01\n", "no column beside"),
        (b"month,a,a\n2024-01,1,2\n", "a header twice"),
        (b"month," + b"a" * 101 + b"\n2024-01,1\n", "101 characters"),
        (b"year,a\n2024,1\n", "lacks the column month"),
    ],
)
def test_a_macro_file_of_another_shape_is_one_clear_error(data: bytes, said: str) -> None:
    """No guess which column is meant."""
    with pytest.raises(UnreadableFile, match=said):
        macro.read(data)


def test_monthly_figures_that_carry_the_routes_are_a_freight_file_too() -> None:
    """The same rows from either heading; what is no route is told; gaps are one note a route."""
    published = freight.read("기간,중국,일본\n2024-01,700,800\n2024-02,,810\n".encode(), today=TODAY)
    monthly = b"month,sea_in_cn,oil,sea_in_jp\n2023-12,,1,\n2024-01,700,2,800\n2024-02,,3,810\n"
    found = freight.read(monthly, today=TODAY)
    pd.testing.assert_frame_equal(found.table, published.table)
    assert "중국 has no figure for 2 months: 2023-12, 2024-02" in found.report.notes
    assert "일본 has no figure for 2023-12" in found.report.notes
    assert any("'oil' is no known route" in note for note in found.report.notes)


@pytest.mark.parametrize(
    "header",
    [
        "년월,두바이유(달러/배럴),원/미국달러(매매기준율),소비자물가지수,생산자물가지수,금",
        "month,dubai_usd_bbl,krw_per_usd,cpi_headline_2015,ppi_total_2020,금",
        "month,Dubai,USD_KRW,CPI,PPI,금",
    ],
)
def test_figures_have_one_name_whatever_the_heading(header: str) -> None:
    """Korean and English headings alike; an unknown figure keeps its own."""
    found = macro.canonical(
        macro.read(f"{header}\n2024-01,80,1300,110,120,2000\n".encode("cp949"), today=TODAY)
    )
    assert found.table.to_dict("records") == [
        {"month": "2024-01", "dubai_usd_bbl": 80, "krw_per_usd": 1300, "cpi": 110, "ppi": 120, "금": 2000}
    ]


def test_the_core_index_carries_consumer_prices_on_where_the_headline_stops() -> None:
    """At the headline's level in the last common month; gaps before its end stay gaps; the notes say so."""
    rows = "2023-09,100,50\n2023-10,,51\n2023-11,102,52\n2023-12,,53\n2024-01,,\n2024-02,,54\n"
    data = "month,cpi_headline_2015,cpi_core_exagri_oil_2020\n" + rows
    found = macro.canonical(macro.read(data.encode(), today=TODAY))
    level = 102 / 52
    assert found.table["cpi"].fillna(-1).tolist() == pytest.approx([100, -1, 102, 53 * level, -1, 54 * level])
    assert found.table["cpi_core_exagri_oil_2020"].notna().sum() == 5
    assert found.report.notes[-1] == (
        "cpi has no headline after 2023-11; 2 months follow cpi_core_exagri_oil_2020, "
        "set to the level of 2023-11"
    )


@pytest.mark.parametrize(
    ("data", "cpi", "said"),
    [
        ("month,cpi_core\n2024-01,5\n", [5], "the file has no headline"),
        ("month,cpi,cpi_core\n2024-01,,5\n", [5], "the file has no headline"),
        ("month,cpi,cpi_core\n2024-01,3,\n2024-02,,5\n", [3, None], "no month in common"),
        ("month,cpi,cpi_core\n2024-01,3,4\n2024-02,4,5\n", [3, 4], None),
    ],
)
def test_consumer_prices_are_never_made_of_two_levels(data: str, cpi: list, said: str | None) -> None:
    """No headline: the core index itself. Nothing in common: the gap stays."""
    found = macro.canonical(macro.read(data.encode(), today=TODAY))
    assert [None if v != v else v for v in found.table["cpi"]] == cpi
    told = [note for note in found.report.notes if "headline" in note or "in common" in note]
    assert len(told) == (said is not None)
    assert all(str(said) in note for note in told)
    assert len(set(found.table.columns)) == len(found.table.columns)


HSK = (
    "HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명,수량단위코드,중량단위코드\n"
    "030367000,20220101,20251231,명태 무리,Pollack group,,\n"
    "0303670000,20220101,20251231,명태,Alaska Pollack,,KG\n"
    '0303671000,2022-01-01,2025-12-31,"새 ""명태""\n둘",,U,KG\n'
)


def test_the_hsk_table_keeps_all_levels_as_digits() -> None:
    """A nine-digit group stays nine digits; names may miss in English; newlines stay."""
    found = hsk.read(HSK.encode("cp949"))
    table = found.table
    assert table["digits"].tolist() == ["030367000", "0303670000", "0303671000"]
    assert table["level"].tolist() == [9, 10, 10]
    assert table["valid_to"].tolist() == [dt.date(2025, 12, 31)] * 3
    assert table["name_ko"].tolist()[2] == '새 "명태"\n둘'
    assert table["quantity_unit"].tolist() == [None, None, "U"]
    assert found.report.rows_refused == 0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("101211000,20130101,20251231,말,Horses,U,KG", "digits: a group without codes below it"),
        ("01012110001,20130101,20251231,말,Horses,U,KG", "digits: the code has 11 digits"),
        ("0101.21,20130101,20251231,말,Horses,U,KG", "digits: the code is not made of digits"),
        ("0001211000,20130101,20251231,말,Horses,U,KG", "digits: chapter 00"),
        ("0101211000,20130230,20251231,말,Horses,U,KG", "valid_from: there is no such day"),
        ("0101211000,20130101,,말,Horses,U,KG", "valid_to: it is not a date"),
        ("0101211000,19000101,20251231,말,Horses,U,KG", "valid_from: it lies before"),
        ("0101211000,20130101,20251231,말,Horses,12345678901234567,KG", "quantity_unit: a unit has"),
        ("0101211000,20260101,20251231,말,Horses,U,KG", "valid_to: it lies before"),
        ("0101211000,20130101,20251231,,Horses,U,KG", "name_ko: it is empty"),
        ("0303670000,20220101,20251231,명태,Alaska Pollack,,KG", "digits: the row repeats"),
    ],
)
def test_a_row_of_the_hsk_table_that_cannot_be_is_refused(row: str, reason: str) -> None:
    """With the line on which it begins, after a name that spans two."""
    found = hsk.read((HSK + row + "\n").encode())
    assert list(refused(found.report)) == [6]
    assert refused(found.report)[6].startswith(reason)
    assert len(found.table) == 3


KCS = (
    "Declaration ID,Date,Office ID,Process Type,Import Type,Import Use,Payment Type,Mode of Transport,"
    "Declarant ID,Importer ID,Seller ID,Courier ID,HS6 Code,Country of Departure,Country of Origin,Tax Rate,"
    "Tax Type,Country of Origin Indicator,Net Mass,Item Price,Fraud,Critical Fraud\n"
)
ROW = "1,2024-04-30,30,B,11,21,11,10,D1,I1,,,030367,NA,RU,8.0,A,G,108.5,372254.40,1,2"


def test_declarations_are_read_in_the_published_columns() -> None:
    """NA is Namibia, money is exact, the code of transport has its meaning, labels are whole numbers."""
    row = declarations.read((KCS + ROW + "\n").encode(), today=TODAY).table.iloc[0]
    assert (row["departure"], row["origin"], row["mode"]) == ("NA", "RU", "sea")
    assert (row["value"], row["currency"]) == (Decimal("372254.40"), "KRW")
    assert (row["fraud"], row["critical_fraud"], row["hs"]) == (1, 2, "030367")
    assert row["seller"] is None
    assert row["date"] == dt.date(2024, 4, 30)


@pytest.mark.parametrize("change", [str.lower, str.upper, lambda s: s.replace(" ", "_")])
def test_headers_may_be_in_any_case(change: object) -> None:
    """declaration_id, DECLARATION ID."""
    found = declarations.read((change(KCS) + ROW + "\n").encode(), today=TODAY)  # type: ignore[operator]
    assert found.table["declaration_id"].tolist() == ["1"]
    assert found.table["fraud"].tolist() == [1]


def test_declarations_need_no_labels() -> None:
    """New declarations have none."""
    data = KCS.replace(",Fraud,Critical Fraud", "") + ROW.removesuffix(",1,2") + "\n"
    assert declarations.read(data.encode(), today=TODAY).table["fraud"].isna().tolist() == [True]


def test_the_korean_headers_are_known_and_a_ten_digit_code_regains_its_zero() -> None:
    """The Korean edition of the same file holds ten digits as numbers."""
    data = "신고번호,신고일자,수입자부호,HS10단위부호,원산지국가코드,신고중량(KG),과세가격원화금액\n"
    data += "7,2024-04-30,I1,303670000,RU,5,6\n"
    found = declarations.read(data.encode("cp949"), today=TODAY)
    assert found.table["hs"].tolist() == ["0303670000"]
    assert found.report.rows_repaired == 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("030367", "30367", "hs: the code has 5 digits"),
        ("108.5", "-108.5", "net_kg: it is negative"),
        ("372254.40", "", "value: a number is missing"),
        (",RU,", ",QQ,", "origin: it is not an ISO"),
        (",10,D1", ",15,D1", "mode: it is not a means of transport"),
        ("2024-04-30", "2024-02-30", "date: there is no such day"),
        ("2024-04-30", "2025-07-01", "date: it lies in the future"),
        (",1,2", ",3,2", "fraud: it is not a label"),
        ("1,2024", ",2024", "declaration_id: it is empty"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(old: str, new: str, reason: str) -> None:
    """Field, line and reason."""
    good = ROW.replace("1,2024", "9,2024", 1)
    data = KCS + good + "\n" + ROW.replace(old, new, 1) + "\n"
    found = declarations.read(data.encode(), today=TODAY)
    assert refused(found.report)[3].startswith(reason)
    assert found.table["declaration_id"].tolist() == ["9"]


def test_zz_is_no_country_in_particular() -> None:
    """Customs files use it; the row stays and the report tells."""
    found = declarations.read((KCS + ROW.replace(",RU,", ",ZZ,") + "\n").encode(), today=TODAY)
    assert found.table["origin"].tolist() == [None]
    assert found.report.rows_repaired == 1


def declaration(**changes: object) -> dict[str, object]:
    line = {"hsk": "0303670000", "name": "냉동 명태", "net_kg": 24000, "value": "31200.10 USD"}
    return {
        "id": "D1",
        "date": "2025-03-02",
        "origin": "RU",
        "importer": "가나수산",
        "lines": [line, line],
        **changes,
    }


@pytest.mark.parametrize(
    ("written", "read"), [("SG HK", "SG HK"), ("sg;hk", "SG HK"), ("SG > ZZ", "SG"), ("", None), ("ZZ", None)]
)
def test_countries_of_transit_are_read_in_order(written: str, read: str | None) -> None:
    """However they are set apart; ZZ is no country."""
    data = KCS.replace("Fraud,", "Countries of Transit,Fraud,", 1) + ROW.replace(",1,2", f",{written},1,2")
    assert declarations.read(data.encode(), today=TODAY).table["transit"].tolist() == [read]


def test_a_country_of_transit_that_is_none_is_refused() -> None:
    """With the row."""
    good = ROW.replace(",1,2", ",SG,1,2")
    bad = ROW.replace("1,2024", "2,2024", 1).replace(",1,2", ",Atlantis,1,2")
    data = KCS.replace("Fraud,", "Countries of Transit,Fraud,", 1) + good + "\n" + bad
    found = declarations.read(data.encode(), today=TODAY)
    assert refused(found.report)[3].startswith("transit: ")
    assert found.table["declaration_id"].tolist() == ["1"]


def test_declarations_as_json_lines_give_a_row_for_each_line() -> None:
    """The report counts the file's lines: good, broken, wrong, future, repeated."""
    written = [
        json.dumps(declaration(), ensure_ascii=False),
        "",
        "{broken",
        json.dumps(declaration(id="D2", origin="QQ")),
        json.dumps(declaration(id="D3", date="2026-01-01")),
        json.dumps(declaration()),
    ]
    found = declarations.read("\n".join(written).encode(), today=TODAY)
    assert found.table[["declaration_id", "line"]].values.tolist() == [["D1", 1], ["D1", 2]]
    assert found.table["value"].tolist()[0] == Decimal("31200.10")
    assert found.table["currency"].tolist()[0] == "USD"
    assert list(refused(found.report)) == [3, 4, 5, 6]
    assert (found.report.rows_read, found.report.rows_refused) == (5, 4)


def test_both_forms_of_declarations_give_the_same_columns() -> None:
    """What follows need not know where they came from."""
    table = declarations.read((KCS + ROW + "\n").encode(), today=TODAY).table
    lines = declarations.read(json.dumps(declaration()).encode(), today=TODAY).table
    assert list(table.columns) == list(lines.columns)
    assert table.dtypes["net_kg"] == lines.dtypes["net_kg"]


def test_rulings_are_read_from_csv_and_from_json_lines() -> None:
    """The same columns from either; the pretty form of a code is read."""
    csv = rulings.read(
        'hsk,name,description\n303670000,냉동 명태,"통째로,\n냉동"\n0303670000,,\nx,y,z\n'.encode()
    )
    assert csv.table[["hs", "name", "description"]].values.tolist() == [
        ["0303670000", "냉동 명태", "통째로,\n냉동"]
    ]
    assert refused(csv.report) == {
        4: "name: neither name nor description is given",
        5: "hs: it is not an HS code",
    }
    lines = [
        {
            "hs_code": "3917.32-9000",
            "product_name": "Tube",
            "decision_date": "2024-11-29",
            "reference_id": "4-8132",
        },
        {"hs_code": "3917.32-9000", "product_name": ["a", "b"]},
        [1],
        {"hs_code": "0303", "name": "\ud800"},
        {"hs_code": "0303", "name": "a\x00b"},
    ]
    found = rulings.read("\n".join(json.dumps(line) for line in lines).encode())
    assert found.table["hs"].tolist() == ["3917329000"] * 2
    assert found.table["name"].tolist() == ["Tube", "a, b"]
    assert found.table["date"].tolist()[0] == dt.date(2024, 11, 29)
    assert refused(found.report) == {
        3: "row: the line is JSON, but no object",
        4: "row: a text holds half a character",
        5: "row: a text holds a NUL character",
    }


@pytest.mark.parametrize("reader", [declarations.read, rulings.read])
@pytest.mark.parametrize("data", [b"{", b"{}\n", b"{" * 100_000, b'{"a": 1}\n\xff\xfe', b"{\x00}"])
def test_hostile_json_lines_are_refused_without_a_traceback(reader: object, data: bytes) -> None:
    """Whole or by line."""
    try:
        found = reader(data)  # type: ignore[operator]
    except CustomsError:
        return
    assert found.report.rows_refused == found.report.rows_read > 0


def test_the_report_shows_refusals_first_and_counts_the_rest() -> None:
    """A wholly broken file prints twenty examples, not all."""
    data = KCS + ROW.replace(",RU,", ",ZZ,") + "\n" + "".join(f"{i},bad\n" for i in range(50))
    report = declarations.read(data.encode(), today=TODAY).report
    text = str(report)
    assert "51 rows read, 1 repaired, 50 refused" in text
    assert text.count("refused line") == 20
    assert "… and 31 more" in text
    assert json.loads(json.dumps(report.as_dict()))["refused"] == 50


@pytest.mark.eval_data
def test_the_real_hsk_table_reads_whole(eval_data: Path) -> None:
    """All levels, all codes."""
    found = hsk.read(eval_data / "nomenclature/kcs_hsk_2025.csv")
    assert (len(found.table), found.report.rows_refused) == (12_467, 0)
    assert found.table["level"].value_counts().to_dict() == {10: 11_327, 8: 918, 9: 170, 7: 52}


@pytest.mark.eval_data
def test_the_real_freight_and_macro_files_read_whole(eval_data: Path) -> None:
    """66 months of six routes; 137 months with known gaps."""
    found = freight.read(eval_data / "trade/kcs_sea_freight_thousand_krw_per_2teu.csv")
    assert (len(found.table), found.report.rows_refused) == (66 * 6, 0)
    series = macro.read(eval_data / "trade/macro_monthly.csv")
    assert (len(series.table), series.report.rows_refused) == (137, 0)
    assert any(
        note.startswith("cpi_headline_2015 has no value for 29 months") for note in series.report.notes
    )


@pytest.mark.eval_data
@pytest.mark.parametrize(
    ("file", "rows", "repaired", "fraud"),
    [("kcs_train.csv", 37_385, 27, 8_114), ("kcs_valid.csv", 8_134, 12, 1_704)],
)
def test_the_real_declarations_read_whole(
    eval_data: Path, file: str, rows: int, repaired: int, fraud: int
) -> None:
    """Nothing is changed, and rows without a country in particular stay."""
    found = declarations.read(eval_data / "declarations" / file)
    assert (len(found.table), found.report.rows_refused, found.report.rows_repaired) == (rows, 0, repaired)
    assert found.table["fraud"].sum() == fraud
    raw = pd.read_csv(eval_data / "declarations" / file, dtype=str, keep_default_na=False)
    assert found.table["origin"].fillna("ZZ").tolist() == raw["Country of Origin"].tolist()
    assert found.table["value"].map(float).tolist() == raw["Item Price"].map(float).tolist()
    assert found.table["mode"].notna().all()


@pytest.mark.eval_data
@pytest.mark.parametrize(
    ("file", "rows", "out"),
    [("clip_names.csv", 36_644, 0), ("kcs_rulings_2024.jsonl", 392, 0), ("eu_bti_2025.jsonl", 501, 32)],
)
def test_the_real_rulings_read_whole(eval_data: Path, file: str, rows: int, out: int) -> None:
    """Of the European ones those with national additions to the code are refused."""
    found = rulings.read(eval_data / "hs" / file)
    assert (found.report.rows_read, found.report.rows_refused) == (rows, out)
    assert len(found.table) == rows - out
