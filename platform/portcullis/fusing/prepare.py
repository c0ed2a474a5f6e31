"""From what a user names to what fusion learns from: a world becomes a file of scored cases."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from customs.artefact import MANIFEST, open_artefact
from customs.progress import Progress
from portcullis.models import FUSION, SCORERS
from portcullis.scoring import score_world

# Modules that are missing learn with the default, but for the scans: nobody waits ten minutes unasked.
_CONFIGS = {"xray": "demo"}


@contextmanager
def prepared(
    data: Sequence[Path], models: Path, *, seed: int, device: str, progress: Progress
) -> Iterator[list[Path]]:
    """The files to learn from, worlds scored into temporary ones by the modules in `models`.

    A module that is missing there is trained on the first world and written there.
    """
    from customs.world import is_world

    with tempfile.TemporaryDirectory() as room:
        files = []
        for number, path in enumerate(data):
            if not is_world(path):
                files.append(Path(path))
                continue
            folders = _modules(Path(path), models, seed, device, progress)
            scored = score_world(path, folders, device=device, workers=_workers(), progress=progress)
            target = Path(room) / f"{number}.parquet"
            scored.write(target)
            files.append(target)
        yield files


def module_versions(models: Path) -> dict[str, str]:
    """Versions by kind of the modules in `models`, which scored the worlds."""
    found = [open_artefact(manifest.parent) for manifest in sorted(models.glob(f"*/{MANIFEST}"))]
    return {a.manifest["kind"]: a.version for a in found if a.manifest["kind"] != FUSION}


def _modules(world: Path, models: Path, seed: int, device: str, progress: Progress) -> list[Path]:
    """The folder of each module."""
    found = {}
    for manifest in sorted(models.glob(f"*/{MANIFEST}")):
        kind = open_artefact(manifest.parent).manifest["kind"]
        if kind != FUSION:
            found[kind] = manifest.parent
    for module in SCORERS:
        if module.value in found:
            continue

        def named(stage: str, done: int, total: int, kind: str = module.value) -> None:
            progress(f"{kind}: {stage}", done, total)

        folder = models / module.value
        config = _CONFIGS.get(module.value, "default")
        module.room("train").train([world], folder, config=config, seed=seed, device=device, progress=named)
        found[module.value] = folder
    return [found[module.value] for module in SCORERS]


def _workers() -> int:
    """One process for each core, since no model uses more than one well."""
    return max(min(os.cpu_count() or 1, 4), 1)
