"""Is this installation fit to run? Looks at everything that it needs and changes nothing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from customs.errors import CustomsError, Problem
from portcullis.settings import PREFIX, Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

LEAST_FREE_BYTES = 2**30
LEAST_FREE_SHARE = 0.05
MOST_SKEW = 5.0  # seconds between the clocks of this machine and of the database
_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Finding:
    """What was found out about one part; `problems` is empty where all is well."""

    part: str
    found: str
    problems: tuple[Problem, ...] = ()


def check(settings: Settings, environ: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Every finding, part by part; one that cannot be looked at is a problem and does not stop the rest."""
    environ = os.environ if environ is None else environ
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: _settings(settings, environ),
        lambda: _network(settings),
        lambda: _secret(settings),
        lambda: _store(settings),
        lambda: _models(settings),
        lambda: _images(settings),
        lambda: _room(settings),
    )
    for look in looks:
        yield from look()


def _settings(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    for field in dataclasses.fields(settings):
        key = f"{PREFIX}{field.name.upper()}"
        file = environ.get(f"{key}_FILE")
        if key not in environ and file is None:
            continue
        value = _shown(settings, field.name)
        problems: tuple[Problem, ...] = ()
        if file is not None and stat.S_IMODE(os.stat(file).st_mode) & stat.S_IROTH:
            remedy = f"chmod o-r {file}"
            problems = (Problem(f"everybody on this machine may read {file}", f"{key}_FILE", remedy),)
        yield Finding("setting", f"{key} = {value}" + (f" (from {file})" if file else ""), problems)
    zone = ZoneInfo(settings.time_zone)
    now = dt.datetime.now(dt.UTC)
    yield Finding("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC, {now.astimezone(zone):%H:%M} in {zone.key}")


def _shown(settings: Settings, name: str) -> str:
    if name == "store_url":
        return _hidden(settings.store_url)
    value = getattr(settings, name)
    return "(set, not shown)" if any(word in name for word in ("secret", "password", "key")) else str(value)


def _hidden(url: str) -> str:
    from sqlalchemy.engine import make_url

    try:
        return make_url(url).render_as_string(hide_password=True)
    except Exception:
        return "(cannot be read)"


def _network(settings: Settings) -> Iterator[Finding]:
    scheme = "https" if settings.https else "http"
    problems: tuple[Problem, ...] = ()
    if settings.host not in _LOCAL and not settings.https:
        remedy = "put a proxy with TLS before it and set PORTCULLIS_HTTPS=true, or listen on 127.0.0.1"
        problems = (Problem("passwords would cross the network readable", f"{PREFIX}HOST", remedy),)
    yield Finding("network", f"{scheme}, listening on {settings.host}:{settings.port}", problems)


def _secret(settings: Settings) -> Iterator[Finding]:
    path = settings.data / "secret"
    try:
        found = path.stat()
    except FileNotFoundError:
        yield Finding("secret", f"{path} is made at the first start")
        return
    except OSError as error:
        yield Finding("secret", str(path), (Problem(_said(error), "secret", "run as the service's user"),))
        return
    problems = []
    if stat.S_IMODE(found.st_mode) & 0o077:
        problems.append(Problem(f"others may read or change {path}", "secret", f"chmod 600 {path}"))
    if not os.access(path, os.R_OK):
        problems.append(Problem(f"{path} cannot be read", "secret", "run as the service's user"))
    yield Finding("secret", f"{path}, mode {stat.S_IMODE(found.st_mode):o}", tuple(problems))


def _store(settings: Settings) -> Iterator[Finding]:
    from sqlalchemy.exc import SQLAlchemyError

    from portcullis.store.engine import open_engine, revision_of, revisions
    from portcullis.store.trouble import reason_of

    shown = _hidden(settings.store_url)
    file = _sqlite_file(settings.store_url)
    if file is not None and not file.exists():
        yield Finding("store", shown, (_not_made(),))
        return
    engine = None
    try:
        engine = open_engine(settings.store_url)
        began = time.perf_counter()
        with engine.connect() as connection:
            took = (time.perf_counter() - began) * 1000
            revision, newest = revision_of(connection), revisions()[-1]
            problems = _schema_problems(revision, newest)
            yield Finding(
                "store", f"{shown}, schema {revision} of {newest}, {took:.0f} ms to connect", problems
            )
            if not problems:
                yield from _contents(connection)
    except CustomsError as error:
        yield Finding("store", shown, error.problems)
    except (SQLAlchemyError, OSError) as error:
        remedy = "check that the database server runs and lets this account in"
        yield Finding("store", shown, (Problem(reason_of(error), "store", remedy),))
    finally:
        if engine is not None:
            engine.dispose()


def _not_made() -> Problem:
    return Problem("the store is not made yet", "store", "portcullis store upgrade")


def _schema_problems(revision: str | None, newest: str) -> tuple[Problem, ...]:
    if revision is None:
        return (_not_made(),)
    if revision > newest:
        remedy = "run the version that upgraded it, or restore the backup from before the upgrade"
        return (Problem(f"schema {revision} is of a newer version", "store", remedy),)
    if revision < newest:
        remedy = "back up, then run `portcullis store upgrade`"
        return (Problem(f"schema {revision} is older than this version's {newest}", "store", remedy),)
    return ()


def _contents(connection: Connection) -> Iterator[Finding]:
    from sqlalchemy import func, select

    from portcullis.store.accounts import account
    from portcullis.store.audit import audit

    now = dt.datetime.now(dt.UTC)
    if connection.dialect.name == "postgresql":
        there = connection.execute(select(func.clock_timestamp())).scalar_one()
        skew = (there - now).total_seconds()
        remedy = "keep both machines on time, with chrony or systemd-timesyncd"
        wrong = (Problem(f"the database's clock differs by {skew:+.1f} s", "clock", remedy),)
        yield Finding("database clock", f"{skew:+.2f} s", wrong if abs(skew) > MOST_SKEW else ())
    last = connection.execute(select(audit).order_by(audit.c.number.desc()).limit(1)).one_or_none()
    if last is not None:
        late = dt.datetime.fromisoformat(last.at) > now + dt.timedelta(seconds=MOST_SKEW)
        wrong = (Problem(f"the newest audit entry is of {last.at}", "clock", "set this machine's clock"),)
        yield Finding("audit log", f"{last.number} entries, head {last.hash}", wrong if late else ())
    accounts = int(connection.scalar(select(func.count()).select_from(account)) or 0)
    nobody = (Problem("nobody can sign in", "accounts", "portcullis user add NAME"),)
    yield Finding("accounts", str(accounts), () if accounts else nobody)


def _models(settings: Settings) -> Iterator[Finding]:
    from customs.artefact import open_artefact
    from portcullis.models import model_folders

    try:
        folders = model_folders(settings.models)
    except CustomsError as error:
        yield Finding("models", str(settings.models), error.problems)
        return
    for folder in folders:
        try:
            artefact = open_artefact(folder)
        except CustomsError as error:
            yield Finding("model", str(folder), error.problems)
        except OSError as error:
            remedy = f"let the service's user read it: chmod -R a+rX {folder}"
            yield Finding("model", str(folder), (Problem(_said(error), "model", remedy),))
        else:
            yield Finding("model", f"{artefact.version} in {folder}, every file as its manifest says")


def _images(settings: Settings) -> Iterator[Finding]:
    if "://" in str(settings.images):
        yield Finding("images", str(settings.images))
        return
    folder = Path(settings.images)
    nearest = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=nearest) as file:
            file.write(b"1")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        remedy = "let the service's user write there"
        yield Finding("images", str(folder), (Problem(_said(error), "images", remedy),))
    else:
        yield Finding("images", f"{folder} can be written" + ("" if folder.exists() else " when it is made"))


def _room(settings: Settings) -> Iterator[Finding]:
    places = [settings.data]
    if "://" not in str(settings.images):
        places.append(Path(settings.images))
    if (file := _sqlite_file(settings.store_url)) is not None:
        places.append(file.parent)
    seen: set[int] = set()
    for place in map(_nearest, places):
        device = place.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        room = shutil.disk_usage(place)
        free = f"{room.free / 2**30:.1f} GiB free of {room.total / 2**30:.1f}"
        short = room.free < LEAST_FREE_BYTES or room.free < LEAST_FREE_SHARE * room.total
        problem = Problem(f"only {free} at {place}", "disk", "make room before uploads are refused")
        yield Finding("disk", f"{free} at {place}", (problem,) if short else ())


def _sqlite_file(url: str) -> Path | None:
    from sqlalchemy.engine import make_url

    try:
        parsed: Any = make_url(url)
    except Exception:
        return None
    named = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(parsed.database) if named else None


def _nearest(folder: Path) -> Path:
    """The folder itself or the first one above it that is there."""
    return next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())


def _said(error: OSError) -> str:
    return f"{error.filename or 'the disk'}: {error.strerror}"
