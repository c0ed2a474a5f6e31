"""Frauds planted in a synthetic world: which check sees which, where it points, and what rivals see."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from customs.case import Case
from customs.evidence import Evidence, HeatMap
from customs.progress import Progress, silent
from customs.world import World
from xray_encoder.data import main_line
from xray_encoder.evaluate.figures import auroc, interval
from xray_encoder.evaluate.headings import LEVEL, OURS
from xray_encoder.reading import read_scan
from xray_encoder.rivals import Rival
from xray_encoder.scorer import XrayScorer

# What a scan can show, and the check that should.
SEEN_BY: Mapping[str, str] = {
    "wrong_code": "xray.packing",
    "swapped_goods": "xray.packing",
    "partial_load": "xray.mass",
    "wrong_weight": "xray.mass",
    "short_weight": "xray.mass",
    "wrong_packages": "xray.packages",
    "hidden_goods": "xray.inserted_object",
    "inserted_object": "xray.inserted_object",
    "void": "xray.packing",
    "double_floor": "xray.density",
}
SWAPPED = ("wrong_code", "swapped_goods")
INSERTED = ("hidden_goods", "inserted_object")
LEAST_LITRES = 5.0
_BANDS = (5.0, 10.0, 20.0, 60.0, float("inf"))


@dataclass
class _Case:
    """What was seen of one scan: (surprise, p-value) by check.

    odd: by rival, as swapped and as inserted; hit: whether a rival's heat-map points at the planted thing.
    """

    kind: str
    frauds: frozenset[str]
    checks: dict[str, tuple[float, float]]
    litres: float = 0.0
    material: str = ""
    pointed: bool | None = None
    mass_error: float | None = None
    package_error: float | None = None
    odd: dict[str, tuple[float, float]] = field(default_factory=dict)
    hit: dict[str, bool] = field(default_factory=dict)


def evaluate_planted(
    scorer: XrayScorer, folder: Path, rivals: Sequence[Rival] = (), progress: Progress = silent
) -> dict[str, Any]:
    """Figures of the scans under review of one world; rivals were fitted on what the scorer was."""
    world = World.open(folder)
    frauds = _frauds(world)
    things = world.planted() if (world.folder / "planted.csv").exists() else {}
    cases = [(d, path) for d, path, _ in world.cases("review") if path is not None]
    found = []
    for done, (declaration, path) in enumerate(cases):
        main = main_line(declaration.lines)
        if main is not None:
            scan = read_scan(path.read_bytes(), name=path.name)
            case = Case(declaration.id, declaration.lines[main], declaration, scan=scan)
            placed = [t for t in things.get(declaration.id, []) if t.fraud in INSERTED and t.box]
            found.append(_look(scorer, case, frauds.get(declaration.id, frozenset()), placed, rivals))
        progress("scans under review", done + 1, len(cases))
    return _figures(found, scorer.checks)


def _frauds(world: World) -> dict[str, frozenset[str]]:
    out: dict[str, set[str]] = {}
    with world.path("truth.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["fraud"] in SEEN_BY:
                out.setdefault(row["declaration_id"], set()).add(row["fraud"])
    return {name: frozenset(kinds) for name, kinds in out.items()}


def _look(
    scorer: XrayScorer, case: Case, frauds: frozenset[str], placed: Sequence[Any], rivals: Sequence[Rival]
) -> _Case:
    assert case.scan is not None
    assert case.line is not None
    evidence = {e.check: e for e in scorer.score([case])[0]}
    seen = _Case(
        kind=scorer.look(case.scan).kind,
        frauds=frauds,
        checks={
            e.check: (e.surprise, e.p_value)
            for e in evidence.values()
            if e.surprise is not None and e.p_value is not None
        },
    )
    if placed:
        seen.litres, seen.material = float(placed[0].litres or 0.0), placed[0].material
        seen.pointed = _points(evidence["xray.inserted_object"], placed[0].box)
    if not frauds:
        mass, number = evidence["xray.mass"], evidence["xray.packages"]
        seen.mass_error = _off(mass)
        seen.package_error = _off(number)
    look, digits = scorer.look(case.scan), case.line.hsk.digits
    for rival in rivals:
        odd, heat = rival.inserted(look, digits)
        seen.odd[rival.name] = (rival.mismatch(look, digits), odd)
        if placed and heat is not None:
            seen.hit[rival.name] = _inside(HeatMap(values=heat, box=look.crop.cargo), placed[0].box)
    return seen


def _off(evidence: Evidence) -> float | None:
    """Log of declared over the middle of what was expected, where the check could say."""
    if evidence.p_value is None or evidence.observed is None or evidence.expected is None:
        return None
    low, high = evidence.expected
    return (
        None
        if min(low, high, evidence.observed) <= 0
        else float(np.log(evidence.observed**2 / (low * high)) / 2)
    )


def _points(evidence: Evidence, box: tuple[int, int, int, int]) -> bool:
    return evidence.artefact is not None and _inside(evidence.artefact, box)


def _inside(heat: HeatMap, box: tuple[int, int, int, int]) -> bool:
    """True if the hottest place lies in the thing's box, half its size around it allowed."""
    rows, columns = heat.values.shape
    row, column = np.unravel_index(int(heat.values.argmax()), heat.values.shape)
    top, left, bottom, right = heat.box
    y = top + (row + 0.5) / rows * (bottom - top)
    x = left + (column + 0.5) / columns * (right - left)
    tall, wide = box[2] - box[0], box[3] - box[1]
    return bool(box[0] - tall / 2 <= y <= box[2] + tall / 2 and box[1] - wide / 2 <= x <= box[3] + wide / 2)


