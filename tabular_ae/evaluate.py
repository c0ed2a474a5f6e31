"""How many planted price anomalies each score finds, all of them in the same run on the same rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.config import load_config
from customs.errors import InvalidConfig
from customs.progress import Progress, silent
from tabular_ae.data import Panel, read_panel
from tabular_ae.model import AutoencoderConfig
from tabular_ae.plant import Planted, plant
from tabular_ae.rivals import RIVALS
from tabular_ae.rows import Floats, Rows, month_number, month_text
from tabular_ae.scorer import PRICE, TabularScorer
from tabular_ae.train import CONFIGS, fit
from tabular_ae.truth import on_world

BUDGETS = (0.01, 0.05, 0.10)
CONFIGURATIONS = ("proposal-a", "default")


def evaluate(
    data: Sequence[Path],
    test: Path | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    configs: Sequence[str] = CONFIGURATIONS,
    overrides: Mapping[str, str] | None = None,
    test_from: str | None = None,
    seeds: int = 5,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Fit each configuration on the earlier months, plant anomalies in the later ones, count what is found.

    data: what to fit on; test: what to plant in, by default the months of `data` from `test_from` (YYYY-MM)
    on, or the last three tenths of them.
    seeds: how often to plant; figures are means over them. A world's declared lines are judged against its
    truth as well. Scores see the planted rows' own earlier months with whatever was planted there.
    """
    if seeds < 1:
        raise InvalidConfig(f"got {seeds}", field="seeds", remedy="give 1 or more")
    panel = read_panel(data, columns)
    later = read_panel([test], columns).rows if test is not None else None
    learn, rows = _split(panel, later, test_from)
    scorers = {
        name: fit(
            dataclasses.replace(panel, rows=learn, stop=None, cases=()),
            load_config(AutoencoderConfig, CONFIGS, name, overrides),
            seed=seed,
            device=device,
            progress=_prefixed(progress, name),
        )
        for name in configs
    }
    found: dict[str, list[dict[str, Any]]] = {}
    planted_counts = []
    for draw in range(seeds):
        planted = plant(rows, seed + draw)
        planted_counts.append(int(planted.odd.sum()))
        for name, score in _scores(scorers, planted, learn, seed + draw).items():
            found.setdefault(name, []).append(_recall(score, planted))
        progress("planting", draw + 1, seeds)
    report: dict[str, Any] = {
        "learned_to": month_text(int(learn.month.max())),
        "tested_from": month_text(int(rows.month.min())),
        "tested_to": month_text(int(rows.month.max())),
        "test_rows": len(rows),
        "planted": float(np.mean(planted_counts)),
        "seeds": seeds,
        "found": {name: _mean(runs) for name, runs in found.items()},
        "clean": {name: _clean(scorer, rows) for name, scorer in scorers.items()},
        "fit_seconds": {name: scorer.figures["seconds"] for name, scorer in scorers.items()},
    }
    if worlds := on_world(data, load_config(AutoencoderConfig, CONFIGS, "default", overrides), seed, device):
        report["declared_lines"] = worlds
    return report


