"""Figures of a model's manifest, sorted and written for a reader."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Group = Literal["quality", "data", "other"]
MOST = 200  # of one model: a manifest is made by hand at times
# pattern of the name → word of the template; what its group stands for is the share, level or rival meant
_QUALITY: tuple[tuple[str, str], ...] = (
    (r"precision_(\d+%)", "precision"),
    (r"recall_(\d+%)", "recall"),
    (r"auc_pr", "auc_pr"),
    (r"auroc", "auroc"),
    (r"held_out\.hs(\d+)\.top1", "top1_level"),
    (r"held_out\.(\w+)\.top1", "top1_photo"),
    (r"top1_heading_(.+)", "top1_heading"),
    (r"mass_error_median", "mass_error_median"),
    (r"price_noise_of_a_line", "price_noise"),
)
_AT_A_SHARE = ("precision", "recall")
_DATA: frozenset[str] = frozenset(
    {
        "calibrated_on",
        "calibrated_to",
        "calibration_lines",
        "calibration_rows",
        "clean_cases",
        "codes",
        "declarations",
        "fraud_share",
        "glossary_terms",
        "headings",
        "photos",
        "photos_held_out",
        "refused_rows",
        "rows",
        "rows_refused",
        "rows_without_ten_digits",
        "rows_without_words",
        "scans",
        "series",
        "texts_held_out",
        "texts_trained",
        "trained_to",
    }
)
_SHARES = frozenset({"precision", "recall", "top1_level", "top1_photo", "top1_heading", "mass_error_median"})
_SHARES |= {"fraud_share", "price_noise"}


@dataclass(frozen=True)
class Figure:
    """One figure. word: a key of `figure_words`, empty where none is known and `name` stands as it is."""

    name: str
    word: str
    at: str
    value: str


@dataclass(frozen=True)
class Budget:
    """What a ranking finds where only its riskiest are inspected; empty where the manifest does not say."""

    share: str
    precision: str
    recall: str


def budgets(rows: tuple[Figure, ...]) -> tuple[Budget, ...]:
    """The figures of quality that hold at a share of inspections, by that share."""
    at = {(f.word, f.at): f.value for f in rows}
    shares = dict.fromkeys(f.at for f in rows if f.word in _AT_A_SHARE)
    return tuple(Budget(s, *(at.get((word, s), "") for word in _AT_A_SHARE)) for s in shares)


def apart(rows: tuple[Figure, ...]) -> tuple[Figure, ...]:
    """The others of them."""
    return tuple(f for f in rows if f.word not in _AT_A_SHARE)


def figures(given: Mapping[str, Any]) -> dict[Group, tuple[Figure, ...]]:
    """All figures, those of quality first; checks and empty notes are left out, they stand elsewhere."""
    found: dict[Group, list[Figure]] = {"quality": [], "data": [], "other": []}
    for name, value in list(_flat(given))[:MOST]:
        group, word, at = _known(name)
        found[group].append(Figure(name, word, at, _written(value, word)))
    words = [word for _, word in _QUALITY]
    found["quality"].sort(key=lambda f: (words.index(f.word), _natural(f.at)))
    return {group: tuple(rows) for group, rows in found.items()}


def _known(name: str) -> tuple[Group, str, str]:
    for pattern, word in _QUALITY:
        match = re.fullmatch(pattern, name)
        if match is not None:
            return "quality", word, match[1] if match.groups() else ""
    return ("data", name, "") if name in _DATA else ("other", "", "")


def _flat(given: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif (before or name not in ("checks", "notes")) or (name == "notes" and value):
            yield before + name, value


def _written(value: Any, word: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, list):
        return ", ".join(map(str, value[:12])) or "–"
    if word in _SHARES:
        return f"{value:.1%}"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.4g}"
    return f"{value:,.0f}"


def _natural(text: str) -> tuple[int, str]:
    digits = re.match(r"\d+", text)
    return (int(digits[0]) if digits else 0), text
