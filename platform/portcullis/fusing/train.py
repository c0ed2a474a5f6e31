"""`portcullis train fusion`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from customs.errors import InvalidValue
from customs.progress import Progress, silent
from fusion.train import train as train_fusion
from portcullis.fusing.prepare import module_versions, prepared


def train(
    data: Sequence[Path],
    out: Path,
    *,
    config: str = "default",
    overrides: Mapping[str, str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    models: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train on worlds, scored cases or declarations with outcomes; `models`: where the modules are.

    By default they are looked for beside `out`, and written there where they are missing.
    """
    from customs.world import is_world

    _refuse_unsettled(data)
    beside = models or Path(out).resolve().parent
    with prepared(data, beside, seed=seed, device=device, progress=progress) as files:
        worlds = any(is_world(path) for path in data)
        return train_fusion(
            files,
            out,
            config=config,
            overrides=overrides,
            seed=seed,
            device=device,
            modules=module_versions(beside) if worlds else None,
            progress=progress,
        )


def _refuse_unsettled(data: Sequence[Path]) -> None:
    """Before minutes are spent on modules: a world in which nothing was inspected teaches fusion nothing."""
    from customs.world import World, is_world

    for path in data:
        if is_world(path) and not World.open(path).outcomes():
            raise InvalidValue(
                f"{path} has no settled period, so no outcome is known",
                field="data",
                remedy="make a world of size demo or queue",
            )