def table(report: Mapping[str, Any]) -> str:
    """The report as a Markdown table."""
    kinds = list(next(iter(report["found"].values()))["by_kind"])
    lines = [
        f"Learned to {report['learned_to']}; {report['test_rows']:,} test rows {report['tested_from']}…"
        f"{report['tested_to']}; {report['planted']:.0f} planted; mean of {report['seeds']} seeds.",
        "",
        "| Score | top 1 % | top 5 % | top 10 % | " + " | ".join(f"{kind} in 5 %" for kind in kinds) + " |",
        "| --- |" + " ---: |" * (3 + len(kinds)),
    ]
    for name, run in report["found"].items():
        cells = [*run["budgets"].values(), *run["by_kind"].values()]
        lines.append(f"| {name} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |")
    for name, clean in report["clean"].items():
        lines += ["", f"{name} on the clean test rows: p ≤ 0.05 for {clean['p<=0.05']:.1%}, "]
        lines[-1] += f"p ≤ 0.01 for {clean['p<=0.01']:.1%}, not scored {clean['not_scored']:.1%}."
    for world, kinds_of in report.get("declared_lines", {}).items():
        lines += ["", f"Declared lines of {world}:", "", "| Lines | n | scored | p ≤ 0.05 | p ≤ 0.01 |"]
        lines.append("| --- | ---: | ---: | ---: | ---: |")
        for kind, line in kinds_of.items():
            cells = [str(line["lines"]), str(line["scored"])]
            cells += [f"{line[share]:.1%}" for share in ("p<=0.05", "p<=0.01")]
            lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _split(panel: Panel, later: Rows | None, test_from: str | None) -> tuple[Rows, Rows]:
    """Rows to learn from and rows to plant in; the one ends before the other begins."""
    if later is not None:
        learn = panel.rows.take(panel.rows.month < later.month.min())
        if not len(learn):
            raise InvalidConfig(
                f"--data begins in {month_text(int(panel.rows.month.min()))}, not before --test",
                field="test",
                remedy="give later months to --test than to --data",
            )
        return learn, later
    months = np.unique(panel.rows.month)
    start = int(months[-max(1, round(0.3 * len(months)))]) if test_from is None else _month(test_from)
    if not months[0] < start <= months[-1]:
        raise InvalidConfig(
            f"got {test_from or 'one month of data'}",
            field="test_from",
            remedy=f"name a month after {month_text(int(months[0]))} and up to {month_text(int(months[-1]))}",
        )
    return panel.rows.take(panel.rows.month < start), panel.rows.take(panel.rows.month >= start)


def _month(text: str) -> int:
    try:
        return month_number(text)
    except ValueError:
        raise InvalidConfig(
            f"got {text!r}", field="test_from", remedy="write a month such as 2019-07"
        ) from None


def _scores(
    scorers: Mapping[str, TabularScorer], planted: Planted, learn: Rows, seed: int
) -> dict[str, Floats]:
    history = next(iter(scorers.values())).history.with_rows(planted.rows)
    scores: dict[str, Floats] = {"random": np.random.default_rng([seed, 1]).random(len(planted.rows))}
    scores |= {name: rival(history, planted.rows) for name, rival in RIVALS.items()}
    for name, scorer in scorers.items():
        scores[name] = scorer.score_panel(planted.rows)[f"{PRICE}.surprise"]
    return scores


def _recall(score: Floats, planted: Planted) -> dict[str, dict[str, int]]:
    """Anomalies among the oddest rows; rows without a score come last."""
    order = np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")
    kinds = np.array(planted.kind)
    top = kinds[order[: round(0.05 * len(order))]]
    return {
        "budgets": {
            f"{budget:g}": int((kinds[order[: round(budget * len(order))]] != "").sum()) for budget in BUDGETS
        },
        "by_kind": {kind: int((top == kind).sum()) for kind in dict.fromkeys(planted.kind) if kind},
    }


def _mean(runs: Sequence[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, float]]:
    return {
        part: {key: float(np.mean([run[part].get(key, 0) for run in runs])) for key in sorted(runs[0][part])}
        for part in ("budgets", "by_kind")
    }


def _clean(scorer: TabularScorer, rows: Rows) -> dict[str, float]:
    return shares(scorer.score_panel(rows)[f"{PRICE}.p_value"])


def shares(p: npt.NDArray[np.float64]) -> dict[str, float]:
    """How often a p-value is small, among those that are known."""
    known = p[np.isfinite(p)]
    return {
        "p<=0.05": float((known <= 0.05).mean()) if len(known) else float("nan"),
        "p<=0.01": float((known <= 0.01).mean()) if len(known) else float("nan"),
        "not_scored": float(1.0 - len(known) / max(len(p), 1)),
    }


def _prefixed(progress: Progress, name: str) -> Progress:
    return lambda stage, done, total: progress(f"{name}: {stage}", done, total)
