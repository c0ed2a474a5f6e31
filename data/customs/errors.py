"""What can go wrong with a user's input, said so that the user can put it right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where it is, what it is, and how to put it right."""

    problem: str
    field: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{where}{self.problem}" + (f" — {self.remedy}" if self.remedy else "")


class CustomsError(Exception):
    """Base of every error that a user can put right.

    >>> str(CustomsError("got -3 kg", field="net_kg", remedy="give a weight of zero or more"))
    'net_kg: got -3 kg — give a weight of zero or more'
    """

    def __init__(self, problem: str, *, field: str | None = None, remedy: str | None = None) -> None:
        self.problems: tuple[Problem, ...] = (Problem(problem, field, remedy),)
        super().__init__(str(self.problems[0]))

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> CustomsError:
        """One error that carries several problems, so that a user mends them in one go."""
        first = problems[0]
        error = cls(first.problem, field=first.field, remedy=first.remedy)
        error.problems = tuple(problems)
        error.args = ("; ".join(str(p) for p in problems),)
        return error


class InvalidValue(CustomsError, ValueError):
    """A code, amount, weight, country or date that cannot be."""


class InvalidDeclaration(CustomsError):
    """A declaration that cannot be read as one; `problems` names each field."""


class UnreadableFile(CustomsError):
    """A file that is not what it should be: empty, broken, of another kind or encoding, too large."""


class TooLarge(UnreadableFile):
    """A file with more bytes or pixels than is read."""


class DamagedArtefact(CustomsError):
    """A model folder whose files do not match its manifest."""


class InvalidConfig(CustomsError):
    """A configuration name, key or value that a module does not know."""
