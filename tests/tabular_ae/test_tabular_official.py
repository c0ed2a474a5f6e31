"""The official files brought into one panel: each step on a table small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from customs.errors import InvalidConfig
from tabular_ae import official
from tabular_ae.countries import EU_MEMBERS, code_of, group_of
from tabular_ae.macro import Macro
from tabular_ae.routes import KG_PER_2TEU, krw_per_kg, mean_of_coasts

NAN = float("nan")


def table(*rows: tuple, columns: str = "month hs country value_usd weight_kg") -> pd.DataFrame:
    """Rows of a small panel."""
    return pd.DataFrame(list(rows), columns=columns.split())


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("VN", "VN"),
        ("vnm", "VN"),
        ("VIETNAM", "VN"),
        ("베트남", "VN"),
        ("CHINA", "CN"),
        ("중국", "CN"),
        ("KOREA SOUTH", "KR"),
        ("대한민국", "KR"),
        ("러시아 연방", "RU"),
        ("BURMA", "MM"),
        ("COTE D'IVOIRE", "CI"),
        ("CONGO (KINSHASA)", "CD"),
        ("FALKLAND ISLANDS (ISLAS MALVINAS)", "FK"),
        ("ST VINCENT AND THE GRENADINES", "VC"),
        ("CZECH REPUBLIC", "CZ"),
        ("EL", "GR"),
        ("UK", "GB"),
        ("유럽연합", "EU"),
        ("NA", "NA"),
        ("ZZ", None),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_a_country_is_known_by_each_of_its_names(label: str, code: str | None) -> None:
    """ISO, English, Korean, Census; what is none stays unknown."""
    assert code_of(label) == code


@pytest.mark.parametrize(
    ("code", "month", "group"),
    [
        ("DE", "1999-01", "EU"),
        ("GB", "2020-01", "EU"),
        ("GB", "2020-02", None),
        ("HR", "2013-06", None),
        ("HR", "2013-07", "EU"),
        ("PL", "2004-04", None),
        ("PL", "2004-05", "EU"),
        ("NO", "2020-01", None),
        (None, "2020-01", None),
    ],
)
def test_membership_is_that_of_the_month(code: str | None, month: str, group: str | None) -> None:
    """The United Kingdom left with January 2020, Croatia joined in July 2013."""
    assert group_of(code, month) == group


def test_the_union_has_its_twenty_seven_members_today() -> None:
    """And every one is a country."""
    assert sum(group_of(code, "2025-01") == "EU" for code in EU_MEMBERS) == 27
    assert all(code_of(code) == code for code in EU_MEMBERS)


def test_members_are_added_by_month_and_item_and_their_freight_weighted_by_kg() -> None:
    """Two countries become one; a leaver, another item and other countries stay by themselves."""
    columns = "month hs country value_usd weight_kg freight_krw_per_kg"
    before = table(
        ("2020-01", "030367", "SPAIN", 10.0, 1.0, 100.0),
        ("2020-01", "030367", "VN", 5.0, 5.0, 20.0),
        ("2020-01", "030367", "UNITED KINGDOM", 30.0, 3.0, 200.0),
        ("2020-01", "030617", "독일", 7.0, 2.0, NAN),
        ("2020-02", "030367", "ES", 8.0, 2.0, NAN),
        ("2020-02", "030367", "FR", 4.0, 6.0, 50.0),
        ("2020-02", "030367", "UNITED KINGDOM", 9.0, 9.0, 90.0),
        columns=columns,
    )
    copy = before.copy()
    after, step = official.merge_members(before)
    want = table(
        ("2020-01", "030367", "EU", 40.0, 4.0, 175.0),
        ("2020-01", "030367", "VN", 5.0, 5.0, 20.0),
        ("2020-01", "030617", "EU", 7.0, 2.0, NAN),
        ("2020-02", "030367", "EU", 12.0, 8.0, 50.0),
        ("2020-02", "030367", "UNITED KINGDOM", 9.0, 9.0, 90.0),
        columns=columns,
    )
    pd.testing.assert_frame_equal(after, want, check_dtype=False)
    pd.testing.assert_frame_equal(before, copy)
    assert (step.rows_in, step.rows_out) == (7, 5)
    assert "5 rows of DE, ES, FR, GB are EU" in step.said
    assert any(said.startswith("2 rows were added") for said in step.said)


def test_any_group_can_be_merged_and_nothing_is_lost() -> None:
    """Totals before and after are the same; the group of one's own choice needs no dates."""
    rng = np.random.default_rng(0)
    rows = [
        (f"2021-{m:02d}", hs, c, rng.uniform(1, 9), rng.uniform(1, 9))
        for m in range(1, 7)
        for hs in ("030367", "030617")
        for c in ("TH", "VN", "ID", "US")
    ]
    before = table(*rows)
    after, _ = official.merge_members(before, {"ASEAN": ["TH", "VN", "ID"]})
    assert sorted(after["country"].unique()) == ["ASEAN", "US"]
    assert len(after) == 24
    for column in ("value_usd", "weight_kg"):
        assert after[column].sum() == pytest.approx(before[column].sum())
    assert "EU has no member in the table" in official.merge_members(before)[1].said


