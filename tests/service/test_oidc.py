"""Signing in at an OpenID Connect provider: a small real one, on a live server with RSA keys of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from portcullis.identity.session import COOKIE
from portcullis.models import Models
from portcullis.service import Service
from portcullis.store.accounts import Role
from portcullis.web.sign_in import NOTE_COOKIE

CLIENT, SECRET = "portcullis", "s3cret of the client"
Forge = Callable[["Provider", dict[str, Any]], str]


def new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@pytest.fixture(scope="module")
def rsa() -> dict[str, RSAKey]:
    """Keys, made once: making them takes time."""
    return {kid: new_key(kid) for kid in ("first", "second", "foreign")}


@dataclass
class Provider:
    """What the provider knows, and how it signs; tests change both."""

    keys: dict[str, RSAKey]
    now: Callable[[], Any]
    issuer: str = ""
    published: list[str] = field(default_factory=lambda: ["first"])
    signs_with: str = "first"
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "person-42",
            "preferred_username": "hong",
            "groups": ["staff", "risk", "customs-inspectors"],
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)  # what an ID token says instead
    forge: Forge | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def id_token(self, nonce: str) -> str:
        """The token for the person, as the tests want it."""
        seconds = int(self.now().timestamp())
        usual = {"iss": self.issuer, "aud": CLIENT, "iat": seconds, "exp": seconds + 300, "nonce": nonce}
        claims = {k: v for k, v in {**usual, **self.person, **self.claims}.items() if v is not None}
        if self.forge is not None:
            return self.forge(self, claims)
        return signed(self.keys[self.signs_with], claims)


def signed(key: RSAKey, claims: dict[str, Any], kid: str | None = None) -> str:
    return jwt.encode({"alg": "RS256", "kid": kid or key.kid}, claims, key)


def make_provider(provider: Provider) -> FastAPI:
    """Its web application: description, keys, authorization and token endpoints."""
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    def description() -> dict[str, Any]:
        provider.calls.append("description")
        return {
            "issuer": provider.issuer,
            "authorization_endpoint": provider.issuer + "/authorize",
            "token_endpoint": provider.issuer + "/token",
            "jwks_uri": provider.issuer + "/keys",
        }

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        provider.calls.append("keys")
        return {"keys": [provider.keys[kid].as_dict(private=False) for kid in provider.published]}

    @app.get("/authorize")
    def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{len(provider.codes)}"
        provider.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"], "iss": provider.issuer})
        target = f"{asked['redirect_uri']}?{back}"
        if "text/html" in request.headers["accept"]:  # a person reads the provider's page and goes on from it
            return HTMLResponse(f'<a href="{html.escape(target)}">Go back as hong</a>')
        return RedirectResponse(target, 302)

    @app.post("/token")
    def token(
        request: Request,
        code: str = Form(),
        code_verifier: str = Form(),
        redirect_uri: str = Form(),
        grant_type: str = Form(),
    ) -> JSONResponse:
        provider.calls.append("token")
        wanted = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = provider.codes.pop(code, None)
        digest = hashlib.sha256(code_verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        good = (
            asked is not None
            and grant_type == "authorization_code"
            and asked["redirect_uri"] == redirect_uri
            and asked["code_challenge"] == challenge
        )
        if not good or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        answer = {"access_token": "opaque", "token_type": "Bearer"}
        return JSONResponse({**answer, "id_token": provider.id_token(asked["nonce"])})

    return app


@pytest.fixture
def provider(rsa: dict[str, RSAKey], clock: Any, make: SimpleNamespace) -> Iterator[Provider]:
    """A provider that answers."""
    made = Provider(rsa, clock)
    with make.listening(make_provider(made)) as address:
        made.issuer = address
        yield made


@pytest.fixture
def joined(service: Service, provider: Provider, by_hand: Models, clock: Any) -> Iterator[Service]:
    """The service with this provider."""
    file = service.settings.data / "client-secret"
    file.write_text(SECRET + "\n")
    settings = replace(
        service.settings,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret_file=file,
        oidc_roles="customs-inspectors=inspector,risk=analyst,directors=admin",
    )
    opened = Service.open(settings, by_hand, now=clock)
    yield opened
    opened.close()


@pytest.fixture
def browser(joined: Service, make: SimpleNamespace) -> Iterator[httpx.Client]:
    """A browser before the login page of that service."""
    with make.running(joined) as address, httpx.Client(base_url=address, timeout=30) as client:
        client.headers["Accept"] = "text/html"
        yield client


def go(browser: httpx.Client, path: str = "/login/provider") -> str:
    """To the provider; the address that it sends the browser back to."""
    left = browser.get(path)
    assert left.status_code == 303, left.text
    back = httpx.get(left.headers["location"])
    assert back.status_code == 302
    return str(back.headers["location"])


def sign_in(browser: httpx.Client) -> httpx.Response:
    """To the provider and back."""
    return browser.get(go(browser))


def test_a_person_signs_in_at_the_provider_and_is_there_with_their_role(
    joined: Service, browser: httpx.Client
) -> None:
    """The first group in the settings that the person has decides, not the first that the provider names."""
    page = browser.get("/login")
    assert 'href="/login/provider?next=/"' in page.text
    left = browser.get("/login/provider", params={"next": "/assessments/abc"})
    note = left.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=lax", "Max-Age=600"):
        assert part in note
    answer = browser.get(httpx.get(left.headers["location"]).headers["location"])
    # a redirect would lose the strict cookie: see from_provider
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0;url=/assessments/abc">' in answer.text
    cookies = answer.headers.get_list("set-cookie")
    assert any(c.startswith(f"{COOKIE}=") and "SameSite=strict" in c and "HttpOnly" in c for c in cookies)
    assert any(c.startswith(f'{NOTE_COOKIE}=""') for c in cookies)
    own = browser.get("/v1/account").json()
    assert (own["name"], own["role"], own["sign_in"]) == ("hong", "inspector", "provider")
    acts = [(e.actor, e.action, e.values) for e in joined.audit.about("hong")]
    assert acts == [
        ("-", "account.add", {"role": "inspector", "issuer": joined.settings.oidc_issuer}),
        ("hong", "login", {"how": "provider"}),
    ]


def test_the_same_person_is_the_same_account_with_the_role_of_now(
    joined: Service, browser: httpx.Client, provider: Provider
) -> None:
    """Also under another name; another person with the name of a local account is somebody else."""
    sign_in(browser)
    provider.person |= {"preferred_username": "renamed", "groups": "risk"}
    sign_in(browser)
    own = browser.get("/v1/account").json()
    assert (own["name"], own["role"]) == ("hong", "analyst")
    assert [e.action for e in joined.audit.about("hong")] == [
        "account.add",
        "login",
        "account.role",
        "login",
    ]
    provider.person |= {"sub": "person-43", "preferred_username": "kim"}
    sign_in(browser)
    assert browser.get("/v1/account").json()["name"] == "kim-2"
    assert joined.accounts.named("kim").has_password


def test_nobody_enters_such_an_account_with_a_password(
    joined: Service, browser: httpx.Client, make: SimpleNamespace
) -> None:
    """Not with an empty one, and nobody can give it one; its role is the provider's to say."""
    sign_in(browser)
    for password in ("", make.password):
        assert httpx.get(f"{browser.base_url}/v1/account", auth=("hong", password)).status_code == 401
    with pytest.raises(ValueError, match="provider"):
        joined.accounts.set_password("hong", joined.login.hashed("a long password"))
    with pytest.raises(ValueError, match="provider"):
        joined.accounts.change("hong", role=Role.ADMIN)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand_signed(header: dict[str, str], claims: dict[str, Any], secret: bytes | None) -> str:
    """A token that no library would make."""
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    mac = b"" if secret is None else hmac.digest(secret, text.encode(), hashlib.sha256)
    return f"{text}.{b64(mac)}"


