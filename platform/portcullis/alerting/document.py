"""An alert as it leaves the platform: as JSON values, and as a sentence for people."""

from __future__ import annotations

from typing import Any

from customs.evidence import Message
from customs.sentences import Language, catalogue, render
from portcullis.store.alerts import AlertKind, StoredAlert


def alert_document(told: StoredAlert) -> dict[str, Any]:
    """The values of an alert."""
    return {
        "number": told.number,
        "at": told.at.isoformat(),
        "kind": told.alert.kind.value,
        "subject": told.alert.subject,
        "assessment": told.alert.assessment,
        "band": told.alert.band,
        "details": dict(told.alert.details),
    }


def alert_sentence(told: StoredAlert, language: Language) -> str:
    """What happened, in words.

    Values that a sentence names and the alert lacks are a dash: alerts of an older version stay readable.
    """
    alert = told.alert
    known: dict[str, Any] = {"subject": alert.subject}
    known |= {name: value for name, value in alert.details.items() if isinstance(value, str | int | float)}
    known["band"] = "–" if alert.band is None else _label(f"alert.band.{alert.band}", language)
    for name, words in (("decision", "alert.decision"), ("result", "alert.result"), ("reason", "reason")):
        if name in known:
            known[name] = _label(f"{words}.{known[name]}", language, otherwise=str(known[name]))
    template = catalogue()[f"alert.{alert.kind.value}"][language]
    return template.format_map(_Dashes(known))


def kind_label(kind: AlertKind, language: Language) -> str:
    """The name of a kind of alert."""
    return _label(f"alert.kind.{kind.value}", language)


class _Dashes(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "–"


def _label(name: str, language: Language, otherwise: str = "") -> str:
    return render(Message(id=name), language) if name in catalogue() else otherwise or name