def test_exports_and_months_without_trade_are_dropped_and_counted() -> None:
    """A table that does not tell flows holds imports."""
    columns = "month hs country value_usd weight_kg flow"
    before = table(
        ("2020-01", "030367", "VN", 1.0, 1.0, "I"),
        ("2020-01", "030367", "VN", 1.0, 1.0, "E"),
        ("2020-02", "030367", "VN", 0.0, 0.0, "수입"),
        ("2020-03", "030367", "VN", 1.0, 1.0, "?"),
        columns=columns,
    )
    imports, step = official.imports_only(before)
    assert imports["month"].tolist() == ["2020-01", "2020-02"]
    assert step.said == ("1 exports were dropped", "1 rows of no flow were dropped")
    traded, step = official.traded_only(imports)
    assert traded["month"].tolist() == ["2020-01"]
    assert step.said == ("1 rows without value or weight were dropped",)
    assert len(official.imports_only(imports)[0]) == 2


def test_nine_digits_regain_their_zero_and_no_others() -> None:
    """Six digits are a code of their own; nine that make no code stay."""
    before = pd.DataFrame({"hs": ["303670000", "0303670000", "030367", "012345678"]})
    after, step = official.restore_zeros(before)
    assert after["hs"].tolist() == ["0303670000", "0303670000", "030367", "012345678"]
    assert step.said == ("the leading zero of 1 codes was restored",)


def test_two_labels_of_one_country_become_one_row() -> None:
    """Their values add up, and unknown labels are named."""
    before = table(
        ("2020-01", "030367", "VIETNAM", 1.0, 2.0),
        ("2020-01", "030367", "베트남", 3.0, 4.0),
        ("2020-01", "030367", "Atlantis", 5.0, 6.0),
    )
    after, step = official.coded_countries(before)
    assert after.to_numpy().tolist() == [
        ["2020-01", "030367", "VN", 4.0, 6.0],
        ["2020-01", "030367", "Atlantis", 5.0, 6.0],
    ]
    assert any("Atlantis" in said for said in step.said)


def test_partners_are_kept_by_any_name_and_a_group_with_its_members() -> None:
    """A partner without rows is said; none at all is an error that lists what there is."""
    before = table(
        ("2020-01", "030367", "SPAIN", 1.0, 1.0),
        ("2020-03", "030367", "UNITED KINGDOM", 1.0, 1.0),
        ("2020-01", "030367", "EU", 1.0, 1.0),
        ("2020-01", "030367", "CHINA", 1.0, 1.0),
    )
    after, step = official.keep_partners(before, ["중국", "EU", "US"])
    assert after["country"].tolist() == ["SPAIN", "EU", "CHINA"]
    assert step.said == ("1 rows of 1 other countries were dropped", "US has no row")
    with pytest.raises(InvalidConfig, match=r"no row is of KR.*CN, ES, EU, GB"):
        official.keep_partners(before, ["KR"])


