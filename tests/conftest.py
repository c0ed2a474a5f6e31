"""What all tests share: the tiny world, and the real evaluation data where it is present."""

from __future__ import annotations

import dataclasses
import os
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


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of a few declarations for each item, made once for each test process."""
    from customs.world import make_world

    folder = tmp_path_factory.mktemp("world") / "tiny"
    make_world(folder, seed=7, size="tiny")
    return folder


@pytest.fixture(scope="session")
def settled_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny world in which 144 declarations were inspected, a fifth of them frauds of all kinds."""
    from customs.world import SIZES, make

    size = dataclasses.replace(
        SIZES["tiny"],
        past=1,
        always_scanned=0,
        settled=8,
        review=4,
        scan_share=0.05,
        photo_share=0.2,
        fraud_share=0.2,
        kinds=SIZES["queue"].kinds,
    )
    folder = tmp_path_factory.mktemp("world") / "settled"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "SIZES", {"settled": size})
        make.make_world(folder, seed=5, size="settled")
    return folder


# Settings under which each module trains in a few seconds.
QUICK: dict[str, dict[str, str]] = {
    "tabular": {"epochs": "2", "hidden": "8", "rounds": "15", "scale_rounds": "10", "odd_rounds": "20"},
    "hs": {"epochs": "3", "embedding_epochs": "2", "embedding_dim": "16", "hidden": "16", "buckets": "500"},
    "xray": {"epochs": "1", "trees": "30", "inserted_steps": "20", "least_scans": "40"},
}


@pytest.fixture(scope="session")
def quick_models(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all three scorers, really trained on the tiny world, once for each test process."""
    from portcullis.models import SCORERS

    folder = tmp_path_factory.mktemp("models")
    for module in SCORERS:
        module.room("train").train([tiny_world], folder / module, overrides=QUICK[module], seed=1)
    return folder
