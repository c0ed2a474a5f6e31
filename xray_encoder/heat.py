"""Where on the scan the oddness sits: patches against the declared group's patches at the same height."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from xray_encoder.packing import CAP

PATCH, STRIDE = 16, 8  # canonical pixels
NAMES = ("mean", "spread", "across", "along", "edge")
_PRIOR = 2.0  # scans: weight of all scans in one code's mean patch
_USUAL, _ODDEST = 0.9, 0.999  # quantiles of clean patches that are drawn as 0 and as 1
Image = npt.NDArray[np.float32]


def patch_features(crop: Image) -> npt.NDArray[np.float32]:
    """Canonical crop to (patch rows, patch columns, `NAMES`)."""
    a = crop.astype(np.float64) / CAP
    across = np.abs(np.diff(a, axis=1, append=a[:, -1:]))
    along = np.abs(np.diff(a, axis=0, append=a[-1:]))
    mean, square = _boxes(a), _boxes(a * a)
    return np.stack(
        [
            mean,
            np.sqrt(np.maximum(square - mean**2, 0)),
            _boxes(across) * 4,
            _boxes(along) * 4,
            np.sqrt(_boxes(across**2 + along**2)),
        ],
        axis=2,
    ).astype(np.float32)


def _boxes(a: npt.NDArray) -> npt.NDArray[np.float64]:
    """Means over PATCH × PATCH squares, every STRIDE pixels."""
    total = np.pad(a, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    corner = total[:-PATCH, :-PATCH], total[PATCH:, :-PATCH], total[:-PATCH, PATCH:], total[PATCH:, PATCH:]
    sums = corner[3] - corner[1] - corner[2] + corner[0]
    return np.asarray(np.maximum(sums[::STRIDE, ::STRIDE] / PATCH**2, 0))


class PatchNormality:
    """Mean patch of each (kind, code) by height, and how patches scatter around it.

    means: (groups, patch rows, features); precision: (kinds, patch rows, features, features);
    limits: (kinds, 2), the squared distances drawn as 0 and as 1.
    """

    def __init__(
        self,
        groups: Sequence[tuple[str, str]],
        kinds: Sequence[str],
        means: npt.NDArray,
        precision: npt.NDArray,
        limits: npt.NDArray,
    ) -> None:
        self.groups, self.kinds = tuple(groups), tuple(kinds)
        self.means, self.precision, self.limits = means, precision, limits

    @classmethod
    def fit(cls, crops: Sequence[Image], codes: Sequence[str], kinds: Sequence[str]) -> PatchNormality:
        """Learn from clean canonical crops."""
        patches = np.stack([patch_features(crop) for crop in crops])  # (n, rows, columns, features)
        by_scan = patches.mean(axis=2, dtype=np.float64)  # (n, rows, features)
        code, kind = np.asarray(codes, dtype=object), np.asarray(kinds, dtype=object)
        groups, means, precision, limits = [], [], [], []
        names = sorted(set(kind.tolist()))
        size = patches.shape[-1]
        for name in names:
            of_kind = kind == name
            everything = by_scan[of_kind].mean(axis=0)
            own = np.empty_like(by_scan)
            for one in sorted(set(code[of_kind].tolist())):
                rows = np.flatnonzero(of_kind & (code == one))
                mean = (by_scan[rows].sum(axis=0) + _PRIOR * everything) / (len(rows) + _PRIOR)
                own[rows] = mean
                groups.append((name, one))
                means.append(mean)
            rest = patches[of_kind] - own[of_kind][:, :, None, :]
            flat = np.moveaxis(rest, 1, 0).reshape(rest.shape[1], -1, size).astype(np.float64)
            within = np.einsum("rnf,rng->rfg", flat, flat) / flat.shape[1] + 1e-4 * np.eye(size)
            inverse = np.linalg.inv(within)
            distance = np.einsum("rnf,rfg,rng->rn", flat, inverse, flat)
            precision.append(inverse)
            limits.append(np.quantile(distance, [_USUAL, _ODDEST]))
        return cls(groups, names, np.stack(means), np.stack(precision), np.stack(limits))

    def map(self, crop: Image, kind: str, group: str) -> npt.NDArray[np.float32] | None:
        """Oddness of each patch, 0…1, or None if the group has no reference of this kind."""
        members = [i for i, (k, code) in enumerate(self.groups) if k == kind and code.startswith(group)]
        if not group or not members:
            return None
        at = self.kinds.index(kind)
        patches = patch_features(crop).astype(np.float64)
        distance = np.full(patches.shape[:2], np.inf)
        for i in members:  # a group of several codes: the one that explains the patch best
            rest = patches - self.means[i][:, None, :]
            distance = np.minimum(distance, np.einsum("rcf,rfg,rcg->rc", rest, self.precision[at], rest))
        low, high = self.limits[at]
        return np.clip((distance - low) / max(high - low, 1e-9), 0, 1).astype(np.float32)
