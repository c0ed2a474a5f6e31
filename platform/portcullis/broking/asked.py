"""What a broker tells of the goods: a text, answers to questions, a photo."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from customs.errors import CustomsError
from portcullis.service import MAX_SUGGESTION_TEXT

if TYPE_CHECKING:
    from customs.case import Photo
    from hs_classifier.text import Goods

MAX_ANSWERS = 12
LONGEST_QUESTION = 300
LONGEST_ANSWER = 500


def require_plain(text: str, field: str) -> None:
    """Refuse the one character that no database takes."""
    if "\0" in text:
        raise CustomsError("there is a NUL character in it", field=field, remedy="type the text anew")


@dataclass(frozen=True)
class Answer:
    """A fact that was added to the text: an answer to a question, or one without a question."""

    question: str
    answer: str

    def __post_init__(self) -> None:
        for field, text, most in (
            ("question", self.question, LONGEST_QUESTION),
            ("answer", self.answer, LONGEST_ANSWER),
        ):
            require_plain(text, field)
            if len(text) > most:
                raise CustomsError(
                    f"the text has {len(text):,} characters", field=field, remedy=f"write at most {most:,}"
                )


@dataclass(frozen=True)
class Asked:
    """The facts about some goods. photo: the bytes of the file, not yet read."""

    text: str
    answers: tuple[Answer, ...] = ()
    photo: bytes | None = None

    def __post_init__(self) -> None:
        require_plain(self.text, "text")
        if len(self.text) > MAX_SUGGESTION_TEXT:
            raise CustomsError(
                f"the text has {len(self.text):,} characters",
                field="text",
                remedy=f"send at most {MAX_SUGGESTION_TEXT:,}",
            )
        if len(self.answers) > MAX_ANSWERS:
            raise CustomsError(
                f"there are {len(self.answers)} added facts",
                field="answer",
                remedy=f"add at most {MAX_ANSWERS}, or write them into the text",
            )

    @property
    def empty(self) -> bool:
        """Whether nothing was told at all."""
        return not self.full.strip() and self.photo is None

    @property
    def full(self) -> str:
        """The text with what was added to it, as the models are asked."""
        said = [self.text.strip(), *(a.answer.strip() for a in self.answers)]
        return "; ".join(part for part in said if part)

    @property
    def goods(self) -> Goods:
        """Name and description: what was added belongs to the name, which decides."""
        from hs_classifier.text import Goods

        read = Goods.of(self.text)
        said = [read.name, *(a.answer.strip() for a in self.answers)]
        return Goods("; ".join(part for part in said if part.strip()), read.description)

    @cached_property
    def picture(self) -> Photo | None:
        """The photo, decoded under the limits of every upload; `CustomsError` where that cannot be done."""
        from customs.picture import read_photo

        return None if self.photo is None else read_photo(self.photo, field="photo")
