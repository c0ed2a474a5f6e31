"""More than usually comes in a month."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tabular_ae.history import History
from tabular_ae.rows import Rows, month_number
from tabular_ae.volume import VolumeModel

FIRST = month_number("2019-01")
ITEMS = ("030364", "030617", "030743", "160521")
COUNTRIES = ("CN", "JP", "US", "VN", "NO")


def arrived(months: int = 40, *, season: float = 0.0, seed: int = 3) -> Rows:
    """Twenty series with sizes and noise of their own, by season; those from NO have gaps."""
    rng = np.random.default_rng(seed)
    keys, weight, when = [], [], []
    for i, hs in enumerate(ITEMS):
        for country in COUNTRIES:
            size, noise = rng.uniform(7.0, 11.0), 1.0 if country == "NO" else 0.25
            for m in range(months):
                if country == "NO" and rng.random() < 0.5:
                    continue
                wave = season * np.cos(2 * np.pi * m / 12) * (1 if i < 2 else -1)
                keys.append((hs, country))
                when.append(FIRST + m)
                weight.append(np.exp(size + wave + rng.normal(0.0, noise)))
    kilograms = np.array(weight)
    return Rows(
        np.array([k[0] for k in keys], dtype=object),
        np.array([k[1] for k in keys], dtype=object),
        np.array(when, dtype=np.int64),
        5.0 * kilograms,
        kilograms,
        np.full(len(keys), np.nan),
    )


def fitted(given: Rows) -> VolumeModel:
    model = VolumeModel.fit(History(given), given)
    assert model is not None
    return model


def of(given: Rows, hs: str, country: str, month: int, weight: float) -> Rows:
    """One row that asks about a weight."""
    one = given.take(np.array([0]))
    return dataclasses.replace(
        one,
        hs=np.array([hs], dtype=object),
        country=np.array([country], dtype=object),
        month=np.array([month], dtype=np.int64),
        weight=np.array([weight]),
    )


def test_five_times_the_usual_is_a_surge_and_a_fifth_is_not() -> None:
    """High counts, low never does."""
    given = arrived()
    model, history = fitted(given), History(given)
    last = given.take((given.month == FIRST + 39) & (given.country != "NO"))
    clean, surge, lull = (
        model.score(history, dataclasses.replace(last, weight=last.weight * f)).score for f in (1, 5, 0.2)
    )
    assert surge.min() > 3.0
    assert lull.max() < clean.min() < surge.min()
    assert lull.max() < 0


def test_a_series_that_comes_and_goes_has_a_wide_scale() -> None:
    """The same factor says less of it."""
    given = arrived()
    found = fitted(given).score(History(given), given.take(given.month > FIRST + 20))
    irregular = given.country[given.month > FIRST + 20] == "NO"
    assert np.median(found.scale[irregular]) > 2 * np.median(found.scale[~irregular])


def test_a_season_that_repeats_is_no_surge() -> None:
    """With three years to learn from, the high month is expected to be high."""
    given = arrived(season=0.8)
    model, history = fitted(given), History(given)
    high, low = (
        model.score(
            history, given.take((given.hs == ITEMS[0]) & (given.country == "CN") & (given.month == m))
        )
        for m in (FIRST + 36, FIRST + 30)
    )
    assert high.centre[0] - low.centre[0] > 0.9
    assert high.score[0] < 2.0


def test_a_line_is_compared_with_the_largest_usual_month() -> None:
    """Part of a month is nothing, twice the largest month is a surge; a month's own scale is narrower."""
    given = arrived()
    model, history = fitted(given), History(given)
    mine = (given.hs == ITEMS[0]) & (given.country == "CN") & (given.month >= FIRST + 28)
    largest, middle = given.weight[mine].max(), float(np.median(given.weight[mine]))
    asked = [
        of(given, "0303640000", "CN", FIRST + 40, w) for w in (middle / 20, middle, 2 * largest, 5 * largest)
    ]
    lines = [model.score(history, row, consignment=True) for row in asked]
    scores = [float(found.score[0]) for found in lines]
    assert scores[0] < scores[1] < 0 < scores[2] < scores[3]
    assert np.exp(lines[0].centre[0]) <= largest * 1.0001
    assert model.score(history, asked[2]).score[0] > scores[2]


def test_a_new_series_leans_on_its_item_and_says_so() -> None:
    """Wide, named, and silent where nothing at all is known."""
    given = arrived()
    model, history = fitted(given), History(given)
    new, known, lost = (
        model.score(history, of(given, hs, country, FIRST + 40, 2e4))
        for hs, country in ((ITEMS[0], "PE"), (ITEMS[0], "CN"), ("870323", "DE"))
    )
    assert (new.group, new.months[0], known.group, known.months[0]) == ((ITEMS[0],), 0, ("",), 12)
    assert new.scale[0] > 2 * known.scale[0]
    assert np.isnan(lost.score[0])
    heading = model.score(history, of(given, "030699", "CN", FIRST + 40, 2e4))
    assert heading.group == ("0306",)


def test_a_volume_rests_on_months_before_it() -> None:
    """Neither its own weight nor anything later moves what is expected; others' months of then may."""
    given = arrived()
    model = fitted(given)
    now = (given.month == FIRST + 30) & (given.country == "CN")
    later = given.month > FIRST + 30
    changed = dataclasses.replace(given, weight=np.where(now | later, 9.0, 1.0) * given.weight)
    for hs in ITEMS:
        before, after = (model.score(History(x), x.take(now & (given.hs == hs))) for x in (given, changed))
        np.testing.assert_allclose(before.centre, after.centre, rtol=1e-12)
        np.testing.assert_allclose(before.scale, after.scale, rtol=1e-12)


def test_a_volume_model_survives_json_and_needs_enough_rows() -> None:
    """The same scores after a round trip; a handful of rows teach nothing."""
    given = arrived()
    model = fitted(given)
    again = VolumeModel.restore(json.loads(json.dumps(model.facts())))
    np.testing.assert_array_equal(
        again.score(History(given), given).score, model.score(History(given), given).score
    )
    few = given.take(np.arange(50))
    assert VolumeModel.fit(History(few), few) is None


@pytest.mark.eval_data
def test_real_months_rarely_surge_and_ten_times_the_usual_mostly_does(eval_data: Path) -> None:
    """US imports, learned to 2019-06: later months keep to the learned tail, and none goes unscored."""
    from tabular_ae.data import read_panel

    given = read_panel([eval_data / "trade" / "us_seafood_imports.parquet"], {"hs": "hs6"}).rows
    start = month_number("2019-07")
    learn, test = given.take(given.month < start), given.take(given.month >= start)
    history = History(given)
    model = VolumeModel.fit(History(learn), learn)
    assert model is not None
    limit = np.nanquantile(model.score(history, learn).score, 0.99)
    clean = model.score(history, test)
    assert np.isfinite(clean.score).all()
    assert np.mean(clean.score > limit) == pytest.approx(0.01, abs=0.006)
    tenfold = dataclasses.replace(test, weight=10.0 * test.weight)
    odd = model.score(history, tenfold).score > limit
    assert odd[clean.months == 12].mean() > 0.8
    line = model.score(history, test, consignment=True).score > limit
    assert line.mean() < 0.003
