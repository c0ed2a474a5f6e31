"""What can be configured: one frozen table, read once from the environment and passed in."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from customs.errors import InvalidConfig

PREFIX = "PORTCULLIS_"


@dataclass(frozen=True)
class Settings:
    """All settings; the variable of `max_body_mb` is `PORTCULLIS_MAX_BODY_MB`.

    `store_url`, `images` and `models` lie in `data` unless they are given.
    """

    data: Path = field(
        default=Path("portcullis-data"), metadata={"help": "folder for everything that the service keeps"}
    )
    store_url: str = field(
        default="", metadata={"help": "database; empty: `portcullis.sqlite3` in the data folder"}
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
        for name in _ABOVE_ZERO:
            if not getattr(self, name) > 0:
                raise _wrong(name, getattr(self, name), "a number above zero")
        derived = {
            "store_url": f"sqlite:///{self.data / 'portcullis.sqlite3'}",
            "images": str(self.data / "images"),
            "models": self.data / "models",
        }
        for name, value in derived.items():
            if getattr(self, name) in ("", Path()):
                object.__setattr__(self, name, value)

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment; an unknown `PORTCULLIS_…` key or a wrong value is an `InvalidConfig`."""
        environ = os.environ if environ is None else environ
        known = {f"{PREFIX}{f.name.upper()}": f for f in dataclasses.fields(cls)}
        given = {key: value for key, value in environ.items() if key.startswith(PREFIX)}
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
_ABOVE_ZERO = (
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
)
# Read by the test suite, not by the service.
_ELSEWHERE = frozenset({f"{PREFIX}EVAL_DATA"})


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
