"""What an officer should see on the scan for what was declared, and what the goods may be instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from customs.evidence import Alternative, Evidence
from customs.hs import HsCode
from customs.sentences import Language, render
from portcullis.insight.scans import ExpectedDensity, TypicalDensity
from portcullis.web.case.ranges import RangeBar
from portcullis.web.case.rows import ODD, OtherCodeRow, Wording, number

PACKING = "xray.packing"
_SHOWN = 5


@dataclass(frozen=True)
class DensityRow:
    """Mean areal density against what is usual, g/cm²; bar: None where there is no range or no figure.

    scans: of how many clean ones the range is, "" where the report does not say; odd: it is unusual.
    """

    observed: str
    expected: str
    scans: str
    bar: RangeBar | None
    odd: bool


@dataclass(frozen=True)
class LookalikeRow:
    """A code whose goods look like these. density: its usual range in g/cm², "" if not known; fits: whether
    the density seen lies in it.
    """

    code: OtherCodeRow
    is_declared: bool
    density: str
    fits: bool


@dataclass(frozen=True)
class Expectation:
    """The card. has_scan: there is a picture at all. line: whose goods it shows, from 1; None if mixed.

    packing, density_said: in words, also why nothing can be expected; packing_odd: None where the check
    abstained. rarity: one in so many clean scans is packed as oddly, "" where it abstained.
    """

    has_scan: bool
    line: int | None
    code: str
    wording: str
    packing: str
    packing_odd: bool | None
    rarity: str
    density: DensityRow | None
    density_said: str
    lookalikes: tuple[LookalikeRow, ...]
    model: str

    @classmethod
    def of(
        cls,
        expected: ExpectedDensity | None,
        evidence: Sequence[Evidence],
        wording: Wording,
        language: Language,
    ) -> Expectation:
        """expected: None without a scan; evidence: of the line whose goods the scan shows."""
        packing = next((each for each in evidence if each.check == PACKING), None)
        spoke = packing is not None and packing.p_value is not None
        declared = None if expected is None or expected.hs is None else HsCode(expected.hs)
        return cls(
            has_scan=expected is not None,
            line=None if expected is None else expected.line,
            code="" if declared is None else str(declared),
            wording="" if declared is None else wording.get(declared, ""),
            packing="" if packing is None else render(packing.message, language),
            packing_odd=(packing.p_value or 1) < ODD if packing is not None and spoke else None,
            rarity=f"{1 / packing.p_value:,.0f}" if packing is not None and packing.p_value else "",
            density=None if expected is None else _density(expected),
            density_said="" if expected is None else render(expected.said, language),
            lookalikes=() if expected is None else _lookalikes(expected, packing, declared, wording),
            model="" if expected is None else expected.model or "",
        )


def _density(found: ExpectedDensity) -> DensityRow | None:
    """The report's own figures; without a range in it, what the model knows of the code."""
    usual, scans = found.expected, ""
    if usual is None and found.declared is not None:
        usual = found.declared.low, found.declared.high
    if found.declared is not None:
        scans = f"{found.declared.scans:,}"
    if usual is None and found.observed is None:
        return None
    return DensityRow(
        observed="" if found.observed is None else number(found.observed),
        expected="" if usual is None else f"{number(usual[0])} – {number(usual[1])}",
        scans=scans,
        bar=RangeBar.of(found.observed, usual),
        odd=found.p_value is not None and found.p_value < ODD,
    )


def _lookalikes(
    found: ExpectedDensity, packing: Evidence | None, declared: HsCode | None, wording: Wording
) -> tuple[LookalikeRow, ...]:
    """By the packing, which is recognised; where that abstained, by the density alone."""
    densities = {other.hs: typical for other, typical in found.likely}
    others: Sequence[Alternative] = () if packing is None else packing.alternatives
    others = others or [other for other, _ in found.likely]
    rows = []
    for other in others[:_SHOWN]:
        written = OtherCodeRow.all([other], wording)
        if written:
            typical = densities.get(other.hs)
            rows.append(
                LookalikeRow(
                    written[0],
                    is_declared=other.hs is not None and declared is not None and other.hs.covers(declared),
                    density="" if typical is None else f"{number(typical.low)} – {number(typical.high)}",
                    fits=_fits(found.observed, typical),
                )
            )
    return tuple(rows)


def _fits(observed: float | None, typical: TypicalDensity | None) -> bool:
    return observed is not None and typical is not None and typical.low <= observed <= typical.high
