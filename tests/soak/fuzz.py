"""Schemathesis against a live server, as each role in turn: no call may end in an error of ours.

Its own checks are all on but one: `positive_data_acceptance` takes any text for a sound declaration, and the
schema of a multipart body cannot say that the text must be one.
"""

from __future__ import annotations

import argparse
import itertools
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.engine import events, from_schema
from soak.live import PASSWORD, Live, served
from soak.uploads import parts
from soak.verdict import Reach, Result, say

from portcullis.store.accounts import Role

_SHOWN = 30
# Many wrong passwords on purpose: an account that waits would answer everything with 429.
PATIENT = {"PORTCULLIS_LOGIN_FAILURES": "1000000", "PORTCULLIS_LOGIN_FAILURES_PER_ADDRESS": "1000000"}


@dataclass
class Fuzzed:
    """What came of the calls: statuses by operation, and failures of checks by what they say."""

    statuses: Counter[int] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    unanswered: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """How many there were."""
        return sum(self.statuses.values()) + self.unanswered

    @property
    def server_errors(self) -> int:
        """How many ended in a 5xx."""
        return sum(n for status, n in self.statuses.items() if status >= 500)

    def add(self, event: events.EngineEvent) -> None:
        """Count what an event tells of."""
        if isinstance(event, events.NonFatalError):
            self.errors.append(f"{event.label}: {event.value}"[:500])
        elif isinstance(event, events.FatalError):
            raise event.exception
        elif isinstance(event, events.ScenarioFinished):
            recorder = event.recorder
            for interaction in recorder.interactions.values():
                self.operations[recorder.label] += 1
                if interaction.response is None:
                    self.unanswered += 1
                else:
                    self.statuses[interaction.response.status_code] += 1
            for checks in recorder.checks.values():
                for check in checks:
                    if check.failure_info is not None:
                        failure = check.failure_info.failure
                        key = (recorder.label, failure.title)
                        code = check.failure_info.code_sample
                        self.failures.setdefault(key, f"{failure.message[:300]} | {code[:600]}")


def fuzz(
    address: str,
    auth: tuple[str, str],
    *,
    seed: int,
    examples: int,
    most: int,
    found: Fuzzed,
    phases: Mapping[str, bool] | None = None,
    known: str | None = None,
) -> None:
    """Call all operations as one account, at most `most` times; `known`: an assessment that is there."""
    on = {"examples": False, "coverage": True, "fuzzing": True, "stateful": True} | dict(phases or {})
    settings: dict[str, Any] = {
        "seed": seed,
        "continue-on-failure": True,
        "request-timeout": 60,
        "suppress-health-check": ["all"],
        "generation": {"max-examples": examples, "database": "none", "no-shrink": True},
        "checks": {
            "positive_data_acceptance": {"enabled": False},
            # a known id takes the place of a bad one: the call is no longer one that has to be refused
            "negative_data_rejection": {"enabled": known is None},
        },
        "auth": {"basic": {"username": auth[0], "password": auth[1]}},
        "phases": {name: {"enabled": enabled} for name, enabled in on.items()},
    }
    if known is not None:
        settings["parameters"] = {"path.assessment_id": known}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = schemathesis.Config.from_dict(settings)
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json", config=config)
        # the stream of alerts is an answer that never ends
        stream = from_schema(schema.exclude(path="/v1/alerts/stream")).execute()
        enough = found.calls + most
        for event in stream:
            found.add(event)
            if found.calls >= enough:
                stream.stop()


def import_table(live: Live) -> None:
    """Give the store the official codes of a tiny world, so that routes on codes have something to say."""
    from customs.readers import hsk
    from customs.world import make_world
    from portcullis.store.engine import open_store
    from portcullis.store.intake import store

    world = live.folder / "world"
    make_world(world, seed=7, size="tiny")
    path = world / "hsk.csv"
    engine = open_store(live.settings.store_url)
    store(engine, "hsk", hsk.read(path), file=path.name, data=path.read_bytes())
    engine.dispose()


def run(models: Path, folder: Path, calls: int, seed: int = 1) -> Result:
    """Role after role, with new seeds, until there were enough calls; every other turn on a known case."""
    found = Fuzzed()
    live = Live(folder, models, PATIENT)
    live.prepare()
    import_table(live)
    with served(live, *Role):
        with live.client(Role.INSPECTOR) as client:
            made = [client.post("/v1/assessments", files=parts(n, f"F{n}")) for n in range(8)]
            known = made[-1].raise_for_status().json()["id"]
        for turn in itertools.count():
            role = list(Role)[turn % len(Role)]
            if found.calls >= calls or not live.alive:
                break
            before = found.calls
            fuzz(
                live.address,
                (role.value, PASSWORD),
                seed=seed + turn,
                examples=50,
                most=min(calls - found.calls, -(-calls // len(Role))),
                found=found,
                known=known if turn // len(Role) % 2 == 0 else None,
            )
            say(f"{role}: {found.calls} calls, {found.server_errors} 5xx, failures: {len(found.failures)}")
            if found.calls == before:
                break
        alive = live.alive
        tracebacks = live.log().count("Traceback")
    return result(found, calls, tracebacks, alive)


def result(found: Fuzzed, calls: int, tracebacks: int, alive: bool) -> Result:
    """Figures and verdicts."""
    figures = {
        "calls": found.calls,
        "operations": len(found.operations),
        "statuses": dict(sorted(found.statuses.items())),
        "failures": [f"{o}: {t}: {said}" for (o, t), said in sorted(found.failures.items())][:_SHOWN],
        "errors": found.errors[:_SHOWN],
    }
    reach = (
        Reach.least("calls", found.calls, calls),
        Reach.none("answers 5xx", found.server_errors),
        Reach.none("calls without an answer", found.unanswered),
        Reach.none("tracebacks in the log", tracebacks),
        Reach.none("failed checks of other kinds", len(found.failures)),
        Reach.none("errors of the run itself", len(found.errors)),
        Reach.least("server alive afterwards", float(alive), 1),
    )
    return Result("fuzz", reach, figures)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of this soak."""
    parser.add_argument("--calls", type=int, default=10_000, help="calls (default: %(default)s)")


def main(arguments: argparse.Namespace, folder: Path) -> Result:
    """Run as the command line asks."""
    return run(arguments.models, folder, arguments.calls, arguments.seed)
