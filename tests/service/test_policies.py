"""Policies of a store: published, followed by all workers, previewed exactly, and only by those who may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from customs.errors import InvalidConfig, InvalidValue
from fusion import Policy
from portcullis.consignment import Upload
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account, Role
from portcullis.store.audit import audit
from portcullis.store.backup import make as back_up
from portcullis.store.engine import writing
from portcullis.store.images import Images
from portcullis.store.policies import policy_version
from portcullis.store.restoring import restore

BANDS = {"watch": 0.5, "high": 0.9, "critical": 2.5}
FINDINGS = {"note": 0.6, "warning": 1.0, "alarm": 2.0}
WANTED = {"bands": BANDS, "findings": FINDINGS}
URL = "/v1/policies"


@pytest.fixture
def anna(service: Service) -> Account:
    """An analyst."""
    return service.login.add("anna", "correct horse battery", Role.ANALYST)


@pytest.fixture
def at(address: str, service: Service, anna: Account) -> Iterator[Callable[..., httpx.Response]]:
    """Asks the live server as somebody."""
    service.login.add("boss", "correct horse battery", Role.ADMIN)
    with httpx.Client(base_url=address, timeout=30) as client:

        def ask(who: str, method: str, path: str, **parts: Any) -> httpx.Response:
            return client.request(method, path, auth=(who, "correct horse battery"), **parts)

        yield ask


def other() -> Policy:
    return Policy.default().with_thresholds(BANDS, FINDINGS)


def assessed(service: Service, account: Account, make: SimpleNamespace) -> list[Any]:
    """A few assessments, from usual to very odd."""
    prices = (160_000, 150_000, 120_000, 90_000, 60_000, 20_000, 4_000)
    bodies = [make.declaration(id=f"D{n}", line={"value": f"{p} USD"}) for n, p in enumerate(prices)]
    return [service.assess(Upload(body), account) for body in bodies]


@pytest.mark.both_databases
def test_a_published_policy_judges_and_every_other_worker_follows(
    service: Service, account: Account, anna: Account, make: SimpleNamespace, by_hand: Models
) -> None:
    """The second service has the same store; a report names the policy that judged it."""
    second = Service.open(service.settings, by_hand)
    shipped = service.policy.version
    assert second.policy.version == shipped
    found = service.publish(other(), "  too few cases get here ", anna)
    assert service.policy == found.policy
    assert (found.account, found.reason, found.policy.bands) == ("anna", "too few cases get here", BANDS)
    assert second.policy.version == shipped, "it looks every few seconds"
    second.switchboard.look()
    assert second.policy == found.policy
    report = second.assess(Upload(make.declaration(line={"value": "90000 USD"})), account).report
    assert found.policy.version in report.versions.values()
    third = Service.open(service.settings, by_hand)
    assert third.policy == found.policy, "one that starts later has it from the beginning"
    for opened in (second, third):
        opened.close()


@pytest.mark.both_databases
def test_a_policy_and_who_published_it_stay_for_ever(service: Service, anna: Account) -> None:
    """Append-only in the database itself; the audit log has before, after and the reason."""
    service.publish(other(), "more", anna)
    service.publish(Policy.default(), "back again", anna)
    newest, first = service.policies.page()
    assert (newest.reason, first.reason) == ("back again", "more")
    assert newest.policy.bands == Policy.default().bands
    assert service.policies.page(before=newest.number) == [first]
    for change in (
        policy_version.update().values(reason="nothing"),
        policy_version.delete().where(policy_version.c.number == first.number),
    ):
        with pytest.raises(sa.exc.IntegrityError), writing(service.policies.engine) as connection:
            connection.execute(change)
    with service.policies.engine.connect() as connection:
        acts = connection.execute(sa.select(audit).where(audit.c.action == "policy.publish")).all()
    assert [row.actor for row in acts] == ["anna", "anna"]
    assert "too" not in str(acts[0])
    assert "0.9" in str(acts[0])


def test_the_same_thresholds_are_the_same_policy_however_they_are_written(
    service: Service, anna: Account
) -> None:
    """A whole number typed without its point has the version that reports will name."""
    whole = Policy.default().with_thresholds({"watch": 1, "high": 2, "critical": 4}, FINDINGS)
    same = Policy.default().with_thresholds({"watch": 1.0, "high": 2.0, "critical": 4.0}, FINDINGS)
    assert whole.version == same.version
    assert service.publish(whole, "more", anna).policy.version == whole.version
    with pytest.raises(InvalidConfig, match="in force already"):
        service.publish(same, "again", anna)


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * 1001])
def test_a_policy_without_a_reason_is_refused(service: Service, anna: Account, reason: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        service.publish(other(), reason, anna)
    assert refused.value.problems[0].field == "reason"
    assert service.policies.page() == []


def test_the_policy_in_force_is_not_published_again(service: Service, anna: Account) -> None:
    """Neither the shipped one nor the newest."""
    with pytest.raises(InvalidConfig, match="in force already"):
        service.publish(Policy.default(), "again", anna)
    service.publish(other(), "more", anna)
    with pytest.raises(InvalidConfig, match="in force already"):
        service.publish(other(), "again", anna)
    assert len(service.policies.page()) == 1


def test_a_policy_given_at_the_start_stays_in_force(service: Service, anna: Account, by_hand: Models) -> None:
    """What the store says does not change it, and nobody publishes past it."""
    given = Policy.default().with_thresholds({"watch": 1, "high": 2, "critical": 4}, FINDINGS)
    service.publish(other(), "more", anna)
    pinned = Service.open(service.settings, by_hand, policy=given)
    pinned.switchboard.look()
    assert pinned.policy.version == given.version
    with pytest.raises(InvalidConfig, match="policy of its own"):
        pinned.publish(Policy.default(), "back", anna)
    pinned.close()


@pytest.mark.both_databases
def test_a_preview_counts_what_each_stored_case_would_be(
    service: Service, account: Account, make: SimpleNamespace
) -> None:
    """Held against judging every stored surprise by hand; nothing is changed by looking."""
    reports = [found.report for found in assessed(service, account, make)]
    before, after = service.policy, other()
    change = service.policies.compared(before, after)
    surprises = [r.surprise for r in reports if r.surprise is not None]
    assert (change.counted, change.unknown) == (len(surprises), len(reports) - len(surprises))
    for band in ("clear", "watch", "high", "critical"):
        wanted = tuple(sum(p.band(s) == band for s in surprises) for p in (before, after))
        assert change.bands[band] == wanted, band
    assert change.bands["clear"][0] > change.bands["clear"][1] > 0, "the cases must differ to show anything"
    assert change.opened == len(reports)
    said = [(e.check, e.surprise) for r in reports for e in r.evidence if e.surprise is not None]
    for severity in ("note", "warning", "alarm"):
        wanted = tuple(sum(p.severity(s, check) == severity for check, s in said) for p in (before, after))
        assert change.findings[severity] == wanted, severity
    assert sum(pair[1] for pair in change.findings.values()) > 0
    assert service.policies.page() == []
    assert service.policy == before


def test_a_preview_of_an_empty_store_counts_nothing(service: Service) -> None:
    change = service.policies.compared(service.policy, other())
    assert (change.counted, change.unknown, change.opened) == (0, 0, 0)
    assert set(change.bands.values()) == {(0, 0)}


def test_the_api_publishes_previews_and_goes_back(
    at: Callable[..., httpx.Response], service: Service
) -> None:
    """By an analyst; an administrator reads."""
    shown = at("boss", "GET", URL).json()
    assert (shown["published"], shown["in_force"]["number"]) == ([], None)
    assert at("anna", "POST", f"{URL}/preview", json=WANTED).json()["counted"] == 0
    made = at("anna", "POST", URL, json={**WANTED, "reason": "more"})
    assert made.status_code == 201
    assert made.json()["bands"] == BANDS
    shipped = {"bands": dict(Policy.default().bands), "findings": dict(Policy.default().findings)}
    assert at("anna", "POST", URL, json={**shipped, "reason": "less"}).status_code == 201
    back = at("anna", "POST", f"{URL}/{made.json()['number']}/publish", params={"reason": "more again"})
    assert back.json()["version"] == made.json()["version"] == service.policy.version
    listed = at("boss", "GET", URL, params={"limit": 2}).json()
    assert [one["reason"] for one in listed["published"]] == ["more again", "less"]
    assert listed["in_force"]["reason"] == "more again"
    rest = at("boss", "GET", URL, params={"before": listed["next"]}).json()
    assert [one["reason"] for one in rest["published"]] == ["more"]
    assert at("anna", "POST", f"{URL}/77/publish", params={"reason": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("bands", "findings", "field"),
    [
        ({"watch": 13}, {}, "bands.watch"),
        ({"high": -1}, {}, "bands.high"),
        ({"critical": "much"}, {}, "bands.critical"),
        ({"watch": 2.6}, {}, "policy.bands"),
        ({}, {"note": 1.5}, "policy.findings"),
        ({}, {"alarm": None}, "findings.alarm"),
    ],
)
def test_thresholds_that_cannot_be_are_refused_with_their_field(
    at: Callable[..., httpx.Response], service: Service, bands: Any, findings: Any, field: str
) -> None:
    wanted = {"bands": {**BANDS, **bands}, "findings": {**FINDINGS, **findings}, "reason": "x"}
    answer = at("anna", "POST", URL, json=wanted)
    assert answer.status_code == 422
    assert any(field in str(problem["field"]) for problem in answer.json()["problems"]), answer.text
    assert service.policies.page() == []


@pytest.mark.parametrize(
    ("who", "reads", "writes"), [("kim", 403, 403), ("boss", 200, 403), ("anna", 200, 201)]
)
def test_analysts_own_the_policy_and_administrators_see_it(
    at: Callable[..., httpx.Response], service: Service, who: str, reads: int, writes: int
) -> None:
    """Whoever runs the platform does not decide which goods are looked at."""
    assert at(who, "GET", URL).status_code == reads
    assert at(who, "POST", URL, json={**WANTED, "reason": "mine"}).status_code == writes
    assert len(service.policies.page()) == (writes == 201)


def test_a_backup_holds_the_policies(
    service: Service, anna: Account, tmp_path: Path, by_hand: Models
) -> None:
    """What is restored judges as before."""
    found = service.publish(other(), "more", anna)
    with (tmp_path / "backup.zip").open("wb") as file:
        back_up(file, service.accounts.engine, service.images, service.audit.key)
    new = tmp_path / "again"
    new.mkdir()
    (new / "secret").write_bytes((service.settings.data / "secret").read_bytes())
    settings = Settings(data=new, store_url=f"sqlite:///{new}/store.db")
    restore(tmp_path / "backup.zip", settings.store_url, Images(new / "images"))
    again = Service.open(settings, by_hand)
    assert again.policies.page() == [found]
    assert again.policy == found.policy
    again.close()
