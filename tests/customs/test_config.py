"""Named configurations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from customs import InvalidConfig
from customs.config import load_config


@dataclass(frozen=True)
class Toy:
    window: int = 12
    dropout: float = 0.0
    freight: bool = True
    scaling: Literal["minmax", "robust"] = "minmax"
    sizes: tuple[int, ...] = (8, 4)
    limit: int | None = None


@pytest.fixture
def presets(tmp_path: Path) -> Path:
    (tmp_path / "default.toml").write_text("", encoding="utf-8")
    (tmp_path / "long.toml").write_text("window = 24\nsizes = [16, 2]\n", encoding="utf-8")
    return tmp_path


def test_a_preset_changes_what_it_names(presets: Path) -> None:
    assert load_config(Toy, presets) == Toy()
    assert load_config(Toy, presets, "long") == Toy(window=24, sizes=(16, 2))


def test_overrides_are_read_by_the_type_of_their_field(presets: Path) -> None:
    given = {"dropout": "0.5", "freight": "false", "scaling": "robust", "sizes": "3,2,1", "limit": "7"}
    assert load_config(Toy, presets, "long", given) == Toy(24, 0.5, False, "robust", (3, 2, 1), 7)
    assert load_config(Toy, presets, "long", {"limit": "none"}).limit is None


@pytest.mark.parametrize(
    ("name", "key", "value", "field"),
    [
        ("absent", "window", "1", "config"),
        ("default", "windows", "1", "config.windows"),
        ("default", "window", "twelve", "config.window"),
        ("default", "freight", "maybe", "config.freight"),
        ("default", "scaling", "log", "config.scaling"),
    ],
)
def test_what_is_unknown_is_named(presets: Path, name: str, key: str, value: str, field: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        load_config(Toy, presets, name, {key: value})
    assert caught.value.problems[0].field == field
