"""Settings: one table, in code and in the README."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from customs.errors import InvalidConfig
from portcullis.settings import Settings, as_table

ROOT = Path(__file__).parents[2]


def test_without_an_environment_everything_lies_in_one_folder() -> None:
    """And nothing is made by reading."""
    settings = Settings.read({})
    assert settings.store_url == "sqlite:///portcullis-data/portcullis.sqlite3"
    assert settings.images == "portcullis-data/images"
    assert settings.models == Path("portcullis-data/models")
    assert not Path("portcullis-data").exists()


def test_the_environment_is_read_by_type() -> None:
    """Numbers, paths and truth values."""
    settings = Settings.read(
        {"PORTCULLIS_PORT": "9000", "PORTCULLIS_DATA": "/srv/p", "PORTCULLIS_HTTPS": "true", "HOME": "/root"}
    )
    assert (settings.port, settings.https) == (9000, True)
    assert settings.images == "/srv/p/images"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("PORTCULLIS_PORT", "eighty"),
        ("PORTCULLIS_PORT", "70000"),
        ("PORTCULLIS_HTTPS", "maybe"),
        ("PORTCULLIS_LANGUAGE", "fr"),
        ("PORTCULLIS_TIME_ZONE", "Moon/Base"),
        ("PORTCULLIS_TIME_ZONE", "../../etc/passwd"),
        ("PORTCULLIS_MAX_BODY_MB", "0"),
        ("PORTCULLIS_SESSION_HOURS", "nan"),
        ("PORTCULLIS_PROT", "8000"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(key: str, value: str) -> None:
    """A typing error must not be a silent default."""
    with pytest.raises(InvalidConfig) as error:
        Settings.read({key: value})
    problem = error.value.problems[0]
    assert problem.field == key
    assert problem.remedy
    assert key == "PORTCULLIS_PROT" or value in problem.problem


def test_the_document_lists_every_setting_with_its_default_and_meaning() -> None:
    """The table and the code say the same; `portcullis check --settings` prints it."""
    document = (ROOT / "docs" / "operations" / "configuration.md").read_text(encoding="utf-8")
    listed = [line for line in document.splitlines() if line.startswith("| `PORTCULLIS_")]
    table = as_table().splitlines()[2:]
    assert len(table) == len(dataclasses.fields(Settings))
    assert listed == table


@pytest.mark.parametrize(("text", "port"), [("9001", 9001), ("9002\n", 9002)])
def test_any_setting_may_lie_in_a_file(tmp_path: Path, text: str, port: int) -> None:
    """As orchestrators hand secrets over; the line end of an editor is no part of the value."""
    (tmp_path / "port").write_text(text)
    assert Settings.read({"PORTCULLIS_PORT_FILE": str(tmp_path / "port")}).port == port


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    """The service does not start with a default instead of the secret."""
    path = tmp_path / "url"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidConfig) as error:
        Settings.read({"PORTCULLIS_STORE_URL_FILE": str(path)})
    problem = error.value.problems[0]
    assert problem.field == "PORTCULLIS_STORE_URL_FILE"
    assert str(path) in problem.problem


def test_a_value_and_a_file_for_one_setting_are_refused(tmp_path: Path) -> None:
    """Nobody should have to guess which one counts; a file for no setting is unknown."""
    (tmp_path / "url").write_text("sqlite:///x.db")
    both = {"PORTCULLIS_STORE_URL": "sqlite:///y.db", "PORTCULLIS_STORE_URL_FILE": str(tmp_path / "url")}
    with pytest.raises(InvalidConfig, match="given, too"):
        Settings.read(both)
    with pytest.raises(InvalidConfig, match="no such setting"):
        Settings.read({"PORTCULLIS_PROT_FILE": "x"})
