"""How many planted anomalies each score finds, all of them in the same run on the same rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from customs.errors import InvalidConfig
from customs.progress import Progress, silent
from tabular_ae.checks import PRICE
from tabular_ae.contest import Contest
from tabular_ae.data import Panel, read_panel
from tabular_ae.metrics import false_alarms
from tabular_ae.plant import Planted, plant
from tabular_ae.presets import DEFAULT, Preset, chosen
from tabular_ae.rivals import Field, fit_field
from tabular_ae.rows import Floats, Rows, month_number, month_text
from tabular_ae.scorer import TabularScorer
from tabular_ae.table import table
from tabular_ae.threshold_rules import flagged_by_rules
from tabular_ae.train import fit
from tabular_ae.truth import on_world

__all__ = ["evaluate", "table"]


def evaluate(
    data: Sequence[Path],
    test: Path | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    configs: Sequence[str] | None = None,
    overrides: Mapping[str, str] | None = None,
    test_from: str | None = None,
    freight: Path | None = None,
    macro: Path | None = None,
    with_rivals: bool = True,
    grid: bool = False,
    seeds: int = 5,
    seed: int = 0,
    draws: int = 200,
    device: str = "cpu",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Fit each configuration and rival on the earlier months, plant anomalies in the later ones, compare.

    data: what to fit on; test: what to plant in, by default the months of `data` from `test_from` (YYYY-MM)
    on, or the last three tenths of them. freight, macro: published files to join, as in training.
    configs: presets, by default the proposal's three, the default and its variants; grid: the proposal's
    variants too. overrides: keys over every configuration that has them.
    seeds: how often to plant; figures are means over them, intervals come from `draws` resamplings of the
    series. Scores see the planted rows' own earlier months with whatever was planted there. A world's
    declared lines are judged against its truth as well. `planted_rows` records, by seed, what was done to
    which row.

    Raises:
        InvalidConfig: no such preset or key, or no months on both sides of the split.
    """
    if seeds < 1:
        raise InvalidConfig(f"got {seeds}", field="seeds", remedy="give 1 or more")
    presets = chosen(configs, overrides, grid=grid)
    panel = read_panel(data, columns, freight=freight, macro=macro)
    later = None
    if test is not None:
        later = read_panel([test], columns, freight=freight, macro=macro).rows
    learn, rows = _split(panel, later, test_from)
    past = dataclasses.replace(panel, rows=learn, stop=None, cases=())
    run = _Run(
        {
            p.name: fit(past, p.config, seed=seed, device=device, progress=_named(progress, p))
            for p in presets
        },
        fit_field(learn, seed, progress) if with_rivals else None,
    )
    price, everything = Contest(), Contest()
    rules: dict[str, list[dict[str, dict[str, float]]]] = {}
    left_out: tuple[tuple[str, str], ...] = ()
    changes: list[dict[str, list[Any]]] = []
    for draw in range(seeds):
        planted = plant(rows, seed + draw, macro=panel.macro, freight_unit=panel.freight_unit)
        left_out = planted.left_out
        changes.append(planted.as_columns())
        prices, overall = run.scores(planted.rows, seed + draw)
        price.add(prices, planted, columns=("value",))
        if _has_freight(planted):
            everything.add(overall, planted, columns=("value", "freight"))
        for preset in presets:
            if preset.proposal:
                scorer = run.scorers[preset.name]
                found = flagged_by_rules(scorer, learn, planted, seed + draw)
                rules.setdefault(preset.name, []).append(found)
        progress("planting", draw + 1, seeds)
    report: dict[str, Any] = {
        "learned_to": month_text(int(learn.month.max())),
        "tested_from": month_text(int(rows.month.min())),
        "tested_to": month_text(int(rows.month.max())),
        "test_rows": len(rows),
        "seeds": seeds,
        "draws": draws,
        "not_planted": dict(left_out),
        "price": price.report(draws, seed, progress),
    }
    if everything:
        report["all"] = everything.report(draws, seed, progress)
    report["clean"] = run.clean(rows)
    if rules:
        report["thresholds"] = {name: _mean(runs) for name, runs in rules.items()}
    report["planted_rows"] = changes
    report["fit_seconds"] = {name: scorer.figures["seconds"] for name, scorer in run.scorers.items()}
    worlds = [path for path in map(Path, data) if path.is_dir()]
    if worlds:
        default = chosen([DEFAULT], overrides, strict=False)[0].config
        report["declared_lines"] = on_world(worlds, default, seed, device)
    return report


@dataclass(frozen=True, eq=False)
class _Run:
    """Everything that was fitted."""

    scorers: dict[str, TabularScorer]
    field: Field | None

    def scores(self, rows: Rows, seed: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Price scores and overall scores of each rival and configuration."""
        price: dict[str, Floats] = {}
        overall: dict[str, Floats] = {}
        if self.field is not None:
            chance = np.random.default_rng([seed, 1]).random(len(rows))
            rivals = self.field.scores(rows)
            price = {"random": chance, **rivals}
            overall = {"random": chance, **self.field.overall(rows, rivals)}
        for name, scorer in self.scorers.items():
            found = scorer.score_panel(rows)
            price[name], overall[name] = found[f"{PRICE}.surprise"], found["surprise"]
        return price, overall

    def clean(self, rows: Rows) -> dict[str, dict[str, float]]:
        """How often clean rows get a small p-value from each score."""
        found = {}
        if self.field is not None:
            p_values = self.field.p_values(self.field.scores(rows))
            found = {name: _clean(p) for name, p in p_values.items()}
        for name, scorer in self.scorers.items():
            columns = scorer.score_panel(rows)
            found[name] = _clean(columns[f"{PRICE}.p_value"])
            found[name]["overall_false_alarms"] = false_alarms(columns["p_value"])
        return found


def _clean(p: Floats) -> dict[str, float]:
    known = p[np.isfinite(p)]
    return {
        "false_alarms": false_alarms(p),
        "p<=0.05": float((known <= 0.05).mean()) if len(known) else float("nan"),
        "p<=0.01": float((known <= 0.01).mean()) if len(known) else float("nan"),
        "not_scored": float(1.0 - len(known) / max(len(p), 1)),
    }


def _has_freight(planted: Planted) -> bool:
    return any(change.column == "freight" for change in planted.changes)


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


def _mean(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    return {
        rule: {key: float(np.mean([run[rule][key] for run in runs])) for key in runs[0][rule]}
        for rule in runs[0]
    }


def _named(progress: Progress, preset: Preset) -> Progress:
    return lambda stage, done, total: progress(f"{preset.name}: {stage}", done, total)
