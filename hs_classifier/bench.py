"""How fast and how large: suggestions beside a nearest neighbour, a linear model and sentence vectors.

Each contender learns from the same texts and answers the same questions in a process of its own, on the
same number of threads. Memory is all that its process took, libraries included. Our model is written, read
again by a fresh process and asked there, as in use; `HsScorer.suggest` answers in full (all levels, set,
rulings), the peers answer with a code.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from customs.apart import run_apart
from customs.errors import InvalidConfig, InvalidValue, UnreadableFile
from customs.progress import Progress, silent
from hs_classifier.contenders import ASKING, NAMES, OURS, SENTENCES, Plan, write_folder
from hs_classifier.data import Sample, read_corpus
from hs_classifier.made_up import described, made_up

INSTALL = "sentence-transformers is not installed, so its row is missing: pip install 'portcullis[bench]'"
_LEAST_ROWS = 300
_MOST_ASKED = 2_000
# What issue and README promise on two cores: key of ours, words, bound, whether more is better, unit.
_REACH = (
    ("p95_ms", "one text, p95", 30.0, False, "ms"),
    ("per_second", "bulk", 200.0, True, "texts/s"),
    ("fit_minutes", "training", 20.0, False, "minutes"),
    ("memory_mb", "memory", 2048.0, False, "MB"),
)


def bench(
    data: Sequence[Path] = (),
    *,
    columns: Mapping[str, str] | None = None,
    rows: int = 37_000,
    seed: int = 0,
    threads: int | None = None,
    overrides: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    progress: Progress = silent,
) -> dict[str, Any]:
    """Time and weigh every contender.

    Args:
        data: files of rulings, worlds, and official tables of codes; made-up texts without them.
        columns: not for texts, whose columns are known.
        rows: texts with a code, beside the official wording; of larger files so many are drawn.
        seed: of the texts, of what is asked and of all contenders.
        threads: for each contender; all cores by default.
        overrides: over our default configuration, such as `epochs`.
        only: names of contenders to run; all by default.
        progress: told after each contender.

    Returns:
        What was measured, one entry for each contender, and how ours stands to what is promised.
    """
    if columns:
        raise InvalidConfig(
            "texts have no columns to map", field="map", remedy="leave it out, or map at import"
        )
    if rows < _LEAST_ROWS:
        raise InvalidConfig(f"got {rows}", field="rows", remedy=f"give {_LEAST_ROWS} or more")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = cores if threads is None else threads
    if threads < 1:
        raise InvalidConfig(f"got {threads}", field="threads", remedy="give 1 or more")
    names = _chosen(only)
    samples = _read(data, rows, seed) if data else made_up(rows, seed)
    shown, asked = _split(samples, seed)
    if not data:
        asked = described(asked, seed)
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as name:
        folder = Path(name)
        write_folder(folder, shown, asked, Plan(seed, threads, dict(overrides or {})))
        runs = [run for one in names for run in ((OURS, ASKING) if one == OURS else (one,))]
        for done, run in enumerate(runs):
            figures = _run(folder, run, threads)
            found.setdefault(OURS if run == ASKING else run, {}).update(figures)
            progress("measuring", done + 1, len(runs))
    return {
        "data": ", ".join(path.name for path in data) or f"made up, seed {seed}",
        "shown": len(shown),
        "wordings": sum(s.source == "wording" for s in shown),
        "codes": len({s.code for s in shown}),
        "asked": len(asked),
        "described": sum(bool(s.goods.description) for s in asked),
        "cores": cores,
        "threads": threads,
        "contenders": found,
        "reach": _reach(found[OURS]) if OURS in found else {},
        "note": "" if _installed() or (only and SENTENCES not in only) else INSTALL,
    }


def table(report: Mapping[str, Any]) -> str:
    """The report as people read it."""
    head = (
        "fit s",
        "one p50 ms",
        "p95 ms",
        "texts/s",
        "peak MB",
        "asking MB",
        "answered %",
        "HS4 %",
        "HS6 %",
    )
    learnt = f"{report['shown']:,} texts to learn from, {report['wordings']:,} of them official wording"
    asked = f"{report['asked']:,} others asked, {report['described']:,} with a description"
    lines = [
        f"{report['data']}: {learnt}, {report['codes']:,} codes; {asked};"
        f" {report['threads']} threads on {report['cores']} cores",
        f"{'':<22}" + "".join(f"{h:>12}" for h in head),
    ]
    for name, row in report["contenders"].items():
        shares = [row["answered"], row["hs4_top1"], row["hs6_top1"]]
        cells = [
            f"{row['fit_seconds']:,.1f}",
            f"{row['one_ms']['p50']:,.1f}",
            f"{row['one_ms']['p95']:,.1f}",
            f"{row['per_second']:,.0f}",
            f"{row['peak_mb']:,.0f}",
            f"{row['asking_mb']:,.0f}" if "asking_mb" in row else "-",
            *("-" if share is None else f"{100 * share:.1f}" for share in shares),
        ]
        lines.append(f"{name:<22}" + "".join(f"{c:>12}" for c in cells) + f"   {row['settings']}")
    for row in report["reach"].values():
        promised = f"promised at {'least' if row['more'] else 'most'} {row['bound']:,.0f}"
        kept = "kept" if row["kept"] else "NOT KEPT"
        lines.append(f"{OURS}: {row['words']} {row['value']:,.1f} {row['unit']}, {promised}: {kept}")
    lines.append(
        "HS4 and HS6: first answer right on texts drawn at random, to show that each works;"
        " `portcullis evaluate hs` measures ours."
    )
    return "\n".join([*lines, report["note"]] if report["note"] else lines)


def _reach(ours: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What was promised, what was measured, and whether it holds."""
    measured = {
        "p95_ms": ours["one_ms"]["p95"],
        "per_second": ours["per_second"],
        "fit_minutes": ours["fit_seconds"] / 60,
        "memory_mb": max(ours["peak_mb"], ours["asking_mb"]),
    }
    return {
        key: {
            "words": words,
            "value": measured[key],
            "bound": bound,
            "more": more,
            "unit": unit,
            "kept": measured[key] >= bound if more else measured[key] <= bound,
        }
        for key, words, bound, more, unit in _REACH
    }


