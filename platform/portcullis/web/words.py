"""The words of the pages: English in the templates, Korean in `catalogues/ko.po`, compiled at start."""

from __future__ import annotations

import gettext
import io
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from customs.sentences import Language

CATALOGUES = Path(__file__).with_name("catalogues")


def translations(language: Language) -> gettext.NullTranslations:
    """Translations for one language; English needs none, because the templates are written in it."""
    if language == "en":
        return gettext.NullTranslations()
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
