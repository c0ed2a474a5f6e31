"""Which texts take part in a study, and which of them are held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.hs import HsCode
from hs_classifier.codes import LEVELS, Level
from hs_classifier.data import Sample

Ids = npt.NDArray[np.int64]


def biggest_classes(samples: Sequence[Sample], level: Level, least: int = 10) -> list[HsCode]:
    """Codes of a level with at least `least` cases, most cases first, equals by code."""
    counts = Counter(s.code.at(level) for s in samples)
    return sorted((c for c, n in counts.items() if n >= least), key=lambda c: (-counts[c], c.digits))


def deepest_level(samples: Sequence[Sample], classes: int = 10, least: int = 10) -> Level:
    """The deepest level at which `classes` codes have `least` cases each; `InvalidValue` if none has."""
    for level in reversed(LEVELS):
        if len(biggest_classes(samples, level, least)) >= classes:
            return level
    raise InvalidValue(
        f"fewer than {classes} chapters have {least} texts with a description",
        field="data",
        remedy="add rulings with descriptions",
    )


def folds(groups: Sequence[str], k: int, rng: np.random.Generator) -> list[Ids]:
    """Rows in `k` folds of like size; rows of one group are in one fold.

    Groups come in random order, each into the emptiest fold, so that big ones are held out as often as
    small ones. With every row its own group this is the random split of the studies.
    """
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    found: list[list[int]] = [[] for _ in range(k)]
    names = list(members)
    for i in rng.permutation(len(names)):
        min(found, key=len).extend(members[names[i]])
    return [np.array(sorted(fold), dtype=np.int64) for fold in found]


def splits(
    groups: Sequence[str], *, k: int, every_fold: bool, rng: np.random.Generator
) -> Iterator[tuple[Ids, Ids]]:
    """Rows to train on and rows held out: one fold of `k`, or each of them in turn."""
    parts = folds(groups, k, rng)
    for held in parts if every_fold else parts[:1]:
        rest = np.setdiff1d(np.arange(len(groups)), held)
        if len(held) and len(rest):
            yield rest, held
