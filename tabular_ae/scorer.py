"""Scores of trade series: declared lines with evidence in words, whole panels in columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from customs.case import Case
from customs.combine import combine_surprise
from customs.evidence import Evidence
from tabular_ae import keeping, words
from tabular_ae.calibration import WHOLE, expected_range
from tabular_ae.checks import (
    BY_ROUTE,
    CHECKS,
    CODE,
    FREIGHT,
    OIL,
    PRICE,
    VOLUME,
    WEIGHTS,
    Calibrations,
    Models,
    line_chain,
    panel_chain,
)
from tabular_ae.data import Converter, rows_of
from tabular_ae.flagship import Flagship
from tabular_ae.history import History
from tabular_ae.macro import Macro
from tabular_ae.price import PriceModel, Prices
from tabular_ae.proposal.score import ProposalModel
from tabular_ae.rows import Floats, Rows
from tabular_ae.why import Why, explain

# Why a row of a panel has no score.
NO_WEIGHT, NO_VALUE = "the weight is not above zero", "the value is not above zero"
NO_HISTORY = "no earlier month of the series, its item or its heading is known"
# Declared lines at most this usual are explained: it takes some twenty milliseconds.
_EXPLAINED = 0.05


class TabularScorer:
    """The `Scorer` of trade series.

    It carries the history it was trained on. Lines are scored against the months before theirs; rows of a
    panel also against later ones, as far as the configuration lets them.
    """

    name = "tabular"
    checks = CHECKS

    def __init__(
        self,
        models: Models,
        history: History,
        calibrations: dict[str, Calibrations],
        converter: Converter,
        *,
        macro: Macro | None = None,
        data_fingerprint: str = "",
        figures: dict[str, Any] | None = None,
    ) -> None:
        self.models = models
        self.history = history
        self.calibrations = calibrations
        self.converter = converter
        self.macro = macro
        self.data_fingerprint = data_fingerprint
        self.figures = figures or {}

    @property
    def price(self) -> PriceModel:
        """The model of unit values."""
        return self.models.price

    def know(self, macro: Macro) -> None:
        """Take in monthly figures; they replace what was known of the same months."""
        self.macro = Macro.merge([macro, *([self.macro] if self.macro is not None else [])])
        if isinstance(self.price, ProposalModel):
            self.price.columns = dataclasses.replace(self.price.columns, macro=self.macro)
        if self.models.oil is not None:
            oil = dataclasses.replace(self.models.oil, macro=self.macro)
            self.models = dataclasses.replace(self.models, oil=oil)

    # -- declared lines ----------------------------------------------------------------------------

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        """Evidence of every check on each declared line, in the order of `checks`."""
        lines = [self.converter.line(case) for case in cases]
        rows, by_route = rows_of(lines), rows_of(lines, by_route=True)
        found = {
            check: model.score(self.history, by_route if check in BY_ROUTE else rows, consignment=True)
            for check, model in self.models.by_check.items()
            if check in self.calibrations
        }
        chains = [line_chain(line.hs) for line in lines]
        low, high = expected_range(self.calibrations, found[PRICE], chains, consignment=True)
        unit = _unit_text(self.converter.freight_unit)
        known = {check: c.of(consignment=True) for check, c in self.calibrations.items()}
        all_evidence = []
        for i, (case, line) in enumerate(zip(cases, lines, strict=True)):
            at = words.Place(case.subject, line, i, chains[i])
            why = self._why(rows, found[PRICE], at)
            all_evidence.append(
                [
                    words.price(at, found[PRICE], known[PRICE], float(low[i]), float(high[i]), why),
                    words.code(at, found.get(CODE), known.get(CODE)),
                    words.freight(at, found.get(FREIGHT), known.get(FREIGHT), unit),
                    words.oil(at, found.get(OIL), known.get(OIL), unit),
                    words.volume(at, found.get(VOLUME), known.get(VOLUME)),
                ]
            )
        return all_evidence

    def _why(self, rows: Rows, prices: Prices, at: words.Place) -> Why | None:
        """What made the expectation, where the line is odd enough to ask and the model can tell."""
        score = prices.score[at.i : at.i + 1]
        if not isinstance(self.price, Flagship) or not np.isfinite(score[0]):
            return None
        clean = self.calibrations[PRICE].of(consignment=True)
        p, _ = clean.in_group(score, clean.group_for(at.chain))
        if p[0] > _EXPLAINED:
            return None
        return explain(self.price, self.history, rows.take(np.array([at.i])), clean, at.chain)

    # -- whole panels ------------------------------------------------------------------------------

    def score_panel(self, rows: Rows, *, within: History | None = None) -> dict[str, Any]:
        """Score rows against the history and each other: columns, each (n,), in order.

        within: a history that holds the rows already, as `History.with_rows` makes it, for whoever scores
        parts of one panel; it remembers what it worked out.

        surprise and p_value are of all checks together (`customs.combine`, weighted by `checks.WEIGHTS`),
        counted on clean rows like each check's own; NaN where no check can speak, and `reason` says why.
        """
        history = self.history.with_rows(rows) if within is None else within
        chains = _chains(rows)
        columns: dict[str, Any] = {}
        surprises: dict[str, Floats] = {}
        for check in CHECKS:
            nothing = np.full(len(rows), np.nan)
            columns[f"{check}.surprise"], columns[f"{check}.p_value"] = nothing, nothing
            model = self.models.by_check.get(check)
            if model is None or check not in self.calibrations:
                continue
            scored = model.score(history, rows)
            if check == PRICE:
                prices = scored
            p, surprise, _ = self.calibrations[check].months.many(scored.score, chains)
            columns[f"{check}.surprise"], columns[f"{check}.p_value"] = surprise, p
            surprises[check] = surprise
        whole = combine_surprise(list(surprises.values()), [WEIGHTS[check] for check in surprises])
        p_value, surprise, _ = self.calibrations[WHOLE].months.many(whole, chains)
        low, high = expected_range(self.calibrations, prices, chains, consignment=False)
        with np.errstate(invalid="ignore"):
            flagged = p_value <= self.price.config.flag_share
        return {
            "surprise": surprise,
            "p_value": p_value,
            "flagged": flagged,
            **columns,
            "expected_low": low,
            "expected_high": high,
            "unit_value": rows.unit_value,
            "months": prices.months,
            "reason": _reasons(rows, p_value),
        }

    # -- keeping -----------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the artefact: weights, trees, the history bank, calibration and rates."""
        keeping.save(
            folder,
            self.models,
            self.history,
            self.calibrations,
            self.converter,
            self.macro,
            data_fingerprint=self.data_fingerprint,
            figures=self.figures,
        )

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        """Read an artefact written by `save`."""
        kept = keeping.load(folder, device)
        return cls(
            kept.models,
            kept.history,
            kept.calibrations,
            kept.converter,
            macro=kept.macro,
            data_fingerprint=kept.data_fingerprint,
            figures=kept.figures,
        )


def _reasons(rows: Rows, p_value: Floats) -> list[str | None]:
    bad_weight = ~(rows.weight > 0)
    bad_value = ~(rows.value > 0)
    silent = ~np.isfinite(p_value)
    return [
        None if not s else NO_WEIGHT if w else NO_VALUE if v else NO_HISTORY
        for w, v, s in zip(bad_weight, bad_value, silent, strict=True)
    ]


def _chains(rows: Rows) -> list[tuple[str, ...]]:
    number, codes = rows.items
    chains = [panel_chain(hs) for hs in codes]
    return [chains[i] for i in number]


def _unit_text(unit: str | None) -> str:
    """`krw_per_kg` as people write it: KRW/kg."""
    money, _, weight = (unit or "").partition("_per_")
    return f"{money.upper()}/{weight}" if weight else str(unit)
