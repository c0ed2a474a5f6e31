"""An item's trade month by month with the unit values that are usual, and where a declared one lies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from customs.errors import InvalidValue
from customs.evidence import Evidence
from portcullis.insight.kept import Kept
from portcullis.insight.models import OnModels, tabular_of
from portcullis.insight.past import line_code
from portcullis.models import Models
from portcullis.service import NotFound
from portcullis.store.assessments import Assessment
from portcullis.store.trade import Trade, TradeRow, TradeSeries

if TYPE_CHECKING:
    from tabular_ae.history import History
    from tabular_ae.rows import Rows
    from tabular_ae.scorer import TabularScorer

UNIT = "USD/kg"
EVERYWHERE = ""  # in place of a country: all origins added up
MOST_MONTHS, USUAL_MONTHS = 240, 60
MOST_LINES = 20
PRICE = "price.unit_value"
IMPORTED, OF_MODEL = "imported", "model"
EXACT, COARSER, FINER = "exact", "coarser", "finer"
_SERIES, _PANELS = 512, 8  # kept in memory


@dataclass(frozen=True)
class Month:
    """One month of a series; None where it cannot be told.

    unit_value, expected_low, expected_high: USD/kg; nine in ten clean months lie within the expected range.
    p_value, surprise: of all checks of the model together; price_p_value: of the unit value alone; flagged:
    the p-value is below the model's threshold.
    """

    month: str
    unit_value: float | None
    weight_kg: float
    value_usd: float
    freight: float | None
    expected_low: float | None = None
    expected_high: float | None = None
    p_value: float | None = None
    surprise: float | None = None
    price_p_value: float | None = None
    flagged: bool = False


@dataclass(frozen=True)
class Series:
    """hs, country: as asked for; item: the code whose trade it is.

    match: `exact`; `coarser`, where only a shorter code is known; `finer`, where codes below were added up.
    source: `imported`, or `model` where nothing was imported and the model's own history stands in.
    model: version of the model behind the expected range, None without one. first, last: months known.
    """

    hs: str
    country: str
    item: str
    match: str
    source: str
    model: str | None
    unit: str
    freight_unit: str | None
    first: str
    last: str
    months: tuple[Month, ...]


@dataclass(frozen=True)
class KnownSeries:
    """One series that can be asked for; source: as of `Series`."""

    hs: str
    country: str
    months: int
    first: str
    last: str
    source: str


@dataclass(frozen=True)
class DeclaredPoint:
    """Where a declared line lies on its series, and what the model said of it when it was assessed."""

    month: str
    unit_value: float | None
    weight_kg: float
    expected_low: float | None
    expected_high: float | None
    p_value: float | None
    surprise: float | None


@dataclass(frozen=True)
class LineSeries:
    """One line of a declaration and its series; None where no trade of it is known."""

    line: int
    hs: str
    country: str
    declared: DeclaredPoint
    series: Series | None


class SeriesDesk:
    """Answers about series; scored ones are kept for each version of model and import."""

    def __init__(self, trade: Trade, models: Callable[[], Models], on_models: OnModels) -> None:
        self.trade = trade
        self.models = models
        self.on_models = on_models
        self._series: Kept[Series] = Kept(_SERIES)
        self._panels: Kept[_Panel] = Kept(_PANELS)
        self._pairs: Kept[tuple[KnownSeries, ...]] = Kept(2)

    def series(self, hs: str, country: str, start: str | None = None, end: str | None = None) -> Series:
        """The months from `start` to `end` (YYYY-MM, both included); without them the last `USUAL_MONTHS`.

        Raises:
            NotFound: neither the imported statistics nor the model knows the item from this country.
            InvalidValue: the months run backwards, or are more than `MOST_MONTHS`.
        """
        whole = self._whole(hs, country)
        first, last = _window(start, end, whole.last)
        return replace(whole, months=tuple(m for m in whole.months if first <= m.month <= last))

    def known(self, prefix: str, country: str | None, limit: int) -> tuple[list[KnownSeries], bool]:
        """Series of codes that begin so, by code and country, and whether there are more than `limit`."""
        imported = [_known(found) for found in self.trade.series(prefix, country, limit + 1)]
        there = {(found.hs, found.country) for found in imported}
        others = [
            found
            for found in self._of_model()
            if found.hs.startswith(prefix)
            and country in (None, found.country)
            and (found.hs, found.country) not in there
        ]
        found = sorted([*imported, *others], key=lambda one: (one.hs, one.country))
        return found[:limit], len(found) > limit

    def of_lines(
        self,
        found: Assessment,
        line: int | None = None,
        start: str | None = None,
        end: str | None = None,
        *,
        everywhere: bool = False,
    ) -> list[LineSeries]:
        """The series of an assessment's lines, the first `MOST_LINES` or only one; months as of `series`,
        but up to that of the declaration if no end is given. everywhere: from all origins added up, of which
        no model says what to expect.

        Raises:
            NotFound: there is no such line.
            InvalidValue: as `series`.
        """
        lines = found.declaration.lines
        if line is not None:
            line_code(found, line)
        end = end or f"{found.declaration.date:%Y-%m}"
        numbers = range(1, len(lines) + 1)[:MOST_LINES] if line is None else (line,)
        country = EVERYWHERE if everywhere else found.declaration.origin.code
        return [self._of_line(found, number, start, end, country) for number in numbers]

    def _of_line(
        self, found: Assessment, number: int, start: str | None, end: str, country: str
    ) -> LineSeries:
        declared = found.declaration.lines[number - 1]
        report = found.report.lines[number - 1] if found.report.lines else found.report
        evidence = next((e for e in report.evidence if e.check == PRICE), None)
        weight = float(declared.net_kg)
        unit_value = None if evidence is None else evidence.observed
        if unit_value is None and weight > 0 and declared.value.currency == "USD":
            unit_value = float(declared.value) / weight
        try:
            series: Series | None = self.series(declared.hsk.digits, country, start, end)
        except NotFound:
            series = None
        point = _declared(f"{found.declaration.date:%Y-%m}", unit_value, weight, evidence)
        return LineSeries(number, declared.hsk.digits, country, point, series)

    # -- where a series comes from -----------------------------------------------------------------

    def _whole(self, hs: str, country: str) -> Series:
        models = self.models()
        key = (models.versions.get("tabular"), self.trade.edition())
        return self._series.get((*key, hs, country), lambda: self._scored(key, models, hs, country))

    def _scored(self, key: tuple[str | None, int], models: Models, hs: str, country: str) -> Series:
        from tabular_ae.rows import month_text

        scorer, version = tabular_of(models), key[0]
        panel = self._panels.get((*key, hs[:6]), lambda: self._panel(scorer, hs[:6]))
        source, chosen = IMPORTED, _choose(panel.rows, hs, country)
        if chosen is None and scorer is not None:
            source, chosen = OF_MODEL, _choose(scorer.history.rows, hs, country)
        if chosen is None:
            raise NotFound(
                f"no trade of {hs} from {country} is known",
                field="hs",
                remedy="see /v1/series/items for what is, or run portcullis import trade FILE",
            )
        item, match, rows = chosen
        published = panel.freight_unit
        if source == OF_MODEL and scorer is not None:
            published = scorer.converter.freight_unit
        months = [
            Month(month_text(int(m)), v / w if v > 0 and w > 0 else None, w, v, _number(f))
            for m, w, v, f in zip(
                rows.month, rows.weight.tolist(), rows.value.tolist(), rows.freight, strict=True
            )
        ]
        if scorer is not None and country != EVERYWHERE:
            within = scorer.history if source == OF_MODEL else panel.history
            months = self._banded(scorer, rows, within if match != FINER else None, published, months)
        first, last = months[0].month, months[-1].month
        model = None if scorer is None or country == EVERYWHERE else version
        known = published if any(m.freight is not None for m in months) else None
        return Series(hs, country, item, match, source, model, UNIT, known, first, last, tuple(months))

    def _banded(
        self,
        scorer: TabularScorer,
        rows: Rows,
        within: History | None,
        freight_unit: str | None,
        months: Sequence[Month],
    ) -> list[Month]:
        """The months with what the model expects of them."""
        usable = _in_unit(rows, freight_unit, scorer)
        found = self.on_models(lambda _: scorer.score_panel(usable, within=within))
        names = ("expected_low", "expected_high", "p_value", "surprise", f"{PRICE}.p_value")
        columns = [[_number(x) for x in found[name]] for name in names]
        flags = [bool(flag) for flag in found["flagged"]]
        return [
            replace(
                month,
                expected_low=low,
                expected_high=high,
                p_value=p,
                surprise=surprise,
                price_p_value=price,
                flagged=flag,
            )
            for month, low, high, p, surprise, price, flag in zip(months, *columns, flags, strict=True)
        ]

    def _panel(self, scorer: TabularScorer | None, prefix: str) -> _Panel:
        imported = self.trade.below(prefix)
        unit = next((row.freight_unit for row in reversed(imported) if row.freight is not None), None)
        rows = _rows(imported, unit)
        if scorer is None or not imported:
            return _Panel(rows, unit, None)
        known = _in_unit(rows, unit, scorer)
        return _Panel(rows, unit, self.on_models(lambda _: scorer.history.with_rows(known)))

    def _of_model(self) -> tuple[KnownSeries, ...]:
        models = self.models()
        scorer = tabular_of(models)
        if scorer is None:
            return ()
        return self._pairs.get(models.versions["tabular"], lambda: _pairs(scorer.history.rows))


@dataclass(frozen=True, eq=False)
class _Panel:
    """Imported rows below one subheading, and the model's history with them in it."""

    rows: Rows
    freight_unit: str | None
    history: History | None


