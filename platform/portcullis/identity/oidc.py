"""Signing in at an OpenID Connect provider: authorization code with PKCE, state and nonce.

What happens there and back: `begin` makes the address to go to and a sealed note for a cookie of the browser
that goes; `finish` takes both back, once, changes the code for an ID token, and checks that. Only asymmetric
signatures count: a token "signed" with nothing, or with our public knowledge as a secret, is refused.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from itsdangerous import BadData, URLSafeSerializer
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from customs.errors import InvalidConfig
from portcullis.identity.rates import Rates
from portcullis.identity.refusals import AccountDisabled, LoginRefused
from portcullis.identity.secret import derived
from portcullis.identity.session import Sessions
from portcullis.settings import Settings
from portcullis.store.accounts import SYSTEM, Account, Accounts, Role

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
MINUTES = 10  # to come back from the provider
_TIMEOUT = httpx.Timeout(5.0)
_LEEWAY = 60  # seconds that the provider's clock may differ
_KEEP = 3600.0  # seconds that its description and keys are kept
_KINDS = frozenset({"RSA", "EC", "OKP"})
log = logging.getLogger("portcullis")


class ProviderUnreachable(Exception):
    """The provider does not answer as it should."""


class NotOurLogin(LoginRefused):
    """Whoever comes back is not who went, came before, or took too long."""


class NoRole(LoginRefused):
    """A person who may sign in at the provider but has no role here."""


@dataclass(frozen=True)
class Departure:
    """Where to send the browser, and the note that it keeps in a cookie meanwhile."""

    url: str
    note: str


@dataclass(frozen=True)
class Arrival:
    """Whose login it became, and the page that was asked for before it."""

    account: Account
    next: str


class Oidc:
    """One provider, and what its people may do here."""

    def __init__(
        self,
        settings: Settings,
        accounts: Accounts,
        sessions: Sessions,
        rates: Rates,
        secret: bytes,
        now: Callable[[], dt.datetime],
    ) -> None:
        self.issuer = settings.oidc_issuer
        self.roles = read_roles(settings.oidc_roles)
        self.role_claim = settings.oidc_role_claim
        self.accounts = accounts
        self.sessions = sessions
        self.rates = rates
        self.now = now
        self._client_id = settings.oidc_client_id
        self._client_secret = _read_client_secret(settings)
        self._scopes = settings.oidc_scopes
        if not self._client_id or not self.roles:
            missing = "oidc_roles" if self._client_id else "oidc_client_id"
            raise InvalidConfig(
                "a provider is set, but not this",
                field=f"PORTCULLIS_{missing.upper()}",
                remedy="see docs/operations/configuration.md",
            )
        self._sealer = URLSafeSerializer(
            derived(secret, "oidc"), salt="oidc", signer_kwargs={"digest_method": hashlib.sha256}
        )
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Any]] = {}

    def begin(self, redirect_uri: str, next_page: str) -> Departure:
        """Send a browser to the provider; `ProviderUnreachable` if that cannot be found."""
        endpoint = self._described("authorization_endpoint")
        note = {
            "state": secrets.token_urlsafe(32),
            "nonce": secrets.token_urlsafe(32),
            "verifier": secrets.token_urlsafe(48),
            "next": next_page,
            "until": self.now().timestamp() + MINUTES * 60,
        }
        with httpx.Client(timeout=_TIMEOUT) as http:
            url, _ = self._oauth(http, redirect_uri).create_authorization_url(
                endpoint, state=note["state"], code_verifier=note["verifier"], nonce=note["nonce"]
            )
        return Departure(url, str(self._sealer.dumps(note)))

    def finish(self, note: str | None, answer: Mapping[str, str], redirect_uri: str) -> Arrival:
        """Let a person in who comes back with the provider's `answer`, the parameters of the address.

        Raises:
            NotOurLogin: state, cookie or time do not fit, or this return was used before.
            LoginRefused: the provider or the ID token does not vouch for the person.
            NoRole: none of the person's groups has a role here; their logins here end.
            AccountDisabled: the account was disabled here.
            ProviderUnreachable: it does not answer.
        """
        went = self._open(note)
        if not hmac.compare_digest(str(went["state"]).encode(), answer.get("state", "").encode()):
            raise NotOurLogin("the state is not that of this browser")
        if answer.get("iss", self.issuer) != self.issuer:
            raise NotOurLogin("another provider answered")
        if not self.rates.first_use("oidc", went["state"], MINUTES * 60):
            raise NotOurLogin("this return was used before")
        if "error" in answer or "code" not in answer:
            raise LoginRefused("the provider refused the login")
        token = self._fetch(answer["code"], went["verifier"], redirect_uri)
        claims = self._checked(token, went["nonce"])
        return Arrival(self._account(claims), str(went["next"]))

    def _open(self, note: str | None) -> dict[str, Any]:
        try:
            went: dict[str, Any] = self._sealer.loads(note or "")
        except BadData:
            raise NotOurLogin("this browser did not begin a login") from None
        if self.now().timestamp() >= went["until"]:
            raise NotOurLogin("the login took too long")
        return went

    def _account(self, claims: Mapping[str, Any]) -> Account:
        subject = claims["sub"]
        groups = groups_of(claims, self.role_claim)
        role = next((role for group, role in self.roles.items() if group in groups), None)
        known = self.accounts.linked(self.issuer, subject)
        if known is not None and not known.active:
            raise AccountDisabled
        if role is None:
            if known is not None:
                self.sessions.end_all(known, SYSTEM)
            raise NoRole("no group of this person has a role here")
        names = (claims.get(claim) for claim in ("preferred_username", "email", "sub"))
        wish = next(name for name in names if isinstance(name, str) and name)
        return self.accounts.from_provider(self.issuer, subject, role, wish)

    def _fetch(self, code: str, verifier: str, redirect_uri: str) -> Mapping[str, Any]:
        """Change the code for tokens, as the provider wants our secret to be sent."""
        endpoint = self._described("token_endpoint")
        ways = self._discovered().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        auth: httpx.Auth = httpx.Auth()
        sent = {"client_id": self._client_id}
        if self._client_secret and "client_secret_basic" in ways:
            auth, sent = httpx.BasicAuth(self._client_id, self._client_secret), {}
        elif self._client_secret:
            sent["client_secret"] = self._client_secret
        try:
            with httpx.Client(timeout=_TIMEOUT) as http:
                found: Mapping[str, Any] = self._oauth(http, redirect_uri).fetch_token(
                    endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    auth=auth,
                    **sent,
                )
        except OAuth2Error:
            raise LoginRefused("the provider refused the code") from None
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderUnreachable(f"no tokens: {type(error).__name__}") from None
        return found

    def _checked(self, token: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of the ID token, if its signature and each of them hold."""
        try:
            decoded = self._decoded(str(token.get("id_token", "")))
            must = {name: {"essential": True} for name in ("sub", "exp", "iat", "nonce")}
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    **must,
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._client_id},
                },
                {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")},
            )
            claims.validate(int(self.now().timestamp()), _LEEWAY)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("an ID token was refused: %s", error)
            raise LoginRefused("the ID token does not hold") from None
        if not claims["sub"] or len(claims["sub"]) > 255 or not claims["sub"].isprintable():
            raise LoginRefused("the ID token names nobody")
        return claims

    def _decoded(self, text: str) -> jwt.Token:
        try:
            return jwt.decode(text, self._keys(), algorithms=ALGORITHMS)
        except InvalidKeyIdError:  # the provider has new keys
            return jwt.decode(text, self._keys(fresh=True), algorithms=ALGORITHMS)

    def _keys(self, fresh: bool = False) -> KeySet:
        found = self._get(self._described("jwks_uri"), fresh)
        keys = [key for key in found.get("keys", ()) if key.get("kty") in _KINDS and key.get("use") != "enc"]
        return KeySet.import_key_set({"keys": keys})

    def _described(self, name: str) -> str:
        """An address that the provider's description names."""
        address = self._discovered().get(name)
        if not isinstance(address, str) or urlsplit(address).scheme not in ("https", "http"):
            raise ProviderUnreachable(f"its description has no {name}")
        if urlsplit(self.issuer).scheme == "https" != urlsplit(address).scheme:
            raise ProviderUnreachable(f"its {name} is not behind HTTPS")
        return address

    def _discovered(self) -> Mapping[str, Any]:
        found = self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise ProviderUnreachable(f"it calls itself {found.get('issuer')!r}")
        return found

    def _get(self, url: str, fresh: bool = False) -> Mapping[str, Any]:
        """A JSON object at an address, kept for an hour unless a fresh one is wanted."""
        with self._lock:
            until, kept = self._kept.get(url, (0.0, None))
        if kept is not None and not fresh and time.monotonic() < until:
            found: Mapping[str, Any] = kept
            return found
        try:
            answer = httpx.get(url, timeout=_TIMEOUT, headers={"Accept": "application/json"})
            answer.raise_for_status()
            found = answer.json()
            if not isinstance(found, dict):
                raise ValueError
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderUnreachable(f"{urlsplit(url).path}: {type(error).__name__}") from None
        with self._lock:
            self._kept[url] = (time.monotonic() + _KEEP, found)
        return found

    def _oauth(self, http: httpx.Client, redirect_uri: str) -> Any:
        return OAuth2Client(
            http,
            client_id=self._client_id,
            scope=self._scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )


