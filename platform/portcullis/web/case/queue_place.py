"""The queue that a case was opened from: the way back, and the cases before and after it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from pydantic import ValidationError

from customs.errors import CustomsError
from portcullis.api.queue import QueueQuery
from portcullis.service import Service

# Neighbours are looked for in so many rows: whoever works a queue works from its top.
_ROWS = 200
_LONGEST = 4_000
_LISTS = frozenset(
    name for name, field in QueueQuery.model_fields.items() if "list" in str(field.annotation).lower()
)


@dataclass(frozen=True)
class QueuePlace:
    """query, href: of the queue as it was filtered.

    before, after: addresses of the neighbours, "" without one.
    position, total: of this case in that queue; position is 0 where it is not among the first rows.
    """

    query: str
    href: str
    before: str = ""
    after: str = ""
    position: int = 0
    total: int = 0

    @classmethod
    def of(cls, service: Service, asked: str | None, assessment_id: str, me: str) -> QueuePlace | None:
        """asked: the query string of the queue, as the address of the case page gives it (`from`)."""
        if asked is None or len(asked) > _LONGEST:
            return None
        kept = [(name, value) for name, value in parse_qsl(asked.lstrip("?")) if name != "lang"]
        query = urlencode(kept)
        place = cls(query, "/queue" + (f"?{query}" if query else ""))
        try:
            wanted = _read(kept)
            page = service.queue.page(wanted.filter(me), order=wanted.order, limit=_ROWS)
        except (ValidationError, CustomsError):
            return place  # the queue itself says what is wrong with it
        ids = [row.id for row in page.rows]
        if assessment_id not in ids:
            return place
        at, suffix = ids.index(assessment_id), "?" + urlencode({"from": query})
        return cls(
            query,
            place.href,
            before=f"/assessments/{ids[at - 1]}{suffix}" if at > 0 else "",
            after=f"/assessments/{ids[at + 1]}{suffix}" if at + 1 < len(ids) else "",
            position=at + 1,
            total=page.total,
        )


def _read(kept: list[tuple[str, str]]) -> QueueQuery:
    """What the API takes of a queue page's address; what belongs to the page alone is left out."""
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in kept:
        if name in QueueQuery.model_fields and name not in ("cursor", "limit"):
            values[name].append(value)
    return QueueQuery.model_validate({n: v if n in _LISTS else v[-1] for n, v in values.items()})
