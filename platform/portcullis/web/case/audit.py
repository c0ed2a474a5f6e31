"""What the audit log says of a case, checked when it is shown: a piece of the case's page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from customs.sentences import Language
from portcullis.identity.secret import fingerprint
from portcullis.store.audit import GENESIS, START, Audit, check_entry
from portcullis.web.frame import Part

# What an entry says beside its own columns, as a page shows it.
_SHOWN = ("band", "what", "id", "sha256")


@dataclass(frozen=True)
class EntryRow:
    """One entry. details: names and values of what else it says.

    changed: its contents are not what was hashed; forged: its signature is not ours; unlinked: the entry
    before it is missing or another.
    """

    number: int
    when: str
    actor: str
    action: str
    details: tuple[tuple[str, str], ...]
    previous: str
    hash: str
    signature: str
    changed: bool
    forged: bool
    unlinked: bool

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not (self.changed or self.forged or self.unlinked)


@dataclass(frozen=True, kw_only=True)
class AuditPart(Part):
    """The entries about a case; head: newest entry of the whole log, as NUMBER:HASH."""

    template: ClassVar[str] = "case/parts/audit.html"
    id: str
    entries: tuple[EntryRow, ...]
    sound: bool
    head: str
    key: str

    @classmethod
    def of(cls, assessment_id: str, log: Audit, language: Language, zone: dt.tzinfo) -> AuditPart:
        """From the log, checked with the key of this installation."""
        found = log.about(assessment_id)
        before = log.hashes({entry.number - 1 for entry in found}) | {0: GENESIS}
        rows = []
        for entry in found:
            faults = len(list(check_entry(entry, log.public_key)))
            changed = entry.hash != entry.expected_hash()
            rows.append(
                EntryRow(
                    number=entry.number,
                    when=dt.datetime.fromisoformat(entry.at).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
                    actor=entry.actor,
                    action=entry.action,
                    details=tuple((k, str(entry.values[k])) for k in _SHOWN if k in entry.values),
                    previous=entry.previous,
                    hash=entry.hash,
                    signature=entry.signature,
                    changed=changed,
                    forged=faults > changed,
                    unlinked=before.get(entry.number - 1) != entry.previous,
                )
            )
        return cls(
            language=language,
            id=assessment_id,
            entries=tuple(rows),
            sound=bool(rows) and all(row.sound for row in rows),
            head=str(log.head() or START),
            key=fingerprint(log.public_key),
        )
