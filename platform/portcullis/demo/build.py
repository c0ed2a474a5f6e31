"""Builds the demonstration: a world, models trained on it, a filled store and logins, each made once."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from customs.errors import CustomsError
from customs.progress import Progress, silent
from portcullis.demo.clock import Clock
from portcullis.demo.diary import SEOUL, Diary
from portcullis.demo.history import History
from portcullis.demo.office import Office
from portcullis.demo.official import FILES, import_official
from portcullis.demo.truth import Truth
from portcullis.fusing.prepare import module_versions
from portcullis.models import Models, model_folders
from portcullis.modules import Module
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Role

SEED = 20250501
_LOGINS = "logins.json"
# Nobody waits ten minutes for a first look; everything else learns with its default.
_CONFIGS = {Module.XRAY: "demo"}


@dataclass(frozen=True)
class Demo:
    """Where the demonstration lives and how large its world is."""

    folder: Path
    size: str = "demo"
    seed: int = SEED

    @property
    def world(self) -> Path:
        """The synthetic world."""
        return self.folder / "world"

    @property
    def models(self) -> Path:
        """One folder for each trained module."""
        return self.folder / "models"

    @property
    def logins(self) -> Path:
        """Names and passwords, readable by the owner only."""
        return self.folder / _LOGINS

    def settings(self, base: Settings) -> Settings:
        """The given settings with everything kept in the demo's folder."""
        data = self.folder / "data"
        return replace(base, data=data, store_url="", images="", models=self.models)

    def build(self, settings: Settings, progress: Progress = silent) -> Service:
        """Make what is missing or out of date; a part that is done is not done again.

        An interrupted build goes on where it stopped: each part appears in one move when it is complete,
        and each assessment in the store is complete by itself.
        """
        from customs.world import World

        self._refuse_foreign()
        self.folder.mkdir(parents=True, exist_ok=True)
        world = self._make_world(progress)
        trained = {kind.value: self._train(kind, world, progress) for kind in self._trained()}
        clock = Clock()
        service = Service.open(settings, Models.load(model_folders(self.models), settings.device), now=clock)
        self._import_official(service, world)
        if service.assessments.count() == 0:  # the office opens some weeks before its first declaration
            first = World.open(self.world).review_from - dt.timedelta(days=30)
            clock.at = dt.datetime.combine(first, dt.time(9), SEOUL).astimezone(dt.UTC)
        self._add_logins(service)
        self._fill(service, clock, _digest(trained), progress)
        clock.at = None
        return service

    def _trained(self) -> list[Module]:
        """What is trained: fusion only where the world has cases whose outcome is known."""
        from customs.world import World

        world = World.open(self.world)
        return [m for m in Module if m is not Module.FUSION or world.review_from > world.cutoff]

    def passwords(self) -> dict[str, str]:
        """Password by account name."""
        found: dict[str, str] = json.loads(self.logins.read_text(encoding="utf-8"))
        return found

    def _refuse_foreign(self) -> None:
        if self.folder.exists() and any(self.folder.iterdir()) and not (self.folder / "stamps").is_dir():
            raise CustomsError(
                f"{self.folder} holds other files", field="dir", remedy="name a new folder or an earlier demo"
            )

    def _make_world(self, progress: Progress) -> str:
        from customs.world import make_world

        wanted = _digest({"seed": self.seed, "size": self.size, "version": metadata.version("portcullis")})
        if self._is_done("world", wanted, self.world):
            return wanted
        self._stamps().mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=".world.", dir=self.folder))
        try:
            make_world(room / "world", seed=self.seed, size=self.size, progress=progress)
            shutil.rmtree(self.world, ignore_errors=True)
            os.replace(room / "world", self.world)
        finally:
            shutil.rmtree(room, ignore_errors=True)
        self._done("world", wanted)
        return wanted

    def _train(self, kind: Module, world: str, progress: Progress) -> str:
        config = _CONFIGS.get(kind, "default")
        wanted = _digest({"kind": kind, "world": world, "seed": self.seed, "config": config})
        if kind is Module.FUSION:  # it is calibrated on what exactly these say
            wanted = _digest({"fusion": wanted, "modules": module_versions(self.models)})
        if not self._is_done(f"train-{kind}", wanted, self.models / kind):

            def named(stage: str, done: int, total: int) -> None:
                progress(f"{kind}: {stage}", done, total)

            kind.room("train").train(
                [self.world], self.models / kind, config=config, seed=self.seed % 2**31, progress=named
            )
            self._done(f"train-{kind}", wanted)
        return wanted

    def _import_official(self, service: Service, world: str) -> None:
        wanted = _digest({"world": world, "files": dict(FILES)})
        if not self._is_done("tariff", wanted, service.settings.data):
            import_official(service, self.world)
            self._done("tariff", wanted)

    def _add_logins(self, service: Service) -> None:
        if not self.logins.exists():
            made = {role.value: secrets.token_urlsafe(9) for role in Role}
            handle = os.open(self.logins, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(made, file, indent=1)
        for name, password in self.passwords().items():
            if service.accounts.by_name(name) is None:
                service.login.add(name, password, Role(name))

    def _fill(self, service: Service, clock: Clock, trained: str, progress: Progress) -> None:
        from customs.world import World

        if self._is_done("store", trained, service.settings.data):
            return
        world = World.open(self.world)
        cases = list(world.cases("review"))
        last = dt.datetime.combine(cases[-1][0].date, dt.time(20), SEOUL).astimezone(dt.UTC)
        diary = Diary(Office.of(service), Truth.read(self.world), self.seed)
        History(service, diary, clock, last).write(cases, progress)
        self._done("store", trained)

    def _stamps(self) -> Path:
        return self.folder / "stamps"

    def _is_done(self, step: str, wanted: str, made: Path) -> bool:
        stamp = self._stamps() / step
        return made.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted

    def _done(self, step: str, wanted: str) -> None:
        (self._stamps() / step).write_text(wanted, encoding="utf-8")


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
