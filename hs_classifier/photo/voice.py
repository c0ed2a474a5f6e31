"""What a photo says about codes, alone and together with a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.case import Photo
from customs.hs import HsCode
from hs_classifier.codes import Array, CodeTree
from hs_classifier.photo.branch import PhotoBranch

# Of clean photos held out, this share was more like the training photos: beyond it the photo is foreign.
FOREIGN = 0.97
_FLOOR = 1e-6
_DECIMALS = 4
_WEIGHTS = tuple(round(0.1 * i, 1) for i in range(1, 21))


@dataclass
class PhotoVoice:
    """A photo branch, and how much its word counts beside a text's (power of its probabilities)."""

    branch: PhotoBranch
    weight: float = 1.0

    @property
    def codes(self) -> tuple[HsCode, ...]:
        """The codes that photos were trained on, of the digits that the data gave."""
        return self.branch.codes

    def look(self, photos: Sequence[Sequence[Photo]]) -> tuple[Array, npt.NDArray[np.bool_]]:
        """For cases with at least one photo each: (n, codes) log-probabilities, and which are foreign.

        Several photos of one case are views of the same goods: their log-probabilities are averaged.
        """
        flat = [photo for shots in photos for photo in shots]
        owner = np.repeat(np.arange(len(photos)), [len(shots) for shots in photos])
        log_p, novelty = self.branch.look(flat)
        count = np.bincount(owner, minlength=len(photos))
        mean = np.zeros((len(photos), len(self.codes)))
        np.add.at(mean, owner, log_p)
        mean /= count[:, None]
        least = np.full(len(photos), np.inf)
        np.minimum.at(least, owner, novelty)
        # rounded: the same photo must read the same alone and in a batch
        return normalised(mean).round(_DECIMALS), least > FOREIGN

    def seen(self, declared: HsCode) -> tuple[HsCode, npt.NDArray[np.int64]] | None:
        """The declared code or its deepest parent of which photos were trained on, and the codes below it.

        A code that photos know by fewer digits counts as itself. None if not even the chapter is known.
        """
        for code in (declared, *declared.parents):
            rows = [i for i, c in enumerate(self.codes) if code.covers(c) or c.covers(code)]
            if rows:
                return code, np.array(rows, dtype=np.int64)
        return None

    def read(self, levels: dict[int, Array], row: int, tree: CodeTree) -> Array:
        """(codes,) log-probabilities that a text gives to the photos' codes, summing to one among them."""
        found = np.full(len(self.codes), np.log(_FLOOR))
        for i, code in enumerate(self.codes):
            known = tree.deepest(code)
            node = None if known is None else tree.find(known)
            if known is not None and node is not None:
                found[i] = max(float(levels[known.level][row, node]), np.log(_FLOOR))
        return normalised(found[None])[0].round(_DECIMALS)

    def pool(self, text: Array, photo: Array) -> Array:
        """Log-linear pool of (n, codes) log-probabilities of texts and photos."""
        return normalised(text + self.weight * photo)

    def tune(self, text: Array, photo: Array, truth: npt.NDArray[np.int64]) -> None:
        """Set the weight that makes the true codes of held-out cases likeliest; (n, codes), (n,)."""
        rows = np.arange(len(truth))
        losses = [-normalised(text + w * photo)[rows, truth].mean() for w in _WEIGHTS]
        self.weight = _WEIGHTS[int(np.argmin(losses))]

    def lift(self, leaf: Array, log_p: Array, tree: CodeTree) -> Array:
        """(n, leaves) log-probabilities of texts, weighed by what photos say; (n, codes).

        A leaf that no photo was trained on keeps its weight: a photo neither speaks for nor against it.
        """
        gain = np.zeros_like(leaf)
        for i, code in enumerate(self.codes):
            gain[:, self._below(code, tree)] = (log_p[:, i] + np.log(len(self.codes)))[:, None]
        return normalised(leaf + self.weight * gain)

    def alone(self, log_p: Array, tree: CodeTree) -> Array:
        """(n, leaves) log-probabilities of photos without a text: even among the leaves of a code."""
        p = np.full((len(log_p), len(tree)), 1e-12)
        for i, code in enumerate(self.codes):
            below = self._below(code, tree)
            if len(below):
                p[:, below] += np.exp(log_p[:, i])[:, None] / len(below)
        return normalised(np.log(p))

    def _below(self, code: HsCode, tree: CodeTree) -> npt.NDArray[np.int64]:
        node = tree.find(code)
        if node is None:
            return np.array([i for i, leaf in enumerate(tree.leaves) if code.covers(leaf)], dtype=np.int64)
        return np.flatnonzero(tree.up[code.level] == node)


def normalised(log_p: Array) -> Array:
    """Rows of log-probabilities made to sum to one."""
    top = log_p.max(axis=1, keepdims=True)
    return np.asarray(log_p - top - np.log(np.exp(log_p - top).sum(axis=1, keepdims=True)))
