"""The nearest past scans: of everything, of one HS code, of one importer, of one lot.

Search is exact. A scan is 32 numbers (see `spread`), so one look at 100,000 of them reads 13 MB: about 1 ms
on one core, filters included. A flat index of faiss takes as long, and its graphs, filtered to a rare
importer, lose that importer's scans. So there is no index to build or to keep.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.hs import SEPARATORS, HsCode
from xray_encoder.spread import KEEP, Spread, features

CAP = 200_000  # references; 38 MB with ids of nine characters
_THINNED = 0.9  # share of the cap that is left when it is passed, so that not every addition thins again
_NEWEST = 0.5  # share of a thinned code's references that are its newest; the others are its most varied
_GREEDY = 20_000_000  # distances: beyond so many a seeded sample stands in for the core-set
_PAIRS = 2_000  # pairs of one code from which the usual distance is taken
_SPARE = 16  # candidates beyond those asked for, whose distance is worked out again in full precision
_GATHER = 8  # reading a row out of order takes so many times what it takes in order
_NAMED = ("code", "importer", "lot", "kind", "date")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one past scan; "" for what is not. date: ISO, such as 2024-05-01."""

    id: str
    code: str
    importer: str = ""
    lot: str = ""
    kind: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A past scan that looks alike.

    distance: in units of how much scans of one code differ in one direction. similarity: 1 for the same
    scan, 0.5 for two usual scans of one code, near 0 for other goods.
    """

    id: str
    distance: float
    similarity: float
    code: str
    importer: str
    lot: str
    date: str = ""


@dataclass(frozen=True, eq=False)
class Bank:
    """Past scans to search in; never more than `cap`.

    vectors: float32 (n, k); ids: str (n,); numbers: int32 (n,) for each of code, importer, lot, kind and
    date, an index into `names`; usual: median distance of two scans of one code and kind.
    """

    spread: Spread
    vectors: npt.NDArray[np.float32]
    ids: npt.NDArray[np.str_]
    numbers: Mapping[str, npt.NDArray[np.int32]]
    names: Mapping[str, tuple[str, ...]]
    usual: float
    cap: int = CAP
    seed: int = 0

    @classmethod
    def fit(
        cls, x: npt.ArrayLike, entries: Sequence[Entry], *, cap: int = CAP, keep: int = KEEP, seed: int = 0
    ) -> Bank:
        """Learn the units of distance from the references x (n, d) and keep them, at most `cap`.

        Raises `InvalidValue` if x and entries do not match, an id occurs twice, or cap is not positive.
        """
        if cap < 1:
            raise InvalidValue(f"got a cap of {cap}", field="cap", remedy="give 1 or more")
        rows = features(x)
        _check(rows, entries)
        groups = [f"{e.kind}|{e.code}" for e in entries]
        spread = Spread.fit(rows, groups, keep=keep)
        vectors = spread(rows).astype(np.float32)
        usual = _usual(vectors, groups, np.random.default_rng(seed))
        ids = np.asarray([e.id for e in entries], dtype=np.str_)
        numbers, names = _columns(entries)
        return cls(spread, vectors, ids, numbers, names, usual, cap, seed)._bounded()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Memory of all references; divided by `len(bank)`, of one."""
        names = sum(len(name.encode()) for column in self.names.values() for name in column)
        coded = sum(column.nbytes for column in self.numbers.values())
        return int(self.vectors.nbytes + self._squares.nbytes + self.ids.nbytes + coded + names)

    def added(self, x: npt.ArrayLike, entries: Sequence[Entry]) -> Bank:
        """This bank and further scans x (m, d), as after a decision; one with a known id takes its place.

        The units of distance stay. Past the cap, codes with the most references are thinned.
        """
        rows = features(x)
        _check(rows, entries)
        new = self.spread(rows).astype(np.float32)
        kept = ~np.isin(self.ids, [e.id for e in entries])
        numbers, names = _columns(entries, self.names)
        return dataclasses.replace(
            self,
            vectors=np.concatenate([self.vectors[kept], new]),
            ids=np.concatenate([self.ids[kept], np.asarray([e.id for e in entries], dtype=np.str_)]),
            numbers={n: np.concatenate([self.numbers[n][kept], numbers[n]]) for n in _NAMED},
            names=names,
        )._bounded()

    def nearest(
        self,
        x: npt.ArrayLike,
        k: int = 5,
        *,
        hs: HsCode | str | None = None,
        importer: str | None = None,
        lot: str | None = None,
        kind: str | None = None,
        exclude: Collection[str] = (),
    ) -> list[Neighbour]:
        """The k references nearest to the feature vector x (d,), nearest first; fewer if fewer match.

        Args:
            x: features of one scan.
            k: how many.
            hs: only codes that begin so.
            importer: only this importer's.
            lot: only this lot's.
            kind: only this kind of picture (see `data.kind_of`).
            exclude: ids never answered, such as the scan's own.

        Raises:
            InvalidValue: x has another width than the references, k is not positive, or hs is no code.
        """
        if k < 1:
            raise InvalidValue(f"got {k}", field="k", remedy="ask for 1 or more scans")
        query = self.spread(x)
        if query.ndim != 1:
            raise InvalidValue(f"got {query.ndim} axes", field="features", remedy="search one scan at a time")
        chosen = self._matching(hs, {"importer": importer, "lot": lot, "kind": kind})
        if chosen is not None and not len(chosen):
            return []
        rough = self._rough(query.astype(np.float32), chosen)
        rows = np.arange(len(self)) if chosen is None else chosen
        wanted = k + len(exclude) + _SPARE
        if wanted < len(rows):
            rows = rows[np.argpartition(rough, wanted)[:wanted]]
        exact = ((self.vectors[rows].astype(np.float64) - query) ** 2).sum(axis=1)
        # in order of distance; equal ones in the order in which they came
        order = np.lexsort((rows, exact))
        left_out = set(exclude)
        found = [(int(rows[i]), float(exact[i])) for i in order if str(self.ids[rows[i]]) not in left_out]
        return [self._neighbour(row, square) for row, square in found[:k]]

    def tensors(self) -> dict[str, npt.NDArray]:
        """Arrays for an artefact."""
        return {**self.spread.tensors(), "vectors": self.vectors}

    def columns(self) -> dict[str, list[str]]:
        """What is known of each reference, as a table for an artefact."""
        named = {
            name: [self.names[name][i] for i in self.numbers[name].tolist()]  # shared strings
            for name in _NAMED
        }
        return {"id": self.ids.tolist(), **named}

    def about(self) -> dict[str, Any]:
        """JSON for an artefact."""
        return {"usual": self.usual, "cap": self.cap, "seed": self.seed}

    @classmethod
    def read(
        cls,
        tensors: Mapping[str, npt.NDArray],
        about: Mapping[str, Any],
        columns: Mapping[str, Sequence[str]],
    ) -> Bank:
        """Restore what `tensors`, `about` and `columns` gave."""
        entries = [Entry(*row) for row in zip(*(columns[n] for n in ("id", *_NAMED)), strict=True)]
        numbers, names = _columns(entries)
        return cls(
            Spread.read(tensors, {}),
            tensors["vectors"],
            np.asarray(columns["id"], dtype=np.str_),
            numbers,
            names,
            about["usual"],
            about["cap"],
            about["seed"],
        )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_squares", (self.vectors**2).sum(axis=1))

    _squares: npt.NDArray[np.float32] = dataclasses.field(init=False, repr=False)

    def _matching(self, hs: HsCode | str | None, exact: Mapping[str, str | None]) -> npt.NDArray | None:
        """Rows that pass the filters; None for all."""
        kept: npt.NDArray[np.bool_] | None = None
        if hs is not None:
            prefix = _prefix(hs)
            codes = np.asarray([code.startswith(prefix) for code in self.names["code"]], dtype=bool)
            kept = codes[self.numbers["code"]]
        for name, value in exact.items():
            if value is None:
                continue
            if value not in self.names[name]:
                return np.empty(0, dtype=np.int64)
            same = self.numbers[name] == self.names[name].index(value)
            kept = same if kept is None else kept & same
        return None if kept is None else np.flatnonzero(kept)

    def _rough(self, query: npt.NDArray[np.float32], rows: npt.NDArray | None) -> npt.NDArray[np.float32]:
        """Squared distances less the query's own square, in single precision, of some rows or of all."""
        if rows is not None and _GATHER * len(rows) < len(self):
            return np.asarray(self._squares[rows] - 2 * _products(self.vectors[rows], query))
        every = self._squares - 2 * _products(self.vectors, query)
        return np.asarray(every if rows is None else every[rows])

    def _neighbour(self, row: int, square: float) -> Neighbour:
        said = {name: self.names[name][self.numbers[name][row]] for name in _NAMED if name != "kind"}
        alike = 0.5 ** (square / self.usual**2)
        return Neighbour(str(self.ids[row]), float(np.sqrt(square)), float(alike), **said)

    def _bounded(self) -> Bank:
        """This bank within its cap."""
        if len(self) <= self.cap:
            return self
        rows = _thinned(self, max(int(_THINNED * self.cap), 1), np.random.default_rng(self.seed))
        return dataclasses.replace(
            self,
            vectors=self.vectors[rows],
            ids=self.ids[rows],
            numbers={name: column[rows] for name, column in self.numbers.items()},
        )


