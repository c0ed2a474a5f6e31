"""Where on the scan the oddness sits: patches against the remembered patches of the declared goods.

A patch memory as in PatchCore (Roth et al., CVPR 2022), bounded by a core-set for each code: of all clean
patches those are kept that leave no other far from a kept one. A patch is described by plain numbers, of the
deep crop where there is one, and by how high it lies: what is usual by the floor is odd under the roof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xray_encoder.depth import DEEPEST
from xray_encoder.packing import CAP

PATCH, STRIDE = 16, 8  # pixels of the crop
NAMES = ("mean", "spread", "across", "along", "edge", "wide_mean", "wide_spread", "height")
_HEIGHT = 0.5  # weight of where a patch lies beside what it looks like
_USUAL, _ODDEST = 0.95, 0.9995  # quantiles of clean patches that are drawn as 0 and as 1
_CANDIDATES = 3000  # patches of a code that its core-set is chosen from
_RIDGE = 1e-3
Image = npt.NDArray[np.float32]


def crop_of(canonical: Image, deep: npt.NDArray[np.float16] | None) -> Image:
    """What patches are cut from: depth in shares of what the picture can show, 0…1."""
    if deep is None:
        return np.asarray(canonical / np.float32(CAP))
    return np.asarray(np.sqrt(deep[0].astype(np.float32) / np.float32(DEEPEST)))


def patch_features(crop: Image) -> npt.NDArray[np.float32]:
    """A crop of `crop_of` to (patch rows, patch columns, `NAMES`)."""
    a = crop.astype(np.float64)
    across = np.abs(np.diff(a, axis=1, append=a[:, -1:]))
    along = np.abs(np.diff(a, axis=0, append=a[-1:]))
    mean, square = _boxes(a, PATCH), _boxes(a * a, PATCH)
    rows, columns = mean.shape
    pad = PATCH // 2
    wide = np.pad(a, pad, mode="reflect")
    wide_mean, wide_square = _boxes(wide, 2 * PATCH), _boxes(wide * wide, 2 * PATCH)
    height = np.repeat(np.linspace(1, 0, rows)[:, None], columns, axis=1)
    return np.stack(
        [
            mean,
            np.sqrt(np.maximum(square - mean**2, 0)),
            _boxes(across, PATCH) * 4,
            _boxes(along, PATCH) * 4,
            np.sqrt(_boxes(across**2 + along**2, PATCH)),
            wide_mean[:rows, :columns],
            np.sqrt(np.maximum(wide_square - wide_mean**2, 0))[:rows, :columns],
            height,
        ],
        axis=2,
    ).astype(np.float32)


def _boxes(a: npt.NDArray, size: int) -> npt.NDArray[np.float64]:
    """Means over squares, every STRIDE pixels."""
    total = np.pad(a, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    corner = total[:-size, :-size], total[size:, :-size], total[:-size, size:], total[size:, size:]
    sums = corner[3] - corner[1] - corner[2] + corner[0]
    return np.asarray(np.maximum(sums[::STRIDE, ::STRIDE] / size**2, 0))


@dataclass(frozen=True, eq=False)
class PatchBank:
    """groups: (kind, code) of each part of `memory`; counts: their lengths; memory: (patches, features).

    units: (kinds, 2, features), centre and scale of a kind's patches; limits: (kinds, 2), the distances drawn
    as 0 and as 1.
    """

    groups: tuple[tuple[str, str], ...]
    counts: tuple[int, ...]
    kinds: tuple[str, ...]
    memory: npt.NDArray[np.float32]
    units: npt.NDArray[np.float32]
    limits: npt.NDArray[np.float32]

    @classmethod
    def fit(
        cls, crops: Sequence[Image], codes: Sequence[str], kinds: Sequence[str], *, kept: int, seed: int = 0
    ) -> PatchBank:
        """Learn from clean crops of `crop_of`; at most `kept` patches for each code and kind."""
        rng = np.random.default_rng(seed)
        patches = np.stack([patch_features(crop) for crop in crops])  # (n, rows, columns, features)
        code, kind = np.asarray(codes, dtype=object), np.asarray(kinds, dtype=object)
        names = sorted(set(kind.tolist()))
        groups, counts, memory, units, limits = [], [], [], [], []
        for name in names:
            of_kind = np.flatnonzero(kind == name)
            flat = patches[of_kind].reshape(-1, patches.shape[-1])
            centre, scale = flat.mean(axis=0), flat.std(axis=0) + _RIDGE
            scale[-1] /= _HEIGHT
            distances = []
            for one in sorted(set(code[of_kind].tolist())):
                rows = of_kind[code[of_kind] == one]
                members = (patches[rows] - centre) / scale
                size = members.shape[1] * members.shape[2]
                every = members.reshape(-1, members.shape[-1])
                chosen = _core_set(every, kept, rng)
                groups.append((name, one))
                counts.append(len(chosen))
                memory.append(every[chosen])
                if len(rows) > 1:  # a scan's own patches are no measure of how far others lie
                    owner = chosen // size
                    for n in range(len(rows)):
                        others = every[chosen[owner != n]]
                        if len(others):
                            distances.append(_nearest(members[n].reshape(size, -1), others))
            found = np.concatenate(distances) if distances else np.asarray([0.5, 1.0])
            units.append(np.stack([centre, scale]))
            limits.append(np.quantile(found, [_USUAL, _ODDEST]))
        return cls(
            tuple(groups),
            tuple(counts),
            tuple(names),
            np.concatenate(memory).astype(np.float32),
            np.stack(units).astype(np.float32),
            np.stack(limits).astype(np.float32),
        )

    def map(self, crop: Image, kind: str, group: str) -> npt.NDArray[np.float32] | None:
        """Oddness of each patch, 0…1, or None if the group has no reference of this kind."""
        ends = np.cumsum(self.counts)
        mine = [
            self.memory[end - count : end]
            for (k, code), count, end in zip(self.groups, self.counts, ends, strict=True)
            if k == kind and code.startswith(group)
        ]
        if not group or not mine:
            return None
        at = self.kinds.index(kind)
        patches = (patch_features(crop) - self.units[at, 0]) / self.units[at, 1]
        distance = _nearest(patches.reshape(-1, patches.shape[-1]), np.concatenate(mine))
        low, high = self.limits[at]
        shown = np.clip((distance - low) / max(float(high - low), 1e-6), 0, 1)
        return shown.reshape(patches.shape[:2]).astype(np.float32)

    def tensors(self) -> dict[str, npt.NDArray]:
        """For the artefact."""
        return {"memory": self.memory, "units": self.units, "limits": self.limits}

    def about(self) -> dict[str, Any]:
        """What is not an array."""
        return {
            "groups": [list(group) for group in self.groups],
            "counts": list(self.counts),
            "kinds": list(self.kinds),
        }

    @classmethod
    def read(cls, tensors: Mapping[str, npt.NDArray], about: Mapping[str, Any]) -> PatchBank:
        """Restore exactly."""
        groups = tuple((kind, code) for kind, code in about["groups"])
        return cls(groups, tuple(about["counts"]), tuple(about["kinds"]), **tensors)


def _nearest(rows: npt.NDArray, memory: npt.NDArray) -> npt.NDArray[np.float32]:
    """Distance of each row to the nearest remembered patch."""
    square = (rows**2).sum(axis=1)[:, None] + (memory**2).sum(axis=1)[None, :] - 2 * rows @ memory.T
    return np.sqrt(np.maximum(square.min(axis=1), 0)).astype(np.float32)


def _core_set(rows: npt.NDArray, kept: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Farthest-point choice of at most `kept` of a sample of the rows (Gonzalez, 1985)."""
    sample = rng.permutation(len(rows))[:_CANDIDATES]
    if len(sample) <= kept:
        return np.sort(sample)
    found = [0]
    distance = ((rows[sample] - rows[sample[0]]) ** 2).sum(axis=1)
    while len(found) < kept:
        far = int(distance.argmax())
        found.append(far)
        distance = np.minimum(distance, ((rows[sample] - rows[sample[far]]) ** 2).sum(axis=1))
    return np.sort(sample[np.asarray(found)])
