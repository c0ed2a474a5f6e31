"""Scores of unit value and freight, calibrated and in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from customs.artefact import ArtefactWriter, open_artefact
from customs.calibrate import Conformal
from customs.case import Case
from customs.combine import cauchy_combination, combine_surprise
from customs.config import make_config
from customs.evidence import Evidence, Message
from customs.hs import HsCode
from tabular_ae.data import Converter, Line, rows_of
from tabular_ae.freight import FreightModel, Freights
from tabular_ae.history import History
from tabular_ae.model import Autoencoder, AutoencoderConfig
from tabular_ae.price import PriceModel, Prices, new_network
from tabular_ae.proposal import MinMax
from tabular_ae.rows import Floats, Rows

PRICE, FREIGHT = "price.unit_value", "freight.per_kg"
CHECKS = (PRICE, FREIGHT)
# Why a row of a panel has no score.
NO_WEIGHT, NO_VALUE = "the weight is not above zero", "the value is not above zero"
NO_HISTORY = "no earlier month of the series, its item or its heading is known"
# Share of clean cases that the expected interval holds.
_INTERVAL = 0.9


@dataclass(frozen=True)
class Calibrations:
    """Clean scores of one check: of months of a series, and of single declared lines if there were any."""

    months: Conformal
    lines: Conformal | None = None

    def of(self, *, consignment: bool) -> Conformal:
        """The clean scores to compare with."""
        return self.lines if consignment and self.lines is not None else self.months


class TabularScorer:
    """The `Scorer` of trade series: `price.unit_value` and `freight.per_kg`.

    It carries the history it was trained on. Rows and lines are scored against the months before theirs.
    """

    name = "tabular"
    checks = CHECKS

    def __init__(
        self,
        price: PriceModel,
        freight: FreightModel | None,
        history: History,
        calibrations: dict[str, Calibrations],
        converter: Converter,
        *,
        data_fingerprint: str = "",
        figures: dict[str, Any] | None = None,
    ) -> None:
        self.price = price
        self.freight = freight
        self.history = history
        self.calibrations = calibrations
        self.converter = converter
        self.data_fingerprint = data_fingerprint
        self.figures = figures or {}

    # -- declared lines ----------------------------------------------------------------------------

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        """Unit value and freight of each declared line."""
        lines = [self.converter.line(case) for case in cases]
        rows = rows_of(lines)
        prices = self.price.score(self.history, rows, consignment=True)
        freights = None
        if self.freight is not None:
            freights = self.freight.score(self.history, rows_of(lines, by_route=True), consignment=True)
        chains = [_chain(line.hs) for line in lines]
        return [
            [
                self._price_evidence(case.subject, lines[i], prices, i, chains[i]),
                self._freight_evidence(case.subject, lines[i], freights, i, chains[i]),
            ]
            for i, case in enumerate(cases)
        ]

    def _price_evidence(
        self, subject: str, line: Line, prices: Prices, i: int, chain: tuple[str, ...]
    ) -> Evidence:
        if line.no_price:
            return Evidence.abstain(
                PRICE, subject, line.no_price, **_named(line.no_price, line.value_currency)
            )
        score = float(prices.score[i])
        if not np.isfinite(score):
            return Evidence.abstain(
                PRICE, subject, "price.no_history", hs=str(HsCode(line.hs)), country=line.country
            )
        conformal = self.calibrations[PRICE].of(consignment=True)
        calibrated = conformal(score, chain)
        unit_value = line.value / line.weight
        group = prices.group[i]
        params: dict[str, str | int | float] = {
            "unit_value": unit_value,
            "country": line.country,
            "months": int(prices.months[i]),
        }
        if not np.isfinite(prices.centre[i]):  # the proposal's network: an error, no expectation
            return Evidence(
                check=PRICE,
                subject=subject,
                p_value=calibrated.p_value,
                surprise=calibrated.surprise,
                observed=unit_value,
                unit="USD/kg",
                reference=calibrated.reference,
                message=Message(id="price.pattern", params=params),
            )
        low, high = self._interval(prices, np.array([i]), [chain], consignment=True)
        where = "low" if unit_value < low[0] else "high" if unit_value > high[0] else "usual"
        source = "" if prices.months[i] > 0 else ".item" if len(group) >= 6 else ".heading"
        if source:
            params = {"unit_value": unit_value, "country": line.country, "group": str(HsCode(group))}
        return Evidence(
            check=PRICE,
            subject=subject,
            p_value=calibrated.p_value,
            surprise=calibrated.surprise,
            observed=unit_value,
            expected=(float(low[0]), float(high[0])),
            unit="USD/kg",
            reference=calibrated.reference,
            message=Message(
                id=f"price.{where}{source}", params={**params, "low": float(low[0]), "high": float(high[0])}
            ),
        )

    def _freight_evidence(
        self, subject: str, line: Line, freights: Freights | None, i: int, chain: tuple[str, ...]
    ) -> Evidence:
        if line.no_freight or freights is None:
            reason = line.no_freight or "freight.no_panel"
            return Evidence.abstain(FREIGHT, subject, reason, **_named(reason, line.freight_currency))
        score = float(freights.score[i])
        if not np.isfinite(score):
            return Evidence.abstain(FREIGHT, subject, "freight.no_route", country=line.route)
        conformal = self.calibrations[FREIGHT].of(consignment=True)
        calibrated = conformal(score, chain)
        reach = conformal.interval(chain, _INTERVAL) * float(freights.scale[i])
        low, high = (float(np.exp(freights.centre[i] + sign * reach)) for sign in (-1, 1))
        unit = _unit_text(self.converter.freight_unit)
        where = "low" if line.freight < low else "high" if line.freight > high else "usual"
        return Evidence(
            check=FREIGHT,
            subject=subject,
            p_value=calibrated.p_value,
            surprise=calibrated.surprise,
            observed=line.freight,
            expected=(low, high),
            unit=unit,
            reference=calibrated.reference,
            message=Message(
                id=f"freight.{where}",
                params={
                    "rate": line.freight,
                    "low": low,
                    "high": high,
                    "unit": unit,
                    "country": line.route,
                },
            ),
        )

    # -- whole panels ------------------------------------------------------------------------------

    def score_panel(self, rows: Rows) -> dict[str, Any]:
        """Score rows against the history and each other's earlier months: columns, each (n,), in order.

        surprise and p_value combine the checks (`customs.combine`); NaN where no check can speak, and
        `reason` says why.
        """
        history = self.history.with_rows(rows)
        chains = _chains(rows)
        prices = self.price.score(history, rows)
        scores = {PRICE: prices.score}
        if self.freight is not None:
            scores[FREIGHT] = self.freight.score(history, rows).score
        columns: dict[str, Any] = {}
        p_values, surprises = [], []
        for check, score in scores.items():
            p, surprise, _ = self.calibrations[check].months.many(score, chains)
            columns[f"{check}.surprise"], columns[f"{check}.p_value"] = surprise, p
            p_values.append(p)
            surprises.append(surprise)
        p_value, surprise = cauchy_combination(p_values), combine_surprise(surprises)
        low, high = self._interval(prices, np.arange(len(rows)), chains, consignment=False)
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
            "reason": _reasons(rows, prices),
        }

    def _interval(
        self, prices: Prices, chosen: np.ndarray, chains: Sequence[tuple[str, ...]], *, consignment: bool
    ) -> tuple[Floats, Floats]:
        conformal = self.calibrations[PRICE].of(consignment=consignment)
        reaches = {chain: conformal.interval(chain, _INTERVAL) for chain in set(chains)}
        reach = np.array([reaches[chain] for chain in chains]) * prices.scale[chosen]
        centre = prices.centre[chosen]
        return np.exp(centre - reach / self.price.config.low_weight), np.exp(centre + reach)

    # -- keeping -----------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the artefact: weights, the history bank, calibration and rates."""
        preprocessing = {
            "minmax": dataclasses.asdict(self.price.scaling) if self.price.scaling else None,
            "price_extra": self.price.extra,
            "freight": {"spreads": self.freight.spreads, "extra": self.freight.extra}
            if self.freight
            else None,
            "freight_unit": self.converter.freight_unit,
            "krw_per_usd": {str(month): rate for month, rate in sorted(self.converter.krw_per_usd.items())},
            "calibrations": {check: c.lines is not None for check, c in self.calibrations.items()},
        }
        with ArtefactWriter(
            folder,
            kind="tabular",
            config=dataclasses.asdict(self.price.config),
            preprocessing=preprocessing,
            data_fingerprint=self.data_fingerprint,
            figures=self.figures,
        ) as out:
            out.tensors("network", {k: v.cpu().numpy() for k, v in self.price.network.state_dict().items()})
            out.columns("history", self.history.rows.as_columns())
            for check, calibrations in self.calibrations.items():
                out.calibration(check, calibrations.months)
                if calibrations.lines is not None:
                    out.calibration(_of_lines(check), calibrations.lines)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        """Read an artefact written by `save`."""
        artefact = open_artefact(folder, kind="tabular")
        config = make_config(AutoencoderConfig, artefact.config)
        known = artefact.manifest["preprocessing"]
        network: Autoencoder = new_network(config, seed=0)
        network.load_state_dict({k: torch.from_numpy(v) for k, v in artefact.tensors("network").items()})
        scaling = MinMax.from_lists(known["minmax"]) if known["minmax"] else None
        return cls(
            PriceModel(network, scaling=scaling, extra=known["price_extra"], device=device),
            FreightModel(known["freight"]["spreads"], extra=known["freight"]["extra"])
            if known["freight"]
            else None,
            History(Rows.from_columns(artefact.columns("history")), memory=config.memory),
            {
                check: Calibrations(
                    artefact.calibration(check), artefact.calibration(_of_lines(check)) if has_lines else None
                )
                for check, has_lines in known["calibrations"].items()
            },
            Converter(known["freight_unit"], {int(m): float(r) for m, r in known["krw_per_usd"].items()}),
            data_fingerprint=artefact.manifest["data_fingerprint"],
            figures=dict(artefact.manifest["figures"]),
        )


