"""Whether checks judge as they did, and as on their clean references; whether other goods come now."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from fusion.policy import BANDS
from portcullis.store.weekly import CHECK, P_EDGES, SILENT, SURPRISE_EDGES
from portcullis.watching.shares import ENOUGH, Share, noise_limit
from portcullis.watching.window import CASES, NOTABLE, Compared, Verdict, Window, compared

MOST_MIXED = 8  # countries and chapters that are shown
_TESTS_OF_CHECK = 3  # against the reference, against earlier weeks, silence
_SPOKE = tuple(str(n) for n in range(len(P_EDGES)))


@dataclass(frozen=True)
class Silence:
    """Why a check said nothing in the recent weeks; reason: the id of the sentence."""

    reason: str
    share: Share
    examples: tuple[int, ...]


@dataclass(frozen=True)
class CheckDrift:
    """One check in the recent weeks.

    at_5, at_1: share of p-values up to 0.05 and 0.01, which on clean cases is 5 % and 1 %. distance: from
    that (uniform) distribution, moved: from the check's own earlier weeks, each with the limit that noise
    stays below; None of nothing. curve: share of p-values up to each of `P_EDGES`.
    """

    check: str
    spoke: int
    before: int
    at_5: Share
    at_1: Share
    distance: float | None
    distance_limit: float
    moved: float | None
    moved_limit: float
    curve: tuple[float, ...]
    trend: tuple[Share, ...]
    silent: Compared
    silences: tuple[Silence, ...]
    verdict: Verdict
    examples: tuple[int, ...]


@dataclass(frozen=True)
class Spread:
    """A distribution in the recent weeks beside that of the earlier ones. moved, limit: as of a check."""

    parts: tuple[Compared, ...]
    moved: float | None
    limit: float
    verdict: Verdict


@dataclass(frozen=True)
class Newcomer:
    """A country, chapter or importer that no earlier week of the store had."""

    name: str
    week: dt.date
    cases: int
    example: int


@dataclass(frozen=True)
class Drift:
    """All of it; tests: how many comparisons the limits allow for."""

    weeks: tuple[dt.date, ...]
    cases: tuple[int, ...]
    tests: int
    checks: tuple[CheckDrift, ...]
    bands: Spread
    surprise: Spread
    origins: tuple[Compared, ...]
    chapters: tuple[Compared, ...]


def drift_of(window: Window) -> Drift:
    """From the cells of a window."""
    names = sorted(topic.removeprefix(CHECK) for topic in window.cells if topic.startswith(CHECK))
    tests = _TESTS_OF_CHECK * len(names) + 2
    surprises = tuple(str(n) for n in range(len(SURPRISE_EDGES) + 1))
    found = tuple(_check(window, name, tests) for name in names)
    return Drift(
        weeks=window.weeks,
        cases=tuple(window.count("case", "all", (week,)) for week in window.weeks),
        tests=tests,
        checks=tuple(sorted(found, key=_gravest)),
        bands=_spread(window, "band", BANDS, tests),
        surprise=_spread(window, "surprise", surprises, tests),
        origins=_mix(window, "origin"),
        chapters=_mix(window, "chapter"),
    )


_ORDER = (Verdict.CHANGED, Verdict.DIFFERS, Verdict.USUAL, Verdict.FEW)


def _gravest(one: CheckDrift) -> tuple[int, int]:
    verdicts = (one.verdict, one.silent.verdict)
    return min(_ORDER.index(verdict) for verdict in verdicts), -one.spoke


def _check(window: Window, name: str, tests: int) -> CheckDrift:
    topic = CHECK + name
    recent = [window.count(topic, said, window.recent) for said in _SPOKE]
    earlier = [window.count(topic, said, window.earlier) for said in _SPOKE]
    spoke, before = sum(recent), sum(earlier)
    curve, old_curve = _curve(recent), _curve(earlier)
    # as many clean cases as the p-values were counted on, on the (harmonic) mean: their noise counts, too
    inverse = window.amount(topic, _SPOKE, window.recent)
    distance_limit = noise_limit(spoke, spoke / inverse if inverse else 0, tests)
    moved_limit = noise_limit(spoke, before, tests)
    distance = _farthest(curve, P_EDGES) if spoke else None
    moved = _farthest(curve, old_curve) if spoke and before else None
    reasons = [said for said in window.said(topic) if said.startswith(SILENT)]
    everything = (topic, window.said(topic))
    few, fewer = _SPOKE[: P_EDGES.index(0.05) + 1], _SPOKE[: P_EDGES.index(0.01) + 1]
    return CheckDrift(
        check=name,
        spoke=spoke,
        before=before,
        at_5=Share(window.counts(topic, few, window.recent), spoke),
        at_1=Share(window.counts(topic, fewer, window.recent), spoke),
        distance=distance,
        distance_limit=distance_limit,
        moved=moved,
        moved_limit=moved_limit,
        curve=curve,
        trend=tuple(
            Share(window.counts(topic, few, (w,)), window.counts(topic, _SPOKE, (w,))) for w in window.weeks
        ),
        silent=compared(window, topic, reasons, everything, name=name, tests=tests),
        silences=_silences(window, topic, reasons),
        verdict=_verdict(spoke, before, (distance, distance_limit), (moved, moved_limit)),
        examples=window.examples(topic, fewer),
    )


def _silences(window: Window, topic: str, reasons: Sequence[str]) -> tuple[Silence, ...]:
    whole = window.counts(topic, window.said(topic), window.recent)
    found = [
        Silence(
            said.removeprefix(SILENT),
            Share(window.count(topic, said, window.recent), whole),
            window.examples(topic, (said,)),
        )
        for said in reasons
    ]
    return tuple(sorted((s for s in found if s.share.hits), key=lambda s: -s.share.hits))


def _verdict(
    spoke: int, before: int, from_reference: tuple[float | None, float], moved: tuple[float | None, float]
) -> Verdict:
    if spoke < ENOUGH:
        return Verdict.FEW
    if before >= ENOUGH and _beyond(*moved):
        return Verdict.CHANGED
    return Verdict.DIFFERS if _beyond(*from_reference) else Verdict.USUAL


def _beyond(distance: float | None, limit: float) -> bool:
    return distance is not None and distance > limit and distance >= NOTABLE


def _spread(window: Window, topic: str, said: Sequence[str], tests: int) -> Spread:
    recent = [window.count(topic, one, window.recent) for one in said]
    earlier = [window.count(topic, one, window.earlier) for one in said]
    limit = noise_limit(sum(recent), sum(earlier), tests)
    moved = _farthest(_curve(recent), _curve(earlier)) if sum(recent) and sum(earlier) else None
    if min(sum(recent), sum(earlier)) < ENOUGH:
        verdict = Verdict.FEW
    else:
        verdict = Verdict.CHANGED if _beyond(moved, limit) else Verdict.USUAL
    parts = tuple(compared(window, topic, (one,), CASES, name=one, tests=tests) for one in said)
    return Spread(parts, moved, limit, verdict)


def _mix(window: Window, topic: str) -> tuple[Compared, ...]:
    """The parts whose share changed most, if it is certain; the largest ones otherwise."""
    said = window.said(topic)
    parts = [compared(window, topic, (one,), CASES, name=one, tests=len(said)) for one in said]
    parts.sort(key=lambda one: (one.verdict is not Verdict.CHANGED, -abs(one.change or 0), -one.recent.hits))
    return tuple(parts[:MOST_MIXED])


def _curve(counts: Sequence[int]) -> tuple[float, ...]:
    total, reached, found = sum(counts), 0, []
    for count in counts:
        reached += count
        found.append(reached / total if total else math.nan)
    return tuple(found)


def _farthest(one: Sequence[float], other: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))
