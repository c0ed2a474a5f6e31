"""What was declared against what was measured or expected: weight, packages, unit value, freight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from customs.declaration import Declaration, Line
from customs.evidence import Evidence
from customs.sentences import Language, render
from portcullis.report import check_label
from portcullis.web.case.ranges import RangeBar
from portcullis.web.case.rows import ODD, EvidenceRow, number

# What is compared, and the checks that do it.
COMPARED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("weight", ("xray.mass",)),
    ("packages", ("xray.packages",)),
    ("unit_value", ("price.unit_value",)),
    ("freight", ("freight.per_kg", "freight.vs_oil")),
)


@dataclass(frozen=True)
class MeasuredRow:
    """One comparison.

    name: of `COMPARED`; check, label: the check behind it, "" where no loaded model has one. declared: as the
    papers say it. observed, expected, unit, p_value, group, size: as in `EvidenceRow`; bar: None where there
    is no range to draw. odd: it is unusual among clean cases, which a figure just outside of its range need
    not be. said: in words; abstained: the check had nothing to go on, `said` is why.
    """

    name: str
    declared: str
    check: str = ""
    label: str = ""
    observed: str = ""
    expected: str = ""
    unit: str = ""
    p_value: str = ""
    group: str = ""
    size: str = ""
    bar: RangeBar | None = None
    odd: bool = False
    said: str = ""
    abstained: bool = True

    @classmethod
    def all(
        cls, declaration: Declaration, line: Line, evidence: Sequence[Evidence], language: Language
    ) -> tuple[MeasuredRow, ...]:
        """Of one line of a declaration and what the checks said of it."""
        by_check = {each.check: each for each in evidence}
        rows = []
        for name, checks in COMPARED:
            declared = _declared(name, declaration, line)
            found = [by_check[check] for check in checks if check in by_check]
            # a second check that cannot speak adds nothing to a first one that says why
            spoke = [each for each in found if not each.abstained] or found[:1]
            rows += [_row(name, declared, each, language) for each in spoke] or [cls(name, declared)]
        return tuple(rows)


def _row(name: str, declared: str, evidence: Evidence, language: Language) -> MeasuredRow:
    written = EvidenceRow.of(evidence, language)
    return MeasuredRow(
        name=name,
        declared=declared,
        check=evidence.check,
        label=check_label(evidence.check, language),
        observed=written.observed,
        expected=written.expected,
        unit=written.unit,
        p_value=written.p_value,
        group=written.group,
        size=written.size,
        bar=None if evidence.abstained else RangeBar.of(evidence.observed, evidence.expected),
        odd=evidence.p_value is not None and evidence.p_value < ODD,
        said=render(evidence.message, language),
        abstained=evidence.abstained,
    )


def _declared(name: str, declaration: Declaration, line: Line) -> str:
    match name:
        case "weight":
            gross = line.gross_kg or line.net_kg
            whole = declaration.gross_kg
            alone = len(declaration.lines) == 1 or float(whole) == float(gross)
            return f"{number(float(gross))} kg" if alone else f"{number(float(gross))} / {whole}"
        case "packages":
            return "" if line.packages is None else f"{line.packages:,}"
        case "unit_value":
            return f"{line.value:}" if float(line.net_kg) == 0 else f"{line.value} / {line.net_kg}"
        case _:
            return "" if line.freight is None else str(line.freight)
