"""The official wording of codes, from the imported HSK table."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Engine, select

from customs.hs import HsCode
from customs.sentences import Language
from portcullis.store.official import hsk


class Tariff:
    """Reads `official_hsk`; a code the table does not hold has no wording, and none is made up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def wording(self, codes: Iterable[HsCode], language: Language) -> dict[HsCode, str]:
        """Wording by code, as of the latest validity that was imported."""
        wanted = {code.digits: code for code in codes}
        name = hsk.c.name_ko if language == "ko" else hsk.c.name_en
        query = select(hsk.c.digits, name).where(hsk.c.digits.in_(wanted)).order_by(hsk.c.valid_from)
        with self._engine.connect() as connection:
            return {wanted[digits]: text for digits, text in connection.execute(query) if text}
