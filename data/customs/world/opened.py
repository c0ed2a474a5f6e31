"""Reading a world back."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from customs.declaration import Declaration
from customs.errors import UnreadableFile
from customs.world.things import Thing

FORMAT = 1
Period = Literal["past", "settled", "review", "all"]
_REMEDY = "make one with `portcullis world --out DIR`"


def is_world(path: Path) -> bool:
    """True for a folder that `make_world` wrote."""
    try:
        head = json.loads((Path(path) / "world.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(head, dict) and "format" in head and "cutoff" in head


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an inspection found; reason: "" if nothing."""

    inspected_on: dt.date
    fraud: bool
    reason: str = ""


@dataclass(frozen=True)
class World:
    """A world on disk: declarations before `cutoff` are the past, those from `review_from` are under review.

    Between the two, in worlds that have such a period, they are settled: inspected, and the outcome known.
    """

    folder: Path
    about: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> World:
        """Open a world; `UnreadableFile` if it is none or of another format."""
        folder = Path(folder)
        if not is_world(folder):
            raise UnreadableFile(f"{folder} is not a world", field="data", remedy=_REMEDY)
        about = json.loads((folder / "world.json").read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise UnreadableFile(
                f"{folder} has format {about['format']}, this version reads {FORMAT}",
                field="data",
                remedy=_REMEDY,
            )
        return cls(folder, about)

    @property
    def cutoff(self) -> dt.date:
        """First day after the past, which is what models learn from."""
        return dt.date.fromisoformat(self.about["cutoff"])

    @property
    def review_from(self) -> dt.date:
        """First day under review."""
        return dt.date.fromisoformat(self.about.get("review_from", self.about["cutoff"]))

    def path(self, name: str) -> Path:
        """A file of the world, such as `series.csv`."""
        found = self.folder / name
        if not found.exists():
            raise UnreadableFile(f"{self.folder} lacks {name}", field="data", remedy=_REMEDY)
        return found

    def declarations(self, period: Period = "all") -> list[Declaration]:
        """Declarations by date."""
        lines = self.path("declarations.jsonl").read_text(encoding="utf-8").splitlines()
        every = [Declaration.from_json(line) for line in lines if line]
        if period == "all":
            return every
        return [d for d in every if self._period(d.date) == period]

    def outcomes(self) -> dict[str, Outcome]:
        """Declaration id to what its inspection found, of those inspected."""
        if not (self.folder / "outcomes.csv").exists():  # a world written before there were any
            return {}
        with self.path("outcomes.csv").open(encoding="utf-8", newline="") as file:
            return {
                row["declaration_id"]: Outcome(
                    dt.date.fromisoformat(row["inspected_on"]), row["fraud"] == "1", row["reason"]
                )
                for row in csv.DictReader(file)
            }

    def truth(self) -> dict[str, str]:
        """Declaration id to the first fraud planted in it; only evaluation reads this."""
        with self.path("truth.csv").open(encoding="utf-8", newline="") as file:
            found: dict[str, str] = {}
            for row in csv.DictReader(file):
                found.setdefault(row["declaration_id"], row["fraud"])
        return found

    def attachments(self) -> dict[str, tuple[Path | None, Path | None]]:
        """Declaration id to the paths of its scan and its photo, None where there is none."""
        with self.path("attachments.csv").open(encoding="utf-8", newline="") as file:
            return {
                row["declaration_id"]: (self._maybe(row["scan"]), self._maybe(row["photo"]))
                for row in csv.DictReader(file)
            }

    def lots(self) -> dict[str, str]:
        """Declaration id to the number of its lot, of those whose purchase filled several containers."""
        with self.path("attachments.csv").open(encoding="utf-8", newline="") as file:
            return {row["declaration_id"]: row["lot"] for row in csv.DictReader(file) if row.get("lot")}

    def visible_packages(self) -> dict[str, int]:
        """Declaration id to how many packages its scan shows from the side, where they stand in rows."""
        with self.path("attachments.csv").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get("visible_packages")]
        return {row["declaration_id"]: int(row["visible_packages"]) for row in rows}

    def planted(self) -> dict[str, list[Thing]]:
        """Declaration id to what was planted in its load; only evaluation reads this."""
        found: dict[str, list[Thing]] = {}
        with self.path("planted.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["declaration_id"], []).append(Thing.of_row(row))
        return found

    def cases(self, period: Period = "all") -> Iterator[tuple[Declaration, Path | None, Path | None]]:
        """Each declaration with the paths of its scan and its photo."""
        attached = self.attachments()
        for declaration in self.declarations(period):
            yield (declaration, *attached.get(declaration.id, (None, None)))

    def _period(self, date: dt.date) -> Period:
        return "past" if date < self.cutoff else "settled" if date < self.review_from else "review"

    def _maybe(self, name: str) -> Path | None:
        return self.folder / name if name else None
