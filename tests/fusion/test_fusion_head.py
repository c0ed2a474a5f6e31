"""The learned head: it finds what was planted, sees no outcome it must not see, and its chances hold."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from customs.errors import InvalidValue
from fusion.data import Cases
from fusion.head import learn
from fusion.head.attributes import FIGURES, attributes
from fusion.head.chances import Chances
from fusion.head.encode import Encoder, Rates, encode_unseen
from fusion.head.model import Head, HeadConfig, Profile
from fusion.head.prices import UsualPrices, value_gap
from fusion.model import FUSED, Fusion, FusionConfig
from fusion.train import fit_cases

PAIRS = (("hs6", "origin"), ("importer",), ("hs6",))


@pytest.fixture(scope="module")
def ahead(make: SimpleNamespace) -> pd.DataFrame:
    """4,000 other declarations of the same trade."""
    found: pd.DataFrame = make.table(make.csv(4_000, 4, first=500_000))
    return found


def chances_of(head: Head, table: pd.DataFrame) -> np.ndarray:
    rows = attributes(table)
    return head.chances(head.raw(rows, head.features(rows)))


def test_a_planted_rate_of_code_and_origin_is_recovered(
    head: Head, ahead: pd.DataFrame, make: SimpleNamespace
) -> None:
    """On other declarations: the chance is what was planted, and nothing orders them better."""
    bad = np.array([make.is_bad(c, o) for c, o in zip(ahead["hs"], ahead["origin"], strict=True)])
    chance = chances_of(head, ahead)
    assert chance[bad].mean() == pytest.approx(make.high, abs=0.07)
    assert chance[~bad].mean() == pytest.approx(make.low, abs=0.03)
    fraud = ahead["fraud"].to_numpy(dtype=float)
    assert roc_auc_score(fraud, chance) > roc_auc_score(fraud, bad) - 0.02


def test_chances_hold_in_every_fifth_of_the_order(head: Head, ahead: pd.DataFrame) -> None:
    chance, fraud = chances_of(head, ahead), ahead["fraud"].to_numpy(dtype=float)
    for part in np.array_split(np.argsort(chance), 5):
        assert chance[part].mean() == pytest.approx(fraud[part].mean(), abs=0.08)


def test_outcomes_that_fall_anywhere_teach_nothing(make: SimpleNamespace) -> None:
    """A head that looked at a row's own outcome while learning would think it knew."""
    table = make.table(make.csv(3_000, 9, noise=True))
    outcome = table["fraud"].to_numpy(dtype=float)
    head = learn.fit(attributes(table), outcome, HeadConfig(**make.toy), seed=2)
    assert head.figures["auroc"] == pytest.approx(0.5, abs=0.08)
    fresh = make.table(make.csv(2_000, 10, noise=True))
    assert roc_auc_score(fresh["fraud"].to_numpy(dtype=float), chances_of(head, fresh)) == pytest.approx(
        0.5, abs=0.05
    )


def folds_of(table: pd.DataFrame) -> np.ndarray:
    return np.unique(attributes(table).week, return_inverse=True)[1] % 5


def test_a_rows_rates_do_not_change_with_the_outcomes_of_its_own_weeks(declared: pd.DataFrame) -> None:
    """They are counted on the other weeks, whose rates do change."""
    rows, fold = attributes(declared), folds_of(declared)
    outcome = declared["fraud"].to_numpy(dtype=float)
    turned = np.where(fold == 2, 1 - outcome, outcome)
    before, after = (encode_unseen(rows, y, fold, PAIRS, 2.0) for y in (outcome, turned))
    assert (before[fold == 2] == after[fold == 2]).all()
    assert (before[fold != 2] != after[fold != 2]).any(axis=1).all()


def test_rates_are_shrunk_to_the_overall_share_and_count_what_was_inspected() -> None:
    """Worked out by hand: seen four times with three hits, once with none, never."""
    hashes = np.array([7, 7, 7, 7, 9], dtype=np.uint64)
    rates = Rates.count(hashes, np.array([1.0, 1.0, 1.0, 0.0, 0.0]))
    inspected, found = rates.look_up(np.array([9, 7, 8], dtype=np.uint64))
    assert inspected.tolist() == [1, 4, 0]
    assert found.tolist() == [0, 3, 0]
    encoder = Encoder({("hs6",): rates}, base=0.6, prior=2.0)
    assert encoder.found_of((3 + 2 * 0.6) / 6, 4) == 3
    assert encoder.found_of(0.6, 0) == 0


