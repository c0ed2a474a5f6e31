"""How far a photo is from everything that was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

# Ridge of the spread within codes, as a share of its trace: few photos leave many directions without any.
_RIDGE = 1e-4
Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Familiar:
    """The codes' means in a space in which photos of one code spread alike in all directions.

    Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples" (2018): the
    Mahalanobis distance to the nearest mean, with one covariance for all codes. On the shop photos it told
    clothing apart far better than the distance to the nearest training photos did.
    """

    whitening: Features  # (width, width)
    means: Features  # (codes, width), whitened

    @classmethod
    def fit(cls, x: Features, targets: npt.NDArray[np.int64]) -> Self:
        """From (n, width) features of training photos and their codes' numbers."""
        kinds = np.unique(targets)
        means = np.stack([x[targets == kind].mean(axis=0, dtype=np.float64) for kind in kinds])
        away = x - means[np.searchsorted(kinds, targets)]
        spread = away.T @ away / len(x)
        spread += (_RIDGE * np.trace(spread) + 1e-12) * np.eye(len(spread))
        whitening = np.linalg.inv(np.linalg.cholesky(spread)).T
        return cls(whitening.astype(np.float32), (means @ whitening).astype(np.float32))

    def distance(self, x: Features) -> npt.NDArray[np.float64]:
        """(n,) squared distances to the nearest mean."""
        z = (x @ self.whitening).astype(np.float64)  # (n, width)
        m = self.means.astype(np.float64)
        squared = (z * z).sum(axis=1)[:, None] - 2 * z @ m.T + (m * m).sum(axis=1)  # (n, codes)
        return np.asarray(squared.min(axis=1).clip(min=0.0))
