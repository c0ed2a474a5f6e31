"""`portcullis check` and `portcullis store`: what an administrator is told before others notice."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from customs.artefact import ArtefactWriter
from portcullis.cli import main
from portcullis.identity import read_secret
from portcullis.service import Service
from portcullis.settings import PREFIX, Settings
from portcullis.store import open_store, writing
from portcullis.store.audit import Act

Command = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `portcullis`: exit code, stdout, the problems on stderr."""

    def run(*args: str) -> tuple[int, str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["portcullis", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err.splitlines()

    return run


@pytest.fixture
def models_folder(tmp_path: Path) -> Path:
    """A folder of one model that is whole, as far as its manifest tells."""
    with ArtefactWriter(tmp_path / "models" / "tabular", kind="tabular", config={}) as writer:
        writer.tensors("weights", {"w": np.arange(8.0)})
    return tmp_path / "models"


@pytest.fixture
def installed(
    service: Service, models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Settings]:
    """An installation that is as it should be, but for the settings given."""
    for key in [key for key in os.environ if key.startswith(PREFIX)]:
        monkeypatch.delenv(key)

    def settings(**changes: Any) -> Settings:
        url = service.settings.store_url
        for name, value in {
            "data": service.settings.data,
            "store_url": url,
            "models": models_folder,
            **changes,
        }.items():
            monkeypatch.setenv(f"{PREFIX}{name.upper()}", str(value))
        return Settings.read()

    return settings


@pytest.mark.both_databases
def test_a_sound_installation_has_no_problem(
    installed: Callable[..., Settings], service: Service, command: Command
) -> None:
    """Every part is named, passwords are not, and what was found can be read by machines."""
    service.audit.add(Act("kim", "try", "x", {}))
    settings = installed()
    code, out, problems = command("check")
    assert (code, problems) == (0, [])
    for part in ("setting", "clock", "network", "secret", "store", "accounts", "model ", "images", "disk"):
        assert f"ok  {part}" in out
    head = service.audit.head()
    assert head is not None
    assert head.hash in out
    password = settings.store_url.split("@")[0].rsplit(":", 1)[1]
    assert settings.store_url.startswith("sqlite") or password not in out
    code, out, _ = command("check", "--json")
    assert code == 0
    assert {row["part"] for row in json.loads(out)} >= {"store", "model", "disk"}


def test_every_problem_is_one_line_with_its_remedy(
    installed: Callable[..., Settings], service: Service, tmp_path: Path, command: Command
) -> None:
    """All at once: open secrets, an open network, no models, images that nobody may write."""
    file = tmp_path / "file"
    file.write_text("x")
    installed(host="0.0.0.0", images=file, models=tmp_path / "none")
    (service.settings.data / "secret").chmod(0o644)
    code, _, problems = command("check")
    assert code == 2
    fields = [line.split(": ")[1] for line in problems]
    assert fields == ["PORTCULLIS_HOST", "secret", "models", "images"]
    assert all(" — " in line for line in problems)


def test_a_secret_file_that_everybody_may_read_is_a_problem(
    installed: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: Command
) -> None:
    """A file is no safer than its mode."""
    installed()
    url = os.environ.pop(f"{PREFIX}STORE_URL")
    (tmp_path / "url").write_text(url)
    (tmp_path / "url").chmod(0o604)
    monkeypatch.setenv(f"{PREFIX}STORE_URL_FILE", str(tmp_path / "url"))
    code, _, problems = command("check")
    assert code == 2
    assert [line.split(": ")[1] for line in problems] == ["PORTCULLIS_STORE_URL_FILE"]
    (tmp_path / "url").chmod(0o600)
    assert command("check")[0] == 0


def test_a_damaged_model_is_found(
    installed: Callable[..., Settings], models_folder: Path, command: Command
) -> None:
    """One byte is enough."""
    weights = models_folder / "tabular" / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    installed()
    code, _, problems = command("check")
    assert code == 2
    assert len(problems) == 1
    assert "weights.safetensors" in problems[0]


def test_a_store_that_is_missing_old_new_or_away_is_told(
    installed: Callable[..., Settings], store_url: str, command: Command
) -> None:
    """Nothing is made by looking; `store upgrade` makes it, `store downgrade` takes a step back."""
    installed(store_url=store_url)
    code, _, problems = command("check")
    assert (code, problems) == (
        2,
        ["portcullis: store: the store is not made yet — portcullis store upgrade"],
    )
    assert command("store", "upgrade")[0] == 0
    assert "nobody can sign in" in command("check")[2][0]
    assert command("store", "downgrade", "0004", "--yes")[0] == 0
    assert "schema 0004 is older" in command("check")[2][0]
    code, _, problems = command("store", "downgrade", "0005", "--yes")
    assert code == 2
    assert "store upgrade" in problems[0]
    assert command("store", "downgrade", "77", "--yes")[0] == 2
    assert command("store", "upgrade")[0] == 0
    engine = open_store(store_url)
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    assert "newer version" in command("check")[2][0]


def test_a_database_that_lets_nobody_in_is_told(
    installed: Callable[..., Settings], postgres: Any, command: Command
) -> None:
    """What the server says, without the password that was tried."""
    installed(store_url=postgres.url().replace(postgres.password, "not-the-password"))
    code, out, problems = command("check")
    assert code == 2
    assert "password authentication failed" in problems[0]
    assert "not-the-password" not in out + "".join(problems)


def test_processes_that_start_at_once_have_one_secret(tmp_path: Path) -> None:
    """None of them reads a file that another one has not yet written."""
    for i in range(20):
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda _, i=i: read_secret(tmp_path / str(i)), range(8)))
        assert len(set(found)) == 1
        assert len(found[0]) == 64
        assert [p.name for p in (tmp_path / str(i)).iterdir()] == ["secret"]
