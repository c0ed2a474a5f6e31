"""What the filter offers: countries that occur, and kinds of findings by what they look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from customs.sentences import Language
from portcullis.insight.countries import place
from portcullis.report import check_label

KINDS: dict[str, tuple[str, ...]] = {
    "price": ("mismatch.hsk_price", "price.unit_value", "price.for_this_code"),
    "freight": ("freight.per_kg", "freight.vs_oil"),
    "volume": ("volume.surge",),
    "xray": (
        *("mismatch.hsk_image", "mismatch.image_mass", "xray.packing", "xray.density", "xray.mass"),
        *("xray.packages", "xray.inserted_object"),
    ),
    "text": ("hs.text", "hs.vague_text"),
    "photo": ("mismatch.text_photo", "hs.photo", "hs.joint"),
}


@dataclass(frozen=True)
class Choice:
    """A value to tick."""

    value: str
    label: str


@dataclass(frozen=True)
class Group:
    """Kinds of findings of one modality; name: a key of `modality_words`."""

    name: str
    kinds: tuple[Choice, ...]


def country_name(code: str, language: Language) -> str:
    """The name of a country; the code where it has none."""
    found = place(code)
    return found.ko if language == "ko" else found.en


def countries(codes: Sequence[str], language: Language) -> tuple[Choice, ...]:
    """By name."""
    made = [Choice(code, country_name(code, language)) for code in codes]
    return tuple(sorted(made, key=lambda choice: choice.label))


def kind_groups(language: Language) -> tuple[Group, ...]:
    """All kinds of findings."""
    return tuple(
        Group(name, tuple(Choice(kind, check_label(kind, language)) for kind in kinds))
        for name, kinds in KINDS.items()
    )
