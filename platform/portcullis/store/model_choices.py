"""Which set of models answers and which one shadows it, and what the shadow would have said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from portcullis.store.accounts import Account, account
from portcullis.store.alerts import Alerts, model_shadowed, model_switched
from portcullis.store.audit import SYSTEM, Act, Audit, digest
from portcullis.store.engine import writing
from portcullis.store.metadata import metadata

model_choice = sa.Table(
    "model_choice",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id")),  # none: by the command line
    sa.Column("role", sa.String(8), nullable=False, index=True),
    sa.Column("name", sa.String(40)),  # none: nothing shadows
    sa.Column("versions", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
)
shadow_score = sa.Table(
    "shadow_score",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), nullable=False, index=True),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, index=True),  # of the shadow's versions
    sa.Column("versions", sa.JSON, nullable=False),
    sa.Column("live_band", sa.String(16), nullable=False),
    sa.Column("band", sa.String(16), nullable=False),
    sa.Column("live_surprise", sa.Double),
    sa.Column("surprise", sa.Double),
    sa.Column("p_value", sa.Double),
)


class Part(StrEnum):
    """What a set of models does: answer, or be asked beside without deciding."""

    LIVE = "live"
    SHADOW = "shadow"


@dataclass(frozen=True)
class Choice:
    """A set that somebody chose, in the versions it then had; name: None where nothing shadows."""

    number: int
    at: dt.datetime
    account: str | None
    name: str | None
    versions: Mapping[str, str]
    reason: str = ""


@dataclass(frozen=True)
class Said:
    """What live models and shadow said of one assessment."""

    assessment_id: str
    live_band: str
    band: str
    live_surprise: float | None
    surprise: float | None
    p_value: float | None


@dataclass(frozen=True)
class Comparison:
    """How a shadow differs from what was live, over all that both scored.

    bands: (live band, shadow's band) → how many; mean_difference: of the surprise, shadow less live; None
    where nothing was scored by both.
    """

    scored: int
    changed: int
    mean_difference: float | None
    bands: Mapping[tuple[str, str], int]


class ModelChoices:
    """The choices of one store, never changed, only followed by others."""

    def __init__(
        self, engine: sa.Engine, audit: Audit, alerts: Alerts, now: Callable[[], dt.datetime]
    ) -> None:
        self.engine = engine
        self.audit = audit
        self.alerts = alerts
        self.now = now

    def choose(
        self,
        part: Part,
        name: str | None,
        versions: Mapping[str, str],
        by: Account | None = None,
        reason: str = "",
    ) -> None:
        """Let a set do a part from now on; audit log and alerts say so."""
        before = self.current(part)
        earlier = {} if before is None else before.versions
        tell = model_switched if part is Part.LIVE else model_shadowed
        told = [
            tell(module, earlier.get(module), versions.get(module))
            for module in sorted({*earlier, *versions})
            if earlier.get(module) != versions.get(module)
        ]
        row = {
            "at": self.now(),
            "account_id": None if by is None else by.id,
            "role": part.value,
            "name": name,
            "versions": dict(versions),
            "reason": reason,
        }
        actor = SYSTEM if by is None else by.name
        with writing(self.engine) as connection:
            connection.execute(model_choice.insert().values(row))
            details = {"set": name, "versions": dict(versions)} | ({"reason": reason} if reason else {})
            self.audit.write(connection, Act(actor, f"models.{part.value}", name or SYSTEM, details))
            self.alerts.write(connection, *told)

    def current(self, part: Part) -> Choice | None:
        """The newest choice; None where nobody ever chose."""
        return current(self.engine, part)

    def history(self, limit: int = 50) -> list[tuple[Part, Choice]]:
        """What was chosen for which part, newest first."""
        query = _choices().order_by(model_choice.c.number.desc()).limit(limit)
        with self.engine.connect() as connection:
            return [(Part(row.role), _choice(row)) for row in connection.execute(query)]

    def note(self, name: str, versions: Mapping[str, str], said: Said) -> None:
        """Keep what the shadow said of an assessment."""
        row = {
            "at": self.now(),
            "assessment_id": said.assessment_id,
            "name": name,
            "digest": digest(dict(versions)),
            "versions": dict(versions),
            "live_band": said.live_band,
            "band": said.band,
            "live_surprise": said.live_surprise,
            "surprise": said.surprise,
            "p_value": said.p_value,
        }
        with writing(self.engine) as connection:
            connection.execute(shadow_score.insert().values(row))

    def compared(self, versions: Mapping[str, str]) -> Comparison:
        """The comparison for a shadow of exactly these versions."""
        s = shadow_score.c
        mine = s.digest == digest(dict(versions))
        pairs = sa.select(s.live_band, s.band, sa.func.count()).where(mine).group_by(s.live_band, s.band)
        difference = sa.select(sa.func.avg(s.surprise - s.live_surprise)).where(mine)
        with self.engine.connect() as connection:
            bands = {(row[0], row[1]): int(row[2]) for row in connection.execute(pairs)}
            mean = connection.scalar(difference)
        return Comparison(
            scored=sum(bands.values()),
            changed=sum(n for (live, shadow), n in bands.items() if live != shadow),
            mean_difference=None if mean is None else float(mean),
            bands=bands,
        )


def current(engine: sa.Engine, part: Part) -> Choice | None:
    """The newest choice of a store; None where nobody ever chose."""
    newest = model_choice.c.number.desc()
    query = _choices().where(model_choice.c.role == part.value).order_by(newest).limit(1)
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _choice(row)


def _choices() -> sa.Select[Any]:
    return sa.select(model_choice, account.c.name.label("chosen_by")).join(
        account, account.c.id == model_choice.c.account_id, isouter=True
    )


def _choice(row: Any) -> Choice:
    at = row.at.replace(tzinfo=dt.UTC)
    return Choice(row.number, at, row.chosen_by, row.name, row.versions, row.reason)
