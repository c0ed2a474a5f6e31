"""A provider that is not set, wrongly set or not there."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from customs.errors import InvalidConfig
from portcullis.identity.oidc import groups_of, read_roles
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Role


def test_a_provider_that_does_not_answer_is_said_to(
    service: Service, by_hand: Models, make: SimpleNamespace, clock: Any
) -> None:
    """503 on the login page, where a password still works; and a provider under another name is refused."""
    from portcullis.server import listen

    other = FastAPI()

    @other.get("/.well-known/openid-configuration")
    def description() -> dict[str, str]:
        return {"issuer": "https://evil.example", "authorization_endpoint": "https://evil.example/"}

    with listen("127.0.0.1", 0) as silent, make.listening(other) as evil:
        nobody = f"http://127.0.0.1:{silent.getsockname()[1]}"
        silent.close()
        for issuer in (nobody, evil):
            settings = replace(
                service.settings, oidc_issuer=issuer, oidc_client_id="portcullis", oidc_roles="risk=analyst"
            )
            opened = Service.open(settings, by_hand, now=clock)
            with make.running(opened) as address:
                answer = httpx.get(address + "/login/provider", headers={"Accept": "text/html"})
            opened.close()
            assert answer.status_code == 503
            assert "cannot be reached" in answer.text


def test_without_a_provider_there_is_no_button_and_no_way(address: str) -> None:
    """404 for both addresses."""
    assert "/login/provider" not in httpx.get(address + "/login").text
    for path in ("/login/provider", "/login/provider/return"):
        assert httpx.get(address + path).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"oidc_client_id": ""},
        {"oidc_roles": ""},
        {"oidc_roles": "risk"},
        {"oidc_roles": "risk=emperor"},
        {"oidc_issuer": "http://id.example"},
        {"oidc_issuer": "nonsense"},
        {"oidc_client_secret_file": "/nowhere/at/all"},
    ],
    ids=str,
)
def test_wrong_settings_stop_the_start(service: Service, by_hand: Models, changes: dict[str, str]) -> None:
    """With the name of the setting; the secret is never in the sentence."""
    good = {
        "PORTCULLIS_DATA": str(service.settings.data),
        "PORTCULLIS_OIDC_ISSUER": "https://id.example",
        "PORTCULLIS_OIDC_CLIENT_ID": "portcullis",
        "PORTCULLIS_OIDC_ROLES": "risk=analyst",
    }
    changed = {f"PORTCULLIS_{name.upper()}": value for name, value in changes.items()}
    with pytest.raises(InvalidConfig) as error:
        Service.open(Settings.read({**good, **changed}), by_hand)
    assert error.value.problems[0].field == next(iter(changed))


def test_groups_are_read_from_a_list_a_word_or_inside_a_claim() -> None:
    """A claim whose name has a dot comes first."""
    assert groups_of({"groups": ["a", 1, "b"]}, "groups") == {"a", "b"}
    assert groups_of({"groups": "a"}, "groups") == {"a"}
    assert groups_of({"realm": {"roles": ["a"]}}, "realm.roles") == {"a"}
    assert groups_of({"realm.roles": ["b"], "realm": {"roles": ["a"]}}, "realm.roles") == {"b"}
    assert groups_of({"realm": "x"}, "realm.roles") == frozenset()
    assert list(read_roles("b = analyst, a=inspector,b=admin").items()) == [
        ("b", Role.ANALYST),
        ("a", Role.INSPECTOR),
    ]
