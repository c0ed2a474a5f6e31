"""What scored cases say without a head: their oddest checks, and the value that seems to be missing."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from customs.sentences import Language
from fusion.data import Cases, Floats
from fusion.head.reasons import SHOWN, check_reason

_ODD = 1.0  # a check that one clean case in ten surpasses is no reason
_PRICE = "price.unit_value"


def of_evidence(checks: Sequence[str], heard: Floats, language: Language) -> list[str]:
    """For each of n rows its oddest checks, in one text, "" where none is odd; heard: (n, checks)."""
    known = np.nan_to_num(heard)
    order = np.argsort(-known, axis=1, kind="stable")[:, :SHOWN]
    told = []
    for i in range(len(known)):
        odd = [j for j in order[i].tolist() if known[i, j] >= _ODD]
        told.append("; ".join(check_reason(checks[j], float(known[i, j]), language) for j in odd))
    return told


def shortfall(cases: Cases) -> dict[str, Floats]:
    """`value_gap` and `duty_gap`: what a unit value below its expected range lacks to the middle of it."""
    kg = cases.table["net_kg"].to_numpy(dtype=np.float64)
    rate = np.nan_to_num(cases.table["duty_rate"].to_numpy(dtype=np.float64, na_value=np.nan))
    gap = np.zeros(len(cases))
    for i, text in enumerate(cases.evidence):
        price = next((e for e in json.loads(text) if e["check"] == _PRICE), None)
        if price is None or price["expected"] is None or price["observed"] is None:
            continue
        low, high = price["expected"]
        if price["observed"] < low:
            gap[i] = (np.sqrt(low * high) - price["observed"]) * kg[i]
    return {"value_gap": gap, "duty_gap": gap * rate / 100.0}
