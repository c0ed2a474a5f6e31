"""Joint calibration: the same alarms whatever was sent, and an order that more evidence never turns round."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from customs.errors import InvalidValue
from fusion import Policy
from fusion.data import Cases, patterns
from fusion.joint import Joint
from fusion.keeping import load, save
from fusion.model import Fusion, FusionConfig

NOTE = Policy.default().findings["note"]
PATTERNS = ("declaration", "declaration+photo", "declaration+photo+scan", "declaration+scan")
Surprises = st.lists(st.one_of(st.none(), st.floats(0, 9)), min_size=6, max_size=6)


@pytest.fixture(scope="module")
def fresh(make: SimpleNamespace) -> np.ndarray:
    """10,000 other clean cases."""
    found: np.ndarray = make.surprises(10_000, 2)
    return found


def row(said: list[float | None]) -> np.ndarray:
    return np.array([[np.nan if s is None else s for s in said]])


@pytest.mark.parametrize("nominal", [0.05, 0.01])
@pytest.mark.parametrize("name", PATTERNS)
def test_one_in_a_hundred_is_one_in_a_hundred_whatever_was_sent(
    joint: Joint, fresh: np.ndarray, make: SimpleNamespace, name: str, nominal: float
) -> None:
    """Within what chance allows (three in a thousand fall out) for so many fresh and so many known cases."""
    mine = np.array(patterns(make.checks, np.isfinite(fresh))) == name
    p, surprise, _ = joint.score(fresh[mine])
    known = len(joint.patterns.groups[name])
    spread = math.sqrt(nominal * (1 - nominal) * (1 / mine.sum() + 1 / known))
    for alarms in (surprise >= -math.log10(nominal), p <= nominal):
        assert alarms.mean() == pytest.approx(nominal, abs=3 * spread)


def test_an_unremarkable_photo_leaves_the_alarms_of_a_case_where_they_were(
    joint: Joint, fresh: np.ndarray
) -> None:
    """Clean cases to which a photo is added that fits: no more of them alarm, by more than chance."""
    bare = fresh[np.isnan(fresh[:, 3])].copy()
    before = joint.score(bare)[1]
    bare[:, 3] = 0.3
    after = joint.score(bare)[1]
    for nominal in (0.05, 0.01):
        at = -math.log10(nominal)
        assert (after >= at).mean() <= (before >= at).mean() + 0.1 * nominal


def test_a_check_that_boasts_is_heard_less(make: SimpleNamespace, policy: Policy, joint: Joint) -> None:
    """Its surprises are twice what they should be; on joint clean cases that is seen and taken back."""
    surprise = make.surprises(2_500, 1)
    surprise[:, 2] *= 2
    boasting = Joint.fit(make.cases(surprise), policy)
    odd = row([0.2, None, 4.0, None, None, None])
    assert joint.heard(odd)[0, 2] == pytest.approx(4.0, abs=0.7)
    assert boasting.heard(odd)[0, 2] == pytest.approx(2.0, abs=0.4)
    assert boasting.score(odd)[1][0] < joint.score(odd)[1][0]


def test_a_case_is_counted_once_in_each_group(joint: Joint) -> None:
    """Taking parts away must not make copies that pass for further clean cases."""
    assert len(joint.patterns.groups["all"]) == 2_500
    assert len(joint.patterns.groups["declaration"]) == 2_500


def test_the_reference_names_the_cases_that_were_sent_with_as_much(joint: Joint) -> None:
    """The very checks where enough clean cases have them, else the modalities, else all."""
    _, _, references = joint.score(
        np.array(
            [
                [0.5, 0.5, 0.5, np.nan, np.nan, np.nan],
                [0.5, np.nan, np.nan, 0.5, np.nan, np.nan],
                [np.nan] * 6,
            ]
        )
    )
    assert references[0] is not None
    assert references[0].group == "price.unit_value,freight.per_kg,hs.text"
    assert references[1] is not None
    assert references[1].group == "declaration+photo"
    assert references[2] is None


def test_a_case_of_which_nothing_is_known_stays_unknown(joint: Joint) -> None:
    """Silence is never a zero."""
    p, surprise, _ = joint.score(np.array([[np.nan] * 6, [1.0, *[np.nan] * 5]]))
    assert np.isnan([p[0], surprise[0]]).all()
    assert np.isfinite([p[1], surprise[1]]).all()
    empty = joint.score(np.empty((0, 6)))
    assert [len(part) for part in empty] == [0, 0, 0]


def test_no_two_clean_cases_share_a_risk(joint: Joint, fresh: np.ndarray) -> None:
    surprise = joint.score(fresh)[1]
    assert len(np.unique(surprise)) == len(surprise)


@pytest.mark.parametrize("rest", [[], [0.3, 1.9], [8.0, 8.0, 8.0]])
def test_the_order_goes_on_far_beyond_all_clean_cases(joint: Joint, rest: list[float]) -> None:
    """Strictly, and in finite numbers, up to a surprise of 400."""
    said = np.full((501, 6), np.nan)
    said[:, 0] = np.linspace(0, 400, 501)
    said[:, 1 : 1 + len(rest)] = rest
    p, surprise, _ = joint.score(said)
    assert np.isfinite(surprise).all()
    assert (np.diff(surprise) > 0).all()
    assert p[-1] <= p[0]


def test_the_p_value_never_claims_more_than_was_counted(joint: Joint) -> None:
    """The surprise goes on; the count cannot."""
    p, surprise, references = joint.score(np.full((1, 6), 50.0))
    assert references[0] is not None
    assert p[0] >= 1 / (references[0].size + 1)
    assert surprise[0] > 5


@settings(max_examples=100, deadline=None)
@given(said=Surprises, at=st.integers(0, 5), new=st.floats(0, 400))
def test_a_further_surprising_check_never_lowers_the_risk(
    joint: Joint, said: list[float | None], at: int, new: float
) -> None:
    """Whatever else was said, and though it is compared with other cases then."""
    said[at] = None
    more = [*said[:at], new, *said[at + 1 :]]
    before, after = (float(joint.score(row(some))[1][0]) for some in (said, more))
    if joint.heard(row(more))[0, at] >= joint.weighing.note and not math.isnan(before):
        assert after >= before


def test_that_holds_for_as_many_checks_as_there_are(make: SimpleNamespace, policy: Policy) -> None:
    """With eleven that are odd already, of fourteen that go together in twos."""
    rng = np.random.default_rng(8)
    z = np.repeat(rng.normal(size=(400, 7)), 2, axis=1) + rng.normal(size=(400, 14))
    surprise = -stats.norm.logsf(z / math.sqrt(2)) / math.log(10)
    surprise[rng.random(400) < 0.4, 9:] = np.nan
    names = (*(f"price.{n}" for n in range(7)), "hs.photo", "hs.joint", *(f"xray.{n}" for n in range(5)))
    joint = Joint.fit(Cases(make.cases(surprise[:, :6]).table, names, 10.0**-surprise, surprise), policy)
    for trial in range(6):
        order = rng.permutation(14)
        said = np.full((2, 14), np.nan)
        said[:, order[:11]] = rng.uniform(2.2, 6.0, 11)
        said[1, order[11]] = rng.uniform(2.5, 9.0)
        before, after = joint.score(said)[1]
        assert after >= before, trial


@pytest.mark.parametrize("added", [(1,), (3,), (4, 5), (3, 4, 5)], ids=["freight", "photo", "scan", "both"])
def test_what_is_unremarkable_does_not_raise_an_odd_case(
    joint: Joint, fresh: np.ndarray, added: tuple[int, ...]
) -> None:
    """By a fifth of a step of ten where there are clean cases to count, by a quarter of the surprise where
    it is extrapolated; and mostly it lowers it."""
    rng = np.random.default_rng(5)
    said = np.where(rng.random(fresh.shape) < 0.75, 0.1, 1.0) * rng.uniform(0, 9, fresh.shape)
    said = np.where(np.isfinite(fresh), said, np.nan)[:3_000]
    said = said[np.isnan(said[:, added]).all(axis=1)]
    more = said.copy()
    more[:, added] = rng.uniform(0, 0.3, (len(said), len(added)))
    before, after = joint.score(said)[1], joint.score(more)[1]
    counted = (before >= NOTE) & (before < 3.0)
    assert counted.sum() > 10
    assert (after - before)[counted].max() < 0.2
    assert (after - before)[counted].mean() < 0.0
    assert (after / before)[before >= 3.0].max() < 1.25


@settings(max_examples=100, deadline=None)
@given(said=Surprises, at=st.integers(0, 5), more=st.floats(0.01, 5))
def test_a_check_that_is_odder_never_makes_the_case_less_odd(
    joint: Joint, said: list[float | None], at: int, more: float
) -> None:
    """All else equal; where it was no part of what is oddest, it may change nothing."""
    mine = said[at] or 0.0
    less, odder = ([*said[:at], value, *said[at + 1 :]] for value in (mine, mine + more))
    assert joint.score(row(odder))[1][0] >= joint.score(row(less))[1][0]


def test_an_echo_counts_little_beside_what_it_echoes_and_stands_in_for_it(
    make: SimpleNamespace, policy: Policy
) -> None:
    """The weights are the policy's, those of the time of calibration."""
    surprise = make.surprises(300, 4)[:, :2]
    names = ("price.unit_value", "price.for_this_code")
    table = make.cases(make.surprises(300, 4)).table
    joint = Joint.fit(Cases(table, names, 10.0**-surprise, surprise), policy)
    both, echo, principal = joint.raw(np.array([[2.0, 2.0], [np.nan, 2.0], [2.0, np.nan]]))
    assert echo == principal
    assert both == pytest.approx(2.0 + math.log10(1.1) / joint.gamma)


