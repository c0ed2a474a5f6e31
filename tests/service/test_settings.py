"""Settings: one table, in code and in the README."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

import portcullis
from customs.errors import InvalidConfig
from portcullis.settings import PREFIX, Settings


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


def test_the_readme_lists_every_setting_with_its_default_and_meaning() -> None:
    """The table and the code say the same."""
    readme = Path(portcullis.__file__).with_name("README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(PORTCULLIS_\w+)` \| (.*?) \| (.*) \|$", readme, re.M)
    expected = []
    for setting in dataclasses.fields(Settings):
        empty = setting.default in ("", Path())
        default = (
            ""
            if empty
            else f"`{str(setting.default).lower() if setting.type == 'bool' else setting.default}`"
        )
        expected.append((f"{PREFIX}{setting.name.upper()}", default, setting.metadata["help"]))
    assert rows == expected
