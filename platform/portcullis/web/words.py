"""The words of the pages: English in the templates, Korean in `catalogues/ko`, compiled at start.

A folder of templates has a catalogue of its name; what several folders say is in `common.po`.
"""

from __future__ import annotations

import gettext
import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from customs.sentences import Language

CATALOGUES = Path(__file__).with_name("catalogues")


def catalogue(language: Language) -> Catalog:
    """All catalogues of one language as one."""
    whole = Catalog(locale=language, charset="utf-8")
    for path in sorted((CATALOGUES / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language, abort_invalid=True):
                if message.id:
                    whole.add(message.id, message.string, context=message.context)
    return whole


def translations(language: Language) -> gettext.NullTranslations:
    """Translations for one language; English needs none, because the templates are written in it."""
    if language == "en":
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