def _rows(imported: Sequence[TradeRow], unit: str | None) -> Rows:
    from tabular_ae.rows import Rows, month_number

    freight = [r.freight if r.freight is not None and r.freight_unit == unit else np.nan for r in imported]
    return Rows(
        hs=np.array([r.hs for r in imported], dtype=object),
        country=np.array([r.country for r in imported], dtype=object),
        month=np.array([month_number(r.month) for r in imported], dtype=np.int64),
        value=np.array([r.value_usd for r in imported], dtype=np.float64),
        weight=np.array([r.weight_kg for r in imported], dtype=np.float64),
        freight=np.array(freight, dtype=np.float64),
    )


def _in_unit(rows: Rows, freight_unit: str | None, scorer: TabularScorer) -> Rows:
    """Rows for a model to score: without their freight where it is in another unit than the model's."""
    if freight_unit is not None and freight_unit == scorer.converter.freight_unit:
        return rows
    return replace(rows, freight=np.full(len(rows), np.nan))


def _choose(rows: Rows, hs: str, country: str) -> tuple[str, str, Rows] | None:
    """Code, match and monthly rows of the series nearest to what was asked for."""
    from tabular_ae.history import own_codes

    number, pairs = rows.pairs
    if country == EVERYWHERE:
        return _choose_everywhere(rows, hs)
    place = {pair: i for i, pair in enumerate(pairs)}
    for code in own_codes(hs):
        if (code, country) in place:
            match = EXACT if code == hs else COARSER
            return code, match, _monthly(rows.take(number == place[code, country]), code)
    below = [i for (code, where), i in place.items() if where == country and code.startswith(hs)]
    if not below:
        return None
    return hs, FINER, _monthly(rows.take(np.isin(number, below)), hs)


