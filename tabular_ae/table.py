"""An evaluation's report as Markdown: one table for every score, then what it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

_TITLES = {
    "price": "Price anomalies only, by each score's view of the price",
    "all": "All anomalies, by each score over all checks (rivals: the larger surprise of price and freight)",
}
_FIGURES = {"0.01": "top 1 %", "0.05": "top 5 %", "0.1": "top 10 %", "auc_pr": "AUC-PR", "vus_pr": "VUS-PR"}


def table(report: Mapping[str, Any]) -> str:
    """The report as Markdown tables; intervals are 95 % by resampling series."""
    lines = [
        f"Learned to {report['learned_to']}; {report['test_rows']:,} test rows {report['tested_from']}…"
        f"{report['tested_to']}; mean of {report['seeds']} seeds"
        + (f", 95 % intervals from {report['draws']} resamplings of the series." if report["draws"] else "."),
    ]
    lines += [f"Not planted: {kind} ({reason})." for kind, reason in report["not_planted"].items()]
    for name in ("price", "all"):
        if name in report:
            lines += ["", *_block(_TITLES[name], report[name])]
    lines += ["", *_false_alarms(report["clean"])]
    if "thresholds" in report:
        lines += ["", *_rules(report["thresholds"])]
    for world, kinds in report.get("declared_lines", {}).items():
        lines += [
            "",
            f"Declared lines of {world}:",
            "",
            *_head("Lines", "n", "scored", "p ≤ 0.05", "p ≤ 0.01"),
        ]
        for kind, line in kinds.items():
            shares = [f"{line[share]:.1%}" for share in ("p<=0.05", "p<=0.01")]
            lines.append(_row(kind, str(line["lines"]), str(line["scored"]), *shares))
    return "\n".join(lines)


def _block(title: str, block: Mapping[str, Any]) -> list[str]:
    scores: Mapping[str, Any] = block["scores"]
    kinds = list(dict.fromkeys(kind for score in scores.values() for kind in score["by_kind"]))
    columns = ["top 0.5 %", "top 1 %", "top 5 %", "top 10 %", "AUC-PR", "VUS-PR"]
    columns += [f"{kind} in 5 %" for kind in kinds]
    lines = [f"{title}: found of {block['planted']:.0f} planted.", "", *_head("Score", *columns)]
    for name, score in scores.items():
        found = score["found"]
        cells = [_counted(found["0.005"][:1]), *(_counted(found[key]) for key in ("0.01", "0.05", "0.1"))]
        cells += [f"{score['auc_pr'][0]:.3f}", f"{score['vus_pr'][0]:.3f}"]
        cells += [f"{score['by_kind'].get(kind, 0.0):.1f}" for kind in kinds]
        lines.append(_row(name, *cells))
    if block["ratios"]:
        lines += ["", *_head("Ratio", *_FIGURES.values())]
    for name, figures in block["ratios"].items():
        lines.append(_row(name, *(_ratio(name, figures[key]) for key in _FIGURES)))
    return lines


def _counted(bar: Sequence[float]) -> str:
    """A mean with its interval: `27.4 (24–31)`."""
    if len(bar) == 1 or not all(map(math.isfinite, bar)):
        return f"{bar[0]:.1f}"
    return f"{bar[0]:.1f} ({bar[1]:.0f}–{bar[2]:.0f})"


def _ratio(name: str, figure: Mapping[str, Any]) -> str:
    """A ratio with its interval, and which rival it was against where that differs by column."""
    bar = figure["ratio"]
    text = f"{bar[0]:.2f}"
    if len(bar) == 3 and all(map(math.isfinite, bar)):
        text += f" ({bar[1]:.2f}–{bar[2]:.2f})"
    return text if name.endswith(figure["rival"]) else f"{text} {figure['rival']}"


def _false_alarms(clean: Mapping[str, Mapping[str, float]]) -> list[str]:
    lines = ["Clean test rows: false alarms per 1,000 series-months at p ≤ 0.01.", ""]
    lines += _head("Score", "by price", "over all checks", "p ≤ 0.05", "not scored")
    for name, shares in clean.items():
        overall = shares.get("overall_false_alarms")
        lines.append(
            _row(
                name,
                f"{shares['false_alarms']:.1f}",
                "" if overall is None else f"{overall:.1f}",
                f"{shares['p<=0.05']:.1%}",
                f"{shares['not_scored']:.1%}",
            )
        )
    return lines


def _rules(thresholds: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    lines = ["The proposal's threshold rules, fitted on held-out months and applied to the planted ones.", ""]
    lines += _head("Configuration", "rule", "flagged", "found", "planted", "precision")
    for name, rules in thresholds.items():
        for rule, one in rules.items():
            cells = [f"{one['flagged']:.1%}", f"{one['found']:.1f}", f"{one['planted']:.0f}"]
            lines.append(_row(name, rule, *cells, f"{one['precision']:.3f}"))
    return lines


def _head(first: str, *others: str) -> list[str]:
    return [_row(first, *others), "| --- |" + " ---: |" * len(others)]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
