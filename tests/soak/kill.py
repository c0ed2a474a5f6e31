"""kill -9 under write load, again and again: whatever was acknowledged must be there afterwards, whole."""

from __future__ import annotations

import argparse
import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import sqlalchemy as sa
from soak.live import Live
from soak.uploads import parts
from soak.verdict import Reach, Result, say

from portcullis.identity import read_secret
from portcullis.identity.secret import signing_key
from portcullis.service import utc_now
from portcullis.store.accounts import Role
from portcullis.store.assessments import assessment, digest_of, idempotency_key
from portcullis.store.audit import Audit, check_chain
from portcullis.store.casework import EVENTS
from portcullis.store.engine import open_store
from portcullis.store.images import Images, LostImage

URL = "/v1/assessments"
CLIENTS = 4
# After the first answer, the load lasts between these two before the kill, seconds.
SHORTEST, LONGEST = 0.0, 2.0
_FIRST_SECONDS = 60


# What an officer does with every other case.
DEEDS: Mapping[str, Mapping[str, str]] = {
    "decisions": {"decision": "inspect", "reason": "risk"},
    "outcomes": {"result": "discrepancy", "reason": "undervaluation"},
}


@dataclass(frozen=True)
class Sent:
    """One consignment that went out; id: of the assessment that was acknowledged, None if no answer came."""

    seed: int
    id: str | None = None

    @property
    def number(self) -> str:
        """Of its declaration."""
        return f"K{self.seed:08d}"

    def send(self, client: httpx.Client) -> httpx.Response:
        """The request of a seed: always the same bytes under the same key."""
        return client.post(URL, files=parts(self.seed, self.number), headers={"Idempotency-Key": self.number})


@dataclass(frozen=True)
class Deed:
    """A decision or an outcome that went out; id: of the event that was acknowledged."""

    case: str
    kind: str
    id: str | None = None

    def send(self, client: httpx.Client) -> httpx.Response:
        """The request: always the same under the same key."""
        headers = {"Idempotency-Key": f"{self.kind} {self.case}"}
        return client.post(f"{URL}/{self.case}/{self.kind}", json=DEEDS[self.kind], headers=headers)


@dataclass
class Claims:
    """What the server acknowledged, and what it left unanswered."""

    cases: list[Sent] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    unanswered: list[Sent | Deed] = field(default_factory=list)
    refused: int = 0

    def send(self, client: httpx.Client, what: Sent | Deed) -> str | None:
        """Send it and note what came of it; its id, None where it was refused for now."""
        try:
            answer = what.send(client)
        except httpx.TransportError:
            self.unanswered.append(what)
            raise
        if answer.status_code == 201:
            done = replace(what, id=answer.json()["id"])
            self.cases.append(done) if isinstance(done, Sent) else self.deeds.append(done)
            return done.id
        if answer.status_code in (429, 503):
            time.sleep(0.05)
        else:
            self.refused += 1
        return None


def write(live: Live, first: int, done: threading.Event, claims: Claims) -> None:
    """One client: sends consignments and works on every other until the server is gone or `done` is set."""
    with live.client(Role.INSPECTOR, timeout=30) as client, suppress(httpx.TransportError):
        for seed in range(first, first + 100_000):
            if done.is_set():
                return
            case = claims.send(client, Sent(seed))
            if case is not None and seed % 2:
                for kind in DEEDS:
                    claims.send(client, Deed(case, kind))


