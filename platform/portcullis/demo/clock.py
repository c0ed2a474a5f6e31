"""The time of the demonstration's office: that of its history while it is written, then everybody's."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from portcullis.service import utc_now


@dataclass(eq=False)
class Clock:
    """Answers with `at`, or with the real time where that is None."""

    at: dt.datetime | None = None

    def __call__(self) -> dt.datetime:
        """The time in UTC."""
        return utc_now() if self.at is None else self.at
