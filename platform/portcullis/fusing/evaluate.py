"""`portcullis evaluate fusion`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from customs.progress import Progress, silent
from fusion.evaluate import evaluate as evaluate_fusion
from fusion.evaluate import table
from portcullis.fusing.prepare import prepared


def evaluate(
    data: Sequence[Path],
    test: Path | None = None,
    *,
    seed: int = 0,
    models: Path | None = None,
    progress: Progress = silent,
    **options: Any,
) -> dict[str, Any]:
    """As `fusion.evaluate`, worlds scored by the modules in `models`, which are trained where missing."""
    with tempfile.TemporaryDirectory() as room:
        beside = models or Path(room)
        every = [*data, *([test] if test is not None else [])]
        with prepared(every, beside, seed=seed, device="cpu", progress=progress) as files:
            learn, ahead = (files, None) if test is None else (files[:-1], files[-1])
            return evaluate_fusion(learn, ahead, seed=seed, progress=progress, **options)


__all__ = ["evaluate", "table"]
