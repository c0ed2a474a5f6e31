"""The months that the demonstration's office has behind it: in order, audited, true to the world, once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from customs.world import SIZES, World, make
from portcullis.demo.clock import Clock
from portcullis.demo.diary import RANDOM_SHARE, SEOUL, Diary, Done
from portcullis.demo.history import OPEN_DAYS, History
from portcullis.demo.office import COLLEAGUES, Office
from portcullis.demo.truth import FINDS, Truth
from portcullis.identity import LoginRefused
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import NO_PASSWORD, Role
from portcullis.store.audit import audit
from portcullis.store.casework import OUTCOME_REASONS, Decided, Decision, Found, Result, decision, outcome
from portcullis.store.engine import snapshot
from portcullis.store.queue import LANES, Lane, Status, queue
from portcullis.store.vouching import Tally, check

SEED = 11


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Nine declarations of each item under review, a third of them frauds, on paper only."""
    size = dataclasses.replace(
        SIZES["tiny"], past=1, review=1, papers=8, paper_share=0.3, always_scanned=0, scan_share=0.0
    )
    folder = tmp_path_factory.mktemp("office") / "world"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(make, "SIZES", {"office": size})
        make.make_world(folder, seed=SEED, size="office")
    return World.open(folder)


def opened(folder: Path, models: Models, world: World) -> History:
    """A history that nobody has begun to write, over a store that may hold a part of it."""
    clock = Clock(dt.datetime(2024, 4, 2, tzinfo=dt.UTC))
    service = Service.open(Settings(data=folder), models, now=clock)
    for role in (Role.INSPECTOR, Role.ANALYST):
        if service.accounts.by_name(role.value) is None:
            service.accounts.add(role.value, NO_PASSWORD, role)
    last = world.declarations("review")[-1].date
    end = dt.datetime.combine(last, dt.time(20), SEOUL).astimezone(dt.UTC)
    return History(service, Diary(Office.of(service), Truth.read(world.folder), SEED), clock, end)


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory, by_hand: Models, world: World
) -> Iterator[SimpleNamespace]:
    """A history that was interrupted in the middle and gone on with."""
    folder = tmp_path_factory.mktemp("history") / "data"
    cases = list(world.cases("review"))

    def stop(stage: str, done: int, total: int) -> None:
        if done > total / 2:
            raise Interrupted

    first = opened(folder, by_hand, world)
    with pytest.raises(Interrupted):
        first.write(cases, stop)
    half = first.service.assessments.count()
    first.service.close()
    second = opened(folder, by_hand, world)
    second.write(cases)
    yield SimpleNamespace(history=second, service=second.service, half=half, cases=cases, world=world)
    second.service.close()


def rows(written: SimpleNamespace, query: sa.Select) -> list[sa.Row]:
    with written.service.assessments.engine.connect() as connection:
        return list(connection.execute(query))


def test_an_interrupted_history_is_gone_on_with_and_nothing_is_doubled(
    written: SimpleNamespace,
) -> None:
    """Each declaration once; a third time changes nothing."""
    assert 0 < written.half < len(written.cases)
    ids = [row.declaration_id for row in rows(written, sa.select(queue.c.declaration_id))]
    assert sorted(ids) == sorted(case[0].id for case in written.cases)
    before = written.service.audit.head()
    written.history.write(written.cases)
    assert written.service.audit.head() == before


def test_all_of_it_is_in_the_audit_log_and_in_order(written: SimpleNamespace) -> None:
    """The chain holds, every row is vouched for, and time only moves forward."""
    tally = Tally()
    with snapshot(written.service.assessments.engine) as connection:
        assert list(check(connection, written.service.audit.public_key, tally)) == []
    assert set(tally.rows) >= {"assessment", "decision", "outcome", "assignment"}
    times = [row.at for row in rows(written, sa.select(audit.c.at).order_by(audit.c.number))]
    assert times == sorted(times)


def test_a_case_is_assessed_on_its_day_and_worked_on_afterwards(written: SimpleNamespace) -> None:
    """Queues by month and dashboards have months to show."""
    for row in rows(written, sa.select(queue)):
        came = row.created_at.replace(tzinfo=dt.UTC)
        assert came.astimezone(SEOUL).date() == row.date
        events = written.service.casework.history(row.assessment_id)
        times = [came, *(event.at for event in events)]
        assert times == sorted(times)
        assert times[-1] <= written.history.end