def _products(vectors: npt.NDArray[np.float32], query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Inner products (n,). Not by BLAS: it would share a millisecond's work out among threads and then wait
    for the last of them, which on busy cores took 16 ms."""
    return np.asarray(np.einsum("nd,d->n", vectors, query))


def _check(rows: npt.NDArray, entries: Sequence[Entry]) -> None:
    ids = [e.id for e in entries]
    if len(ids) != len(rows):
        raise InvalidValue(
            f"{len(rows)} feature vectors and {len(ids)} entries", field="entries", remedy="give one for each"
        )
    if len(set(ids)) != len(ids) or "" in ids:
        twice = next((i for i in ids if not i or ids.count(i) > 1), "")
        raise InvalidValue(
            f"the id {twice!r} is empty or occurs twice", field="entries", remedy="name each scan once"
        )


def _prefix(hs: HsCode | str) -> str:
    digits = hs.digits if isinstance(hs, HsCode) else str(hs).strip().translate(SEPARATORS)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        raise InvalidValue(f"{hs!r} is not an HS code", field="hs", remedy="give its first 2 to 10 digits")
    return digits


def _columns(
    entries: Sequence[Entry], known: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[dict[str, npt.NDArray[np.int32]], dict[str, tuple[str, ...]]]:
    """Each column as numbers into its distinct names, which are those known and then new ones."""
    numbers, names = {}, {}
    for name in _NAMED:
        index = {value: i for i, value in enumerate((known or {}).get(name, ()))}
        numbers[name] = np.asarray(
            [index.setdefault(getattr(e, name), len(index)) for e in entries], dtype=np.int32
        )
        names[name] = tuple(index)
    return numbers, names


def _usual(vectors: npt.NDArray, groups: Sequence[str], rng: np.random.Generator) -> float:
    """Median distance of two references of one group; of any two where no group has two."""
    _, group = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    order = rng.permutation(len(group))
    order = order[np.argsort(group[order], kind="stable")]  # by group, within a group at random
    first, second = order[:-1], order[1:]
    same = group[first] == group[second]
    if same.any():
        first, second = first[same], second[same]
    drawn = rng.permutation(len(first))[:_PAIRS]
    apart = vectors[first[drawn]].astype(np.float64) - vectors[second[drawn]]
    return max(float(np.median(np.sqrt((apart**2).sum(axis=1)))), 1e-6)


def _thinned(bank: Bank, target: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows to keep: rare codes whole, the others to an even number, half newest and half most varied."""
    kind, code = bank.numbers["kind"], bank.numbers["code"]
    _, group = np.unique(kind.astype(np.int64) * (int(code.max()) + 1) + code, return_inverse=True)
    quota = _quotas(np.bincount(group), target)
    date = np.asarray(bank.names["date"])[bank.numbers["date"]]
    order = np.lexsort((np.arange(len(group)), date, group))  # by group, oldest first
    kept = []
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        allowed = int(quota[group[rows[0]]])
        if len(rows) <= allowed:
            kept.append(rows)
            continue
        newest = min(int(np.ceil(_NEWEST * allowed)), allowed)
        old = rows[: len(rows) - newest]
        kept += [rows[len(rows) - newest :], old[_varied(bank.vectors[old], allowed - newest, rng)]]
    return np.sort(np.concatenate(kept))


def _quotas(sizes: npt.NDArray, target: int) -> npt.NDArray[np.int64]:
    """How many of each group: all of the small ones, the same number of the large, `target` in all."""
    quota = np.zeros(len(sizes), dtype=np.int64)
    left, order = target, np.argsort(sizes, kind="stable")
    for done, i in enumerate(order):
        quota[i] = min(int(sizes[i]), left // (len(order) - done))
        left -= int(quota[i])
    return quota


def _varied(vectors: npt.NDArray, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Greedy k-centre core-set (Gonzalez 1985) of `count` rows, or a seeded sample of very many."""
    if count < 1:
        return np.empty(0, dtype=np.int64)
    if len(vectors) * count > _GREEDY:
        return np.sort(rng.permutation(len(vectors))[:count])
    middle = vectors.mean(axis=0)
    chosen = [int(((vectors - middle) ** 2).sum(axis=1).argmin())]
    away = ((vectors - vectors[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < count:
        away[chosen[-1]] = -1.0  # also where copies leave nothing but zeros
        chosen.append(int(away.argmax()))
        np.minimum(away, ((vectors - vectors[chosen[-1]]) ** 2).sum(axis=1), out=away)
    return np.asarray(sorted(chosen), dtype=np.int64)