def test_another_policy_moves_bands_and_not_the_calibration(joint: Joint, policy: Policy) -> None:
    """What was counted stays what it was counted with."""
    other = dataclasses.replace(policy, weights={"hs.text": 0.001}, findings={**policy.findings, "note": 5.0})
    assert joint.weighing.note == policy.findings["note"] != other.findings["note"]
    assert joint.weighing.shares(["hs.text"]) == [1.0]


def test_saving_and_loading_changes_no_score(joint: Joint, fresh: np.ndarray, tmp_path: Path) -> None:
    save(Fusion(FusionConfig(), joint), tmp_path / "m", data_fingerprint="0" * 64, figures={})
    again = load(tmp_path / "m").joint
    assert again is not None
    for one, other in zip(joint.score(fresh[:500]), again.score(fresh[:500]), strict=True):
        assert list(one) == list(other)


@pytest.mark.parametrize(("cases", "silent"), [(98, 0), (120, 22), (5, 5)])
def test_too_few_clean_cases_are_refused(
    make: SimpleNamespace, policy: Policy, cases: int, silent: int
) -> None:
    """With fewer than 99, one in a hundred cannot be told; cases of which nothing is known do not count."""
    surprise = make.surprises(cases, 6)
    surprise[:silent] = np.nan
    with pytest.raises(InvalidValue, match=f"{cases - silent} clean cases"):
        Joint.fit(make.cases(surprise), policy)


def test_ninety_nine_are_enough(make: SimpleNamespace, policy: Policy) -> None:
    joint = Joint.fit(make.cases(make.surprises(99, 6)), policy)
    assert joint.score(row([9.0, None, None, None, None, None]))[0][0] == pytest.approx(0.01)
