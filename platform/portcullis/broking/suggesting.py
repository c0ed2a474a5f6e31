"""Suggestions for goods: the models are asked between requests, and what a photo did to them is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from customs.errors import CustomsError
from customs.evidence import Message
from customs.sentences import Language, render
from portcullis.batcher import Batcher, Busy
from portcullis.broking.asked import Asked
from portcullis.jobs.runner import NotNow
from portcullis.models import Models
from portcullis.service import MAX_SUGGESTIONS, NoModel

if TYPE_CHECKING:
    from hs_classifier.bulk import Row
    from hs_classifier.suggest import Suggester, Suggestion

Document = dict[str, Any]
_MOST_RULINGS = 20


@dataclass(frozen=True)
class Suggesting:
    """Asks the HS model of a service."""

    batcher: Batcher

    @property
    def possible(self) -> bool:
        """Whether an HS model is loaded."""
        return "hs" in self.batcher.models.scorers

    def __call__(self, asked: Asked, top: int = 5, language: Language = "en") -> Document:
        """Keys `levels`, `set`, `rulings`, `official`, `separates`, `refused` and `photo`.

        photo: None if there was none, else whether the suggestions rest on it, and why not; `by_text` is the
        likeliest code of the text alone where that is another one, so that nobody mistakes whose goods a
        photo shows.

        Raises:
            NoModel: no HS model is loaded.
            CustomsError: too much is asked for, or the photo cannot be read.
        """
        self._open()
        if not 1 <= top <= MAX_SUGGESTIONS:
            raise CustomsError(f"got {top}", field="top", remedy=f"give 1 to {MAX_SUGGESTIONS}")
        picture, goods = asked.picture, asked.goods

        def work(models: Models) -> Document:
            from hs_classifier.bulk import as_json

            scorer: Any = models.scorers["hs"]
            photos = None if picture is None else [(picture,)]
            found = scorer.suggest([goods], top, photos)[0]
            # which words decide is asked of the text alone: with a photo it would be told wrongly
            told = as_json(found, scorer.suggester, language, None if picture is not None else goods)
            if picture is None:
                return {**told, "photo": None}
            why = _unused(scorer.suggester, picture)
            if why is not None and told["refused"] is not None and not asked.full.strip():
                told["refused"] = {**told["refused"], "reason": render(why, language)}
            reason = None if why is None else render(why, language)
            other = None
            if why is None and asked.full.strip():
                other = _by_text(scorer.suggest([goods], 1)[0], told)
            return {**told, "photo": {"used": why is None, "reason": reason, "by_text": other}}

        return self.batcher.call(work)

    def rows(self, rows: Sequence[Row], top: int, language: Language) -> list[Document]:
        """A document for each row of a list; `NotNow` while requests fill the queue."""
        self._open()
        if self.batcher.full:
            raise NotNow

        def work(models: Models) -> list[Document]:
            from hs_classifier.bulk import as_json
            from hs_classifier.suggest import Suggestion
            from hs_classifier.text import Refusal

            scorer: Any = models.scorers["hs"]
            found = iter(scorer.suggest([row.goods for row in rows if row.fault is None], top))
            answers = [
                next(found) if row.fault is None else Suggestion(refused=Refusal(row.fault, ()))
                for row in rows
            ]
            return [as_json(answer, scorer.suggester, language) for answer in answers]

        try:
            return self.batcher.call(work)
        except Busy:
            raise NotNow from None

    def rulings(self, digits: str) -> list[str] | None:
        """Texts of the rulings that the model knows under a code; None without a model."""
        if not self.possible:
            return None
        scorer: Any = self.batcher.models.scorers["hs"]
        found = dict.fromkeys(
            p.text
            for p in scorer.suggester.voices.index.precedents
            if p.source == "ruling" and p.code.digits.startswith(digits)
        )
        return list(found)[:_MOST_RULINGS]

    @property
    def coverage(self) -> float | None:
        """How often the calibrated set holds the right code, as it was set when the model was trained."""
        if not self.possible:
            return None
        scorer: Any = self.batcher.models.scorers["hs"]
        return float(scorer.suggester.sets.coverage)

    def _open(self) -> None:
        if not self.possible:
            raise NoModel("no HS model is loaded", field="models", remedy="train one: portcullis train hs")


def _by_text(alone: Suggestion, told: Document) -> Document | None:
    """The likeliest code of the text alone; None where it is the same, or the text says too little."""
    likely, together = alone.levels.get(10, ()), told["levels"].get("10", ())
    if not likely or likely[0].hs is None or (together and together[0]["code"] == likely[0].hs.digits):
        return None
    return {"code": likely[0].hs.digits, "probability": likely[0].probability}


def _unused(suggester: Suggester, picture: Any) -> Message | None:
    """Why a photo had no say; None where it had."""
    if suggester.photos is None:
        return Message(id="hs.photo.untaught")
    _, foreign = suggester.photos.look([(picture,)])
    return Message(id="hs.photo.foreign") if foreign[0] else None
