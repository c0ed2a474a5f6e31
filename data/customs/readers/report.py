"""What a reader answers: the table, and what it had to repair or refuse to get it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 20  # remarks in a printed report; counts are always complete
KEPT = 1000  # reasons, and remarks for each, so that a wholly broken file stays small in memory
OTHER = "row: other reasons"


@dataclass(frozen=True, slots=True)
class Remark:
    """One row that was repaired or refused: where, what stood there and why."""

    line: int
    field: str
    got: str
    reason: str
    refused: bool

    @property
    def key(self) -> str:
        """What a report counts."""
        return f"{self.field}: {self.reason}"

    def __str__(self) -> str:
        return f"line {self.line}: {self.field}: got {self.got[:80]!r}: {self.reason}"


@dataclass(frozen=True)
class RepairReport:
    """How a file was read. Every row read is in the table or refused, never lost.

    `rows_repaired` counts rows of the table in which something was put right; `reasons` counts remarks by
    reason; `remarks` holds the first of each reason by 1-based line of the file (of a parquet file: row);
    `notes` are about the file as a whole.
    """

    source: str
    rows_read: int
    rows_repaired: int
    rows_refused: int
    remarks: tuple[Remark, ...] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "source": self.source,
            "read": self.rows_read,
            "repaired": self.rows_repaired,
            "refused": self.rows_refused,
            "reasons": dict(self.reasons),
            "remarks": [
                {"line": r.line, "field": r.field, "got": r.got, "reason": r.reason, "refused": r.refused}
                for r in self.remarks
            ],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        head = (
            f"{self.source}: {self.rows_read:,} rows read, "
            f"{self.rows_repaired:,} repaired, {self.rows_refused:,} refused"
        )
        lines = [head, *(f"  note: {note}" for note in self.notes)]
        lines += [f"  {count:,} × {reason}" for reason, count in self.reasons.items()]
        shown = sorted(self.remarks, key=lambda r: (not r.refused, r.line))[:SHOWN]
        lines += [f"  {'refused' if r.refused else 'repaired'} {r}" for r in shown]
        rest = sum(self.reasons.values()) - len(shown)
        return "\n".join([*lines, f"  … and {rest:,} more"] if rest > 0 else lines)


class Tally:
    """Remarks on the way into a report: all counted, the first of each reason kept."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self._remarks: list[Remark] = []

    def add(self, remark: Remark) -> None:
        """Count a remark."""
        self.reasons[remark.key] += 1
        if self.reasons[remark.key] <= KEPT:
            self._remarks.append(remark)

    def remarks(self) -> tuple[Remark, ...]:
        """Those kept, in the order of the file."""
        return tuple(sorted(self._remarks, key=lambda r: r.line))


def total(reports: Iterable[RepairReport]) -> RepairReport:
    """One report on the parts of one file, given in its order: the same as of the file read at once.

    Of more than `KEPT` reasons the later ones are counted together, as "row: other reasons".
    """
    reasons: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    remarks: list[Remark] = []
    notes: dict[str, None] = {}
    source, read, repaired, refused = "", 0, 0, 0
    for report in reports:
        source = report.source
        read += report.rows_read
        repaired += report.rows_repaired
        refused += report.rows_refused
        notes.update(dict.fromkeys(report.notes))
        for key, count in report.reasons.items():
            reasons[key if key in reasons or len(reasons) < KEPT else OTHER] += count
        for remark in report.remarks:
            if remark.key in reasons and kept[remark.key] < KEPT:
                kept[remark.key] += 1
                remarks.append(remark)
    ordered = dict(reasons.most_common())
    return RepairReport(source, read, repaired, refused, tuple(remarks), ordered, tuple(notes))


@dataclass(frozen=True, eq=False)
class Read:
    """A file as a table and the report on it; the reader's docstring names the columns."""

    table: pd.DataFrame
    report: RepairReport