def unsigned(provider: Provider, claims: dict[str, Any]) -> str:
    return by_hand_signed({"alg": "none", "kid": "first"}, claims, None)


def public_key_as_secret(provider: Provider, claims: dict[str, Any]) -> str:
    pem = provider.keys["first"].as_pem(private=False)
    return by_hand_signed({"alg": "HS256", "kid": "first"}, claims, pem)


def wrong_key(provider: Provider, claims: dict[str, Any]) -> str:
    return signed(provider.keys["foreign"], claims, kid="first")


def unknown_kid(provider: Provider, claims: dict[str, Any]) -> str:
    return signed(provider.keys["foreign"], claims)


def own_key_in_the_header(provider: Provider, claims: dict[str, Any]) -> str:
    key = provider.keys["foreign"]
    header = {"alg": "RS256", "kid": "foreign", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key)


def symmetric(provider: Provider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET.ljust(32, "-")))


def changed_afterwards(provider: Provider, claims: dict[str, Any]) -> str:
    head, body, mac = signed(provider.keys["first"], claims).split(".")
    forged = {**json.loads(base64.urlsafe_b64decode(body + "==")), "groups": ["directors"]}
    return f"{head}.{b64(json.dumps(forged).encode())}.{mac}"


def not_even_a_token(provider: Provider, claims: dict[str, Any]) -> str:
    return "é.{}."


def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(
    joined: Service, browser: httpx.Client, provider: Provider
) -> None:
    """No account is made and no login begins; the person is told so."""
    forges: list[Forge] = [
        unsigned,
        public_key_as_secret,
        wrong_key,
        unknown_kid,
        own_key_in_the_header,
        symmetric,
        changed_afterwards,
        not_even_a_token,
    ]
    for forge in forges:
        provider.forge = forge
        answer = sign_in(browser)
        assert answer.status_code == 401, forge
        assert "was refused" in answer.text
        assert COOKIE not in browser.cookies
        assert joined.accounts.by_name("hong") is None
    provider.forge = None
    assert sign_in(browser).status_code == 200


