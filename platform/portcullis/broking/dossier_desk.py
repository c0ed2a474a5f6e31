"""Dossiers: what was known of the goods, which codes there were, which was chosen or rejected, and why.

A dossier never takes the visitor's word for what the models said: they are asked again, and their answer, the
table and the rulings are kept as they stood.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from customs.errors import CustomsError, Problem
from customs.hs import HsCode
from customs.sentences import Language
from portcullis.broking.asked import Asked, require_plain
from portcullis.broking.suggesting import Suggesting
from portcullis.codes import CodeDesk, NoTable
from portcullis.service import NotFound
from portcullis.store.accounts import Account
from portcullis.store.dossiers import Dossier, Dossiers
from portcullis.store.tariff import Tariff

if TYPE_CHECKING:
    from portcullis.service import Service

LONGEST_REASON = 2_000
MOST_REJECTED = 20
EDITION = 1  # of a dossier's document


@dataclass(frozen=True)
class Judged:
    """A code that the broker chose or rejected, and why."""

    code: HsCode
    reason: str

    def __post_init__(self) -> None:
        require_plain(self.reason, "reason")


@dataclass(frozen=True)
class DossierDesk:
    """Writes and reads dossiers."""

    dossiers: Dossiers
    suggesting: Suggesting
    tariff: Tariff
    service: Service

    @classmethod
    def over(cls, service: Service, suggesting: Suggesting) -> Self:
        """Over a service."""
        audit = service.audit
        dossiers = Dossiers(audit.engine, service.images, audit, audit.now)
        return cls(dossiers, suggesting, service.tariff, service)

    def write(
        self,
        asked: Asked,
        chosen: Judged,
        rejected: Sequence[Judged],
        account: Account,
        *,
        day: dt.date,
        language: Language,
    ) -> Dossier:
        """Ask the models once more and keep everything; day: on which codes have to be valid.

        Raises:
            CustomsError: something is missing; each problem names its field.
        """
        _check(asked, chosen, rejected)
        told = self.suggesting(asked, language=language)
        desk = CodeDesk.of_store(self.tariff)
        suggested = [likely["code"] for likely in told["levels"].get("10", ())]
        codes = dict.fromkeys([*suggested, chosen.code.digits, *(r.code.digits for r in rejected)])
        document = {
            "edition": EDITION,
            "day": day.isoformat(),
            "language": language,
            "facts": {
                "text": asked.text,
                "answers": [{"question": a.question, "answer": a.answer} for a in asked.answers],
            },
            "suggestions": told,
            "codes": {code: _known(desk, code, day, language) for code in codes},
            "chosen": {"code": chosen.code.digits, "reason": chosen.reason.strip()},
            "rejected": [{"code": r.code.digits, "reason": r.reason.strip()} for r in rejected],
            "sources": {"table": self.tariff.source(), "models": dict(self.service.models.versions)},
        }
        title = " ".join(asked.full.split())  # empty where there is only a photo
        return self.dossiers.add(document, account, title=title, chosen=chosen.code.digits, photo=asked.photo)

    def get(self, dossier_id: str, account: Account) -> Dossier:
        """One dossier of an account."""
        found = self.dossiers.get(dossier_id, account)
        if found is None:
            raise NotFound(
                f"there is no dossier {dossier_id!r} of yours", field="id", remedy="check the address"
            )
        return found

    def photo(self, dossier_id: str, account: Account) -> bytes:
        """PNG of a dossier's photo."""
        from customs.picture import read_photo
        from portcullis import drawing

        found = self.get(dossier_id, account)
        if found.photo is None:
            raise NotFound("this dossier has no photo", field="id", remedy="none was given")
        return drawing.photo_png(read_photo(self.service.images.read(found.photo)).pixels)


def _check(asked: Asked, chosen: Judged, rejected: Sequence[Judged]) -> None:
    problems: list[Problem] = []
    if asked.empty:
        problems.append(Problem("nothing is told of the goods", "text", "give a name, a photo or both"))
    if len(rejected) > MOST_REJECTED:
        problems.append(Problem(f"there are {len(rejected)}", "rejected", f"give at most {MOST_REJECTED}"))
    if chosen.code.level != 10:
        problems.append(
            Problem(f"{chosen.code} has {chosen.code.level} digits", "chosen", "choose a ten-digit code")
        )
    codes = [chosen.code.digits, *(r.code.digits for r in rejected)]
    if len(set(codes)) != len(codes):
        problems.append(Problem("a code stands in it twice", "rejected", "choose a code or reject it, once"))
    for field, judged in (("reason", chosen), *(("rejected", r) for r in rejected)):
        if not judged.reason.strip():
            problems.append(Problem(f"{judged.code}: there is no reason", field, "write why, in a sentence"))
        elif len(judged.reason) > LONGEST_REASON:
            said = f"{judged.code}: the reason has {len(judged.reason):,} characters"
            problems.append(Problem(said, field, f"write at most {LONGEST_REASON:,}"))
    if problems:
        raise CustomsError.of(problems)


def _known(desk: CodeDesk, code: str, day: dt.date, language: Language) -> dict[str, Any] | None:
    """Path, validity and rates of a code as the imported table has them; None if it does not."""
    try:
        found = desk.show(code, on=day, language=language)
    except (NoTable, NotFound):
        return None
    return {name: found[name] for name in ("path", "validity", "rates")}
