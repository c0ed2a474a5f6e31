"""The forest that remembers, and how it is weighed beside the rates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

from fusion.head.attributes import attributes
from fusion.head.learn import _blend
from fusion.head.model import Head
from fusion.head.recall import Recall


@pytest.fixture(scope="module")
def recall(declared: pd.DataFrame) -> Recall:
    outcome = declared["fraud"].to_numpy(dtype=float)
    return Recall.fit(attributes(declared), outcome, trees=8, seed=3)


def test_the_kept_arrays_answer_as_the_forest_that_was_grown(recall: Recall, declared: pd.DataFrame) -> None:
    """Rows seen and unseen, and labels that are new."""
    outcome = declared["fraud"].to_numpy(dtype=np.int64)
    rows = attributes(declared)
    grown = RandomForestClassifier(8, random_state=3, n_jobs=1).fit(recall.ordinals.matrix(rows), outcome)
    strange = declared.head(500).assign(importer="NEVER SEEN", origin="ZW", net_kg=1e7)
    for table in (declared.tail(500), strange):
        some = attributes(table.reset_index(drop=True))
        share = grown.predict_proba(recall.ordinals.matrix(some))[:, 1]
        assert recall(some) == pytest.approx(np.log((8 * share + 0.5) / (8 - 8 * share + 0.5)), abs=1e-5)


def test_labels_are_numbered_by_how_frequent_they_are(recall: Recall, declared: pd.DataFrame) -> None:
    """1 is the most frequent; a label never seen is 0."""
    first = declared["origin"].value_counts().index[0]
    some = declared.head(2).assign(origin=[first, "ZW"])
    at = list(recall.ordinals.tables).index("origin")
    assert recall.ordinals.matrix(attributes(some))[:, at].tolist() == [1.0, 0.0]


def test_no_name_stands_in_the_arrays(recall: Recall) -> None:
    """Only hashes and numbers are kept."""
    assert {array.dtype.kind for array in recall.tensors().values()} <= {"u", "i", "f"}


@pytest.mark.parametrize(
    ("useless", "weights"), [("recall", (True, False)), ("boosted", (False, True)), ("none", (True, True))]
)
def test_a_voice_that_says_nothing_gets_no_weight_to_speak_of(
    useless: str, weights: tuple[bool, bool]
) -> None:
    rng = np.random.default_rng(5)
    outcome = (rng.random(4_000) < 0.2).astype(float)
    telling = [2.0 * outcome + rng.normal(size=4_000) for _ in range(2)]
    noise = rng.normal(size=4_000)
    boosted = noise if useless == "boosted" else telling[0]
    recalled = noise if useless == "recall" else telling[1]
    first, second, _ = _blend(boosted, recalled, outcome)
    assert (first > 0.2, second > 0.2) == weights
    assert min(first, second) >= 0


def test_both_voices_are_heard_in_a_head(head: Head, declared: pd.DataFrame) -> None:
    """Its raw score is the blend of the two, and rises with either."""
    rows = attributes(declared.tail(200).reset_index(drop=True))
    features = head.features(rows)
    assert head.recall is not None
    expected = head.blend[0] * head.forest.predict(features) + head.blend[1] * head.recall(rows)
    assert head.raw(rows, features) == pytest.approx(expected + head.blend[2])
