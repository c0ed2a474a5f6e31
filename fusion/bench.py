"""How fast a day's declarations are ordered, and in how much memory, beside a plain rival in the same run."""

from __future__ import annotations

import importlib.util
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from customs.apart import run_apart
from customs.errors import InvalidConfig
from customs.progress import Progress, silent
from fusion.contenders import DAY, LEARN, OURS, PEER, PLAN
from fusion.evaluate.figures import markdown
from fusion.made_up import write_declarations

ROWS, LEARNED = 1_000_000, 40_000
BUDGET = "0.05"
_LEAST = 1_000


def bench(
    data: Sequence[Path] = (),
    *,
    rows: int = ROWS,
    overrides: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    threads: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train on made-up declarations, or on the first file of `data`; rank `rows` made-up ones, or the second.

    Each contender runs in a process of its own. Returns seconds, declarations a second and peak memory.
    """
    if rows < _LEAST:
        raise InvalidConfig(f"got {rows}", field="rows", remedy=f"give {_LEAST} or more")
    if len(data) not in (0, 2):
        raise InvalidConfig(
            f"got {len(data)} files", field="data", remedy="give two: to learn from, to rank; or none"
        )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    used = cores if threads is None else threads
    names = [name for name in (OURS, PEER) if name in (only or (OURS, PEER))]
    if not names:
        raise InvalidConfig(f"got {', '.join(only)}", field="only", remedy=f"choose from {OURS}, {PEER}")
    installed = importlib.util.find_spec("xgboost") is not None
    found = {}
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as room:
        folder = Path(room)
        if data:
            for path, name in zip(data, (LEARN, DAY), strict=True):
                (folder / name).symlink_to(Path(path).resolve())
        else:
            write_declarations(folder / LEARN, LEARNED, seed=seed)
            write_declarations(folder / DAY, rows, seed=seed + 1, first_id=50_000_000)
        plan = {"seed": seed, "budget": BUDGET, "overrides": dict(overrides or {})}
        (folder / PLAN).write_text(json.dumps(plan), encoding="utf-8")
        for k, name in enumerate(names):
            if name != PEER or installed:
                found[name] = run_apart("fusion.contenders", folder, name, used)
            progress("measuring", k + 1, len(names))
    for row in found.values():
        row["per_second"] = row["rows"] / row["rank_seconds"]
    return {
        "data": ", ".join(Path(p).name for p in data) or f"made up, seed {seed}",
        "threads": used,
        "cores": cores,
        "contenders": found,
        "note": "" if installed else "XGBoost is not installed: pip install 'portcullis[bench]'",
    }


def table(report: Mapping[str, Any]) -> str:
    """The report as a Markdown table."""
    head = ["", "train s", "rows", "rank s", "a second", "peak MB", ""]
    rows = [
        [
            name,
            f"{r['train_seconds']:.0f}",
            f"{r['rows']:,}",
            f"{r['rank_seconds']:.0f}",
            f"{r['per_second']:,.0f}",
            f"{r['peak_mb']:,.0f}",
            r["settings"],
        ]
        for name, r in report["contenders"].items()
    ]
    about = f"{report['data']}; {report['threads']} threads on {report['cores']} cores."
    return "\n".join([about, "", markdown(head, rows), *([report["note"]] if report["note"] else [])])
