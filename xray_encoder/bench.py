"""How fast and how large: one scan from bytes to evidence, beside PatchCore on the same picture.

Each part runs in a process of its own on the same number of threads. Pictures are scans under review of a
world, enlarged to 2000 × 800 pixels of 16 bits at two energies and written as files. Our model is trained,
written, read again by a fresh process and asked there, as in use. Memory is all that a process took,
libraries included.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from customs.apart import run_apart
from customs.errors import InvalidConfig
from customs.progress import Progress, silent
from xray_encoder.contenders import (
    ASKING,
    NAMES,
    OURS,
    PATCHCORE,
    SEARCH,
    SHAPE,
    SIMULATOR,
    Plan,
    write_pictures,
    write_plan,
)

INSTALL = "anomalib is not installed, so PatchCore is our compact one: pip install 'portcullis[bench]'"
_LEAST_ROWS = 100
# What issue and README promise on two cores: key, words, bound, whether more is better, unit.
_REACH = (
    ("p95_ms", "one scan from bytes to evidence, p95", 200.0, False, "ms"),
    ("search_ms", "search among the references, p95 of the slowest question", 20.0, False, "ms"),
    ("simulated", "simulator", 20.0, True, "scans/s"),
)


def bench(
    data: Sequence[Path] = (),
    *,
    columns: Mapping[str, str] | None = None,
    rows: int = 100_000,
    seed: int = 0,
    threads: int | None = None,
    overrides: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    size: str = "demo",
    pictures: int = 24,
    seconds: float = 5.0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Time and weigh every part.

    Args:
        data: worlds, and folders of scans named by code, to train on; a world is made without them. The
            first world's scans under review are the pictures.
        columns: not for scans.
        rows: references to search in.
        seed: of the world, of training and of what is made up.
        threads: for each part; all cores by default.
        overrides: over our default configuration, such as `epochs`, which PatchCore's network follows.
        only: names of parts to run; all by default.
        size: of the world that is made.
        pictures: how many are asked about.
        seconds: for which the simulator runs.
        progress: told after each part.

    Returns:
        What was measured, one entry for each part, and how ours stands to what is promised.
    """
    if columns:
        raise InvalidConfig("scans have no columns to map", field="map", remedy="leave it out")
    for field, value, least in (("rows", rows, _LEAST_ROWS), ("pictures", pictures, 1)):
        if value < least:
            raise InvalidConfig(f"got {value}", field=field, remedy=f"give {least} or more")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = cores if threads is None else threads
    if threads < 1:
        raise InvalidConfig(f"got {threads}", field="threads", remedy="give 1 or more")
    if unknown := [name for name in only if name not in NAMES]:
        raise InvalidConfig(
            f"there is no contender {unknown[0]!r}", field="only", remedy=f"choose from {', '.join(NAMES)}"
        )
    names = [name for name in NAMES if not only or name in only]
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as name:
        folder = Path(name)
        paths = [Path(p) for p in data]
        asked = 0
        plan = Plan([], seed, pictures, rows, seconds, threads, dict(overrides or {}))
        if OURS in names or PATCHCORE in names:
            world, paths = _world(paths, folder / "world", seed, size, progress)
            plan = dataclasses.replace(plan, data=[str(p.resolve()) for p in paths])
            asked = write_pictures(folder, plan, world)
        write_plan(folder, plan)
        runs = [run for one in names for run in ((OURS, ASKING) if one == OURS else (one,))]
        for done, run in enumerate(runs):
            figures = run_apart("xray_encoder.contenders", folder, run, threads)
            found.setdefault(OURS if run == ASKING else run, {}).update(figures)
            progress("measuring", done + 1, len(runs))
    return {
        "data": ", ".join(path.name for path in map(Path, data)) or f"made up, seed {seed}, {size}",
        "pictures": asked,
        "picture": f"{SHAPE[1]} x {SHAPE[0]}, 2 energies, 16 bits",
        "cores": cores,
        "threads": threads,
        "contenders": found,
        "reach": _reach(found),
        "note": INSTALL if found.get(PATCHCORE, {}).get("settings", "").startswith("own") else "",
    }