def _read(data: Sequence[Path], rows: int, seed: int) -> list[Sample]:
    """Texts of files and worlds, and the wording of official tables among them."""
    tables = [path for path in data if _is_official(path)]
    corpus = read_corpus([path for path in data if path not in tables], tables)
    texts = [i for i, s in enumerate(corpus.samples) if s.source != "wording"]
    if len(texts) < _LEAST_ROWS:
        raise InvalidValue(
            f"{len(texts)} texts are too few to time", field="data", remedy=f"give {_LEAST_ROWS} or more"
        )
    kept = set(np.random.default_rng(seed).permutation(texts)[:rows].tolist())
    return [s for i, s in enumerate(corpus.samples) if s.source == "wording" or i in kept]


def _is_official(path: Path) -> bool:
    """Whether a file is the published table of codes."""
    from customs.readers import hsk
    from customs.readers.sheet import open_sheet

    if Path(path).is_dir():
        return False
    try:
        open_sheet(path, hsk.COLUMNS)
    except UnreadableFile:
        return False
    return True


def _split(samples: Sequence[Sample], seed: int) -> tuple[list[Sample], list[Sample]]:
    """To learn from, and at most 2,000 texts to ask, a tenth of all with a code."""
    texts = [i for i, s in enumerate(samples) if s.source != "wording"]
    n = min(_MOST_ASKED, len(texts) // 10)
    drawn = np.random.default_rng(seed + 1).permutation(texts)[:n].tolist()
    out = set(drawn)
    return [s for i, s in enumerate(samples) if i not in out], [samples[i] for i in drawn]


def _chosen(only: Sequence[str]) -> list[str]:
    """The contenders to run, in order; sentence-transformers only where it is installed."""
    if unknown := [name for name in only if name not in NAMES]:
        raise InvalidConfig(
            f"there is no contender {unknown[0]!r}", field="only", remedy=f"choose from {', '.join(NAMES)}"
        )
    return [name for name in NAMES if (not only or name in only) and (name != SENTENCES or _installed())]


def _installed() -> bool:
    return importlib.util.find_spec("sentence_transformers") is not None


def _run(folder: Path, name: str, threads: int) -> dict[str, Any]:
    """One contender in its own process; an error of ours comes back as ours."""
    offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}
    return run_apart("hs_classifier.contenders", folder, name, threads, offline)
