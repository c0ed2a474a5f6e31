"""A price that fits another code better."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tabular_ae.history import History
from tabular_ae.other_codes import TOP, OtherCodesModel
from tabular_ae.rows import Rows, month_number

FIRST = month_number("2019-01")
# USD/kg of each code; the two of 0306 lie apart, as do crab and mackerel.
PRICES = {
    "030354": 2.0,
    "030363": 2.2,
    "030364": 2.1,
    "030614": 25.0,
    "030617": 9.0,
    "030743": 6.0,
    "030752": 7.0,
    "160521": 10.0,
}
COUNTRIES = ("CN", "JP", "VN")


def traded(months: int = 24, seed: int = 5) -> Rows:
    """Every code from every country in every month, 6 % about its price."""
    rng = np.random.default_rng(seed)
    keys = [(hs, c, FIRST + m) for hs in PRICES for c in COUNTRIES for m in range(months)]
    weight = np.exp(rng.normal(9.0, 1.0, size=len(keys)))
    price = np.array([PRICES[k[0]] for k in keys]) * np.exp(rng.normal(0.0, 0.06, size=len(keys)))
    return Rows(
        np.array([k[0] for k in keys], dtype=object),
        np.array([k[1] for k in keys], dtype=object),
        np.array([k[2] for k in keys], dtype=np.int64),
        price * weight,
        weight,
        np.full(len(keys), np.nan),
    )


def asked(*lines: tuple[str, str, float], month: int = FIRST + 24) -> Rows:
    """Rows of 5,000 kg from code, country and USD/kg."""
    return Rows(
        np.array([x[0] for x in lines], dtype=object),
        np.array([x[1] for x in lines], dtype=object),
        np.full(len(lines), month, dtype=np.int64),
        np.array([x[2] * 5e3 for x in lines]),
        np.full(len(lines), 5e3),
        np.full(len(lines), np.nan),
    )


@pytest.fixture(scope="module")
def history() -> History:
    return History(traded())


@pytest.fixture(scope="module")
def model(history: History) -> OtherCodesModel:
    found = OtherCodesModel.fit(history, history.rows)
    assert found is not None
    return found


def test_crab_at_the_price_of_prawns_fits_prawns_better(model: OtherCodesModel, history: History) -> None:
    """The other code of the heading comes first, with a probability; its usual price is named."""
    found = model.score(history, asked(("030614", "CN", 9.0)))
    assert found.score[0] > 4.0
    assert found.codes[0][0] == "030617"
    assert found.probability[0, 0] > 0.5 > 0.01 > found.declared[0]
    assert np.exp(found.nearest[0]) == pytest.approx(9.0, rel=0.1)
    assert np.exp(found.centre[0]) == pytest.approx(25.0, rel=0.1)


def test_an_ordinary_price_among_like_neighbours_is_not_odd(model: OtherCodesModel, history: History) -> None:
    """Three kinds of fish cost two dollars: none of them is each other's better fit."""
    found = model.score(
        history, asked(*((hs, c, PRICES[hs]) for hs in PRICES if hs[:2] == "03" for c in COUNTRIES))
    )
    assert found.score.max() < 1.0


def test_probabilities_are_of_other_codes_likeliest_first(model: OtherCodesModel, history: History) -> None:
    """They fall, stay within what the declared code leaves, and never name the goods themselves."""
    rows = asked(("030614", "CN", 9.0), ("0306140000", "JP", 9.0), ("0306", "VN", 9.0))
    found = model.score(history, rows)
    assert found.probability.shape == (3, TOP)
    assert (np.diff(found.probability, axis=1) <= 0).all()
    assert (found.probability.sum(axis=1) + found.declared <= 1.0 + 1e-9).all()
    assert all("030614" not in codes for codes in found.codes)
    assert all(not code.startswith("0306") for code in found.codes[2])


def test_a_ten_digit_line_is_read_as_the_panels_six_digits(model: OtherCodesModel, history: History) -> None:
    """The same answer as under the panel's own code."""
    long, short = (model.score(history, asked((hs, "CN", 9.0))) for hs in ("0306140000", "030614"))
    np.testing.assert_array_equal(long.score, short.score)
    assert long.codes == short.codes
    assert long.group == ("030614",)
    assert long.months[0] == 12


def test_a_new_code_or_country_backs_off_and_a_lone_code_is_silent(
    model: OtherCodesModel, history: History
) -> None:
    """The heading stands for a code never seen, all countries for a new one; 1605 has no other code in 16."""
    found = model.score(
        history,
        asked(("030799", "CN", 6.5), ("030614", "PE", 9.0), ("160521", "CN", 10.0), ("8703", "DE", 5.0)),
    )
    assert found.group == ("0307", "030614", "160521", "")
    assert found.months.tolist() == [0, 0, 12, 0]
    assert np.isfinite(found.score).tolist() == [True, True, False, False]
    assert found.codes[1][0] == "030617"
    assert found.score[1] > 1.0
    assert found.codes[2:] == ((), ())
    assert np.isnan(found.nearest[2:]).all()