def test_the_us_route_is_the_mean_of_its_coasts_in_krw_per_kg() -> None:
    """A month with one coast has no figure; the unit is that of a loaded forty-foot container."""
    routes = pd.DataFrame(
        [
            ("2020-01", "us_west", 2_000_000),
            ("2020-01", "us_east", 3_000_000),
            ("2020-02", "us_west", 9_000_000),
            ("2020-01", "eu", 1_000_000),
            ("2020-01", "vn", 500_000),
        ],
        columns=["month", "route", "krw_per_2teu"],
    )
    countries, step = mean_of_coasts(routes)
    rates = krw_per_kg(countries)
    assert rates.to_numpy().tolist() == [
        ["2020-01", "US", 2_500_000 / KG_PER_2TEU],
        ["2020-01", "EU", 1_000_000 / KG_PER_2TEU],
        ["2020-01", "VN", 500_000 / KG_PER_2TEU],
    ]
    assert "1 months with one coast alone were dropped" in step.said
    assert 20_000 <= KG_PER_2TEU <= 30_480 - 3_600  # gross limit of ISO 668 less the lightest box


RATES = pd.DataFrame(
    {
        "month": ["2020-01"] * 3 + ["2020-02"],
        "country": ["CN", "EU", "VN", "EU"],
        "krw_per_kg": [10.0, 20, 30, 40],
    }
)


def test_freight_is_joined_by_month_and_route_and_own_freight_stays() -> None:
    """Members take their group's route while they are members; no neighbour month fills a gap."""
    before = table(
        ("2020-01", "030367", "CHINA", 1.0, 1.0, NAN),
        ("2020-01", "030367", "SPAIN", 1.0, 1.0, NAN),
        ("2020-02", "030367", "CHINA", 1.0, 1.0, NAN),
        ("2020-02", "030367", "UNITED KINGDOM", 1.0, 1.0, NAN),
        ("2020-01", "030367", "UNITED KINGDOM", 1.0, 1.0, NAN),
        ("2020-01", "030367", "베트남", 1.0, 1.0, 77.0),
        ("2020-01", "030367", "CHILE", 1.0, 1.0, NAN),
        columns="month hs country value_usd weight_kg freight_krw_per_kg",
    )
    after, step = official.join_freight(before, RATES)
    assert after["freight_krw_per_kg"].fillna(-1).tolist() == [10, 20, -1, -1, 20, 77, -1]
    assert step.said == (
        "3 rows got their route's freight",
        "1 rows have freight of their own",
        "2 rows are of countries without a route",
        "1 rows are of months without a figure for their route",
    )


def test_macro_figures_are_those_of_the_month_and_gaps_stay() -> None:
    """Nothing is carried forward; a figure with the name of a column is refused."""
    before = table(("2020-02", "030367", "VN", 1.0, 1.0), ("2020-03", "030367", "VN", 1.0, 1.0))
    figures = pd.DataFrame({"month": ["2020-01", "2020-02"], "oil": [1.0, 2.0]})
    after, step = official.join_macro(before, figures)
    assert after["oil"].fillna(-1).tolist() == [2.0, -1.0]
    assert "oil has none for 1 rows" in step.said
    with pytest.raises(InvalidConfig, match="already has a column 'weight_kg'"):
        official.join_macro(before, figures.rename(columns={"oil": "weight_kg"}))


def test_any_countrys_table_can_be_mapped() -> None:
    """Ours to theirs; what is missing is named together with what there is."""
    theirs = pd.DataFrame(
        {"ym": ["2020-01"], "hs": ["030367"], "country": ["VN"], "usd": [1], "weight_kg": [1]}
    )
    ours = official.renamed(theirs, {"month": "ym", "value_usd": "usd"})
    assert set(official.NEEDED) <= set(ours.columns)
    with pytest.raises(InvalidConfig, match=r"lacks month.*the table has ym, hs"):
        official.renamed(theirs, {"value_usd": "usd"})


def test_the_earlier_macro_file_stands_where_two_know_a_month() -> None:
    """The other fills what it does not know."""
    a = Macro.from_columns({"month": [10, 11], "oil": [1.0, NAN]})
    b = Macro.from_columns({"month": [11, 13], "oil": [5.0, 6.0], "cpi": [7.0, 8.0]})
    merged = Macro.merge([a, b])
    assert merged.known("oil") == {10: 1.0, 11: 5.0, 13: 6.0}
    assert merged.known("cpi") == {11: 7.0, 13: 8.0}
    assert merged.known("gold") == {}