def table(report: Mapping[str, Any]) -> str:
    """The report as people read it."""
    found = report["contenders"]
    lines = [
        f"{report['data']}: {report['pictures']} pictures of {report['picture']};"
        f" {report['threads']} threads on {report['cores']} cores"
    ]
    judges = {name: found[name] for name in (OURS, PATCHCORE) if name in found}
    if judges:
        head = ("fit s", "of scans", "one p50 ms", "p95 ms", "scans/s", "bank MB", "peak MB")
        lines.append(f"{'':<12}" + "".join(f"{h:>12}" for h in head))
    for name, row in judges.items():
        cells = [
            f"{row['fit_seconds']:,.1f}",
            f"{row['scans']:,}",
            f"{row['one_ms']['p50']:,.1f}",
            f"{row['one_ms']['p95']:,.1f}",
            f"{row['per_second']:,.1f}",
            "-" if row["patch_bank_mb"] is None else f"{row['patch_bank_mb']:,.1f}",
            f"{max(row['peak_mb'], row.get('fit_peak_mb', 0.0)):,.0f}",
        ]
        lines.append(f"{name:<12}" + "".join(f"{c:>12}" for c in cells) + f"   {row['settings']}")
    if OURS in found:
        row = found[OURS]
        stages = ", ".join(f"{stage} {ms:,.1f}" for stage, ms in row["stages_ms"].items())
        lines.append(
            f"{OURS}: of one scan {stages} ms, {row['cpu_ms']:,.1f} ms of processor time in all;"
            f" {row['evidence_per_scan']:.1f} checks speak of a scan;"
            f" artefact {row['artefact_mb']:,.1f} MB, read in {row['load_seconds']:,.1f} s;"
            f" {row['fit_peak_mb']:,.0f} MB to train and {row['peak_mb']:,.0f} MB to judge"
        )
    if PATCHCORE in found:
        lines.append(f"{PATCHCORE}: {found[PATCHCORE]['model_ms']:,.1f} ms of it are its own")
    if SEARCH in found:
        row = found[SEARCH]
        times = ", ".join(f"{name} {ms['p50']:,.1f} / {ms['p95']:,.1f}" for name, ms in row["ms"].items())
        lines.append(
            f"{SEARCH}: {row['references']:,} references, {row['bytes_per_reference']:,.0f} bytes each,"
            f" {row['bank_mb']:,.1f} MB; p50 / p95 ms of {times}; one more takes {row['add_ms']:,.1f} ms"
        )
    if SIMULATOR in found:
        row = found[SIMULATOR]
        lines.append(
            f"{SIMULATOR}: {row['per_second']:,.1f} scans/s of {row['columns']} x {row['rows']} at"
            f" two energies, {row['processes']} processes"
        )
    for row in report["reach"].values():
        promised = f"promised at {'least' if row['more'] else 'most'} {row['bound']:,.0f}"
        kept = "kept" if row["kept"] else "NOT KEPT"
        lines.append(f"{row['words']}: {row['value']:,.1f} {row['unit']}, {promised}: {kept}")
    return "\n".join([*lines, report["note"]] if report["note"] else lines)


def _world(data: list[Path], made: Path, seed: int, size: str, progress: Progress) -> tuple[Path, list[Path]]:
    """The world whose scans under review are asked about, and all that is trained on."""
    from customs.world import is_world, make_world

    if not data:
        make_world(made, seed=seed, size=size, progress=progress)
        data = [made]
    worlds = [path for path in data if is_world(path)]
    if not worlds:
        raise InvalidConfig(
            "there is no world among the data", field="data", remedy="add one made by portcullis world"
        )
    return worlds[0], data


def _reach(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """How what was measured stands to what is promised."""
    measured: dict[str, float] = {}
    if OURS in found:
        measured["p95_ms"] = found[OURS]["one_ms"]["p95"]
    if SEARCH in found:
        measured["search_ms"] = max(ms["p95"] for ms in found[SEARCH]["ms"].values())
    if SIMULATOR in found:
        measured["simulated"] = found[SIMULATOR]["per_second"]
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
        if key in measured
    }
