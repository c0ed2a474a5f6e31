"""Sentences for officers: one catalogue, every entry in Korean and English with the same values in it."""

from __future__ import annotations

import string
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal

from customs.evidence import Message

Language = Literal["ko", "en"]
LANGUAGES: tuple[Language, ...] = ("ko", "en")
_FOLDER = Path(__file__).with_name("sentences")


@lru_cache(maxsize=1)
def catalogue() -> dict[str, dict[str, str]]:
    """All sentences by id: {"price.low": {"ko": …, "en": …}}. One TOML file per module."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(_FOLDER.glob("*.toml")):
        for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if name in found:
                raise ValueError(f"{path.name} repeats the sentence {name!r}")
            found[name] = entry
    return found


def placeholders(template: str) -> frozenset[str]:
    """Names of the values a sentence takes."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(template) if name)


def render(message: Message, language: Language) -> str:
    """The sentence with its values filled in; numbers are written by the sentence's own format."""
    return catalogue()[message.id][language].format_map(message.params)
