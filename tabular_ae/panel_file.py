"""A series file in, a parquet file of scores out: one row for each row, in the same order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from customs.errors import InvalidConfig, UnreadableFile
from tabular_ae.data import read_macro, read_series
from tabular_ae.scorer import TabularScorer


def score_file(
    model: Path,
    data: Path,
    out: Path,
    *,
    columns: Mapping[str, str] | None = None,
    freight: Path | None = None,
    macro: Path | None = None,
    device: str = "cpu",
) -> dict[str, Any]:
    """Score `data` with the artefact `model` and write `out`; returns counts.

    freight, macro: published route freight and monthly figures to join, as in training; they replace what the
    model knows of the same months.

    The columns are `row` (0-based), those of `TabularScorer.score_panel`, and `reason`: why a row has no
    score, null where it has one. A row the reader refuses keeps its place, with nulls and its reason.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    scorer = TabularScorer.load(model, device)
    read = read_series(data, columns, freight=freight)
    known = scorer.converter.freight_unit
    if read.freight_unit is not None and known is not None and read.freight_unit != known:
        raise InvalidConfig(
            f"freight is in {read.freight_unit}, the model knows it in {known}",
            field="data",
            remedy=f"give freight in {known}",
        )
    if macro is not None:
        scorer.know(read_macro(macro))
    found = scorer.score_panel(read.rows)
    scored = np.isfinite(found["p_value"])
    found["flagged"] = [bool(yes) if ok else None for yes, ok in zip(found["flagged"], scored, strict=True)]
    table: dict[str, pa.Array] = {"row": pa.array(np.arange(read.length))}
    for name, values in found.items():
        table[name] = _spread(name, values, read.place, read.length)
    reasons = table["reason"].to_pylist()
    for row, reason in read.reasons.items():
        reasons[row] = reason
    table["reason"] = pa.array(reasons, type=pa.string())
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(table), out, compression="zstd")
    except OSError as error:
        raise UnreadableFile(f"{out}: {error.strerror}", field="out", remedy="name a file to write") from None
    return {
        "rows": read.length,
        "scored": int(scored.sum()),
        "flagged": sum(filter(None, found["flagged"])),
        "reasons": dict(Counter(r for r in reasons if r is not None).most_common()),
        "out": str(out),
    }


_KINDS = {"flagged": "bool", "months": "int64", "reason": "string"}


def _spread(name: str, values: Any, place: np.ndarray, length: int) -> Any:
    """Values at their rows of the file; NaN and rows without a value become null."""
    import pyarrow as pa

    whole: list[Any] = [None] * length
    for row, value in zip(place.tolist(), list(values), strict=True):
        whole[row] = None if value is None or value != value else value
    return pa.array(whole, type=pa.type_for_alias(_KINDS.get(name, "float64")))