def test_a_code_not_traded_for_a_year_is_no_alternative(model: OtherCodesModel) -> None:
    """Prawns that ceased to come fit nothing any more."""
    given = traded()
    kept = given.take((given.hs != "030617") | (given.month < FIRST + 10))
    found = model.score(History(kept), asked(("030614", "CN", 9.0)))
    assert "030617" not in found.codes[0]


def test_a_fit_rests_on_months_before_the_row(model: OtherCodesModel) -> None:
    """Prices of the month and after it move nothing."""
    given = traded()
    changed = dataclasses.replace(given, value=np.where(given.month >= FIRST + 18, 4.0, 1.0) * given.value)
    rows = asked(("030614", "CN", 9.0), ("030743", "VN", 5.0), month=FIRST + 18)
    before, after = (model.score(History(x), rows) for x in (given, changed))
    np.testing.assert_array_equal(before.score, after.score)
    np.testing.assert_array_equal(before.probability, after.probability)


def test_the_score_is_bounded_and_missing_prices_stay_missing(
    model: OtherCodesModel, history: History
) -> None:
    """However far off, the ratio is cut; a row without a value has none."""
    found = model.score(
        history, asked(("030354", "CN", 25.0), ("030354", "CN", np.nan), ("030354", "CN", 2.0))
    )
    assert found.score[0] <= 12.0
    assert found.score[2] >= -6.0
    assert np.isnan(found.score[1])
    assert found.codes[1] == ()


def test_rows_of_little_weight_are_allowed_to_scatter_more() -> None:
    """Noise that grows as weight falls is learned as such; the factors survive JSON."""
    given = traded(months=36)
    noise = np.random.default_rng(0).normal(size=len(given)) * np.where(given.weight < 5e3, 0.4, 0.02)
    noisy = dataclasses.replace(given, value=given.value * np.exp(noise))
    history = History(noisy)
    model = OtherCodesModel.fit(history, noisy)
    assert model is not None
    assert model.widths[0] > 1.5 * model.widths[-1]
    again = OtherCodesModel.restore(json.loads(json.dumps(model.facts())))
    np.testing.assert_array_equal(again.score(history, noisy).score, model.score(history, noisy).score)


def test_one_line_scatters_more_than_a_month(history: History, model: OtherCodesModel) -> None:
    """The noise of a consignment widens every code's spread: a line says less, whatever it weighs."""
    loose = dataclasses.replace(model, extra=0.5)
    rows = asked(("030614", "CN", 9.0))
    month, line = loose.score(history, rows), loose.score(history, rows, consignment=True)
    assert line.score[0] < month.score[0]
    assert line.scale[0] > 0.5
    light = dataclasses.replace(rows, value=rows.value / 100, weight=rows.weight / 100)
    np.testing.assert_array_equal(loose.score(history, light, consignment=True).score, line.score)


def test_a_batch_and_its_rows_alone_get_the_same_answer(model: OtherCodesModel, history: History) -> None:
    """What else is asked does not matter."""
    rows = history.rows.take(history.rows.month >= FIRST + 20)
    whole = model.score(history, rows)
    for i in range(0, len(rows), 7):
        alone = model.score(history, rows.take(np.array([i])))
        np.testing.assert_array_equal(alone.score, whole.score[[i]])
        assert alone.codes[0] == whole.codes[i]


@pytest.mark.eval_data
def test_swapped_prices_are_found_in_real_months(eval_data: Path) -> None:
    """US imports, learned to 2019-06: of rows at another code's usual price, most are in the top tenth."""
    from tabular_ae.data import read_panel
    from tabular_ae.plant import plant

    given = read_panel([eval_data / "trade" / "us_seafood_imports.parquet"], {"hs": "hs6"}).rows
    start = month_number("2019-07")
    learn, test = given.take(given.month < start), given.take(given.month >= start)
    model = OtherCodesModel.fit(History(learn), learn)
    assert model is not None
    planted = plant(test, 0)
    score = model.score(History(learn).with_rows(planted.rows), planted.rows).score
    swapped = np.array(["code at a" in kind for kind in planted.kind])
    assert swapped.sum() >= 20
    assert np.mean(score[swapped] > np.nanquantile(score, 0.9)) > 0.7
    assert np.nanmedian(score[~swapped]) < 0
