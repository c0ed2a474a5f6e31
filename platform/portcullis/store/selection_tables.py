"""The tables of selections: lists of cases that were published for inspection. Only added to."""

from __future__ import annotations

import sqlalchemy as sa

from portcullis.store.metadata import metadata

selection = sa.Table(
    "selection",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(16), nullable=False, unique=True),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),  # what was asked for and what it came to
)
selection_case = sa.Table(
    "selection_case",
    metadata,
    sa.Column("selection_id", sa.String(16), sa.ForeignKey("selection.id"), primary_key=True),
    sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), primary_key=True, index=True),
    sa.Column("rank", sa.Integer, nullable=False),  # 1: the riskiest of all it was chosen from; 0: not judged
    sa.Column("arm", sa.String(8), nullable=False),  # risk, random, or both
)


def cases_of(selection_id: str) -> sa.Select[tuple[str]]:
    """The assessments of a selection, as a part of a query."""
    return sa.select(selection_case.c.assessment_id).where(selection_case.c.selection_id == selection_id)
