"""What official files there are, and reading one: the command line, the API and the pages do it alike."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customs.errors import InvalidConfig

if TYPE_CHECKING:
    from customs.readers.report import Read


class Kind(StrEnum):
    """What can be imported; the name is that of the reader, too."""

    HSK = "hsk"
    CONCORDANCE = "concordance"
    RATES = "rates"
    TRADE = "trade"
    FREIGHT = "freight"
    MACRO = "macro"
    DECLARATIONS = "declarations"
    RULINGS = "rulings"


MAPPED = (Kind.CONCORDANCE, Kind.RATES, Kind.TRADE, Kind.DECLARATIONS, Kind.RULINGS)


def read_file(kind: Kind, file: Path, columns: Mapping[str, str]) -> Read:
    """Read an official file; nothing is stored.

    Args:
        kind: what it holds.
        file: its path; the report names it.
        columns: our name of a column → theirs, for the kinds that allow it.

    Raises:
        UnreadableFile: it cannot be read at all.
        InvalidConfig: this kind has fixed columns.
    """
    if columns and kind not in MAPPED:
        raise InvalidConfig(f"--map is for {', '.join(MAPPED)}", field="map", remedy="leave it out")
    options: dict[str, Any] = {"columns": dict(columns)} if columns else {}
    read: Read = importlib.import_module(f"customs.readers.{kind}").read(file, **options)
    return read
