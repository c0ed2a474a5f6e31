"""Evidence of each check about one declared line, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from customs.calibrate import Conformal
from customs.evidence import Alternative, Contribution, Evidence, Message
from customs.hs import HsCode
from tabular_ae.checks import CODE, FREIGHT, OIL, PRICE, VOLUME
from tabular_ae.data import Line
from tabular_ae.freight import Freights
from tabular_ae.oil import OilFreights
from tabular_ae.other_codes import CodeFits
from tabular_ae.price import Prices
from tabular_ae.volume import Volumes
from tabular_ae.why import Why, by_driver

# Share of clean cases that an expected interval holds.
_INTERVAL = 0.9
# From how many times over another code is said to fit better.
_TIMES = 1.2
# Drivers that are told, and from what effect on the expected value.
_TOLD, _LEAST_EFFECT = 3, 0.005

Params = dict[str, str | int | float]


@dataclass(frozen=True)
class Place:
    """One line among those scored: its subject, itself, its position i, and its reference groups."""

    subject: str
    line: Line
    i: int
    chain: tuple[str, ...]


def price(
    at: Place, prices: Prices, known: Conformal, low: float, high: float, why: Why | None = None
) -> Evidence:
    """The unit value against what is expected of it."""
    line, i = at.line, at.i
    if line.no_price:
        return _abstain(PRICE, at, line.no_price, line.value_currency)
    score = float(prices.score[i])
    if not np.isfinite(score):
        return Evidence.abstain(
            PRICE, at.subject, "price.no_history", hs=str(HsCode(line.hs)), country=line.country
        )
    unit_value, months = line.value / line.weight, int(prices.months[i])
    params: Params = {"unit_value": unit_value, "country": line.country}
    if not np.isfinite(prices.centre[i]):  # the proposal's network: an error, no expectation
        message = Message(id="price.pattern", params={**params, "months": months})
        return _evidence(PRICE, at, score, known, message, observed=unit_value, unit="USD/kg")
    group = prices.group[i]
    where = "low" if unit_value < low else "high" if unit_value > high else "usual"
    source = "" if months > 0 else ".item" if len(group) >= 6 else ".heading"
    params |= {"group": str(HsCode(group))} if source else {"months": months}
    evidence = _evidence(
        PRICE,
        at,
        score,
        known,
        Message(id=f"price.{where}{source}", params={**params, "low": low, "high": high}),
        observed=unit_value,
        expected=(low, high),
        unit="USD/kg",
    )
    return evidence if why is None else evidence.model_copy(update=_because(why, prices, i))


def _because(why: Why, prices: Prices, i: int) -> dict[str, object]:
    """Sentences on what made the expectation and what would be unremarkable, and the parts as figures."""
    details = [
        Message(id="price.level", params={"level": why.level, "expected": float(np.exp(prices.centre[i]))})
    ]
    told = [(name, effect) for name, effect in by_driver(why.parts) if abs(effect) >= _LEAST_EFFECT]
    details += [
        Message(id=f"price.driver.{name}", params={"effect": float(np.expm1(effect))})
        for name, effect in told[:_TOLD]
    ]
    if why.nearest is not None:
        details.append(Message(id="price.counterfactual", params={"nearest": why.nearest}))
    parts = tuple(
        Contribution(driver=part.driver, month=part.month, effect=float(np.expm1(part.effect)))
        for part in why.parts
        if abs(part.effect) >= _LEAST_EFFECT
    )
    return {"details": tuple(details), "contributions": parts}


def code(at: Place, fits: CodeFits | None, known: Conformal | None) -> Evidence:
    """Whether the unit value fits another code of the chapter better."""
    line, i = at.line, at.i
    if line.no_price:
        return _abstain(CODE, at, line.no_price, line.value_currency)
    if fits is None or known is None:
        return Evidence.abstain(CODE, at.subject, "price.code.no_model")
    score, declared = float(fits.score[i]), str(HsCode(line.hs))
    if not np.isfinite(score):
        return Evidence.abstain(CODE, at.subject, "price.code.no_other", hs=declared)
    heading = ".heading" if len(fits.group[i]) == 4 else ""
    unit_value, times = line.value / line.weight, float(np.exp(score))
    params: Params = {"unit_value": unit_value, "declared": declared, "usual": float(np.exp(fits.centre[i]))}
    if heading:
        params["group"] = str(HsCode(fits.group[i]))
    name = "price.code.this"
    if times >= _TIMES and fits.codes[i]:
        name = "price.code.other"
        params |= {
            "other": str(HsCode(fits.codes[i][0])),
            "other_price": float(np.exp(fits.nearest[i])),
            "times": times,
        }
    alternatives = tuple(
        Alternative(hs=HsCode(hs), probability=float(p))
        for hs, p in zip(fits.codes[i], fits.probability[i], strict=False)
    )
    return _evidence(
        CODE,
        at,
        score,
        known,
        Message(id=name + heading, params=params),
        observed=unit_value,
        unit="USD/kg",
        alternatives=alternatives,
    )


def freight(at: Place, rates: Freights | None, known: Conformal | None, unit: str) -> Evidence:
    """Freight per kg against the route's rate."""
    line, i = at.line, at.i
    if line.no_freight or rates is None or known is None:
        return _abstain(FREIGHT, at, line.no_freight or "freight.no_panel", line.freight_currency)
    score = float(rates.score[i])
    if not np.isfinite(score):
        return Evidence.abstain(FREIGHT, at.subject, "freight.no_route", country=line.route)
    reach = known.interval(at.chain, _INTERVAL) * float(rates.scale[i])
    low, high = (float(np.exp(rates.centre[i] + sign * reach)) for sign in (-1, 1))
    return _rate("freight", FREIGHT, at, score, known, (low, high), unit)