def _reasons(rows: Rows, prices: Prices) -> list[str | None]:
    reasons = np.full(len(rows), None, dtype=object)
    reasons[~np.isfinite(prices.score)] = NO_HISTORY
    reasons[~(rows.value > 0)] = NO_VALUE
    reasons[~(rows.weight > 0)] = NO_WEIGHT
    found: list[str | None] = reasons.tolist()
    return found


def _chain(hs: str) -> tuple[str, ...]:
    return HsCode(hs).backoff() if hs else ("all",)


def _chains(rows: Rows) -> list[tuple[str, ...]]:
    number, codes = rows.items
    chains = [panel_chain(hs) for hs in codes]
    return [chains[i] for i in number.tolist()]


def panel_chain(hs: str) -> tuple[str, ...]:
    """Groups of a code as panels write it; one of an odd length is read at the level above.

    >>> panel_chain("03036")
    ('0303', '03', 'all')
    """
    return HsCode(hs[: len(hs) - len(hs) % 2]).backoff()


def _of_lines(check: str) -> str:
    return f"{check}@line"


def _named(reason: str, currency: str) -> dict[str, str]:
    """A reason about a currency names it."""
    return {"currency": currency} if reason.endswith(".currency") else {}


def _unit_text(unit: str | None) -> str:
    """`krw_per_kg` as people write it: KRW/kg."""
    money, _, weight = (unit or "").partition("_per_")
    return f"{money.upper()}/{weight}" if weight else str(unit)


__all__ = ["CHECKS", "FREIGHT", "PRICE", "Calibrations", "TabularScorer", "panel_chain"]