def test_a_token_for_somebody_or_something_else_lets_nobody_in(
    joined: Service, browser: httpx.Client, provider: Provider
) -> None:
    """Rightly signed, but not for us, not now, not for this login."""
    wrong: list[dict[str, Any]] = [
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"aud": [CLIENT, "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 4_000_000_000},
        {"iat": None},
        {"nbf": 4_000_000_000},
        {"nonce": "of another login"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 42},
        {"sub": "a\u0000b"},
        {"at_hash": "of another token"},
    ]
    for claims in wrong:
        provider.claims = claims
        assert sign_in(browser).status_code == 401, claims
        assert COOKIE not in browser.cookies
        assert joined.accounts.count() == 1
    provider.claims = {"aud": [CLIENT, "another-client"], "azp": CLIENT}
    assert sign_in(browser).status_code == 200


def test_new_keys_are_fetched_when_they_are_needed_and_not_otherwise(
    browser: httpx.Client, provider: Provider
) -> None:
    """Description and keys are kept; a key that is unknown is looked for once."""
    for _ in range(2):
        assert sign_in(browser).status_code == 200
    assert provider.calls.count("keys") == 1
    assert provider.calls.count("description") == 1
    provider.published, provider.signs_with = ["first", "second"], "second"
    assert sign_in(browser).status_code == 200
    assert provider.calls.count("keys") == 2


def test_a_return_counts_once_and_only_in_the_browser_that_went(
    joined: Service, browser: httpx.Client, provider: Provider, clock: Any
) -> None:
    """Replayed, without the cookie, with another state, from another provider, or too late."""
    back = go(browser)
    note = browser.cookies[NOTE_COOKIE]
    address = str(browser.base_url)

    def come(url: str, cookie: str | None) -> int:
        cookies = {} if cookie is None else {"Cookie": f"{NOTE_COOKIE}={cookie}"}
        answer = httpx.get(url, headers={"Accept": "text/html", **cookies})
        assert (COOKIE in answer.cookies) == (answer.status_code == 200)
        return answer.status_code

    assert come(back, None) == 400
    assert come(back, note[:-3] + "abc") == 400
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert come(back.replace(state, "x" * len(state)), note) == 400
    assert come(back.replace("iss=http", "iss=https"), note) == 400
    assert come(back, note) == 200
    assert come(back, note) == 400
    assert provider.calls.count("token") == 1
    refused = go(browser)
    denied = f"{address}/login/provider/return?error=access_denied&state="
    state = parse_qs(urlsplit(refused).query)["state"][0]
    assert come(denied + state, browser.cookies[NOTE_COOKIE]) == 401
    late = go(browser)
    clock.forward(minutes=10)
    assert come(late, browser.cookies[NOTE_COOKIE]) == 400


def test_a_code_of_another_login_is_refused_by_its_verifier(
    browser: httpx.Client, provider: Provider, joined: Service, make: SimpleNamespace
) -> None:
    """PKCE: a stolen code is worth nothing in another browser."""
    stolen = parse_qs(urlsplit(go(browser)).query)["code"][0]
    back = go(browser)
    own = parse_qs(urlsplit(back).query)["code"][0]
    assert browser.get(back.replace(own, stolen)).status_code == 401


def test_without_a_role_nobody_comes_in_and_who_lost_it_is_out(
    joined: Service, browser: httpx.Client, provider: Provider
) -> None:
    """Logins elsewhere end when the provider no longer names a group."""
    provider.person["groups"] = ["staff"]
    answer = sign_in(browser)
    assert answer.status_code == 403
    assert "no role" in answer.text
    assert joined.accounts.by_name("hong") is None
    provider.person["groups"] = ["risk"]
    sign_in(browser)
    cookie = browser.cookies[COOKIE]
    assert joined.sessions.read(cookie) is not None
    del provider.person["groups"]
    assert sign_in(browser).status_code == 403
    assert joined.sessions.read(cookie) is None


def test_a_disabled_account_stays_out(joined: Service, browser: httpx.Client) -> None:
    """Whatever the provider says."""
    sign_in(browser)
    joined.accounts.change("hong", active=False)
    browser.cookies.delete(COOKIE)
    answer = sign_in(browser)
    assert answer.status_code == 403
    assert "disabled" in answer.text
    assert COOKIE not in browser.cookies


@pytest.mark.browser
def test_a_real_browser_comes_back_signed_in_from_another_site(
    chromium: Any, joined: Service, provider: Provider, make: SimpleNamespace
) -> None:
    """The service is at localhost, the provider at 127.0.0.1: the strict cookie counts all the same."""
    with make.running(joined) as address, chromium.new_context(locale="ko-KR") as view:
        here = address.replace("127.0.0.1", "localhost")
        page = view.new_page()
        page.goto(here + "/")
        page.get_by_role("link", name="소속 기관 계정으로 로그인").click()
        page.get_by_role("link", name="Go back as hong").click()
        page.wait_for_url(here + "/desk")
        assert page.locator(".mine summary").inner_text() == "hong"
