"""A file of declarations in, an ordered list out: in memory that does not grow with the file.

The first pass reads, scores and keeps in temporary files what the second needs to write ranks and reasons.
Reasons of the first thousands are exact Shapley values, those of the others what is usual for such values.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.progress import Progress, silent
from customs.sentences import Language
from fusion.data import Cases, Floats, is_cases
from fusion.head.attributes import Attributes, attributes
from fusion.head.model import Head
from fusion.head.prices import value_gap
from fusion.head.reasons import nothing, reasons, unreadable
from fusion.keeping import load
from fusion.model import Fusion, aligned_to
from fusion.rank import RANDOM_SHARE, Budget, Selection, false_discoveries, select, tie_rate
from fusion.why import of_evidence, shortfall

if TYPE_CHECKING:
    import pandas as pd

    from customs.readers.report import Read, RepairReport

_Job = tuple["Read", int, Language, Path]  # a chunk, the number of its first row, its spool
EXACT = 1_000  # rows whose reasons are exact, of one of the models that are averaged
_CHUNK = 50_000


@dataclass(frozen=True)
class Options:
    """How a list is made; fdr: instead of a budget, the share of clean cases that is accepted among them."""

    budget: Budget
    random_share: float = RANDOM_SHARE
    seed: int = 0
    fdr: float | None = None
    language: Language = "en"


@dataclass(frozen=True, eq=False)
class _Part:
    """Some rows: what orders them (NaN where nobody could judge), p-values, where all else lies."""

    raw: Floats
    p_value: Floats
    spool: Path


def rank_file(
    model: Path, data: Path, out: Path, options: Options, progress: Progress = silent
) -> dict[str, Any]:
    """Order a file of declarations, or of scored cases, by risk; write parquet and answer a summary.

    One row out for each row in, in the same order: `row` (from 0), `declaration_id`, `line`, `risk` (missing
    where a row could not be read or judged), `rank` (1 first), `selected`, `arm` (risk, random, both, or
    nothing), `reasons`, `new_importer`, `value_gap` and `duty_gap` in `currency`.
    """
    fusion = load(model)
    with tempfile.TemporaryDirectory() as room:
        report: RepairReport | None = None
        if is_cases(data):
            parts = [_of_cases(fusion, Cases.read(data), options.language, Path(room))]
        else:
            parts, report = _of_file(model, _head_of(fusion), data, options.language, Path(room), progress)
        raw = np.concatenate([part.raw for part in parts])
        p_value = np.concatenate([part.p_value for part in parts])
        budget = options.budget
        if options.fdr is not None:
            budget = Budget(count=int(false_discoveries(p_value, options.fdr).sum()))
        chosen = select(raw, budget, random_share=options.random_share, seed=options.seed)
        totals = _write(fusion, parts, chosen, out, options.language, progress)
    judged = int(np.isfinite(raw).sum())
    return {
        "rows": len(raw),
        "judged": judged,
        "refused": 0 if report is None else report.rows_refused,
        "budget": chosen.budget,
        "selected": int(chosen.selected.sum()),
        "fdr": options.fdr,
        "random_arm": {"places": chosen.drawn, "share_of_budget": options.random_share, "seed": chosen.seed},
        "ties": {
            "rate": tie_rate(raw),
            "with_the_risk_at_the_cut": chosen.tied,
            "of_them_left_out": chosen.tied_out,
        },
        "expected_hits": _expected(fusion, raw, chosen),
        **totals,
        "read": None if report is None else report.as_dict(),
    }


def _head_of(fusion: Fusion) -> Head:
    if fusion.head is None or fusion.head.checks:
        learned = "from clean cases alone" if fusion.head is None else "from cases that were scored before"
        raise InvalidValue(
            f"this model learned {learned}, and the file holds plain declarations",
            field="data",
            remedy="score them first (`portcullis score cases`), or train on declarations with outcomes",
        )
    return fusion.head


def _of_file(
    model: Path, head: Head, data: Path, language: Language, room: Path, progress: Progress
) -> tuple[list[_Part], RepairReport]:
    """Read chunk by chunk; where there are several, score them in as many processes as there are cores."""
    from customs.readers import declarations, total

    reports: list[RepairReport] = []

    def jobs() -> Iterator[_Job]:
        start = 0
        for number, read in enumerate(declarations.chunks(data, rows=_CHUNK)):
            reports.append(read.report)
            yield read, start, language, room / f"{number}.parquet"
            start += read.report.rows_read

    stream = jobs()
    first = next(stream)
    parts: list[_Part] = []
    single = first[0].report.rows_read < _CHUNK  # refused ones are in no table
    for part in _scored(model, head, itertools.chain([first], stream), single):
        parts.append(part)
        done = sum(len(p.raw) for p in parts)
        progress("declarations", done, done)
    return parts, total(reports)


def _scored(model: Path, head: Head, jobs: Iterator[_Job], single: bool) -> Iterator[_Part]:
    """Parts in the order of the jobs, few of which are held at a time."""
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if single or workers == 1:
        yield from (_score(head, *job) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    waiting: deque[Future[_Part]] = deque()
    with ProcessPoolExecutor(workers, context, _start, (model,)) as pool:
        for job in jobs:
            waiting.append(pool.submit(_in_worker, *job))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


_head: Head | None = None  # of a worker process


def _start(model: Path) -> None:
    global _head
    _head = load(model).head


def _in_worker(read: Read, start: int, language: Language, spool: Path) -> _Part:
    assert _head is not None
    return _score(_head, read, start, language, spool)


def _score(head: Head, read: Read, start: int, language: Language, spool: Path) -> _Part:
    """One chunk: its readable rows scored, the refused ones put back in their place."""
    import pandas as pd

    table = read.table
    rows = attributes(table)
    features = head.features(rows)
    raw = head.raw(rows, features) if len(table) else np.empty(0)
    clean = np.sort(head.chances.raw[head.chances.outcome == 0])
    p = (1.0 + len(clean) - np.searchsorted(clean, raw, side="left")) / (len(clean) + 1.0)
    told = reasons(head, rows, features, head.profile.contributions(features), language)
    money = _gaps(head, rows, table)
    scored = table.assign(
        raw=raw,
        risk=head.chances(raw),
        p_value=p,
        reasons=[text or nothing(language) for text in told],
        new_importer=head.is_new_importer(rows),
        **money,
    )
    lost = _refused(read, start, language)
    if len(lost):
        scored = pd.concat([scored, lost]).sort_values("row", kind="stable", ignore_index=True)
    return _spooled(scored, spool)


def _refused(read: Read, start: int, language: Language) -> pd.DataFrame:
    """The rows of a chunk that could not be read, with the reason where the report still has it."""
    import pandas as pd

    there = set(read.table["row"].tolist())
    missing = [n for n in range(start, start + read.report.rows_read) if n not in there]
    faults = {r.line: f"{r.field}: {r.reason}" for r in read.report.remarks if r.refused}
    why = [faults[line] for line in sorted(faults)]
    if len(why) != len(missing):  # a long list of faults is not kept whole
        why = ["see the report" if language == "en" else "보고서 참조"] * len(missing)
    return pd.DataFrame({"row": missing, "reasons": [unreadable(text, language) for text in why]})


def _of_cases(fusion: Fusion, cases: Cases, language: Language, room: Path) -> _Part:
    """All scored cases at once: by the head where there is one, else by how they look beside clean cases."""
    if fusion.joint is None:
        raise InvalidValue(
            "this model was trained on plain declarations, and the file holds scored cases",
            field="data",
            remedy="train fusion on scored cases of known outcome, or on a world",
        )
    aligned = aligned_to(cases, fusion.joint.checks)
    p, raw, _ = fusion.joint.score(aligned)
    risk = 1.0 - 10.0**-raw
    rows = attributes(cases.table)
    told = of_evidence(fusion.joint.checks, fusion.joint.heard(aligned), language)
    columns: dict[str, Any] = {"new_importer": False}
    if fusion.head is not None:
        judged = np.isfinite(raw)
        features = fusion.head.features(rows, fusion.evidence_features(cases))
        raw = np.where(judged, fusion.head.raw(rows, features), np.nan)
        risk = np.where(judged, fusion.head.chances(raw), np.nan)
        first = np.argsort(-np.nan_to_num(raw, nan=-np.inf), kind="stable")[:EXACT]
        some = features[first]
        for i, text in zip(
            first.tolist(),
            reasons(
                fusion.head,
                rows.take(first),
                some,
                fusion.head.forest.contributions(some, models=1),
                language,
            ),
            strict=True,
        ):
            told[i] = text or told[i]
        columns["new_importer"] = fusion.head.is_new_importer(rows)
    columns |= shortfall(cases)
    texts = [text or nothing(language) for text in told]
    scored = cases.table.assign(raw=raw, risk=risk, p_value=p, reasons=texts, **columns)
    scored["row"] = np.arange(len(scored))
    return _spooled(scored, room / "cases.parquet")


def _spooled(scored: pd.DataFrame, path: Path) -> _Part:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kept = scored.drop(columns=["name"], errors="ignore")
    kept["value"] = kept["value"].astype(float)
    pq.write_table(pa.Table.from_pandas(kept, preserve_index=False), path, compression="lz4")
    raw, p = (scored[c].to_numpy(dtype=np.float64, na_value=np.nan) for c in ("raw", "p_value"))
    return _Part(raw, p, path)


def _gaps(head: Head, rows: Attributes, table: pd.DataFrame) -> dict[str, Floats]:
    value = table["value"].to_numpy(dtype=np.float64, na_value=np.nan)
    gap = value_gap(head.prices.gap(rows), value)
    return {"value_gap": gap, "duty_gap": gap * np.nan_to_num(rows.figures["duty_rate"]) / 100.0}


def _write(
    fusion: Fusion,
    parts: Sequence[_Part],
    chosen: Selection,
    out: Path,
    language: Language,
    progress: Progress,
) -> dict[str, Any]:
    """The second pass; what is at stake in the list, by currency, and how many importers are new."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    Path(out).parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(out).with_name(f".{Path(out).name}.part")
    writer: pq.ParquetWriter | None = None
    stake: dict[str, dict[str, float]] = {}
    new = {"rows": 0, "selected": 0}
    try:
        for number, (part, at) in enumerate(_places(parts)):
            table = _ranked(fusion, part, chosen, at, language)
            for currency, some in table[table["selected"]].groupby("currency"):
                found = stake.setdefault(str(currency), {"value_gap": 0.0, "duty_gap": 0.0})
                for name in found:
                    found[name] += float(some[name].sum())
            fresh = table["new_importer"].fillna(False).astype(bool)
            new["rows"] += int(fresh.sum())
            new["selected"] += int((fresh & table["selected"]).sum())
            arrow = pa.Table.from_pandas(table, schema=_schema(), preserve_index=False)
            writer = writer or pq.ParquetWriter(unfinished, arrow.schema, compression="zstd")
            writer.write_table(arrow)
            progress("writing", number + 1, len(parts))
        assert writer is not None
        writer.close()
        os.replace(unfinished, out)  # whole or not at all
    finally:
        unfinished.unlink(missing_ok=True)
    return {"at_stake": stake, "new_importers": new}


