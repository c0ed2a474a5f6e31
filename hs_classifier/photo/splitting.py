"""Holding photos out so that no near twin of one is trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hs_classifier.photo.reading import PhotoSample


def hold_out(samples: Sequence[PhotoSample], share: float, *, seed: int) -> npt.NDArray[np.int64]:
    """Numbers of about `share` of the photos, whole groups at a time, in ascending order.

    Every code keeps a photo to train on; at least one photo is held out.
    """
    rng = np.random.default_rng(seed)
    groups: dict[tuple[str, str], list[int]] = {}
    left: dict[str, int] = {}
    for i, s in enumerate(samples):
        groups.setdefault((s.code.digits, s.group or str(i)), []).append(i)
        left[s.code.digits] = left.get(s.code.digits, 0) + 1
    names = list(groups)
    wanted = max(round(share * len(samples)), 2)
    out: list[int] = []
    for g in rng.permutation(len(names)):
        if len(out) >= wanted:
            break
        code, rows = names[g][0], groups[names[g]]
        if left[code] > len(rows) and len(out) + len(rows) <= wanted + 5:
            out.extend(rows)
            left[code] -= len(rows)
    if not out:
        # one group for each code: single photos are taken from where there are most
        code = max(left, key=lambda digits: left[digits])
        mine = [i for i, s in enumerate(samples) if s.code.digits == code]
        out = mine[: max(len(mine) // 5, 1)]
    return np.array(sorted(out), dtype=np.int64)
