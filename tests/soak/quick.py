"""Models that train in seconds, for runs in which what they say does not matter but all of them speak."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

# Settings under which each module trains in a few seconds.
QUICK: Mapping[str, Mapping[str, str]] = {
    "tabular": {"epochs": "2", "hidden": "8", "rounds": "15", "scale_rounds": "10", "odd_rounds": "20"},
    "hs": {"epochs": "3", "embedding_epochs": "2", "embedding_dim": "16", "hidden": "16", "buckets": "500"},
    "xray": {"epochs": "1", "trees": "30", "inserted_steps": "20", "least_scans": "40"},
}


def train(world: Path, folder: Path) -> None:
    """Train all three scorers on a world."""
    from portcullis.models import SCORERS

    for module in SCORERS:
        module.room("train").train([world], folder / module, overrides=dict(QUICK[module]), seed=1)


def cached(room: Path) -> Path:
    """The folder of quick models in `room`, made there with a tiny world where it is missing."""
    from customs.world import make_world

    room.mkdir(parents=True, exist_ok=True)
    with (room / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two soaks that begin together one makes them
        if not (room / "models").is_dir():
            with tempfile.TemporaryDirectory(dir=room) as unfinished:
                make_world(Path(unfinished, "world"), seed=7, size="tiny")
                train(Path(unfinished, "world"), Path(unfinished, "models"))
                os.replace(Path(unfinished, "models"), room / "models")
    return room / "models"