def _choose_everywhere(rows: Rows, hs: str) -> tuple[str, str, Rows] | None:
    """As `_choose`, from all countries."""
    from tabular_ae.history import own_codes

    for code in own_codes(hs):
        mine = rows.hs == code
        if mine.any():
            return code, EXACT if code == hs else COARSER, _monthly(rows.take(np.flatnonzero(mine)), code)
    below = np.array([str(code).startswith(hs) for code in rows.hs], dtype=bool)
    return (hs, FINER, _monthly(rows.take(np.flatnonzero(below)), hs)) if below.any() else None


def _monthly(rows: Rows, hs: str) -> Rows:
    """One row for each month, oldest first: value and weight added up, freight by weight."""
    months, at = np.unique(rows.month, return_inverse=True)

    def total(values: Any) -> Any:
        return np.bincount(at, weights=values, minlength=len(months))

    priced = np.isfinite(rows.freight)
    with np.errstate(divide="ignore", invalid="ignore"):
        freight = total(np.where(priced, rows.freight * rows.weight, 0)) / total(rows.weight * priced)
    return replace(
        rows.take(np.zeros(len(months), dtype=np.int64)),
        hs=np.full(len(months), hs, dtype=object),
        month=months,
        value=total(rows.value),
        weight=total(rows.weight),
        freight=freight,
    )


def _pairs(rows: Rows) -> tuple[KnownSeries, ...]:
    from tabular_ae.rows import month_text

    number, pairs = rows.pairs
    order = np.lexsort((rows.month, number))
    ends = np.cumsum(np.bincount(number, minlength=len(pairs)))
    parts = np.split(rows.month[order], ends[:-1]) if pairs else []
    return tuple(
        KnownSeries(
            hs,
            country,
            len(np.unique(months)),
            month_text(int(months[0])),
            month_text(int(months[-1])),
            OF_MODEL,
        )
        for (hs, country), months in zip(pairs, parts, strict=True)
    )


def _known(found: TradeSeries) -> KnownSeries:
    return KnownSeries(found.hs, found.country, found.months, found.first, found.last, IMPORTED)


def _declared(
    month: str, unit_value: float | None, weight: float, evidence: Evidence | None
) -> DeclaredPoint:
    if evidence is None:
        return DeclaredPoint(month, unit_value, weight, None, None, None, None)
    low, high = evidence.expected or (None, None)
    return DeclaredPoint(month, unit_value, weight, low, high, evidence.p_value, evidence.surprise)


def _window(start: str | None, end: str | None, last: str) -> tuple[str, str]:
    from tabular_ae.rows import month_number, month_text

    until = month_number(end or last)
    begins = until - USUAL_MONTHS + 1 if start is None else month_number(start)
    if begins > until:
        raise InvalidValue(
            f"{start} is after {end or last}", field="from", remedy="give the earlier month first"
        )
    if until - begins >= MOST_MONTHS:
        raise InvalidValue(
            f"from {start} to {end or last} are {until - begins + 1} months",
            field="from",
            remedy=f"ask for at most {MOST_MONTHS} months",
        )
    return month_text(max(begins, 0)), month_text(until)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