def read_roles(text: str) -> dict[str, Role]:
    """Role by group, in the order of `customs-inspectors=inspector,risk=analyst`."""
    found: dict[str, Role] = {}
    for part in text.split(",") if text.strip() else ():
        group, equals, role = part.rpartition("=")
        if not equals or not group.strip() or role.strip() not in list(Role):
            raise InvalidConfig(
                f"got {part.strip()!r}",
                field="PORTCULLIS_OIDC_ROLES",
                remedy=f"write GROUP=ROLE; a role is one of {', '.join(Role)}",
            )
        found.setdefault(group.strip(), Role(role.strip()))
    return found


def groups_of(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """What a claim lists, or the one thing that it is; a dot in its name goes into a claim."""
    value: Any = claims.get(name)
    if value is None:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    listed = value if isinstance(value, list) else [value]
    return frozenset(group for group in listed if isinstance(group, str))


def _read_client_secret(settings: Settings) -> str:
    if not settings.oidc_client_secret_file.name:
        return ""
    try:
        return settings.oidc_client_secret_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(
            f"{settings.oidc_client_secret_file} cannot be read ({type(error).__name__})",
            field="PORTCULLIS_OIDC_CLIENT_SECRET_FILE",
            remedy="name a text file that holds the secret",
        ) from None
