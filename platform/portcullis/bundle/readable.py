"""The report of an evidence bundle for people: one HTML file that needs nothing but the bundle's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from customs.evidence import Message
from customs.sentences import Language, render
from portcullis.report import assessment_document, check_label
from portcullis.store.assessments import Assessment
from portcullis.store.audit import Entry
from portcullis.store.casework import Event

_WORDS = (
    *("title", "declared", "goods", "look", "nothing", "evidence", "silent"),
    *("casework", "versions", "log", "pictures", "note"),
)


def readable(
    found: Assessment,
    events: Sequence[Event],
    entries: Sequence[Entry],
    pictures: Sequence[str],
    language: Language,
) -> str:
    """The report in one language; `pictures` are the names of files beside it."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    document = assessment_document(found, language)
    return environment.get_template("report.html").render(
        language=language,
        words={name: render(Message(id=f"bundle.{name}"), language) for name in _WORDS},
        document=document,
        declaration=document["declaration"],
        report=document["report"],
        events=events,
        entries=entries,
        pictures=pictures,
        label=lambda check: check_label(check, language),
        reason=lambda code: render(Message(id=f"reason.{code}"), language),
        place=lambda box: _place(box, language),
    )


def _place(box: Sequence[int], language: Language) -> str:
    """Where on the scan something is, in words."""
    top, left, bottom, right = box
    sides: dict[str, str | int | float] = {"top": top, "left": left, "bottom": bottom, "right": right}
    return render(Message(id="bundle.place", params=sides), language)
