"""Work measured in a process of its own: what `portcullis bench` times does not share memory or threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from customs.errors import CustomsError, Problem

_POOLS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


def run_apart(
    module: str, folder: Path, name: str, threads: int, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run `python -m module folder name` and read the JSON that it wrote to `folder/name.json`.

    `problems` in it come back as the `CustomsError` that they were there; so does a process that failed.
    """
    # no GPU for anybody: some peers would take one unasked, and our default is the CPU
    env = {**os.environ, **dict.fromkeys(_POOLS, str(threads)), "CUDA_VISIBLE_DEVICES": ""}
    env |= environment or {}
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    done = subprocess.run(
        [sys.executable, "-m", module, str(folder), name],
        env=env,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise CustomsError(
            f"{name} did not finish: {said[-1]}",
            field="bench",
            remedy="run fewer rows, or choose contenders with --only",
        )
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    if "problems" in found:
        raise CustomsError.of([Problem(**problem) for problem in found["problems"]])
    return found


def peak_bytes() -> int:
    """The most memory this process has held so far, libraries included."""
    try:
        # `ru_maxrss` of a child on Linux starts at what its parent held; this figure starts with the child
        with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
            kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
        return int(kilobytes) * 1024
    except (OSError, StopIteration):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
