"""Turning a page's context into HTML."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from customs.sentences import LANGUAGES, Language
from portcullis.web import built
from portcullis.web.frame import Page, Part
from portcullis.web.words import translations

TEMPLATES = Path(__file__).with_name("templates")


def environment(language: Language) -> Environment:
    """Templates in one language; a name that the context lacks is an error, and all text is escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {
        "language": language,
        "sheet": built.sheet,
        "script": built.script,
        "script_sheets": built.script_sheets,
    }
    return made


class Renderer:
    """Renders pages in the language of their context."""

    def __init__(self) -> None:
        self._environments = {language: environment(language) for language in LANGUAGES}

    def html(self, page: Page | Part) -> str:
        """The page, or the piece of one, as text."""
        values = {f.name: getattr(page, f.name) for f in dataclasses.fields(page)}
        language = page.frame.language if isinstance(page, Page) else page.language
        return self._environments[language].get_template(page.template).render(values)
