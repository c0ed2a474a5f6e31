"""What all tests share: the tiny world, and the real evaluation data where it is present."""

from __future__ import annotations

import dataclasses
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

# As the command line does: threads that spin while they wait cost a shared machine more than their work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def eval_data() -> Path:
    """The folder of real data; tests that need it skip, saying so, where it is absent."""
    folder = Path(os.environ.get("PORTCULLIS_EVAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real evaluation data is not at {folder}; set PORTCULLIS_EVAL_DATA")
    return folder


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first test process which needs it makes, and all others read."""
    room = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        room = room.parent
    folder = room / name
    with (room / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = factory.mktemp(name) / name
            make(unfinished)
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of a few declarations for each item."""
    from customs.world import make_world

    return made_once(tmp_path_factory, "tiny", lambda folder: make_world(folder, seed=7, size="tiny"))


@pytest.fixture(scope="session")
def settled_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny world in which 126 declarations were inspected, a fifth of them frauds of all kinds."""
    from customs.world import SIZES, make

    size = dataclasses.replace(
        SIZES["tiny"],
        past=1,
        always_scanned=0,
        settled=7,
        review=2,
        scan_share=0.05,
        photo_share=0.2,
        fraud_share=0.2,
        kinds=SIZES["queue"].kinds,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "SIZES", {"settled": size})
        return made_once(tmp_path_factory, "settled", lambda f: make.make_world(f, seed=5, size="settled"))


# Settings under which each module trains in a few seconds.
QUICK: dict[str, dict[str, str]] = {
    "tabular": {"epochs": "2", "hidden": "8", "rounds": "15", "scale_rounds": "10", "odd_rounds": "20"},
    "hs": {"epochs": "3", "embedding_epochs": "2", "embedding_dim": "16", "hidden": "16", "buckets": "500"},
    "xray": {"epochs": "1", "trees": "30", "inserted_steps": "20", "least_scans": "40"},
}


@pytest.fixture(scope="session")
def quick_models(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all three scorers, really trained on the tiny world."""
    from portcullis.models import SCORERS

    def train(folder: Path) -> None:
        for module in SCORERS:
            module.room("train").train([tiny_world], folder / module, overrides=QUICK[module], seed=1)

    return made_once(tmp_path_factory, "models", train)
