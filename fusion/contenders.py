"""What `bench` runs, each in a process of its own: `python -m fusion.contenders FOLDER NAME`."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from customs.apart import peak_bytes
from customs.errors import CustomsError

OURS = "fusion rank"
PEER = "XGBoost"
LEARN, DAY, PLAN = "learn.csv", "day.csv", "plan.json"


def ours(folder: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """Train on one file, rank the other: from CSV to parquet, reasons included."""
    from fusion.bulk import Options, rank_file
    from fusion.rank import Budget
    from fusion.train import train

    started = time.perf_counter()
    train([folder / LEARN], folder / "model", overrides=plan["overrides"], seed=plan["seed"])
    trained, at_rest = time.perf_counter() - started, peak_bytes()
    started = time.perf_counter()
    options = Options(Budget.parse(plan["budget"]), seed=plan["seed"])
    summary = rank_file(folder / "model", folder / DAY, folder / "ranked.parquet", options)
    return {
        "train_seconds": trained,
        "train_peak_mb": at_rest / 2**20,
        "rank_seconds": time.perf_counter() - started,
        "rows": summary["rows"],
        "settings": "reading, risk, ranks, lots, reasons, parquet",
    }


def peer(folder: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """The plain rival: pandas, labels as numbers, 400 trees; a score a row and nothing else."""
    import xgboost

    from customs.readers import declarations
    from fusion.rivals import ordinal
    from fusion.train import read_outcomes

    started = time.perf_counter()
    table = read_outcomes([folder / LEARN])
    y = table["fraud"].to_numpy(dtype=np.float64)
    x, _, _ = ordinal(table, table.iloc[:1])
    model = xgboost.XGBClassifier(
        n_estimators=400, learning_rate=0.1, max_depth=8, subsample=0.9, random_state=plan["seed"]
    ).fit(x, y)
    trained, at_rest = time.perf_counter() - started, peak_bytes()
    started = time.perf_counter()
    day = declarations.read(folder / DAY).table
    _, z, _ = ordinal(table, day)
    order = np.argsort(-model.predict_proba(z)[:, 1], kind="stable")
    return {
        "train_seconds": trained,
        "train_peak_mb": at_rest / 2**20,
        "rank_seconds": time.perf_counter() - started,
        "rows": len(order),
        "settings": "the whole file in memory, a score a row, no reasons",
    }


RUNS = {OURS: ours, PEER: peer}


def main(folder: Path, name: str) -> None:
    """Run one contender and write what was measured, or what went wrong, as JSON."""
    plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    try:
        found = RUNS[name](folder, plan)
        found["peak_mb"] = peak_bytes() / 2**20
    except CustomsError as error:
        found = {"problems": [dataclasses.asdict(problem) for problem in error.problems]}
    (folder / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