def test_an_encoder_knows_pairs_by_both_their_parts(declared: pd.DataFrame) -> None:
    """The rate of code and origin is that of the rows that have both."""
    rows, outcome = attributes(declared), declared["fraud"].to_numpy(dtype=float)
    encoded = Encoder.fit(rows, outcome, PAIRS, prior=2.0).encode(rows)
    mine = (declared["hs"] == declared["hs"].iloc[0]) & (declared["origin"] == declared["origin"].iloc[0])
    expected = (outcome[mine].sum() + 2 * outcome.mean()) / (mine.sum() + 2)
    assert encoded[0, :2] == pytest.approx([expected, mine.sum()], rel=1e-6)


def test_hashes_tell_order_and_absence_apart(declared: pd.DataFrame) -> None:
    """Origin CN by way of VN is not origin VN by way of CN; nothing is not a text."""
    table = declared.head(2).assign(origin=["CN", "VN"], departure=["VN", "CN"], forwarder=[None, "Courier1"])
    rows = attributes(table)
    one, other = rows.hashes(("departure", "origin"))
    assert one != other
    assert rows.labels["forwarder"].tolist()[0] == 0 != rows.labels["forwarder"][1]
    assert rows.figures["same_country"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("change", "figure", "expected"),
    [
        ({"value": 0.0}, "unit_value", np.nan),
        ({"net_kg": 0.0}, "unit_value", np.nan),
        ({"value": 99.0, "net_kg": 9.0}, "unit_value", np.log(11.0)),
        ({"value": 99.0}, "value", np.log(100.0)),
        ({"value": 1000.0, "duty_rate": 8.0}, "duty", np.log(81.0)),
        ({"duty_rate": np.nan}, "duty", np.nan),
        ({"departure": None}, "same_country", np.nan),
        ({"origin": "CN", "departure": "CN"}, "same_country", 1.0),
    ],
)
def test_figures_are_logarithms_of_what_was_declared_and_nan_where_there_is_none(
    declared: pd.DataFrame, change: dict[str, Any], figure: str, expected: float
) -> None:
    rows = attributes(declared.head(1).assign(**change))
    assert rows.figures[figure][0] == pytest.approx(expected, nan_ok=True)


def test_weeks_begin_on_mondays() -> None:
    """The first Monday after 1970 began is the first day of week one."""
    days = ["1970-01-04", "1970-01-05", "1970-01-11", "1970-01-12", None]
    table = pd.DataFrame({"date": days, "hs": ["030367"] * 5})
    assert attributes(table).week.tolist() == [0, 1, 1, 2, -1]


def test_the_last_weeks_are_held_out_and_whole(declared: pd.DataFrame) -> None:
    rows = attributes(declared)
    early, late = learn.split_weeks(rows, 0.2)
    assert (early ^ late).all()
    assert rows.week[early].max() < rows.week[late].min()
    assert late.mean() == pytest.approx(0.2, abs=0.05)
    assert late.mean() >= 0.2


def test_usual_prices_are_medians_of_the_most_specific_kind_that_is_known_well(
    declared: pd.DataFrame,
) -> None:
    """Code and origin from five lines on, then the code, then the heading; no outcome has a part in it."""
    rows = attributes(declared)
    prices = UsualPrices.fit(rows)
    here = (declared["hs"] == "030367") & (declared["origin"] == "CN")
    unit = np.log(declared["value"].astype(float) / declared["net_kg"])
    odd = declared[here].head(1)
    assert prices.usual(attributes(odd))[0] == pytest.approx(unit[here].median())
    elsewhere = attributes(odd.assign(origin="BR"))
    of_code = unit[declared["hs"] == "030367"].median()
    assert prices.usual(elsewhere)[0] == pytest.approx(of_code)
    assert np.isnan(prices.usual(attributes(odd.assign(hs="970110")))[0])
    half = attributes(odd.assign(value=float(np.exp(of_code) * 0.5 * odd["net_kg"].iloc[0]), origin="BR"))
    assert prices.gap(half)[0] == pytest.approx(np.log(0.5))


@pytest.mark.parametrize(("gap", "missing"), [(np.log(0.5), 100.0), (0.3, 0.0), (np.nan, 0.0), (0.0, 0.0)])
def test_the_value_gap_is_what_lacks_to_the_usual_price(gap: float, missing: float) -> None:
    assert value_gap(np.array([gap]), np.array([100.0]))[0] == pytest.approx(missing)


