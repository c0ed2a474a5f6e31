"""What can be configured: one frozen table, read once from the environment and passed in."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from customs.errors import InvalidConfig
from portcullis.alerting.network import Network, read_networks

PREFIX = "PORTCULLIS_"
_ALERT_BANDS = ("watch", "high", "critical")
EXECUTORS = ("inline", "process", "none")
_FILE = "_FILE"


@dataclass(frozen=True)
class Settings:
    """All settings; the variable of `max_body_mb` is `PORTCULLIS_MAX_BODY_MB`.

    `PORTCULLIS_MAX_BODY_MB_FILE` names a file that holds the value instead: for what nobody else may see.
    `store_url`, `images` and `models` lie in `data` unless they are given.
    """

    data: Path = field(
        default=Path("portcullis-data"), metadata={"help": "folder for everything that the service keeps"}
    )
    store_url: str = field(
        default="", metadata={"help": "database; empty: `portcullis.sqlite3` in the data folder"}
    )
    store_connections: int = field(
        default=20, metadata={"help": "most connections of one process to the database"}
    )
    store_wait_seconds: float = field(
        default=10.0,
        metadata={
            "help": "how long a request waits for a lock or a connection before it is told to come again"
        },
    )
    store_statement_seconds: float = field(
        default=60.0, metadata={"help": "longest time for one statement of a request (PostgreSQL)"}
    )
    images: str = field(
        default="",
        metadata={
            "help": "folder or URL (`s3://bucket/prefix`) for uploaded images; empty: `images` in the data "
            "folder"
        },
    )
    models: Path = field(
        default=Path(), metadata={"help": "folder of model folders; empty: `models` in the data folder"}
    )
    host: str = field(default="127.0.0.1", metadata={"help": "address to listen on"})
    port: int = field(default=8000, metadata={"help": "port to listen on; 0 takes a free one"})
    https: bool = field(default=False, metadata={"help": "true behind HTTPS: cookies are marked Secure"})
    language: str = field(default="ko", metadata={"help": "language where a visitor asks for none: ko or en"})
    time_zone: str = field(default="Asia/Seoul", metadata={"help": "time zone of the times on the pages"})
    device: str = field(default="cpu", metadata={"help": "where models run: cpu or cuda"})
    max_body_mb: int = field(default=160, metadata={"help": "largest request, in megabytes"})
    workers: int = field(
        default=1,
        metadata={"help": "processes that answer; each loads the models and takes its share of cores"},
    )
    max_queue: int = field(
        default=4, metadata={"help": "uploads in hand at once in each worker; more are answered 429"}
    )
    max_batch: int = field(default=4, metadata={"help": "most consignments judged together"})
    answer_seconds: float = field(
        default=30.0,
        metadata={"help": "how long an upload may wait for the models before it is answered 429"},
    )
    shutdown_seconds: float = field(
        default=20.0, metadata={"help": "how long a stop waits for what was accepted"}
    )
    min_free_mb: int = field(
        default=512, metadata={"help": "with less free where the data lie, /readyz says 503; in megabytes"}
    )
    metrics: str = field(
        default="local",
        metadata={"help": "who reads /metrics: `local` (this machine, else metrics.read), `signed`, `open`"},
    )
    log_format: str = field(default="json", metadata={"help": "lines of the log on stderr: json or console"})
    log_level: str = field(default="info", metadata={"help": "debug, info, warning or error"})
    session_hours: float = field(default=12.0, metadata={"help": "how long a login lasts"})
    login_failures: int = field(
        default=5, metadata={"help": "wrong passwords in a row before an account waits"}
    )
    login_wait_minutes: float = field(default=15.0, metadata={"help": "how long it waits"})
    alert_band: str = field(
        default="high",
        metadata={"help": "lowest band whose assessments become alerts: watch, high or critical"},
    )
    alert_listeners: int = field(
        default=200, metadata={"help": "how many may listen to the stream of alerts, in each process"}
    )
    webhook_networks: str = field(
        default="",
        metadata={"help": "networks inside that webhooks may reach, such as `10.0.0.0/8, fd00::/8`"},
    )
    webhook_http: bool = field(
        default=False, metadata={"help": "true: webhooks may go to http:// as well, unencrypted"}
    )
    executor: str = field(
        default="inline",
        metadata={
            "help": "who does batches: inline (a thread of the server), process (processes of its own) or "
            "none (`portcullis work`, here or on other machines)"
        },
    )
    processes: int = field(default=2, metadata={"help": "processes of the executor `process`"})
    chunk_size: int = field(
        default=50, metadata={"help": "declarations of a batch that are done and stored together"}
    )
    lease_seconds: float = field(
        default=60.0, metadata={"help": "after which a chunk whose worker is silent goes to another"}
    )
    batch_max_items: int = field(default=100_000, metadata={"help": "declarations in one batch"})
    batch_max_unpacked_mb: int = field(
        default=4_096, metadata={"help": "what a ZIP of cases may unpack to, in megabytes"}
    )
    login_failures_per_address: int = field(
        default=50, metadata={"help": "wrong passwords from one address in that time before it waits, too"}
    )
    requests_per_minute: int = field(
        default=1200, metadata={"help": "API requests of one account in a minute; 0: no limit"}
    )
    trusted_proxies: str = field(
        default="",
        metadata={"help": "addresses or networks, with commas, whose X-Forwarded-For is believed"},
    )
    public_url: str = field(
        default="",
        metadata={"help": "address that browsers use, such as `https://risk.example`; empty: as they ask"},
    )
    oidc_issuer: str = field(default="", metadata={"help": "OpenID Connect provider; empty: none"})
    oidc_client_id: str = field(default="", metadata={"help": "our name at the provider"})
    oidc_client_secret_file: Path = field(
        default=Path(), metadata={"help": "file with the secret of that name; empty: a public client"}
    )
    oidc_scopes: str = field(default="openid profile", metadata={"help": "what is asked of the provider"})
    oidc_role_claim: str = field(
        default="groups", metadata={"help": "claim with the groups of a person; a dot goes into a claim"}
    )
    oidc_roles: str = field(
        default="",
        metadata={"help": "role by group, first match wins: `customs-inspectors=inspector,risk=analyst`"},
    )

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise _wrong(name, getattr(self, name), " or ".join(allowed))
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise _wrong("time_zone", self.time_zone, "a name such as Asia/Seoul") from None
        if not 0 <= self.port <= 65535:
            raise _wrong("port", self.port, "a number from 0 to 65535")
        if self.executor not in EXECUTORS:
            raise _wrong("executor", self.executor, " or ".join(EXECUTORS))
        for name in _ABOVE_ZERO:
            if not getattr(self, name) > 0:
                raise _wrong(name, getattr(self, name), "a number above zero")
        if self.alert_band not in _ALERT_BANDS:
            raise _wrong("alert_band", self.alert_band, "watch, high or critical")
        read_networks(self.webhook_networks, field=f"{PREFIX}WEBHOOK_NETWORKS")
        if self.requests_per_minute < 0:
            raise _wrong("requests_per_minute", self.requests_per_minute, "a number from zero")
        for name in self.trusted_proxies.split(",") if self.trusted_proxies else ():
            try:
                ip_network(name.strip())
            except ValueError:
                raise _wrong("trusted_proxies", name, "addresses such as 10.0.0.1 or 10.0.0.0/8") from None
        if self.public_url and not urlsplit(self.public_url).hostname:
            raise _wrong("public_url", self.public_url, "an address such as https://risk.example")
        if self.oidc_issuer and not _is_safe(self.oidc_issuer):
            raise _wrong("oidc_issuer", self.oidc_issuer, "an address that begins with https://")
        derived = {
            "store_url": f"sqlite:///{self.data / 'portcullis.sqlite3'}",
            "images": str(self.data / "images"),
            "models": self.data / "models",
        }
        for name, value in derived.items():
            if getattr(self, name) in ("", Path()):
                object.__setattr__(self, name, value)

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks of `webhook_networks`."""
        return read_networks(self.webhook_networks, field=f"{PREFIX}WEBHOOK_NETWORKS")

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment and the files that it names.

        Raises:
            InvalidConfig: an unknown `PORTCULLIS_…` key, a wrong value, or a file that cannot be read.
        """
        environ = os.environ if environ is None else environ
        known = {f"{PREFIX}{f.name.upper()}": f for f in dataclasses.fields(cls)}
        given = _with_files({k: v for k, v in environ.items() if k.startswith(PREFIX)}, known)
        for key in given:
            if key not in known and key not in _ELSEWHERE:
                raise InvalidConfig(
                    "there is no such setting", field=key, remedy=f"choose from {', '.join(known)}"
                )
        return cls(**{known[k].name: _convert(known[k], v) for k, v in given.items() if k in known})


_CHOICES = {
    "language": ("ko", "en"),
    "metrics": ("local", "signed", "open"),
    "log_format": ("json", "console"),
    "log_level": ("debug", "info", "warning", "error"),
}


def as_table() -> str:
    """All settings as a Markdown table; `docs/operations/configuration.md` holds it."""
    rows = ["| Variable | Default | Meaning |", "| --- | --- | --- |"]
    for setting in dataclasses.fields(Settings):
        default = "" if setting.default in ("", Path()) else f"`{setting.default}`"
        if isinstance(setting.default, bool):
            default = default.lower()
        rows.append(f"| `{PREFIX}{setting.name.upper()}` | {default} | {setting.metadata['help']} |")
    return "\n".join(rows)


_ABOVE_ZERO = (
    "store_connections",
    "store_wait_seconds",
    "store_statement_seconds",
    "max_body_mb",
    "workers",
    "min_free_mb",
    "max_queue",
    "max_batch",
    "answer_seconds",
    "shutdown_seconds",
    "session_hours",
    "login_failures",
    "login_wait_minutes",
    "alert_listeners",
    "processes",
    "chunk_size",
    "lease_seconds",
    "batch_max_items",
    "batch_max_unpacked_mb",
    "login_failures_per_address",
)
# Read by the test suite, not by the service.
_ELSEWHERE = frozenset({f"{PREFIX}EVAL_DATA"})


def _is_safe(text: str) -> bool:
    """HTTPS, or plain HTTP to this machine."""
    parts = urlsplit(text)
    near = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (near and parts.scheme == "http"))


def _with_files(given: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """Values, with those of `…_FILE` keys read from their files."""
    values = {key: value for key, value in given.items() if not _names_file(key, known)}
    for key in given.keys() - values.keys():
        setting, path = key.removesuffix(_FILE), given[key]
        if setting in given:
            raise InvalidConfig(f"{setting} is given, too", field=key, remedy="give one of the two")
        try:
            values[setting] = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise InvalidConfig(
                f"{path!r}: {reason}", field=key, remedy="name a file that the service may read"
            ) from None
    return values


def _names_file(key: str, known: Collection[str]) -> bool:
    return key not in known and key.removesuffix(_FILE) in known


def _convert(setting: dataclasses.Field[Any], text: str) -> Any:
    kind: Any = type(setting.default)
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.strip().lower()]
        return kind(text)
    except (KeyError, ValueError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, kind.__name__)
        raise _wrong(setting.name, text, wanted) from None


def _wrong(name: str, got: Any, wanted: str) -> InvalidConfig:
    return InvalidConfig(f"got {got!r}", field=f"{PREFIX}{name.upper()}", remedy=f"give {wanted}")
