"""Grey-level histograms of container pictures: the file they come in and what a model sees of them.

The published file (`ajna_container_weights.npz` of Brazilian Customs' AJNA, IvanBrasilico/padma) holds, for
each scan, how many values of its picture fall into each of 15 grey-level bins, and the declared gross weight
of the cargo plus the container's tare. AJNA's scripts cut 0…255 into 16 bins and keep the first 15
(`padma/models/peso/peso2.py`): the brightest, the air around the load, is left out, so the counts do not add
up to a picture. Colour pictures are counted over three equal channels, so every count is a multiple of 3.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue, TooLarge, UnreadableFile

BINS = 15
CUTS = 16  # equal grey-level bins between the darkest and the brightest; the last one is air
_CHANNELS = 3
_MOST_ROWS = 1_000_000
_MOST_BYTES = 1 << 28
_LAYOUT = "give an npz of `histogram` (scans × 15 counts) and `label` (kg)"
_SOFT = 20.0  # pixels added before a logarithm: a bin of three and one of nine pixels are both empty
_CENTRES = (np.arange(BINS) + 0.5) / CUTS

Array = npt.NDArray[np.float64]


def read_histograms(path: Path) -> tuple[Array, Array]:
    """Pixel counts (scans, 15) and weights in kg (scans,) of an npz with `histogram` and `label`.

    Counts over three channels are brought back to pixels. Raises UnreadableFile or TooLarge.
    """
    path = Path(path)
    if not path.is_file():
        raise UnreadableFile(f"there is no file {path}", field="data", remedy=_LAYOUT)
    try:
        with zipfile.ZipFile(path) as box:
            size = sum(item.file_size for item in box.infolist())
    except (OSError, zipfile.BadZipFile) as error:
        raise UnreadableFile(f"{path.name} is not an npz file", field="data", remedy=_LAYOUT) from error
    if size > _MOST_BYTES:
        raise TooLarge(f"{path.name} unpacks to {size:,} bytes", field="data", remedy="split the file")
    try:
        with np.load(path, allow_pickle=False) as box:
            counts, kg = (np.asarray(box[name], dtype=np.float64) for name in ("histogram", "label"))
    except KeyError as error:
        raise UnreadableFile(f"{path.name} lacks an array: {error}", field="data", remedy=_LAYOUT) from error
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UnreadableFile(f"{path.name} cannot be read", field="data", remedy=_LAYOUT) from error
    if counts.ndim != 2 or counts.shape[1] != BINS or kg.shape != counts.shape[:1]:
        raise UnreadableFile(
            f"{path.name} has histograms {counts.shape} and labels {kg.shape}", field="data", remedy=_LAYOUT
        )
    if not 0 < len(kg) <= _MOST_ROWS:
        raise TooLarge(f"{path.name} has {len(kg):,} scans", field="data", remedy="give 1 to 1,000,000 scans")
    checked(counts)
    weights(kg, len(kg))
    return (counts / _CHANNELS if not np.any(counts % _CHANNELS) else counts), kg


def checked(counts: npt.ArrayLike) -> Array:
    """Histograms as (scans, 15) floats; one histogram becomes one row. Raises InvalidValue."""
    found = np.atleast_2d(np.asarray(counts, dtype=np.float64))
    if found.ndim != 2 or found.shape[1] != BINS:
        raise InvalidValue(f"a histogram has shape {found.shape}", field="histogram", remedy="give 15 counts")
    wrong = ~(np.isfinite(found) & (found >= 0)).all(axis=1) | ~(found.sum(axis=1) > 0)
    if wrong.any():
        raise InvalidValue(
            f"histogram {int(np.argmax(wrong))} has no pixels or a count that is none",
            field="histogram",
            remedy="give counts of zero or more, not all zero",
        )
    return found


def weights(kg: npt.ArrayLike, scans: int) -> Array:
    """Weights as (scans,) positive floats. Raises InvalidValue."""
    found = np.atleast_1d(np.asarray(kg, dtype=np.float64))
    if found.shape != (scans,):
        raise InvalidValue(
            f"{scans} histograms have weights {found.shape}", field="label", remedy="give one weight a scan"
        )
    wrong = ~(np.isfinite(found) & (found > 0))
    if wrong.any():
        raise InvalidValue(
            f"weight {int(np.argmax(wrong))} is {found[wrong][0]}", field="label", remedy="give kg above zero"
        )
    return found


def features(counts: Array) -> npt.NDArray[np.float32]:
    """(scans, 399) what the trees split on, from pixel counts (scans, 15).

    Logarithms of counts, shares and of the counts below and above each grey level; areal-density proxies
    (−ln of the bin's grey, by its count, in four powers, with and without the bright bins); and log ratios
    of every two bins, of every two counts below a level, and of those above: one split on a ratio says what
    a tree on plain counts needs many for, and ratios do not depend on the size of the picture.
    """
    total = counts.sum(axis=1, keepdims=True)
    share = counts / total
    below = np.cumsum(counts, axis=1)
    one, lower = np.log(counts + _SOFT), np.log(below + _SOFT)
    upper = np.log(np.maximum(total - below[:, :-1], 0.0) + _SOFT)
    depth = -np.log(_CENTRES)
    parts = [one, np.log(share + 1e-3), lower, upper, np.log(total)]
    for power in (0.5, 1.0, 1.5, 2.0):
        mean = np.sum(share * depth**power, axis=1, keepdims=True)
        parts += [mean, np.log(mean), np.log(mean * total), np.log(mean * np.sqrt(total))]
    for last in (12, 13, 14):
        pixels = counts[:, :last].sum(axis=1, keepdims=True)
        mass = np.sum(counts[:, :last] * depth[:last], axis=1, keepdims=True)
        parts += [np.log(pixels + _SOFT), np.log(mass / (pixels + 1.0) + 0.01), np.log(mass + _SOFT)]
    i, j = np.triu_indices(BINS, 1)
    parts.append(one[:, i] - one[:, j])
    i, j = np.triu_indices(BINS - 1, 1)
    parts += [lower[:, i] - lower[:, j], upper[:, i] - upper[:, j], lower[:, :-1] - upper]
    parts.append(np.diff(one, 2, axis=1))
    return np.hstack(parts).astype(np.float32)