def oil(at: Place, rates: OilFreights | None, known: Conformal | None, unit: str) -> Evidence:
    """Freight per kg against oil."""
    line, i = at.line, at.i
    if line.no_freight:
        reason = "freight.oil.none" if line.no_freight == "freight.none" else line.no_freight
        return _abstain(OIL, at, reason, line.freight_currency)
    if rates is None or known is None:
        return Evidence.abstain(OIL, at.subject, "freight.oil.no_model")
    score = float(rates.score[i])
    if not np.isfinite(score):
        return Evidence.abstain(OIL, at.subject, rates.reason[i])
    reach = max(known.interval(at.chain, _INTERVAL), 1.0) * float(rates.scale[i])
    low, high = float(np.exp(rates.low[i] - reach)), float(np.exp(rates.high[i] + reach))
    suffix = ".anywhere" if rates.anywhere[i] else ""
    return _rate("freight.oil", OIL, at, score, known, (low, high), unit, suffix, oil=float(rates.oil[i]))


def _rate(
    name: str,
    check: str,
    at: Place,
    score: float,
    known: Conformal,
    usual: tuple[float, float],
    unit: str,
    suffix: str = "",
    **more: float,
) -> Evidence:
    line = at.line
    where = "low" if line.freight < usual[0] else "high" if line.freight > usual[1] else "usual"
    params: Params = {
        "rate": line.freight,
        "low": usual[0],
        "high": usual[1],
        "unit": unit,
        "country": line.route,
        **more,
    }
    message = Message(id=f"{name}.{where}{suffix}", params=params)
    return _evidence(check, at, score, known, message, observed=line.freight, expected=usual, unit=unit)


def volume(at: Place, weights: Volumes | None, known: Conformal | None) -> Evidence:
    """The weight of the line against the largest usual month."""
    line, i = at.line, at.i
    if line.no_price == "price.no_line":
        return Evidence.abstain(VOLUME, at.subject, "volume.no_line")
    if line.weight <= 0:
        return Evidence.abstain(VOLUME, at.subject, "volume.no_weight")
    if weights is None or known is None:
        return Evidence.abstain(VOLUME, at.subject, "volume.no_model")
    score = float(weights.score[i])
    if not np.isfinite(score):
        return Evidence.abstain(
            VOLUME, at.subject, "volume.no_history", hs=str(HsCode(line.hs)), country=line.country
        )
    usual, group = float(np.exp(weights.centre[i])), weights.group[i]
    high = float(np.exp(weights.centre[i] + known.interval(at.chain, _INTERVAL) * weights.scale[i]))
    name = "volume.surge" if line.weight > max(usual, high) else "volume.usual"
    params: Params = {"weight": line.weight, "usual": usual, "country": line.country}
    if group:
        params["group"] = str(HsCode(group)) if group.isdigit() else group
    else:
        params["months"] = int(weights.months[i])
    return _evidence(
        VOLUME,
        at,
        score,
        known,
        Message(id=name + (".group" if group else ""), params=params),
        observed=line.weight,
        expected=(0.0, max(usual, high)),
        unit="kg",
    )


def _evidence(
    check: str,
    at: Place,
    score: float,
    known: Conformal,
    message: Message,
    *,
    observed: float,
    unit: str,
    expected: tuple[float, float] | None = None,
    alternatives: tuple[Alternative, ...] = (),
) -> Evidence:
    calibrated = known(score, at.chain)
    return Evidence(
        check=check,
        subject=at.subject,
        p_value=calibrated.p_value,
        surprise=calibrated.surprise,
        observed=observed,
        expected=expected,
        unit=unit,
        reference=calibrated.reference,
        message=message,
        alternatives=alternatives,
    )


def _abstain(check: str, at: Place, reason: str, currency: str) -> Evidence:
    """A reason about a currency names it."""
    named = {"currency": currency} if reason.endswith(".currency") else {}
    return Evidence.abstain(check, at.subject, reason, **named)
