"""Scoring many consignments at once: a world's cases or a file of declarations, with all models."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from customs.artefact import open_artefact
from customs.case import Case
from customs.declaration import Declaration
from customs.errors import InvalidValue
from customs.evidence import Evidence
from customs.progress import Progress, silent
from fusion.data import KIND, OUTCOME, PERIOD, SUBJECT, Cases
from portcullis.models import FUSION, Models, model_folders

_BATCH = 64
_PERIODS = ("settled", "review")


@dataclass(frozen=True)
class _Job:
    """One declaration with the files that came with it."""

    declaration: Declaration
    scan: Path | None
    photo: Path | None

    def cases(self) -> list[Case]:
        """A case for each line, pictures read."""
        from customs.picture import read_photo
        from xray_encoder.reading import find_siblings, read_scan_files

        scan = None if self.scan is None else read_scan_files(find_siblings(self.scan))
        photos = () if self.photo is None else (read_photo(self.photo.read_bytes()),)
        return Case.of(self.declaration, scan=scan, photos=photos)


def score_world(
    world: Path,
    models: Sequence[Path],
    *,
    periods: Sequence[str] = _PERIODS,
    device: str = "cpu",
    workers: int = 1,
    progress: Progress = silent,
) -> Cases:
    """All lines of a world's settled and reviewed declarations, with outcomes and truth beside them.

    models: folders of trained modules. workers: processes, each with models of its own.
    """
    import pandas as pd

    from customs.readers import declarations
    from customs.world import World

    opened = World.open(world)
    jobs = [_Job(*case) for period in periods for case in opened.cases(period)]  # type: ignore[arg-type]
    if not jobs:
        raise InvalidValue(
            f"{world} has no declarations in {' or '.join(periods)}",
            field="data",
            remedy="make a world of size demo or queue",
        )
    evidence = list(_score(jobs, models, device, workers, progress))
    table = declarations.table_of([job.declaration for job in jobs])
    outcomes, truth = opened.outcomes(), opened.truth()
    ids = table["declaration_id"].tolist()
    table[SUBJECT] = [f"{d}/{n}" for d, n in zip(ids, table["line"].tolist(), strict=True)]
    table[PERIOD] = [
        "settled" if day < opened.review_from else "review" for day in pd.to_datetime(table["date"]).dt.date
    ]
    found = [outcomes.get(d) for d in ids]
    table[OUTCOME] = pd.array([None if f is None else int(f.fraud) for f in found], dtype="Int8")
    table[KIND] = [truth.get(d, "") for d in ids]
    return Cases.of(table, evidence)


def _score(
    jobs: Sequence[_Job], models: Sequence[Path], device: str, workers: int, progress: Progress
) -> Iterator[list[Evidence]]:
    """Evidence on every line, in order."""
    batches = [jobs[i : i + _BATCH] for i in range(0, len(jobs), _BATCH)]
    if workers <= 1:
        loaded = Models.load(models, device)
        for done, batch in enumerate(batches, start=1):
            yield from _score_batch(batch, loaded)
            progress("scoring", min(done * _BATCH, len(jobs)), len(jobs))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _load, (list(models), device)) as pool:
        for done, answers in enumerate(pool.map(_in_worker, batches), start=1):
            yield from answers
            progress("scoring", min(done * _BATCH, len(jobs)), len(jobs))


def _score_batch(batch: Sequence[_Job], models: Models) -> list[list[Evidence]]:
    """Evidence without its pictures, which no table keeps."""
    answers = models.score([case for job in batch for case in job.cases()])
    return [[e.model_copy(update={"artefact": None}) for e in items] for items in answers]


_loaded: Models | None = None  # of a worker process


def _load(models: Sequence[Path], device: str) -> None:
    global _loaded
    import torch

    torch.set_num_threads(1)
    _loaded = Models.load(models, device)


def _in_worker(batch: Sequence[_Job]) -> list[list[Evidence]]:
    assert _loaded is not None
    return _score_batch(batch, _loaded)


def module_folders(folder: Path) -> list[Path]:
    """The folders of trained modules in `folder`, without that of fusion."""
    return [f for f in model_folders(folder) if open_artefact(f).manifest["kind"] != FUSION]


def summary_of(cases: Cases) -> dict[str, Any]:
    """How many lines were scored, how many have a check at one in a hundred, and which checks were silent."""
    spoke = np.isfinite(cases.p_value)
    return {
        "rows": len(cases),
        "scored": int(spoke.any(axis=1).sum()),
        "flagged": int((cases.p_value <= 0.01).any(axis=1).sum()),
        "reasons": {
            f"{check} had nothing to go on": int((~spoke[:, j]).sum())
            for j, check in enumerate(cases.checks)
            if not spoke[:, j].all()
        },
    }
