"""What the form of a broker's page says: the facts about the goods, and the codes that were judged."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from customs.errors import CustomsError, InvalidValue
from customs.hs import HsCode
from portcullis.api.told import Told
from portcullis.broking.asked import Answer, Asked
from portcullis.broking.dossier_desk import Judged

OTHER = "other"  # the choice of a code that was not suggested


@dataclass(frozen=True)
class Choice:
    """Codes as they stand in the form, whether or not they are right.

    chosen: digits, `other`, or empty. other: the code typed beside `other`. reasons: by code or `other`.
    """

    chosen: str = ""
    other: str = ""
    rejected: tuple[str, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()

    def reason(self, code: str) -> str:
        """The reason typed for a code."""
        return dict(self.reasons).get(code, "")

    def beside(self, shown: tuple[str, ...]) -> tuple[str, ...]:
        """Rejected codes that the suggestions no longer hold."""
        return tuple(code for code in self.rejected if code not in shown)


def told_by(query: QueryParams) -> Told:
    """The same form, sent by GET."""
    return Told(fields=tuple(query.multi_items()))


def asked_of(told: Told) -> Asked:
    """The facts; answers that were just typed count as added."""
    pairs = [
        *zip(told.every("question"), told.every("answer"), strict=False),
        *zip(told.every("asked"), told.every("reply"), strict=False),
    ]
    answers = tuple(Answer(q, a.strip()) for q, a in pairs if a.strip())
    return Asked(told.one("text"), answers, told.photo)


def choice_of(told: Told) -> Choice:
    """The judged codes as they stand."""
    reasons = tuple(
        (name.removeprefix("reason-"), text) for name, text in told.fields if name.startswith("reason-")
    )
    rejected = tuple(dict.fromkeys(code for code in told.every("rejected") if code != told.one("chosen")))
    return Choice(told.one("chosen"), told.one("other").strip(), rejected, reasons)


def judged_of(choice: Choice) -> tuple[Judged, list[Judged]]:
    """The chosen and the rejected codes; `CustomsError` where one is none."""
    if not choice.chosen:
        raise CustomsError("no code is chosen", field="chosen", remedy="choose one, or type another code")
    other = choice.chosen == OTHER
    code = _code(choice.other if other else choice.chosen, "other" if other else "chosen")
    rejected = [Judged(_code(c, "rejected"), choice.reason(c)) for c in choice.rejected]
    return Judged(code, choice.reason(choice.chosen)), rejected


def _code(text: str, field: str) -> HsCode:
    try:
        return HsCode.parse(text)
    except InvalidValue as error:
        problem = error.problems[0]
        raise InvalidValue(problem.problem, field=field, remedy=problem.remedy) from None
