"""The cases of a past period: from a file, or from the store of this machine."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from customs.errors import InvalidValue
from fusion.data import OUTCOME, PERIOD, SUBJECT, Cases, is_cases


def past_cases(data: Path | None) -> Cases:
    """Scored cases, plain declarations (without evidence), or without a file all that was assessed here."""
    if data is None:
        return _of_store()
    if is_cases(data):
        return Cases.read(data)
    from customs.readers import declarations

    table = declarations.read(data).table
    nothing = np.full((len(table), 0), np.nan)
    return Cases(table.assign(**{OUTCOME: table["fraud"]}), (), nothing, nothing)


def of_period(cases: Cases, since: str | None, until: str | None) -> Cases:
    """Those declared from one day to another, both included."""
    first, last = (_day(text, name) for text, name in ((since, "since"), (until, "until")))
    days = [dt.date.fromisoformat(str(day)[:10]) for day in cases.table["date"]]
    wanted = np.array([(not first or d >= first) and (not last or d <= last) for d in days], dtype=bool)
    if not wanted.any():
        raise InvalidValue("there are no cases in this period", field="data", remedy="widen the period")
    return cases.take(wanted)


def _of_store() -> Cases:
    """The lines of all stored assessments with the evidence of that time."""
    import pandas as pd

    from customs.readers.declarations import table_of
    from portcullis.settings import Settings
    from portcullis.store import open_store
    from portcullis.store.assessments import reports

    engine = open_store(Settings.read().store_url)
    try:
        found = list(reports(engine))
    finally:
        engine.dispose()
    if not found:
        raise InvalidValue(
            "nothing was assessed yet", field="data", remedy="name a file of scored cases with --data"
        )
    table = table_of([declaration for declaration, _ in found])
    evidence = [line.evidence for _, report in found for line in (report.lines or (report,))]
    table[SUBJECT] = [f"{d}/{n}" for d, n in zip(table["declaration_id"], table["line"], strict=True)]
    table[PERIOD] = "stored"
    table[OUTCOME] = pd.array([None] * len(table), dtype="Int8")
    return Cases.of(table, evidence)


def _day(text: str | None, name: str) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidValue(f"got {text!r}", field=name, remedy="write a day such as 2025-04-30") from None
