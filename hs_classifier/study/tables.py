"""A study's report as lines for people: what was published beside what came out here, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_TITLES = {
    "text": "Text study: word vectors, BLSTM, softmax",
    "photo": "Photo study: convolutional networks",
    "joint": "Joint study: text and photo, end to end",
}
_HEAD = ("configuration", "reads", "classes", "split", "published", "ours", "95 %", "top-3", "what differs")


def table(report: Mapping[str, Any]) -> str:
    """Markdown tables, one for each part of `study.run`'s report, with notes below; figures in per cent.

    A row is a mapping with configuration, modality, classes, published (or None), ours, low, high and
    differs, and where a part has them split and top3.
    """
    blocks = []
    for part, found in report["parts"].items():
        lines = [f"**{_TITLES[part]}** (top-1, %; {report['seeds']} seeds from {report['seed']})", ""]
        lines += _aligned([_HEAD, *(_cells(row) for row in found["rows"])])
        if "lead" in found:
            leads = ", ".join(f"{name} {points:+.1f}" for name, points in found["lead"].items())
            lines += ["", f"Points ahead of the better single modality: {leads}."]
        if found.get("notes"):
            lines += ["", *(f"- {note}" for note in found["notes"])]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(row["configuration"]),
        str(row["modality"]),
        str(row["classes"]),
        str(row.get("split", "–")),
        _number(row["published"]),
        _number(row["ours"]),
        f"{row['low']:.1f}–{row['high']:.1f}",
        _number(row.get("top3")),
        str(row["differs"]),
    )


def _number(value: float | str | None) -> str:
    """Two decimals, as the studies print them; text is shown as it is."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:.2f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Cells as a Markdown table that also reads well in a terminal."""
    rows = [[cell.replace("|", "/") for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]]
