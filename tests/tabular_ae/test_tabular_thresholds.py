"""The proposal's rules from errors to flags."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from customs.errors import InvalidValue
from tabular_ae.rows import Rows
from tabular_ae.thresholds import KINDS, Threshold, ThresholdKind, tuned


def rows(months: list[str], hs: list[str] | None = None) -> Rows:
    """Rows of these months, of one item unless told."""
    n = len(months)
    return Rows.of(
        pd.DataFrame(
            {
                "month": months,
                "hs": hs or ["030367"] * n,
                "country": ["VN"] * n,
                "value_usd": [1.0] * n,
                "weight_kg": [1.0] * n,
            }
        )
    )


def months(n: int, start: int = 0) -> list[str]:
    """n months in a row from the given one after 2020-01."""
    return [f"{2020 + m // 12}-{m % 12 + 1:02d}" for m in range(start, start + n)]


HUNDRED = rows(months(100))


@pytest.mark.parametrize(("kind", "share"), [("top5", 0.05), ("top10", 0.10)])
def test_a_top_share_flags_that_share_of_the_validation_rows(kind: ThresholdKind, share: float) -> None:
    """A hundred distinct scores, five or ten of them flagged, the highest ones."""
    scores = np.random.default_rng(0).permutation(100).astype(np.float64)
    flags = Threshold.fit(kind, scores, HUNDRED).flag(scores, HUNDRED)
    assert flags.sum() == round(100 * share)
    assert scores[flags].min() == 100 - round(100 * share)


def test_the_quartile_rule_has_the_fence_that_is_worked_out_by_hand() -> None:
    """Quartiles 1 and 3 put the fence at 6."""
    scores = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    rule = Threshold.fit("iqr", scores, rows(months(5)))
    assert rule.level == pytest.approx(6.0)
    assert rule.flag(np.array([5.9, 6.1]), rows(months(2, 5))).tolist() == [False, True]


def test_the_dynamic_rule_follows_each_series() -> None:
    """The same error is usual in a series that always errs and odd in one that never does."""
    rng = np.random.default_rng(1)
    calm, wild = rng.normal(1.0, 0.1, 12), rng.normal(10.0, 0.1, 12)
    known = rows(months(12) * 2, ["030367"] * 12 + ["030384"] * 12)
    rule = Threshold.fit("dynamic", np.concatenate([calm, wild]), known)
    later = rows(months(1, 12) * 2, ["030367", "030384"])
    assert rule.flag(np.array([10.0, 10.0]), later).tolist() == [True, False]


def test_the_dynamic_rule_moves_on_with_earlier_test_months_but_never_with_the_row_itself() -> None:
    """A lasting jump is flagged when it comes and no more once it has become usual."""
    rng = np.random.default_rng(2)
    rule = Threshold.fit("dynamic", rng.normal(1.0, 0.1, 24), rows(months(24)))
    later = rows(months(14, 24))
    flags = rule.flag(np.full(14, 3.0), later)
    assert flags[0]
    assert not flags[-1]
    assert rule.flag(np.full(1, 3.0), rows(months(1, 24))).tolist() == [True]


def test_the_dynamic_rule_judges_a_new_series_by_all_validation_errors() -> None:
    """Without earlier errors of its own a row has to exceed the mean by three deviations of all."""
    scores = np.tile([1.0, 3.0], 12)
    rule = Threshold.fit("dynamic", scores, rows(months(24)))
    new = rows(["2022-01", "2022-01"], ["160414", "160415"])
    assert rule.flag(np.array([4.9, 5.1]), new).tolist() == [False, True]


@pytest.mark.parametrize("kind", KINDS)
def test_test_scores_do_not_move_what_was_fitted(kind: ThresholdKind) -> None:
    """A row keeps its flag whatever the other series of the test rows score."""
    scores = np.random.default_rng(3).random(100)
    rule = Threshold.fit(kind, scores, HUNDRED)
    pair = rows(["2030-01", "2029-12"], ["030367", "160414"])
    flags = [bool(rule.flag(np.array([0.99, other]), pair)[0]) for other in (0.0, 1e6)]
    assert flags[0] == flags[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_without_a_score_is_never_flagged(kind: ThresholdKind) -> None:
    """NaN neither counts when the rule is fitted nor is flagged."""
    scores = np.random.default_rng(4).random(100)
    holed = np.concatenate([scores, [np.nan]])
    rule = Threshold.fit(kind, holed, rows(months(101)))
    assert rule.level == Threshold.fit(kind, scores, HUNDRED).level
    assert rule.flag(np.array([np.nan, 1e9]), rows(months(2, 101))).tolist() == [False, True]


def test_the_tuned_threshold_has_the_best_f1() -> None:
    """Against every possible cut, tried one by one."""
    rng = np.random.default_rng(5)
    planted = rng.random(200) < 0.1
    scores = np.round(rng.normal(0.0, 1.0, 200) + 1.5 * planted, 1)  # ties

    def f1(flags: np.ndarray) -> float:
        return 2.0 * float((flags & planted).sum()) / float(flags.sum() + planted.sum())

    some = rows(months(200))
    got = f1(tuned(scores, planted).flag(scores, some))
    assert got == pytest.approx(max(f1(scores >= cut) for cut in np.unique(scores)))


def test_the_tuned_threshold_can_flag_everything() -> None:
    """With every row planted the lowest score is flagged too."""
    scores = np.array([1.0, 2.0, 3.0])
    assert tuned(scores, np.ones(3, dtype=bool)).flag(scores, rows(months(3))).all()


def test_nothing_to_fit_on_is_one_clear_error() -> None:
    """No score, no planted row, an unknown rule: each names the field."""
    silent = np.full(100, np.nan)
    with pytest.raises(InvalidValue, match="no validation score"):
        Threshold.fit("iqr", silent, HUNDRED)
    with pytest.raises(InvalidValue, match="no planted"):
        tuned(silent, np.ones(100, dtype=bool))
    with pytest.raises(InvalidValue, match="top5, top10"):
        Threshold.fit("best", np.ones(100), HUNDRED)  # type: ignore[arg-type]
