"""How long a batch takes, from the upload to the last assessment, with the server's worker processes."""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from customs.declaration import Declaration
from customs.errors import InvalidValue
from customs.progress import Progress, silent
from portcullis.settings import Settings
from portcullis.store.accounts import Role
from portcullis.store.batch_tables import BatchState

_LOOK_SECONDS = 0.2


def json_lines(declarations: Sequence[Declaration], rows: int) -> bytes:
    """A file of `rows` declarations without scans: those given, over and over under new ids."""
    if not declarations:
        raise InvalidValue("there are no declarations", field="data", remedy="give a world that has some")
    lines = []
    for number in range(rows):
        value = json.loads(declarations[number % len(declarations)].to_json())
        lines.append(json.dumps({**value, "id": f"B{number:07}"}, ensure_ascii=False))
    return "\n".join(lines).encode()


def bench_batch(
    models: Path, file: bytes, *, processes: int = 2, progress: Progress = silent
) -> dict[str, Any]:
    """Hand a file in to a new store and have it done by worker processes.

    The clock runs from the upload until the batch has ended, the start of the processes and the loading of
    their models included.

    Returns:
        declarations, assessed, refused, failed; seconds_upload until it was acknowledged, seconds until all
        was done, per_second, processes; cpu_seconds of the processes, which other work on the machine does
        not lengthen, their start included.
    """
    from portcullis.jobs.executor import Processes
    from portcullis.models import Models
    from portcullis.service import Service

    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as folder:
        settings = replace(Settings(data=Path(folder)), models=models, executor="process")
        service = Service.open(settings, Models({}, {}))
        account = service.accounts.add("bench", "-", Role.ANALYST)
        before = _cpu()
        begun = time.perf_counter()
        batch = service.board.submit(file, name="bench", account=account)
        accepted = time.perf_counter() - begun
        service.board.start(Processes(settings, processes))
        try:
            while batch.state not in (BatchState.DONE, BatchState.CANCELLED):
                time.sleep(_LOOK_SECONDS)
                batch = service.batch(batch.id)
                progress("batch", batch.items - batch.waiting, batch.items)
            took = time.perf_counter() - begun
        finally:
            service.board.stop()
            service.accounts.engine.dispose()
    return {
        "declarations": batch.items,
        "assessed": batch.assessed,
        "refused": batch.refused,
        "failed": batch.failed,
        "seconds_upload": round(accepted, 2),
        "seconds": round(took, 1),
        "per_second": round(batch.items / took, 1),
        "processes": processes,
        "cpu_seconds": round(_cpu() - before, 1),
    }


def _cpu() -> float:
    """Seconds of processor time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
