"""The head on plain declarations: precision under a budget beside rivals that learned from the same rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from customs.progress import Progress, silent
from fusion import rivals
from fusion.data import Bools, Floats
from fusion.evaluate.figures import interval, markdown, named, precision, reliability, spread
from fusion.head import learn
from fusion.head.attributes import attributes
from fusion.model import FusionConfig
from fusion.train import read_outcomes

if TYPE_CHECKING:
    import pandas as pd

BUDGETS = (0.01, 0.05, 0.10)
OURS = "fusion head"
# What each part is worth: the head without it.
ABLATIONS: Mapping[str, Mapping[str, Any]] = {
    "without pairs": {"pairs": False},
    "without names of firms": {"identities": False},
    "without the forest that remembers": {"recall_trees": 0},
}


def measure(
    data: Sequence[Path],
    test: Path | None,
    config: FusionConfig,
    seeds: Sequence[int],
    *,
    with_rivals: bool = True,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Fit every contender once for each seed and measure all on the same rows."""
    train, ahead = _split(read_outcomes(data), test, config)
    y, fraud = train["fraud"].to_numpy(dtype=np.float64), ahead["fraud"].to_numpy(dtype=np.float64) == 1
    contenders = dict(rivals.of_tables()) if with_rivals else {}
    ours, chance, new = _ours(train, y, ahead, config, seeds, progress)
    scores: dict[str, list[Floats]] = {OURS: ours}
    for k, (name, ranker) in enumerate(contenders.items()):
        scores[name] = [ranker(train, y, ahead, seed) for seed in seeds]
        progress("rivals", k + 1, len(contenders))
    for name, change in ABLATIONS.items() if with_rivals else ():
        less = dataclasses.replace(config, **change)
        scores[f"{OURS} {name}"] = _ours(train, y, ahead, less, seeds[:1], progress)[0]
    return {
        "of": "declarations",
        "train": len(train),
        "test": len(ahead),
        "fraud_share": float(fraud.mean()),
        "seeds": list(seeds),
        "rows": [
            {"name": name, **{_at(b): named(interval(s, fraud, b, "precision")) for b in BUDGETS}}
            for name, s in scores.items()
        ],
        "new_importers": _apart(scores, fraud, new),
        "calibration": reliability(chance, fraud.astype(np.float64)),
        "expected": _expected(chance, ours[0], fraud),
        "not_installed": [n for n, package in rivals.KNOWN.items() if n not in contenders and with_rivals],
    }


def table(report: Mapping[str, Any]) -> str:
    """Markdown."""
    head = ["", *(f"precision at {b:.0%}" for b in BUDGETS)]
    rows = [[row["name"], *(spread(row[_at(b)]) for b in BUDGETS)] for row in report["rows"]]
    out = [
        f"{report['train']:,} declarations to learn from, {report['test']:,} to measure on, "
        f"{report['fraud_share']:.1%} of them frauds; seeds {report['seeds']}; "
        "95 % of bootstrapped test sets.",
        "",
        markdown(head, rows),
        "",
        f"Importers never inspected before ({report['new_importers']['share']:.1%} of the test):",
        "",
        markdown(
            ["", *(f"precision at {b:.0%}" for b in BUDGETS)],
            [
                [row["name"], *(f"{row[_at(b)]:.3f}" for b in BUDGETS)]
                for row in report["new_importers"]["rows"]
            ],
        ),
        "",
        "Chances against what was found, in tenths of the order: mean distance "
        f"{report['calibration']['error']:.4f}, Brier score {report['calibration']['brier']:.4f}.",
        "",
        markdown(
            ["inspected", "expected hits", "found"],
            [[f"{e['budget']:.0%}", f"{e['expected']:.0f}", e["found"]] for e in report["expected"]],
        ),
    ]
    if report["not_installed"]:
        out += ["", f"Not installed, so not run: {', '.join(report['not_installed'])} (extra `bench`)."]
    return "\n".join(out)


def _split(table: pd.DataFrame, test: Path | None, config: FusionConfig) -> tuple[pd.DataFrame, pd.DataFrame]:
    if test is not None:
        return table, read_outcomes([test])
    early, late = learn.split_weeks(attributes(table), config.holdout)
    return table[early].reset_index(drop=True), table[late].reset_index(drop=True)


def _ours(
    train: pd.DataFrame,
    y: Floats,
    ahead: pd.DataFrame,
    config: FusionConfig,
    seeds: Sequence[int],
    progress: Progress,
) -> tuple[list[Floats], Floats, Bools]:
    """Raw scores by seed; chances and new importers of the first."""
    learned, future = attributes(train), attributes(ahead)
    heads = [learn.fit(learned, y, config, seed=seed, progress=progress) for seed in seeds]
    raw = [head.raw(future, head.features(future)) for head in heads]
    return raw, heads[0].chances(raw[0]), heads[0].is_new_importer(future)


def _apart(scores: Mapping[str, Sequence[Floats]], fraud: Bools, new: Bools) -> dict[str, Any]:
    rows = [
        {
            "name": name,
            **{_at(b): float(np.mean([precision(s[new], fraud[new], b) for s in some])) for b in BUDGETS},
        }
        for name, some in scores.items()
        if new.any()
    ]
    return {"share": float(new.mean()), "rows": rows}


def _expected(chance: Floats, raw: Floats, fraud: Bools) -> list[dict[str, Any]]:
    order = np.argsort(-raw, kind="stable")
    found = []
    for budget in BUDGETS:
        first = order[: max(round(budget * len(raw)), 1)]
        found.append(
            {"budget": budget, "expected": float(chance[first].sum()), "found": int(fraud[first].sum())}
        )
    return found


def _at(budget: float) -> str:
    return f"precision_{budget:.0%}"
