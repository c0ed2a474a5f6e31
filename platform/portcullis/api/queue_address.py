"""The queue's filter as it stands in an address: name=value pairs, read, checked, and written again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from customs.errors import CustomsError, Problem
from portcullis.api.queue import QueueQuery

_LISTS = frozenset(
    name for name, field in QueueQuery.model_fields.items() if str(field.annotation).startswith("list")
)
PAGING = frozenset({"cursor", "limit", "lang"})


Query = TypeVar("Query", bound=QueueQuery)


class BadFilter(CustomsError):
    """An address that is no filter of the queue."""


def checked(pairs: Iterable[tuple[str, str]]) -> QueueQuery:
    """The filter; empty values do not narrow.

    Raises:
        BadFilter: with a problem for each field that cannot be.
    """
    return checked_as(QueueQuery, pairs)


def checked_as(of: type[Query], pairs: Iterable[tuple[str, str]]) -> Query:
    """The filter, with what else is asked of its cases.

    Raises:
        BadFilter: with a problem for each field that cannot be.
    """
    values: dict[str, Any] = {}
    for name, value in clean(pairs):
        if name in _LISTS:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    try:
        return of.model_validate(values)
    except ValidationError as error:
        problems = [
            Problem(
                f"got {str(one['input'])[:80]!r}: {one['msg']}",
                ".".join(str(part) for part in one["loc"][:1]),
                "see /openapi.json for what this filter takes",
            )
            for one in error.errors()
        ]
        raise BadFilter.of(problems) from None


def clean(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs as an address needs them: no empty value, no pair twice."""
    return list(dict.fromkeys((name, value.strip()) for name, value in pairs if value.strip()))


def lasting(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Only what narrows or orders: what a view, a chip and a link to share keep."""
    found = [(name, value) for name, value in clean(pairs) if name not in PAGING]
    named = {name for name, _ in found}
    # by what a share is measured says nothing without a share and kinds, though the form sends it
    measured = {"top", "kind"} <= named
    return [(name, value) for name, value in found if measured or name != "top_by"]