def _figures(cases: Sequence[_Case], checks: Sequence[str]) -> dict[str, Any]:
    clean = [c for c in cases if not c.frauds]
    found: dict[str, Any] = {"scans": len(cases), "clean": len(clean), "checks": {}, "frauds": {}}
    for check in checks:
        p = [c.checks[check][1] for c in clean if check in c.checks]
        if p:
            found["checks"][check] = {
                "clean_scans": len(p),
                "false_alarms": float(np.mean(np.asarray(p) <= LEVEL)),
                "false_alarms_1": float(np.mean(np.asarray(p) <= 0.01)),
            }
    for fraud, check in SEEN_BY.items():
        bad = [c for c in cases if fraud in c.frauds and check in c.checks]
        if bad:
            found["frauds"][fraud] = {"check": check, **_separation(clean, bad, check)}
    found["swapped"] = _table(clean, cases, SWAPPED, "xray.packing", 0)
    inserted = [c for c in cases if not c.frauds & set(INSERTED) or c.litres >= LEAST_LITRES]
    found["inserted"] = _table(clean, inserted, INSERTED, "xray.inserted_object", 1)
    found["inserted"]["by_litres"] = _by_litres(clean, inserted)
    masses = [abs(c.mass_error) for c in clean if c.mass_error is not None]
    if masses:
        found["mass"] = {"scans": len(masses), "median_error": float(np.median(np.expm1(masses)))}
    numbers = [abs(c.package_error) for c in clean if c.package_error is not None]
    if numbers:
        found["packages"] = {
            "scans": len(numbers),
            "within_5_percent": float(np.mean(np.asarray(numbers) <= np.log(1.05))),
        }
    return found


def _separation(clean: Sequence[_Case], bad: Sequence[_Case], check: str) -> dict[str, Any]:
    good = [c.checks[check][0] for c in clean if check in c.checks]
    odd = [c.checks[check][0] for c in bad]
    return {
        "cases": len(bad),
        "auroc": auroc(good, odd),
        "interval": interval(good, odd),
        "caught": float(np.mean([c.checks[check][1] <= LEVEL for c in bad])),
    }


def _table(
    clean: Sequence[_Case], cases: Sequence[_Case], frauds: Sequence[str], check: str, column: int
) -> dict[str, Any]:
    """Every contender on the scans that both we and it can judge."""
    bad = [c for c in cases if c.frauds & set(frauds)]
    spoke = [c for c in bad if check in c.checks]
    found: dict[str, Any] = {"cases": len(bad), "abstained": len(bad) - len(spoke)}
    if not spoke:
        return found
    found[OURS] = _separation(clean, spoke, check)
    if column:
        found[OURS]["points_at_it"] = float(np.mean([bool(c.pointed) for c in spoke]))
    for name in {name: None for c in cases for name in c.odd}:
        good = [c.odd[name][column] for c in clean if check in c.checks and np.isfinite(c.odd[name][column])]
        odd = [c.odd[name][column] for c in spoke if np.isfinite(c.odd[name][column])]
        if good and odd:
            found[name] = {"cases": len(odd), "auroc": auroc(good, odd), "interval": interval(good, odd)}
            hits = [c.hit[name] for c in spoke if name in c.hit]
            if column and hits:
                found[name]["points_at_it"] = float(np.mean(hits))
    return found


def _by_litres(clean: Sequence[_Case], cases: Sequence[_Case]) -> dict[str, Any]:
    check, found = "xray.inserted_object", {}
    for low, high in pairwise(_BANDS):
        bad = [c for c in cases if low <= c.litres < high and c.frauds & set(INSERTED) and check in c.checks]
        if bad:
            found[f"{low:g}-{high:g}"] = {
                **_separation(clean, bad, check),
                "points_at_it": float(np.mean([bool(c.pointed) for c in bad])),
            }
    return found