def _places(parts: Sequence[_Part]) -> Iterator[tuple[_Part, slice]]:
    start = 0
    for part in parts:
        yield part, slice(start, start + len(part.raw))
        start += len(part.raw)


def _ranked(fusion: Fusion, part: _Part, chosen: Selection, at: slice, language: Language) -> pd.DataFrame:
    """One part as it is written, the reasons of the first rows worked out exactly."""
    import pandas as pd

    table = pd.read_parquet(part.spool)
    rank = chosen.rank[at]
    if fusion.head is not None and not fusion.head.checks:
        first = np.flatnonzero((rank > 0) & (rank <= EXACT))
        if len(first):
            texts = table["reasons"].to_numpy(dtype=object)
            texts[first] = _exact(fusion.head, table.iloc[first], language)
            table["reasons"] = texts
    table["rank"] = pd.array(np.where(rank > 0, rank, -1), dtype="Int64")
    table.loc[rank == 0, "rank"] = pd.NA
    table["selected"], table["arm"] = chosen.selected[at], chosen.arm[at]
    return table[list(_schema().names)]


def _exact(head: Head, table: pd.DataFrame, language: Language) -> npt.NDArray[np.object_]:
    rows = attributes(table.reset_index(drop=True))
    features = head.features(rows)
    told = reasons(head, rows, features, head.forest.contributions(features, models=1), language)
    return np.array([text or nothing(language) for text in told], dtype=object)


def _expected(fusion: Fusion, raw: Floats, chosen: Selection) -> dict[str, Any]:
    """Hits to expect, with the interval that holds nine times in ten; the reason where none can be told."""
    if fusion.head is None:
        return {"mean": None, "why": "no outcomes were learned from"}
    mine = chosen.selected & np.isfinite(raw)
    mean, low, high = fusion.head.chances.hits(raw[mine], seed=chosen.seed)
    return {"mean": mean, "low": low, "high": high, "interval": 0.9}


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            ("row", pa.int64()),
            ("declaration_id", pa.string()),
            ("line", pa.int64()),
            ("risk", pa.float64()),
            ("rank", pa.int64()),
            ("selected", pa.bool_()),
            ("arm", pa.string()),
            ("reasons", pa.string()),
            ("new_importer", pa.bool_()),
            ("value_gap", pa.float64()),
            ("duty_gap", pa.float64()),
            ("currency", pa.string()),
        ]
    )
