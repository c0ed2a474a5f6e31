"""How fast and how large: ours beside PyOD on the same rows and the same windows, in one run.

Each contender fits and scores in a process of its own on the same number of threads; its peak memory is what
it takes beyond its imports. `model` is what a
detector does once windows and features are ready: ours from there to the score beside PyOD's
`decision_function`. `end_to_end` is `TabularScorer.score_panel`: history, features,
network, calibration and expected range.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from customs.apart import run_apart
from customs.errors import InvalidConfig
from customs.progress import Progress, silent
from tabular_ae.contenders import NAMES, OURS, PEERS, PREPARE, Plan, write_rows
from tabular_ae.data import Panel, read_panel
from tabular_ae.rows import Rows, month_number

INSTALL = "PyOD is not installed, so only our own rows are here: pip install 'portcullis[bench]'"
# Months of a series that are filled; and fewer than that, to be sure of enough rows.
_ITEMS, _MONTHS, _FILLED, _SURE = 190, 60, 0.85, 0.75
_COUNTRIES = ("CN", "JP", "US", "VN", "RU", "NO", "CL", "TH", "ID", "PE", "CA", "ES", "TW", "IN", "NZ", "MA")
_LEAST_ROWS = 500


def bench(
    data: Sequence[Path] = (),
    *,
    columns: Mapping[str, str] | None = None,
    rows: int = 63_000,
    seed: int = 0,
    threads: int | None = None,
    overrides: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    progress: Progress = silent,
) -> dict[str, Any]:
    """Time and weigh every contender.

    Args:
        data: series files or worlds; a made-up panel without them.
        columns: our names to the files'.
        rows: size of the panel; a smaller file is repeated under other item codes.
        seed: of the panel and of all contenders.
        threads: for each contender; all cores by default.
        overrides: over our configurations, such as `epochs`.
        only: names of contenders to run; all by default.
        progress: told after each contender.

    Returns:
        What was measured, and one entry for each contender; speeds are windows per second.
    """
    if rows < _LEAST_ROWS:
        raise InvalidConfig(f"got {rows}", field="rows", remedy=f"give {_LEAST_ROWS} or more")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = cores if threads is None else threads
    if threads < 1:
        raise InvalidConfig(f"got {threads}", field="threads", remedy="give 1 or more")
    names = _chosen(only)
    panel = enlarged(read_panel(data, columns), rows, seed) if data else made_up(rows, seed)
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as name:
        folder = Path(name)
        write_rows(folder, panel.rows, Plan(seed, panel.freight_unit, dict(overrides or {})))
        for done, contender in enumerate((PREPARE, *names)):
            found[contender] = _run(folder, contender, threads)
            progress("measuring", done + 1, len(names) + 1)
    shared = found.pop(PREPARE)
    return {
        "data": ", ".join(path.name for path in data) or f"made up, seed {seed}",
        "rows": len(panel.rows),
        "series": len(set(zip(panel.rows.hs, panel.rows.country, strict=True))),
        "months": len(np.unique(panel.rows.month)),
        **shared,
        "cores": cores,
        "threads": threads,
        "contenders": found,
        "times_pyod_autoencoder": _times(found),
        "note": "" if _pyod() else INSTALL,
    }


def table(report: Mapping[str, Any]) -> str:
    """The report as people read it."""
    head = ("", "fit s", "windows/s", "per core", "end to end/s", "per core", "peak MB")
    lines = [
        f"{report['rows']:,} rows ({report['data']}), {report['series']:,} series, {report['months']} months;"
        f" windows of {report['window']} months x {report['channels']} channels;"
        f" {report['threads']} threads on {report['cores']} cores",
        f"{head[0]:<18}" + "".join(f"{h:>14}" for h in head[1:]),
    ]
    for name, row in report["contenders"].items():
        speeds = [
            f"{speed[key]:,.0f}" if speed else "-"
            for speed in (row["model"], row["end_to_end"])
            for key in ("per_second", "per_second_per_core")
        ]
        cells = [f"{row['fit_seconds']:,.1f}", *speeds, f"{row['peak_mb']:,.0f}"]
        lines.append(f"{name:<18}" + "".join(f"{c:>14}" for c in cells) + f"   {row['settings']}")
    lines += [
        f"{name}: {times:.2f} x the windows per second and core of PyOD's AutoEncoder"
        for name, times in report["times_pyod_autoencoder"].items()
    ]
    return "\n".join([*lines, report["note"]] if report["note"] else lines)


def made_up(rows: int, seed: int) -> Panel:
    """A panel of `rows` rows: 190 items at their own price, walking, from 16 countries, over 60 months."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(_ITEMS * len(_COUNTRIES))
    number = np.arange(-(-rows // int(_MONTHS * _SURE)))  # of each series
    copy = number // len(pairs)  # beyond the pairs there are: further codes of the same items
    item, country = np.divmod(pairs[number % len(pairs)], len(_COUNTRIES))
    series, month = np.nonzero(rng.random((len(number), _MONTHS)) < _FILLED)
    kept = np.sort(rng.permutation(len(series))[:rows])
    series, month = series[kept], month[kept]
    walk = np.cumsum(rng.normal(0.0, 0.03, (_ITEMS, _MONTHS)), axis=1)
    level = rng.normal(1.5, 0.7, _ITEMS)[item] + rng.normal(0.0, 0.25, len(number))
    log_weight = rng.normal(9.5, 1.5, len(number))[series] + rng.normal(0.0, 0.6, len(series))
    # months of little weight scatter more, as real ones do
    noise = 0.1 * rng.standard_t(4, len(series)) * np.exp(-0.1 * (log_weight - 9.5)).clip(0.5, 2.0)
    log_unit = level[series] + walk[item[series], month] + noise
    hs = np.array([f"03{1 + i % 8:02d}{10 + i // 8:02d}{c:04d}" for i, c in zip(item, copy, strict=True)])
    return Panel(
        Rows(
            hs=hs.astype(object)[series],
            country=np.array(_COUNTRIES, dtype=object)[country[series]],
            month=month + month_number("2018-01"),
            value=np.exp(log_unit + log_weight),
            weight=np.exp(log_weight),
            freight=np.full(len(series), np.nan),
        )
    )


def enlarged(panel: Panel, rows: int, seed: int) -> Panel:
    """The panel, repeated until it has `rows` rows: further codes of the same items, each a little dearer
    or cheaper; a panel that is large enough stays as it is.
    """
    rng = np.random.default_rng(seed)
    # whole series one after the other, so that the last repetition cuts through one of them only
    base = panel.rows.take(np.lexsort((panel.rows.month, panel.rows.country, panel.rows.hs)))
    parts, used, missing = [panel.rows], set(panel.rows.hs), rows - len(base)
    while missing > 0:
        part = base.take(np.arange(len(base)) < missing)
        codes = {hs: _new_code(hs, used) for hs in dict.fromkeys(part.hs)}
        dearer = {hs: float(np.exp(rng.normal(0.0, 0.1))) for hs in codes}
        parts.append(
            dataclasses.replace(
                part,
                hs=np.array([codes[hs] for hs in part.hs], dtype=object),
                value=part.value * np.array([dearer[hs] for hs in part.hs]),
            )
        )
        missing -= len(part)
    return dataclasses.replace(panel, rows=Rows.concat(parts))


def _new_code(hs: str, used: set[str]) -> str:
    """A ten-digit code of the same item that nobody has yet."""
    stem = hs[:6]
    for number in itertools.count():
        code = f"{stem}{number:0{10 - len(stem)}d}"
        if code not in used:
            used.add(code)
            return code
    raise AssertionError


def _chosen(only: Sequence[str]) -> list[str]:
    """The contenders to run, in order; PyOD's only where it is installed."""
    if unknown := [name for name in only if name not in NAMES]:
        raise InvalidConfig(
            f"there is no contender {unknown[0]!r}", field="only", remedy=f"choose from {', '.join(NAMES)}"
        )
    return [name for name in NAMES if (not only or name in only) and (name not in PEERS or _pyod())]


def _pyod() -> bool:
    return importlib.util.find_spec("pyod") is not None


def _run(folder: Path, name: str, threads: int) -> dict[str, Any]:
    """One contender in its own process; an error of ours comes back as ours."""
    return run_apart("tabular_ae.contenders", folder, name, threads)


def _times(found: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """How many times the speed per core of PyOD's autoencoder each of our networks has."""
    peer = found.get(PEERS[0])
    if peer is None:
        return {}
    of = peer["model"]["per_second_per_core"]
    return {n: found[n]["model"]["per_second_per_core"] / of for n in OURS if n in found}
