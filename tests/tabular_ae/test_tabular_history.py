"""Histories and inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tabular_ae.history import History, median_of
from tabular_ae.inputs import CHANNELS, prepare
from tabular_ae.rows import Rows, month_number, month_text

ToRows = Callable[[pd.DataFrame], Rows]


def rows(*lines: tuple[str, str, str, float, float, float]) -> Rows:
    """Rows from month, hs, country, value, weight, freight."""
    return Rows.of(
        pd.DataFrame(lines, columns=["month", "hs", "country", "value_usd", "weight_kg", "freight"])
    )


@pytest.mark.parametrize("text", ["2020-01", "2019-12", "1999-07"])
def test_months_survive_a_round_trip(text: str) -> None:
    """Text to number and back."""
    assert month_text(month_number(text)) == text


def test_rows_that_share_a_month_are_added_up() -> None:
    """Two lots of one month make one unit value."""
    history = History(
        rows(("2020-01", "0303670000", "VN", 10.0, 5.0, 1.0), ("2020-01", "0303670000", "VN", 30.0, 5.0, 3.0))
    )
    assert np.exp(history.unit[0, 0]) == pytest.approx(4.0)
    assert np.exp(history.freight[0, 0]) == pytest.approx(2.0)


def test_new_rows_take_the_place_of_known_ones() -> None:
    """A corrected month replaces, a new one joins."""
    old = rows(
        ("2020-01", "0303670000", "VN", 10.0, 5.0, np.nan), ("2020-02", "0303670000", "VN", 10.0, 5.0, np.nan)
    )
    new = rows(
        ("2020-02", "0303670000", "VN", 50.0, 5.0, np.nan), ("2020-04", "0303670000", "VN", 5.0, 5.0, np.nan)
    )
    joined = History(old).with_rows(new)
    np.testing.assert_allclose(np.exp(joined.unit[0]), [2.0, 10.0, np.nan, 1.0])


def test_a_ten_digit_line_finds_the_series_of_a_six_digit_panel() -> None:
    """A panel at HS6 serves HSK declarations; a heading is not an item."""
    history = History(
        rows(("2020-01", "030367", "VN", 10.0, 5.0, np.nan), ("2020-01", "0303", "JP", 1.0, 5.0, np.nan))
    )
    assert history.find("0303670000", "VN") == 0
    assert history.find("0303670000", "JP") == -1
    assert history.find("0303", "JP") == 1


def test_medians_pass_over_what_is_missing() -> None:
    """Odd, even and empty."""
    values = np.array([[3.0, np.nan, 1.0, 2.0], [4.0, 1.0, np.nan, np.nan], [np.nan] * 4])
    middle, count = median_of(values)
    np.testing.assert_allclose(middle, [2.0, 2.5, np.nan])
    assert count.tolist() == [3, 2, 0]


def test_the_rows_own_unit_value_is_hidden_from_the_network(
    panel_table: pd.DataFrame, toy_rows: ToRows
) -> None:
    """Ten times the value changes what is to be predicted, not what the network sees."""
    given = toy_rows(panel_table)
    history = History(given)
    last = given.take(given.month == given.month.max())
    dear = Rows(last.hs, last.country, last.month, last.value * 10.0, last.weight, last.freight)
    a, b = prepare(history, last, 12), prepare(history, dear, 12)
    assert a.x.shape == (len(last), 12, CHANNELS)
    np.testing.assert_array_equal(a.x, b.x)
    assert (b.unit[:, -1] > a.unit[:, -1]).all()


def test_a_long_series_speaks_for_itself_and_a_short_one_leans_on_its_item() -> None:
    """Partial pooling: twelve months outweigh the item, one month does not."""
    table = [(f"2020-{m:02d}", "0303670000", c, p * 10.0, 10.0, np.nan) for m in range(1, 13) for c, p in
             (("CN", 2.0), ("JP", 2.1), ("US", 1.9), ("VN", 6.0))]  # fmt: skip
    table.append(("2020-12", "0303670000", "NO", 60.0, 10.0, np.nan))
    history = History(rows(*table))
    asked = rows(
        ("2021-01", "0303670000", "VN", 1.0, 1.0, np.nan), ("2021-01", "0303670000", "NO", 1.0, 1.0, np.nan)
    )
    level = np.exp(prepare(history, asked, 12).level)
    assert level[0] == pytest.approx(6.0, rel=0.2)
    assert 1.9 < level[1] < level[0]
