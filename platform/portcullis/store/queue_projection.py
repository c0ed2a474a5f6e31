"""What the queue repeats of a stored assessment, in columns; it may be made anew from it at any time."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from fusion.policy import Band
from portcullis.store.queue_filter import folded
from portcullis.store.queue_tables import UNKNOWN, queue, queue_kind, queue_line


class Lane(StrEnum):
    """What a band recommends until somebody decides."""

    INSPECT = "inspect"
    REVIEW = "review"
    RELEASE = "release"


class Status(StrEnum):
    """How far a case has come."""

    NEW = "new"
    HELD = "held"
    INSPECTING = "inspecting"
    RELEASED = "released"
    CLOSED = "closed"


LANES: Mapping[Band, Lane] = {
    "critical": Lane.INSPECT,
    "high": Lane.INSPECT,
    "watch": Lane.REVIEW,
    "unknown": Lane.REVIEW,  # silence is no clearance
    "clear": Lane.RELEASE,
}


def put(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Enter new assessments, given as rows of the table `assessment` with their numbers."""
    if not rows:
        return
    projected = [projection(row) for row in rows]
    connection.execute(queue.insert(), [p.row for p in projected])
    connection.execute(queue_line.insert(), [line for p in projected for line in p.lines])
    kinds = [kind for p in projected for kind in p.kinds]
    if kinds:
        connection.execute(queue_kind.insert(), kinds)


@dataclass(frozen=True)
class Projection:
    """The rows that one assessment has in the queue's tables."""

    row: dict[str, Any]
    lines: list[dict[str, Any]]
    kinds: list[dict[str, Any]]


def projection(row: Mapping[str, Any]) -> Projection:
    """From a row of the table `assessment`."""
    declared, report, number = row["declaration"], row["report"], row["number"]
    kinds = tuple(dict.fromkeys(finding["kind"] for finding in report["findings"]))
    prices = _unit_values(declared, report)
    odd: dict[str, float] = {}
    for finding in report["findings"]:
        odd[finding["kind"]] = max(finding.get("surprise", 0.0), odd.get(finding["kind"], 0.0))
    first = declared["lines"][0]
    return Projection(
        {
            "number": number,
            "assessment_id": row["id"],
            "created_at": row["created_at"],
            "date": dt.date.fromisoformat(declared["date"]),
            "declaration_id": row["declaration_id"],
            **{name: declared.get(name) for name in ("origin", "departure", "mode", "office")},
            **{name: declared.get(name) for name in ("importer", "declarant")},
            "goods": first["name"],
            "hs": first["hsk"],
            "lines": len(declared["lines"]),
            "kinds": json.dumps(kinds),
            "band": row["band"],
            "lane": LANES[row["band"]].value,
            "surprise": UNKNOWN if row["surprise"] is None else row["surprise"],
            "chance": report.get("chance"),
            "duty_at_stake_usd": duty_at_stake(declared, report),
            "mismatch": any(kind.startswith("mismatch.") for kind in kinds),
            "has_scan": row["scan"] is not None,
            "has_photo": row["photo"] is not None,
            "status": Status.NEW.value,
            "assignee_id": None,
            "result": None,
            "reason": None,
            "version": 0,
            "words": _words(row["declaration_id"], declared),
        },
        [
            {"number": number, "line": i, "hs": line["hsk"], "usd_per_kg": price}
            for i, (line, price) in enumerate(zip(declared["lines"], prices, strict=True), start=1)
        ],
        [{"number": number, "kind": kind, "surprise": odd[kind]} for kind in kinds],
    )


def duty_at_stake(declared: Mapping[str, Any], report: Mapping[str, Any]) -> float | None:
    """Duty in USD that would be lacking if the goods were worth what their code and origin usually are.

    Of each line whose unit value lies below the range that `price.unit_value` expects:
    (√(low · high) − observed) USD/kg · net kg · duty rate; 0 within or above the range. Summed over the lines
    that can tell; None if none can: no such check, not in USD/kg, or no duty rate declared. Without VAT, and
    without what another code would cost.
    """
    found: list[float] = []
    for line, judged in zip(declared["lines"], report["lines"] or [report], strict=True):
        price = _price(judged)
        rate = line.get("duty_rate")
        if price is None or price["expected"] is None or rate is None:
            continue
        low, high = price["expected"]
        short = math.sqrt(max(low, 0.0) * high) - price["observed"] if price["observed"] < low else 0.0
        found.append(max(short, 0.0) * line["net_kg"] * float(rate) / 100.0)
    return math.fsum(found) if found else None


def _words(number: str, declared: Mapping[str, Any]) -> str:
    names = [number, declared["importer"], declared.get("declarant"), declared.get("container")]
    return folded(" ".join([*filter(None, names), *(line["name"] for line in declared["lines"])]))


def _price(judged: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the price check said of a line, if it observed USD/kg."""
    price = next((e for e in judged["evidence"] if e["check"] == "price.unit_value"), None)
    return None if price is None or price["observed"] is None or price["unit"] != "USD/kg" else price


def _unit_values(declared: Mapping[str, Any], report: Mapping[str, Any]) -> list[float | None]:
    """Of each line in USD/kg: as the price check observed it, else from a value in USD."""
    by_line = report["lines"] or [report]
    found: list[float | None] = []
    for line, judged in zip(declared["lines"], by_line, strict=True):
        price = _price(judged)
        if price is not None:
            found.append(price["observed"])
        elif line["value"]["currency"] == "USD" and line["net_kg"] > 0:
            found.append(float(line["value"]["amount"]) / line["net_kg"])
        else:
            found.append(None)
    return found