def test_a_firm_is_new_until_an_inspection_of_it_was_learned_from(head: Head, declared: pd.DataFrame) -> None:
    """And the holdout tells new ones apart."""
    table = declared.tail(4).assign(importer=[declared["importer"].iloc[0], "Nobody", None, "Nobody2"])
    assert head.is_new_importer(attributes(table)).tolist() == [False, True, True, True]
    assert 0 < head.figures["new_importers"]["share"] < 0.5
    assert "auroc" in head.figures
    assert head.figures["declarations"] == 4_000


def test_the_same_seed_is_the_same_head(declared: pd.DataFrame, head: Head, make: SimpleNamespace) -> None:
    outcome = declared["fraud"].to_numpy(dtype=float)
    again = learn.fit(attributes(declared), outcome, HeadConfig(**make.toy), seed=1)
    assert again.forest.texts == head.forest.texts


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.assign(fraud=0), "hold 0 frauds"),
        (lambda t: t.assign(fraud=1), "hold 0 clean declarations"),
        (lambda t: t.head(500), "span 3 weeks"),
        (lambda t: t.assign(fraud=[*t["fraud"].head(3_000), *[0] * 1_000]), "the last weeks.*hold 0 frauds"),
        (lambda t: t.head(60), "frauds"),
    ],
    ids=["no fraud", "nothing clean", "too few weeks", "none late", "too few"],
)
def test_too_little_to_learn_from_is_one_clear_error(
    declared: pd.DataFrame, make: SimpleNamespace, change: Any, said: str
) -> None:
    table = change(declared)
    with pytest.raises(InvalidValue, match=said) as caught:
        learn.fit(attributes(table), table["fraud"].to_numpy(dtype=float), HeadConfig(**make.toy))
    assert caught.value.problems[0].remedy


@pytest.mark.parametrize(
    ("change", "gone"), [({"pairs": False}, "+"), ({"identities": False}, "importer")], ids=["pairs", "firms"]
)
def test_parts_of_the_head_can_be_left_out(change: dict[str, bool], gone: str) -> None:
    full, less = HeadConfig().keys(), dataclasses.replace(HeadConfig(), **change).keys()
    assert set(less) < set(full)
    assert not any(gone in "+".join(key) for key in less)


@pytest.fixture(scope="module")
def beyond(make: SimpleNamespace) -> Cases:
    """Other cases of the kind that `learned` has seen."""
    found: Cases = make.inspected(2_000, 15)
    return found


def raw_of(learned: Fusion, cases: Cases) -> np.ndarray:
    assert learned.head is not None
    rows = attributes(cases.table)
    return learned.head.raw(rows, learned.head.features(rows, learned.evidence_features(cases)))


def test_more_evidence_never_lowers_the_chance(learned: Fusion, beyond: Cases) -> None:
    """Any check, however odd the case is already; the trees may only rise with it."""
    beyond = beyond.take(np.arange(300))
    before = raw_of(learned, beyond)
    for j in range(len(beyond.checks)):
        surprise = beyond.surprise.copy()
        surprise[:, j] += 2.5
        raised = dataclasses.replace(beyond, surprise=surprise)
        assert (raw_of(learned, raised) >= before - 1e-9).all(), beyond.checks[j]


def test_evidence_sharpens_what_declarations_alone_tell(learned: Fusion, beyond: Cases, head: Head) -> None:
    fraud = beyond.outcome
    alone = chances_of(head, beyond.table)
    assert roc_auc_score(fraud, raw_of(learned, beyond)) > roc_auc_score(fraud, alone) + 0.03
    assert learned.head is not None
    assert learned.head.checks == (*beyond.checks, FUSED)


def test_one_case_has_the_same_chance_alone_and_in_a_table(learned: Fusion, beyond: Cases) -> None:
    assert learned.head is not None
    together = learned.head.chances(raw_of(learned, beyond))
    for i in (0, 7, 30):
        said = {
            check: float(s)
            for check, s in zip(beyond.checks, beyond.surprise[i], strict=True)
            if np.isfinite(s)
        }
        alone = learned.chance(attributes(beyond.table.iloc[[i]]), said)
        assert alone == pytest.approx(together[i], rel=1e-9)


