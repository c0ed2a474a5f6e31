"""Scored cases as one table: what was declared, what every check said, what an inspection found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue, UnreadableFile
from customs.evidence import Evidence
from customs.hs import HsCode

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float32]
# Columns beside those of `customs.readers.declarations`: whose line it is, when it falls and what is known.
# `kind` is the truth of a made-up world and read by evaluations only.
SUBJECT, PERIOD, OUTCOME, KIND, EVIDENCE = "subject", "period", "outcome", "kind", "evidence"
_P, _SURPRISE = ".p_value", ".surprise"
_REMEDY = "write it with `portcullis score cases`"


@dataclass(frozen=True, eq=False)
class Cases:
    """n lines under review.

    table: n rows with the columns of `customs.readers.declarations.read` and `subject`, `period` ("settled",
    "review", …), `outcome` (1 fraud, 0 clean, missing where nobody looked) and `kind`.
    checks: k names; p_value, surprise: (n, k), NaN where a check abstained.
    evidence: n lists of evidence as JSON, empty where only the figures are known.
    """

    table: pd.DataFrame
    checks: tuple[str, ...]
    p_value: Floats
    surprise: Floats
    evidence: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    @classmethod
    def of(cls, table: pd.DataFrame, evidence: Sequence[Sequence[Evidence]]) -> Cases:
        """From the evidence on each row of a table, in its order."""
        checks = tuple(dict.fromkeys(e.check for items in evidence for e in items))
        at = {check: j for j, check in enumerate(checks)}
        p, surprise = (np.full((len(evidence), len(checks)), np.nan) for _ in range(2))
        for i, items in enumerate(evidence):
            for e in items:
                if e.p_value is not None:
                    p[i, at[e.check]], surprise[i, at[e.check]] = e.p_value, e.surprise
        texts = tuple(
            json.dumps([e.model_dump(mode="json") for e in items], ensure_ascii=False) for items in evidence
        )
        return cls(table.reset_index(drop=True), checks, p, surprise, texts)

    @property
    def outcome(self) -> Floats:
        """(n,) 1 fraud, 0 clean, NaN unknown."""
        return self.table[OUTCOME].to_numpy(dtype=np.float64, na_value=np.nan)

    def evidence_of(self, i: int) -> tuple[Evidence, ...]:
        """What was said of one row."""
        if not self.evidence:
            return ()
        return tuple(Evidence.model_validate(e) for e in json.loads(self.evidence[i]))

    def declared(self, i: int) -> HsCode:
        """The code declared in one row."""
        return HsCode(str(self.table["hs"].iloc[i]))

    def take(self, rows: npt.NDArray) -> Cases:
        """Some of the rows, by number or by a mask."""
        at = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Cases(
            self.table.iloc[at].reset_index(drop=True),
            self.checks,
            self.p_value[at],
            self.surprise[at],
            tuple(self.evidence[i] for i in at) if self.evidence else (),
        )

    def without(self, modalities: Iterable[str]) -> Cases:
        """The same lines as if some modalities had not been sent."""
        gone = set(modalities)
        silent = np.array([modality(check) in gone for check in self.checks], dtype=bool)
        p, surprise = (np.where(silent, np.nan, values) for values in (self.p_value, self.surprise))
        return Cases(self.table, self.checks, p, surprise)

    def write(self, path: Path) -> None:
        """One parquet file: attributes, `<check>.p_value` and `<check>.surprise`, evidence as JSON."""
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {f"{c}{_P}": self.p_value[:, j] for j, c in enumerate(self.checks)}
        columns |= {f"{c}{_SURPRISE}": self.surprise[:, j] for j, c in enumerate(self.checks)}
        table = pd.concat([self.table, pd.DataFrame(columns, index=self.table.index)], axis=1)
        table["value"] = table["value"].map(str)
        table[EVIDENCE] = list(self.evidence) if self.evidence else None
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), path, compression="zstd")

    @classmethod
    def read(cls, path: Path) -> Cases:
        """Read what `write` wrote; `UnreadableFile` for anything else."""
        import pandas as pd

        if not is_cases(path):
            raise UnreadableFile(f"{path} holds no scored cases", field="data", remedy=_REMEDY)
        table = pd.read_parquet(path)
        checks = tuple(c.removesuffix(_P) for c in table.columns if c.endswith(_P))
        p = table[[f"{c}{_P}" for c in checks]].to_numpy(dtype=np.float64)
        surprise = table[[f"{c}{_SURPRISE}" for c in checks]].to_numpy(dtype=np.float64)
        texts = table[EVIDENCE]
        kept = [c for c in table.columns if c != EVIDENCE and not c.endswith((_P, _SURPRISE))]
        return cls(table[kept], checks, p, surprise, () if texts.isna().any() else tuple(texts))


def is_cases(path: Path) -> bool:
    """True for a parquet file that `Cases.write` wrote."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                return False
        names = set(pq.read_schema(path).names)
    except (OSError, pa.ArrowException):
        return False
    return {SUBJECT, PERIOD, EVIDENCE} <= names


def modality(check: str) -> str:
    """What a check looks at beside the code: the declaration itself, a photo, or a scan.

    >>> [modality(c) for c in ("price.unit_value", "hs.text", "hs.photo", "xray.mass")]
    ['declaration', 'declaration', 'photo', 'scan']
    """
    if check.startswith("xray."):
        return "scan"
    return "photo" if check in ("hs.photo", "hs.joint") else "declaration"


def pattern(checks: Iterable[str]) -> str:
    """The modalities that spoke, such as `declaration+scan`; "" if none did."""
    return "+".join(sorted({modality(check) for check in checks}))


def patterns(checks: Sequence[str], spoke: Bools) -> list[str]:
    """Of each row of (n, k): which of the k checks spoke."""
    names = list(dict.fromkeys(map(modality, checks)))
    by = np.array([modality(check) for check in checks])
    given = np.stack([spoke[:, by == name].any(axis=1) for name in names], axis=1)  # (n, modalities)
    known: dict[bytes, str] = {}
    found = []
    for row in given:
        key = row.tobytes()
        if key not in known:
            known[key] = "+".join(sorted(name for name, yes in zip(names, row, strict=True) if yes))
        found.append(known[key])
    return found


def joined(parts: Sequence[Cases]) -> Cases:
    """Several tables of cases as one; all have the same checks."""
    import pandas as pd

    if not parts:
        raise InvalidValue("there are no cases", field="data", remedy=_REMEDY)
    checks = tuple(dict.fromkeys(c for part in parts for c in part.checks))
    blocks: Mapping[str, list[Any]] = {"p": [], "s": []}
    for part in parts:
        at = [part.checks.index(c) if c in part.checks else -1 for c in checks]
        for name, values in (("p", part.p_value), ("s", part.surprise)):
            padded = np.concatenate([values, np.full((len(part), 1), np.nan)], axis=1)
            blocks[name].append(padded[:, at])
    texts = tuple(t for part in parts for t in part.evidence) if all(p.evidence for p in parts) else ()
    table = pd.concat([part.table for part in parts], ignore_index=True)
    return Cases(table, checks, np.concatenate(blocks["p"]), np.concatenate(blocks["s"]), texts)
