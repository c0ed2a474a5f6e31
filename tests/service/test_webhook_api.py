"""Webhooks over HTTP and by command: managed by administrators, the secret shown once."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from portcullis.cli import main
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Role
from portcullis.store.alerts import batch_finished
from portcullis.store.engine import writing

URL = "/v1/webhooks"


@pytest.fixture
def service(
    tmp_path: Path, fresh: Path, by_hand: Models, clock: Any, make: SimpleNamespace
) -> Iterator[Service]:
    """A service with an administrator, whose webhooks may reach this machine."""
    shutil.copytree(fresh, tmp_path / "data")
    settings = Settings(data=tmp_path / "data", webhook_networks="127.0.0.0/8", webhook_http=True)
    opened = Service.open(settings, by_hand, now=clock)
    opened.login.add("root", make.password, Role.ADMIN)
    yield opened
    opened.close()


@pytest.fixture
def admin(address: str, make: SimpleNamespace) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, auth=("root", make.password), timeout=30) as made:
        yield made


def test_a_webhook_from_its_making_to_its_end(service: Service, admin: httpx.Client, receiver: Any) -> None:
    """Added, listed, tried, changed, looked at, removed."""
    made = admin.post(URL, json={"url": receiver.url, "kinds": ["batch.finished"], "lowest_band": "high"})
    assert made.status_code == 201
    added = made.json()
    here = f"{URL}/{added['id']}"
    assert made.headers["location"] == here
    secret = added.pop("secret")
    assert secret.startswith("whsec_")
    assert added["account"] == "root"
    assert admin.get(here).json() == added
    listed = admin.get(URL)
    assert listed.json() == {"webhooks": [added]}
    assert secret not in listed.text

    tried = admin.post(f"{here}/test").json()
    assert (tried["state"], tried["last_status"], tried["attempts"]) == ("delivered", 204, 1)
    receiver.answer = 500
    tried = admin.post(f"{here}/test").json()
    assert (tried["state"], tried["last_error"], tried["next_at"]) == ("dead", "it answered 500", None)
    assert len(receiver.got) == 2

    for i in range(3):
        with writing(service.audit.engine) as connection:
            service.alerting.alerts.write(connection, batch_finished(f"b{i}", 1, 0))
    page = admin.get(f"{here}/deliveries", params={"limit": 2}).json()
    assert [(d["alert"], d["state"]) for d in page["deliveries"]] == [(5, "pending"), (4, "pending")]
    page = admin.get(f"{here}/deliveries", params={"before": page["next"]}).json()
    assert ([d["alert"] for d in page["deliveries"]], page["next"]) == ([3, 2, 1], None)

    changed = admin.patch(here, json={"active": False, "kinds": [], "lowest_band": None, "url": None}).json()
    assert changed == {**added, "active": False, "kinds": [], "lowest_band": None}
    states = [d["state"] for d in admin.get(f"{here}/deliveries").json()["deliveries"]]
    assert states == ["dropped"] * 3 + ["dead", "delivered"]
    assert admin.patch(here, json={}).json() == changed
    assert admin.delete(here).status_code == 204
    assert admin.get(URL).json() == {"webhooks": []}
    actions = [entry.action for entry in service.audit.about(added["id"])]
    assert actions == [f"webhook.{what}" for what in ("add", "test", "test", "change", "remove")]


def test_what_does_not_exist_and_what_is_wrong_is_said(admin: httpx.Client) -> None:
    """404 for every way to ask for one that is not there, 422 for a URL that may not be."""
    here = f"{URL}/{'0' * 16}"
    for method, path in (
        ("GET", here),
        ("PATCH", here),
        ("DELETE", here),
        ("POST", f"{here}/test"),
        ("GET", f"{here}/deliveries"),
    ):
        answer = admin.request(method, path, json={} if method == "PATCH" else None)
        assert answer.status_code == 404, (method, path)
        assert answer.headers["content-type"] == "application/problem+json"
    assert admin.get(f"{URL}/..%00").status_code == 422
    for body in (
        {"url": "https://10.0.0.1/"},
        {"url": "https://example.org/\x00"},
        {"url": ""},
        {"url": "https://example.org/", "kinds": ["gossip"]},
        {"url": "https://example.org/", "lowest_band": "loud"},
        {"url": "https://example.org/", "secret": "mine"},
    ):
        answer = admin.post(URL, json=body)
        assert answer.status_code == 422, body
        assert answer.json()["problems"][0]["remedy"]
    made = admin.post(URL, json={"url": "https://example.org/"}).json()
    assert admin.patch(f"{URL}/{made['id']}", json={"url": "https://127.0.0.1/"}).status_code == 200
    assert admin.patch(f"{URL}/{made['id']}", json={"url": "https://192.168.0.1/"}).status_code == 422


def test_only_administrators_manage_webhooks(client: httpx.Client, address: str) -> None:
    """An inspector sees none, a stranger is asked who they are."""
    assert client.get(URL).status_code == 403
    assert client.post(URL, json={"url": "https://example.org/"}).status_code == 403
    assert httpx.get(address + URL).status_code == 401


def test_webhooks_by_command(
    service: Service,
    receiver: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Add, list, test and disable, with the settings of the service."""
    monkeypatch.setenv("PORTCULLIS_DATA", str(service.settings.data))
    monkeypatch.setenv("PORTCULLIS_WEBHOOK_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("PORTCULLIS_WEBHOOK_HTTP", "true")

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["portcullis", "webhook", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        found = capsys.readouterr()
        return int(str(ended.value.code or 0)), found.out + found.err

    code, said = run("add", receiver.url, "--by", "root", "--kind", "decided", "--lowest-band", "high")
    assert code == 0
    _, made, _, secret = said.split()
    made = made.rstrip(",")
    assert secret.startswith("whsec_")
    assert run("list") == (0, f"{made}  on  {receiver.url}  decided  high\n")
    assert run("test", made, "--by", "root") == (0, "delivered: 204\n")
    receiver.answer = 302
    code, said = run("test", made, "--by", "root")
    assert (code, said) == (1, "not delivered: it answered 302; redirects are not followed\n")
    assert run("disable", made, "--by", "root")[0] == 0
    assert run("list")[1].split()[:2] == [made, "off"]
    for words, complaint in (
        (("add", "https://10.0.0.1/", "--by", "root"), "may not reach"),
        (("add", receiver.url, "--by", "nobody"), "no account"),
        (("add", receiver.url, "--by", "root", "--kind", "gossip"), "gossip"),
        (("add", receiver.url, "--by", "root", "--lowest-band", "loud"), "loud"),
        (("test", "0" * 16, "--by", "root"), "no webhook"),
    ):
        code, said = run(*words)
        assert code == 2
        assert complaint in said
    assert len(receiver.got) == 2