def test_a_model_of_clean_cases_knows_no_chance(make: SimpleNamespace, policy: Any, beyond: Cases) -> None:
    """Too few frauds leave the calibration without a head."""
    few = make.inspected(400, 21)
    outcome = few.outcome.copy()
    outcome[np.flatnonzero(outcome == 1)[10:]] = np.nan
    table = few.table.assign(outcome=pd.array([None if np.isnan(o) else int(o) for o in outcome], "Int8"))
    fusion = fit_cases(dataclasses.replace(few, table=table), FusionConfig(**make.toy), policy=policy)
    assert fusion.head is None
    assert fusion.joint is not None
    assert fusion.chance(attributes(beyond.table.head(1)), {"hs.text": 3.0}) is None


@pytest.fixture(scope="module")
def chances() -> Chances:
    """2,000 held-out rows whose chance is known: the logistic of half the score."""
    rng = np.random.default_rng(0)
    raw = rng.normal(-1, 2, 2_000)
    return Chances(raw, (rng.random(2_000) < 1 / (1 + np.exp(-raw / 2))).astype(float))


def test_chances_rise_strictly_with_the_score_and_stay_between_zero_and_one(chances: Chances) -> None:
    grid = np.linspace(-12, 12, 4_001)
    found = chances(grid)
    assert (np.diff(found) > 0).all()
    assert found.min() > 0
    assert found.max() < 1
    assert np.abs(found - 1 / (1 + np.exp(-grid / 2)))[1_500:2_500].max() < 0.12


def test_a_score_seen_once_is_not_taken_for_certain() -> None:
    """A single hit at the top of five rows is no chance of one."""
    few = Chances(np.arange(5.0), np.array([0.0, 0.0, 0.0, 0.0, 1.0]))
    assert few(np.array([10.0]))[0] < 0.95
    assert few(np.array([-10.0]))[0] > 0.0


def test_the_interval_of_expected_hits_holds_about_nine_times_in_ten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over 40 times that a curve was drawn from 1,200 held-out rows and a day was inspected."""
    monkeypatch.setattr("fusion.head.chances._DRAWS", 30)
    rng = np.random.default_rng(1)
    inside, off, widths = [], [], []
    for trial in range(40):
        raw = rng.normal(-1, 2, 1_200)
        y = rng.random(1_200) < 1 / (1 + np.exp(-raw / 2))
        day = np.sort(rng.normal(-1, 2, 800))[-80:]
        hits = int((rng.random(80) < 1 / (1 + np.exp(-day / 2))).sum())
        mean, low, high = Chances(raw, y.astype(float)).hits(day, seed=trial)
        assert low <= mean <= high
        inside.append(low <= hits <= high)
        off.append(mean - hits)
        widths.append(high - low)
    assert 0.8 <= np.mean(inside) <= 0.98
    assert abs(np.mean(off)) < 3.0
    assert np.mean(widths) < 20


def test_no_rows_have_no_hits(chances: Chances) -> None:
    assert chances.hits(np.empty(0)) == (0.0, 0.0, 0.0)


def test_a_profile_is_close_to_the_exact_contributions(head: Head, ahead: pd.DataFrame) -> None:
    """What it says of the features that count goes with what exact Shapley values say."""
    features = head.features(attributes(ahead.head(300)))
    exact, rough = head.forest.contributions(features), head.profile.contributions(features)
    assert exact.sum(axis=1) == pytest.approx(head.forest.predict(features), abs=1e-6)
    at = head.names.index("rate:hs6+origin")
    assert np.corrcoef(exact[:, at], rough[:, at])[0, 1] > 0.9


def test_a_profile_of_values_that_are_missing_or_all_alike_is_still_one() -> None:
    features = np.array([[np.nan, 1.0], [np.nan, 1.0], [np.nan, 1.0]], dtype=np.float32)
    found = Profile.fit(features, np.array([[0.1, 0.2, -1.0]] * 3)).contributions(features)
    assert found == pytest.approx(np.array([[0.1, 0.2]] * 3))


def test_features_have_a_name_each(head: Head, learned: Fusion, beyond: Cases) -> None:
    assert learned.head is not None
    rows = attributes(beyond.table.head(2))
    for each in (head, learned.head):
        assert each.features(rows).shape == (2, len(each.names))
        assert len(set(each.names)) == len(each.names)
        assert {f"figure:{name}" for name in FIGURES} <= set(each.names)
