"""The table that says how everything is tested names tests and soaks that are there."""

from __future__ import annotations

import re
from pathlib import Path

from soak.__main__ import SOAKS

ROOT = Path(__file__).parents[1]


def rows() -> list[tuple[str, str, str]]:
    """What must hold, the tests, and the soaks: the table in the service's README."""
    text = (ROOT / "platform" / "portcullis" / "README.md").read_text(encoding="utf-8")
    table = text.split("## How it is tested")[1].split("| --- | --- | --- |\n")[1]
    found = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("|")]
    return [(what.strip(), tests.strip(), soaks.strip()) for what, tests, soaks in found]


def test_every_file_of_tests_that_the_readme_names_is_there() -> None:
    """And every row names a test or a soak."""
    known = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(rows()) > 10
    for what, tests, soaks in rows():
        assert set(re.findall(r"`([^`]+)`", tests)) <= known, what
        assert tests or soaks, what


def test_the_readme_names_every_soak_and_no_other() -> None:
    """By the name that the command line takes."""
    told = {word for _, _, soaks in rows() for word in re.findall(r"`(\w+)`", soaks)}
    assert told - {"ignored_auth"} == set(SOAKS)