def test_outcomes_are_what_the_world_hid_and_only_of_what_was_inspected(written: SimpleNamespace) -> None:
    """No outcome without an inspection; a discrepancy where a fraud was planted, and nowhere else."""
    truth = written.world.truth()
    query = sa.select(queue.c.declaration_id, queue.c.assessment_id, outcome).join(
        outcome, outcome.c.assessment_id == queue.c.assessment_id
    )
    found = rows(written, query)
    assert {row.result for row in found} >= {"as_declared", "discrepancy"}
    decided = sa.select(decision.c.assessment_id).where(decision.c.decision == Decision.INSPECT)
    inspected = {row.assessment_id for row in rows(written, decided)}
    for row in found:
        assert row.assessment_id in inspected
        if row.result != Result.INCONCLUSIVE:
            assert (row.result == Result.DISCREPANCY) == (row.declaration_id in truth)


def test_the_latest_days_wait_and_the_months_before_are_done(written: SimpleNamespace) -> None:
    """Officers have something to do."""
    edge = written.history.end.date() - dt.timedelta(days=OPEN_DAYS)
    waiting = rows(written, sa.select(queue).where(queue.c.status == Status.NEW))
    assert waiting
    assert all(row.date >= edge - dt.timedelta(days=2) for row in waiting)


@pytest.mark.parametrize("lane", list(Lane))
def test_chance_picks_the_same_share_whatever_the_models_say(written: SimpleNamespace, lane: Lane) -> None:
    """Else the hit rate of what was picked by chance would not be that of everything."""
    diary: Diary = written.history.diary
    one = written.cases[0][0]
    many = [one.model_copy(update={"id": f"X{i}"}) for i in range(4_000)]
    came = dt.datetime(2025, 1, 7, 2, tzinfo=dt.UTC)

    def picked(lane: Lane) -> list[int]:
        first = [next(iter(diary.deeds(each, lane, came))).deed for each in many]
        return [i for i, deed in enumerate(first) if isinstance(deed, Decided) and deed.reason == "random"]

    assert len(picked(lane)) / len(many) == pytest.approx(RANDOM_SHARE, abs=0.012)
    assert picked(lane) == picked(Lane.RELEASE)


def test_deeds_of_a_case_are_in_office_hours_and_end_with_an_outcome(written: SimpleNamespace) -> None:
    """Of what is inspected; nobody decides at three in the night."""
    diary: Diary = written.history.diary
    came = dt.datetime(2025, 1, 7, 2, tzinfo=dt.UTC)
    ends: dict[str, set[type]] = {Lane.INSPECT: set(), Lane.REVIEW: set()}
    for (declaration, _, _), lane in itertools.product(written.cases, ends):
        deeds: list[Done] = list(diary.deeds(declaration, lane, came))
        assert all(7 < done.at.astimezone(SEOUL).hour < 21 for done in deeds)
        assert [done.at for done in deeds] == sorted(done.at for done in deeds)
        ends[lane].add(type(deeds[-1].deed))
    assert ends == {Lane.INSPECT: {Found}, Lane.REVIEW: {Found, Decided}}


def test_every_fraud_of_the_world_has_a_reason_code() -> None:
    """A kind that is new in the world would stop the history."""
    kinds = {kind for size in SIZES.values() for kind in (*size.kinds, *size.scan_kinds)}
    assert set(FINDS) == kinds
    assert {reason for reason, _ in FINDS.values()} <= set(OUTCOME_REASONS[Result.DISCREPANCY])


def test_nobody_signs_in_as_a_colleague(written: SimpleNamespace) -> None:
    """They have no password, and their names are those of the deeds."""
    for name in COLLEAGUES:
        with pytest.raises(LoginRefused):
            written.service.login.check(name, NO_PASSWORD)


def test_bands_and_lanes_are_those_of_the_reports(written: SimpleNamespace) -> None:
    """The history stores what the models said, and nothing of the truth."""
    for row in rows(written, sa.select(queue.c.assessment_id, queue.c.band, queue.c.lane)):
        assert row.lane == LANES[row.band]
    one = rows(written, sa.select(queue.c.assessment_id))[0].assessment_id
    stored = written.service.assessment(one)
    again = written.service.judge_all([written.service.read_again(one)[0]])[0].report
    assert again.model_dump() == stored.report.model_dump()
