"""What the page of alerts is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from customs.sentences import Language
from fusion.policy import BANDS
from portcullis.alerting.document import alert_sentence, kind_label
from portcullis.store.alerts import AlertKind, StoredAlert
from portcullis.web.frame import Page, Part

BANDS_TOLD = tuple(reversed(BANDS))


@dataclass(frozen=True)
class AlertRow:
    """One alert; case: id of the assessment, "" for none or for who may not read it."""

    number: int
    day: str
    time: str
    kind: str
    band: str
    sentence: str
    case: str

    @classmethod
    def of(cls, told: StoredAlert, language: Language, zone: ZoneInfo, *, cases: bool) -> AlertRow:
        """From the store."""
        at = told.at.astimezone(zone)
        return cls(
            number=told.number,
            day=at.strftime("%Y-%m-%d"),
            time=at.strftime("%H:%M:%S"),
            kind=kind_label(told.alert.kind, language),
            band=told.alert.band or "",
            sentence=alert_sentence(told, language),
            case=(told.alert.assessment or "") if cases else "",
        )


@dataclass(frozen=True)
class Choice:
    """One thing to filter by."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class AlertRows(Part):
    """Rows for the top of the list, newest first."""

    template: ClassVar[str] = "watch/alert_rows.html"
    rows: tuple[AlertRow, ...]


@dataclass(frozen=True, kw_only=True)
class AlertsPage(Page):
    """The newest alerts, and what a script needs to go on listening.

    after: number of the newest alert there was; query: the filters, as an address has them; listened: the
    kinds that this role may read.
    """

    template: ClassVar[str] = "watch/alerts.html"
    rows: tuple[AlertRow, ...]
    kinds: tuple[Choice, ...]
    bands: tuple[Choice, ...]
    filtered: bool
    after: int
    query: str
    listened: str


def choices_of(
    kinds: Sequence[AlertKind], chosen: Sequence[AlertKind], bands: Sequence[str], language: Language
) -> tuple[tuple[Choice, ...], tuple[Choice, ...]]:
    """Kinds and bands to choose from; the words of bands are the template's."""
    ordered = [kind for kind in AlertKind if kind in kinds]
    return (
        tuple(Choice(kind.value, kind_label(kind, language), kind in chosen) for kind in ordered),
        tuple(Choice(band, "", band in bands) for band in BANDS_TOLD),
    )


def query_of(kinds: Sequence[AlertKind], bands: Sequence[str]) -> str:
    """The filters of an address."""
    return urlencode([*(("kind", kind.value) for kind in kinds), *(("band", band) for band in bands)])