def load_and_kill(live: Live, first: int, seconds: float) -> Claims:
    """Writers at work, and the server killed in the middle of it."""
    claims, done = Claims(), threading.Event()
    with live.client(Role.INSPECTOR) as client:
        client.get(f"{URL}/none")  # the password is checked slowly once: not a part of the load
    threads = [
        threading.Thread(target=write, args=(live, first + 1_000_000 * n, done, claims), daemon=True)
        for n in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + _FIRST_SECONDS
    while not claims.cases and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(seconds)
    live.kill()
    done.set()
    for thread in threads:
        thread.join(timeout=60)
    return claims


def check(live: Live, claims: Claims) -> Counter[str]:
    """What is wrong after the restart, as a client sees it; the unanswered are sent again."""
    wrong: Counter[str] = Counter()
    with live.client(Role.INSPECTOR) as client:
        for sent in claims.cases:
            wrong += check_case(client, sent)
        for deed in claims.deeds:
            answer = client.get(f"{URL}/{deed.case}/casework")
            known = {e["id"] for e in answer.json()["events"]} if answer.status_code == 200 else set()
            wrong["lost"] += deed.id not in known
        for what in claims.unanswered:
            again = [what.send(client), what.send(client)]
            if [a.status_code for a in again] != [201, 201] or len({a.json()["id"] for a in again}) != 1:
                wrong["retries that failed"] += 1
        latest: list[Sent | Deed] = [*claims.cases[-CLIENTS:], *claims.deeds[-CLIENTS:]]
        for what in latest:
            answer = what.send(client)
            wrong["retries that failed"] += answer.status_code != 201 or answer.json()["id"] != what.id
    return +wrong


def check_case(client: httpx.Client, sent: Sent) -> Counter[str]:
    """What is wrong with one case that was acknowledged: its report and its pictures."""
    wrong: Counter[str] = Counter()
    answer = client.get(f"{URL}/{sent.id}")
    if answer.status_code != 200 or answer.json()["declaration"]["id"] != sent.number:
        return Counter({"lost": 1})
    files = {name: content for name, (_, content, _) in parts(sent.seed, sent.number)}
    for part in ("scan", "photo"):
        told = answer.json()[part]
        if (told is None) != (part not in files):
            wrong["half stored"] += 1
        elif told is not None:
            wrong["half stored"] += told["sha256"] != hashlib.sha256(files[part]).hexdigest()
            wrong["unreadable images"] += client.get(told["href"]).status_code != 200
    return wrong


def check_store(live: Live) -> Counter[str]:
    """What is wrong in the store itself: rows, keys, images and the audit chain of all rounds."""
    wrong: Counter[str] = Counter()
    settings = live.settings
    engine = open_store(settings.store_url)
    images = Images(settings.images)
    audit = Audit(engine, signing_key(read_secret(settings.data)), utc_now)
    entries = list(audit.entries())
    wrong["audit faults"] += len(list(check_chain(entries, audit.public_key)))
    vouched = {e.subject: e.values["sha256"] for e in entries if e.action == "assess"}
    told = {e.values["id"] for e in entries if e.action in EVENTS}
    with engine.connect() as connection:
        rows = connection.execute(sa.select(assessment)).all()
        keys = connection.scalars(sa.select(idempotency_key.c.assessment_id)).all()
        events = {i for table in EVENTS.values() for i in connection.scalars(sa.select(table.c.id))}
    for row in rows:
        if vouched.pop(row.id, None) != digest_of(row._asdict()):
            wrong["rows that the audit log does not vouch for"] += 1
        named = [row.scan, row.photo, row.heatmap]
        for name in (n for n in named if n is not None):
            try:
                images.read(name)  # it checks the contents against the name
            except LostImage:
                wrong["half stored"] += 1
    wrong["audit entries without a row"] += len(vouched) + len(told - events)
    wrong["deeds without an audit entry"] += len(events - told)
    numbers = Counter(row.declaration_id for row in rows)
    wrong["stored twice"] += sum(n - 1 for n in numbers.values())
    wrong["rows without their key"] += len({row.id for row in rows} ^ set(keys))
    engine.dispose()
    return +wrong


def run(models: Path, folder: Path, rounds: int, seed: int = 1, longest: float = LONGEST) -> Result:
    """All rounds; each start of the server checks what the round before it was promised."""
    rng = random.Random(seed)
    live = Live(folder, models)
    live.prepare(Role.INSPECTOR)
    wrong: Counter[str] = Counter()
    acknowledged = deeds = unanswered = refused = 0
    began = time.monotonic()
    claims = Claims()
    try:
        for number in range(rounds):
            live.start()
            wrong += check(live, claims)
            claims = load_and_kill(live, 10_000 * number, rng.uniform(SHORTEST, longest))
            acknowledged += len(claims.cases)
            deeds += len(claims.deeds)
            unanswered += len(claims.unanswered)
            refused += claims.refused
            wrong += check_store(live)
            say(f"round {number + 1} of {rounds}: {acknowledged} acknowledged, wrong: {dict(wrong)}")
        live.start()
        wrong += check(live, claims)
        live.stop()
        wrong += check_store(live)
        leftovers = live.leftovers()
    finally:
        live.kill()
    figures = {
        "rounds": rounds,
        "acknowledged": acknowledged,
        "decisions and outcomes acknowledged": deeds,
        "unanswered and sent again": unanswered,
        "refused": refused,
        "wrong": dict(wrong),
        "temporary files left by kills": len(leftovers),
        "start_seconds": round(sorted(live.started)[len(live.started) // 2], 2),
        "seconds": round(time.monotonic() - began, 1),
    }
    reach = (
        Reach.none("acknowledged rows lost", wrong["lost"]),
        Reach.none("anything else wrong", sum(wrong.values()) - wrong["lost"] + refused),
        Reach.least("rows acknowledged a round", acknowledged / rounds, 1),
    )
    return Result("kill", reach, figures)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of this soak."""
    parser.add_argument("--rounds", type=int, default=100, help="kills (default: %(default)s)")


def main(arguments: argparse.Namespace, folder: Path) -> Result:
    """Run as the command line asks."""
    return run(arguments.models, folder, arguments.rounds, arguments.seed)
