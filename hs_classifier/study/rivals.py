"""Plain rivals of the studies' network on the very same split: TF-IDF with a linear model or neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

RIVALS = ("tfidf-linear", "tfidf-neighbours")
_NEIGHBOURS, _POWER = 30, 3.0
_CHUNK = 512
Scores = npt.NDArray[np.float64]


def answers(
    train: Sequence[str],
    targets: npt.NDArray[np.int64],
    asked: Sequence[str],
    classes: int,
    *,
    seed: int,
) -> dict[str, Scores]:
    """(asked, classes) scores of both rivals, higher = likelier; cleaned texts in.

    Features: characters 2–5 within words, and words, each with its own length, sublinear.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    views = [
        TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True, dtype=np.float32
        ),
        # one syllable can be a Korean word
        TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True, dtype=np.float32),  # noqa: S106
    ]
    # halves of one unit length: the product of two rows is the mean of their two cosines
    known = hstack([view.fit_transform(train) for view in views]).tocsr() * np.float32(0.5**0.5)
    new = hstack([view.transform(asked) for view in views]).tocsr() * np.float32(0.5**0.5)
    return {
        "tfidf-linear": _linear(known, targets, new, classes, seed),
        "tfidf-neighbours": _neighbours(known, targets, new, classes),
    }


def _linear(known: Any, targets: npt.NDArray[np.int64], new: Any, classes: int, seed: int) -> Scores:
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(loss="modified_huber", alpha=2e-5, max_iter=6, tol=None, random_state=seed)
    model.fit(known, targets)
    found = np.full((new.shape[0], classes), -np.inf)  # a class without a training text is never named
    margin = model.decision_function(new)
    if margin.ndim == 1:  # of two classes scikit-learn gives the second's alone
        margin = np.stack([-margin, margin], axis=1)
    found[:, model.classes_] = margin
    return found


def _neighbours(known: Any, targets: npt.NDArray[np.int64], new: Any, classes: int) -> Scores:
    """Votes of the 30 nearest, each with its cubed similarity."""
    found = np.zeros((new.shape[0], classes))
    kept = min(_NEIGHBOURS, known.shape[0])
    for begin in range(0, new.shape[0], _CHUNK):
        near = (new[begin : begin + _CHUNK] @ known.T).toarray()  # (chunk, known)
        best = np.argpartition(-near, kept - 1, axis=1)[:, :kept]
        votes = np.take_along_axis(near, best, axis=1).astype(np.float64) ** _POWER
        rows = np.repeat(np.arange(len(near)), kept) + begin
        np.add.at(found, (rows, targets[best].ravel()), votes.ravel())
    return found
