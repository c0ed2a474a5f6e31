"""`hs.text`: how odd the declared code is for what the goods are called."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from customs.artefact import ArtefactWriter, open_artefact
from customs.calibrate import Conformal
from customs.case import Case
from customs.config import make_config
from customs.evidence import Alternative, Evidence, Message
from customs.hs import HsCode
from hs_classifier.calibration import SetRule
from hs_classifier.codes import Array, CodeTree
from hs_classifier.keep import open_voices, save_voices
from hs_classifier.official.table import CodeTable
from hs_classifier.ranker import Ranker
from hs_classifier.suggest import CHUNK, Suggester, Suggestion
from hs_classifier.text import MAX_CLEAN, Goods
from hs_classifier.vagueness.model import VagueModel

KIND = "hs"
CHECK = "hs.text"
# Below this a probability is a rounding error of the blend, not an opinion.
_FLOOR = 1e-7
_SHOWN = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Oddness:
    """The code looked at (the declared one or its deepest known parent), its probability, −log of it."""

    code: HsCode
    probability: float
    score: float


def oddness(levels: dict[int, Array], row: int, declared: HsCode, tree: CodeTree) -> Oddness | None:
    """How odd a declared code is for one row of log-probabilities; None if the tree knows no parent of it."""
    code = tree.deepest(declared)
    if code is None:
        return None
    node = tree.find(code)
    assert node is not None
    # rounded: a tie must stay a tie in whatever batch it was computed
    probability = round(float(np.exp(levels[code.level][row, node])), 9)
    return Oddness(code, min(probability, 1.0), abs(round(math.log(max(probability, _FLOOR)), 5)))


class HsScorer:
    """The text module behind the `Scorer` protocol, with suggestions for brokers."""

    name = "hs"
    checks: tuple[str, ...] = (CHECK,)

    def __init__(
        self, suggester: Suggester, conformal: Conformal, *, figures: dict[str, Any] | None = None
    ) -> None:
        self.suggester = suggester
        self.conformal = conformal
        self.figures = dict(figures or {})
        self.data_fingerprint = ""

    def suggest(self, texts: Sequence[str | Goods], top: int = 5) -> list[Suggestion]:
        """Codes for texts, or for names with descriptions, in order; see `Suggestion`."""
        return self.suggester(texts, top)

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        """One `hs.text` for each case, in order.

        Abstains without a line or its text, without a declared code, on text without known words and on
        codes of which not even the chapter was trained on.
        """
        answers: list[list[Evidence]] = []
        for begin in range(0, len(cases), CHUNK):
            answers.extend([evidence] for evidence in self._chunk(cases[begin : begin + CHUNK]))
        return answers

    def _chunk(self, cases: Sequence[Case]) -> list[Evidence]:
        goods = [Goods(c.line.name, c.line.description) if c.line is not None else Goods("") for c in cases]
        refusals = self.suggester.refusals(goods)
        tree = self.suggester.tree
        answers: list[Evidence | None] = []
        for case, refusal in zip(cases, refusals, strict=True):
            if case.line is None:
                answers.append(Evidence.abstain(CHECK, case.subject, "hs.text.no_text"))
            elif refusal is not None:
                answers.append(Evidence.abstain(CHECK, case.subject, refusal.reason.id))
            elif case.declared is None:
                answers.append(Evidence.abstain(CHECK, case.subject, "hs.text.no_code"))
            elif tree.deepest(case.declared) is None:
                answers.append(
                    Evidence.abstain(CHECK, case.subject, "hs.text.unknown_code", declared=str(case.declared))
                )
            else:
                answers.append(None)
        rows = [i for i, answer in enumerate(answers) if answer is None]
        levels = self.suggester.levels([goods[i] for i in rows]) if rows else {}
        for k, i in enumerate(rows):
            answers[i] = self._evidence(cases[i], levels, k)
        return [answer for answer in answers if answer is not None]

    def _evidence(self, case: Case, levels: dict[int, Array], row: int) -> Evidence:
        declared = case.declared
        assert declared is not None
        odd = oddness(levels, row, declared, self.suggester.tree)
        assert odd is not None
        chain = declared.backoff()
        calibrated = self.conformal(odd.score, chain)
        usual = math.exp(-self.conformal.interval(chain, 0.9))
        nodes = self.suggester.tree.nodes[odd.code.level]
        p = np.exp(levels[odd.code.level][row]).round(6)
        best = [int(i) for i in np.argsort(-p, kind="stable")[:_SHOWN]]
        better = tuple(
            Alternative(hs=nodes[i], probability=min(float(p[i]), 1.0))
            for i in best
            if p[i] > odd.probability + 1e-6
        )
        return Evidence(
            check=CHECK,
            subject=case.subject,
            p_value=calibrated.p_value,
            surprise=calibrated.surprise,
            observed=odd.probability,
            expected=(min(usual, 1.0), 1.0),
            unit="probability",
            reference=calibrated.reference,
            alternatives=better,
            message=_message(declared, odd, better),
        )

    def save(self, folder: Path) -> None:
        """Write the artefact folder."""
        s, v = self.suggester, self.suggester.voices
        writer = ArtefactWriter(
            folder,
            kind=KIND,
            config=dataclasses.asdict(s.config),
            preprocessing={"normalisation": "NFKC, lower case, no markup", "characters": MAX_CLEAN},
            data_fingerprint=self.data_fingerprint,
            figures=self.figures,
        )
        with writer:
            save_voices(writer, v)
            if s.vague is not None:
                writer.tensors("vague", s.vague.arrays())
                writer.document("vague", s.vague.facts())
            writer.columns("table", s.table.columns())
            writer.document(
                "tuning",
                {
                    "ranker": None if s.ranker is None else s.ranker.text,
                    "temperatures": {str(level): t for level, t in s.temperatures.items()},
                    "set_mass": s.sets.mass,
                    "set_coverage": s.sets.coverage,
                },
            )
            writer.calibration(CHECK, self.conformal)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        """Read an artefact folder; `DamagedArtefact` if a file is not the one that was trained."""
        from hs_classifier.model import HsConfig

        artefact = open_artefact(Path(folder), kind=KIND)
        config = make_config(HsConfig, artefact.config)
        tuning = artefact.document("tuning")
        suggester = Suggester(
            config=config,
            voices=open_voices(artefact, config, device),
            ranker=None if tuning["ranker"] is None else Ranker(tuning["ranker"]),
            temperatures={int(level): t for level, t in tuning["temperatures"].items()},
            sets=SetRule(tuning["set_mass"], tuning["set_coverage"]),
            vague=VagueModel.restore(artefact.tensors("vague"), artefact.document("vague"))
            if artefact.has("vague")
            else None,
            table=CodeTable.restore(artefact.columns("table")),
        )
        scorer = cls(suggester, artefact.calibration(CHECK), figures=dict(artefact.manifest["figures"]))
        scorer.data_fingerprint = artefact.manifest["data_fingerprint"]
        return scorer


def _message(declared: HsCode, odd: Oddness, better: tuple[Alternative, ...]) -> Message:
    shared: dict[str, str | int | float] = {"declared": str(declared), "probability": odd.probability}
    known = odd.code.level == declared.level
    if not known:
        shared["looked_at"] = str(odd.code)
    suffix = "" if known else "_at_parent"
    if not better:
        return Message(id=f"hs.text.agrees{suffix}", params=shared)
    best: dict[str, str | int | float] = {
        "best": str(better[0].hs),
        "best_probability": better[0].probability,
    }
    return Message(id=f"hs.text.other{suffix}", params={**shared, **best})
