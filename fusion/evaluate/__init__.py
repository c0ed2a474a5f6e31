"""How well fusion orders and how honest its figures are, beside its rivals in the same run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from customs.config import load_config
from customs.errors import InvalidConfig
from customs.progress import Progress, silent
from fusion.data import Cases, is_cases, joined
from fusion.evaluate import cases as of_cases
from fusion.evaluate import declarations as of_declarations
from fusion.model import FusionConfig
from fusion.train import CONFIGS

SEEDS = 3


def evaluate(
    data: Sequence[Path],
    test: Path | None = None,
    *,
    config: str = "default",
    overrides: Mapping[str, str] | None = None,
    seeds: int = SEEDS,
    seed: int = 0,
    with_rivals: bool = True,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Learn from `data`, measure on `test`; both scored cases or both declarations with outcomes.

    Without `test`: of scored cases those under review, of declarations the last fifth of the weeks.
    """
    settings = load_config(FusionConfig, CONFIGS, config, overrides)
    if seeds < 1:
        raise InvalidConfig(f"got {seeds}", field="seeds", remedy="give at least 1")
    chosen = tuple(range(seed, seed + seeds))
    if all(is_cases(path) for path in data):
        every = joined([Cases.read(path) for path in data])
        other = None if test is None else Cases.read(test)
        return of_cases.measure(every, other, settings, chosen, progress)
    return of_declarations.measure(data, test, settings, chosen, with_rivals=with_rivals, progress=progress)


def table(report: Mapping[str, Any]) -> str:
    """The report as Markdown tables."""
    return of_cases.table(report) if report["of"] == "cases" else of_declarations.table(report)


__all__ = ["evaluate", "table"]
