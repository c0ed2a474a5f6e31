"""What the address of the comparison asks for: read, checked, and kept as it was typed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from customs.errors import CustomsError, Problem
from fusion.policy import BANDS
from portcullis.insight.replay import SIDES, Compare, Question
from portcullis.store.replays import By, Period

THRESHOLDS = tuple(f"{side}_{band}" for band in BANDS[2:] for side in SIDES)
_SETTINGS = (*THRESHOLDS, *(f"{side}_{what}" for side in SIDES for what in ("budget", "by")), "shadow")
_BUDGET = "5%"
_MOST_PAGES = 100_000


@dataclass(frozen=True)
class Asked:
    """One comparison as its address has it. texts: what stands in each field; page: of the list, from 1.

    changed: whether the address names a setting; without one the page only offers.
    """

    compare: Compare
    texts: Mapping[str, str]
    page: int = 1
    changed: bool = False

    @classmethod
    def read(cls, given: Mapping[str, str], in_force: Mapping[str, float]) -> Asked:
        """From the values of an address; what cannot be is told by `question`."""
        kinds = {kind.value for kind in Compare}
        compare = Compare(given["compare"]) if given.get("compare") in kinds else Compare.POLICY
        texts = {name: given.get(name, "").strip() for name in ("since", "until", "shadow")}
        for name in THRESHOLDS:
            texts[name] = given.get(name, "").strip() or f"{in_force[name[2:]]:g}"
        for side in SIDES:
            texts[f"{side}_budget"] = given.get(f"{side}_budget", "").strip() or _BUDGET
            by = given.get(f"{side}_by", "")
            texts[f"{side}_by"] = by if by in {one.value for one in By} else By.SURPRISE.value
        page = given.get("page", "")
        number = int(page) if re.fullmatch(r"[0-9]{1,6}", page) else 1
        return cls(compare, texts, min(max(number, 1), _MOST_PAGES), bool(given.keys() & set(_SETTINGS)))

    @property
    def question(self) -> Question:
        """As the desk takes it.

        Raises:
            CustomsError: with every field that cannot be.
        """
        problems: list[Problem] = []
        since, until = (self._day(name, problems) for name in ("since", "until"))
        if since is not None and until is not None and since > until:
            problems.append(Problem(f"{since} is after {until}", "since", "give the earlier day first"))
        sides: list[dict[str, float]] = [
            {band: self._number(f"{side}_{band}", problems) for band in BANDS[2:]}
            for side in SIDES
            if self.compare is Compare.POLICY
        ] or [{}, {}]
        if problems:
            raise CustomsError.of(problems)
        return Question(
            compare=self.compare,
            period=Period(since, until),
            thresholds=(sides[0], sides[1]),
            budgets=(self.texts["a_budget"], self.texts["b_budget"]),
            orders=(By(self.texts["a_by"]), By(self.texts["b_by"])),
            shadow=self.texts["shadow"] or None,
        )

    @property
    def same(self) -> bool:
        """Whether both sides are one setting, so that nothing can change."""
        if self.compare is Compare.SHADOW:
            return False
        whats = BANDS[2:] if self.compare is Compare.POLICY else ("budget", "by")
        return all(self.texts[f"a_{what}"] == self.texts[f"b_{what}"] for what in whats)

    def address(self, page: int) -> str:
        """The address of another page of the list."""
        names = ["since", "until"]
        match self.compare:
            case Compare.POLICY:
                names += THRESHOLDS
            case Compare.BUDGET:
                names += [f"{side}_{what}" for side in SIDES for what in ("budget", "by")]
            case Compare.SHADOW:
                names.append("shadow")
        values = {"compare": self.compare.value, **{n: self.texts[n] for n in names if self.texts[n]}}
        return "/replay?" + urlencode(values | ({"page": page} if page > 1 else {}))

    def _day(self, name: str, problems: list[Problem]) -> dt.date | None:
        text = self.texts[name]
        if not text:
            return None
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
                raise ValueError
            return dt.date.fromisoformat(text)
        except ValueError:
            problems.append(Problem(f"got {text!r}", name, "write a day such as 2025-04-30"))
            return None

    def _number(self, name: str, problems: list[Problem]) -> float:
        text = self.texts[name]
        try:
            return float(text)
        except ValueError:
            problems.append(Problem(f"got {text!r}", name, "write a number such as 2.5"))
            return 0.0
