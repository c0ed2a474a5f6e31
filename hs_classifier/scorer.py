"""The HS module behind the `Scorer` protocol: what a text, a photo and both say about the declared code."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from customs.artefact import ArtefactWriter, open_artefact
from customs.calibrate import Conformal
from customs.case import Case, Photo
from customs.config import make_config
from customs.evidence import Evidence, Message
from hs_classifier.calibration import SetRule
from hs_classifier.checks import CHECKS, JOINT, PHOTO, TEXT, VAGUE, evidence, oddness, photo_oddness
from hs_classifier.codes import Array
from hs_classifier.keep import open_photos, open_voices, save_photos, save_voices
from hs_classifier.official.table import CodeTable
from hs_classifier.ranker import Ranker
from hs_classifier.suggest import CHUNK, Suggester, Suggestion
from hs_classifier.text import MAX_CLEAN, Goods, Refusal
from hs_classifier.vagueness.model import VagueModel

KIND = "hs"
_REMEMBERED = 32  # cases


@dataclasses.dataclass(frozen=True, eq=False)
class _Read:
    """What some texts and photos say, whatever is declared.

    texts: → row of `refusals`; place: row of a readable text → row of `levels`; photos: → row of `looked`.
    """

    texts: Mapping[Goods, int]
    refusals: Sequence[Refusal | None]
    levels: dict[int, Array]
    place: Mapping[int, int]
    photos: Mapping[tuple[int, ...], int]
    looked: tuple[Array, npt.NDArray[np.bool_]] | None
    kept: Sequence[tuple[Photo, ...]]  # alive, so that no other photo can have their keys

    def has(self, goods: Sequence[Goods], shots: Sequence[tuple[Photo, ...]]) -> bool:
        """Whether all of these were read."""
        return all(g in self.texts for g in goods) and all(_key(photos) in self.photos for photos in shots)


def _key(photos: tuple[Photo, ...]) -> tuple[int, ...]:
    return tuple(map(id, photos))


class HsScorer:
    """Text and photo behind the `Scorer` protocol, with suggestions for brokers.

    conformals: clean scores by check; a check without any abstains, because nothing taught it.
    """

    name = "hs"
    checks: tuple[str, ...] = CHECKS

    def __init__(
        self,
        suggester: Suggester,
        conformals: Mapping[str, Conformal],
        *,
        figures: dict[str, Any] | None = None,
    ) -> None:
        self.suggester = suggester
        self.conformals = dict(conformals)
        self.figures = dict(figures or {})
        self.data_fingerprint = ""
        self._last: _Read | None = None

    def suggest(
        self,
        texts: Sequence[str | Goods],
        top: int = 5,
        photos: Sequence[Sequence[Photo]] | None = None,
    ) -> list[Suggestion]:
        """Codes for texts, or names with descriptions, and for photos, in order; see `Suggestion`."""
        return self.suggester(texts, top, photos)

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        """`hs.text`, `hs.vague_text`, `hs.photo` and `hs.joint` for each case, in order.

        Each abstains with its reason: without a line, its text or photo, without a declared code, on a text
        that says too little, on a photo like none seen, and on codes of which not even the chapter is known.
        """
        answers: list[list[Evidence]] = []
        for begin in range(0, len(cases), CHUNK):
            answers.extend(self._chunk(cases[begin : begin + CHUNK]))
        return answers

    def _chunk(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        goods = [Goods("") if c.line is None else _goods(c) for c in cases]
        read = self._read(goods, cases)
        row = [read.texts[g] for g in goods]
        refusals = [read.refusals[r] for r in row]
        answers: list[dict[str, Evidence]] = [{} for _ in cases]
        for i, (case, refusal) in enumerate(zip(cases, refusals, strict=True)):
            answers[i][VAGUE] = self._vague(case, goods[i], refusal)
            reason = _silent(case, refusal)
            if reason is not None:
                answers[i][TEXT] = Evidence.abstain(TEXT, case.subject, reason)
        levels = read.levels
        place = {
            i: read.place[row[i]]
            for i, case in enumerate(cases)
            if refusals[i] is None and case.line is not None
        }
        for i in place:
            if TEXT not in answers[i]:
                answers[i][TEXT] = self._text(cases[i], levels, place[i])
        photographed = [i for i, case in enumerate(cases) if case.photos]
        for i, case in enumerate(cases):
            if not case.photos:
                for check in (PHOTO, JOINT):
                    answers[i][check] = Evidence.abstain(check, case.subject, "hs.photo.no_photo")
        self._photos(cases, photographed, read, place, answers)
        return [[found[check] for check in CHECKS] for found in answers]

    def _read(self, goods: Sequence[Goods], cases: Sequence[Case]) -> _Read:
        """What texts and photos say, each read once: cases differ by their declared code alone as well.

        The last few are remembered: a case is often asked about again under another code.
        """
        shots = [case.photos for case in cases if case.photos]
        if self._last is not None and self._last.has(goods, shots):
            return self._last
        texts = list(dict.fromkeys(goods))
        refusals = self.suggester.refusals(texts)
        readable = [i for i, g in enumerate(texts) if refusals[i] is None]
        levels = self.suggester.levels([texts[i] for i in readable]) if readable else {}
        distinct = list({_key(photos): photos for photos in shots}.values())
        voice = self.suggester.photos
        looked = voice.look(distinct) if voice is not None and distinct else None
        read = _Read(
            {g: i for i, g in enumerate(texts)},
            refusals,
            levels,
            {i: k for k, i in enumerate(readable)},
            {_key(photos): k for k, photos in enumerate(distinct)},
            looked,
            distinct,
        )
        self._last = read if len(cases) <= _REMEMBERED else None
        return read

    def _text(self, case: Case, levels: dict[int, Array], row: int) -> Evidence:
        declared = case.declared
        assert declared is not None
        tree = self.suggester.tree
        odd = oddness(levels, row, declared, tree)
        if odd is None:
            return Evidence.abstain(TEXT, case.subject, "hs.text.unknown_code", declared=str(declared))
        nodes, p = tree.nodes[odd.code.level], np.exp(levels[odd.code.level][row])
        return evidence(TEXT, case.subject, declared, odd, self.conformals[TEXT], nodes, p)

    def _vague(self, case: Case, goods: Goods, refusal: Refusal | None) -> Evidence:
        if case.line is None:
            return Evidence.abstain(VAGUE, case.subject, "hs.text.no_text")
        conformal, vague = self.conformals.get(VAGUE), self.suggester.vague
        score = None if vague is None else vague.clearest(goods)
        if conformal is None or score is None or not np.isfinite(score):
            reason = "hs.vague_text.untaught" if refusal is None else refusal.reason.id
            params = {} if refusal is None else refusal.reason.params
            return Evidence.abstain(VAGUE, case.subject, reason, **params)
        calibrated = conformal(score, ("all",))
        return Evidence(
            check=VAGUE,
            subject=case.subject,
            p_value=calibrated.p_value,
            surprise=calibrated.surprise,
            observed=score,
            expected=(-100.0, float(conformal.interval(("all",), 0.9))),
            unit="logit",
            reference=calibrated.reference,
            message=Message(id="hs.vague_text.clear") if refusal is None else refusal.reason,
            details=() if refusal is None else refusal.questions,
        )

    def _photos(
        self,
        cases: Sequence[Case],
        rows: Sequence[int],
        read: _Read,
        place: Mapping[int, int],
        answers: list[dict[str, Evidence]],
    ) -> None:
        voice = self.suggester.photos
        if read.looked is not None:
            looked, foreign = read.looked
        for i in rows:
            k = read.photos[_key(cases[i].photos)]
            subject, declared = cases[i].subject, cases[i].declared
            reason = None
            if voice is None:
                reason = "hs.photo.untaught"
            elif declared is None:
                reason = "hs.text.no_code"
            elif foreign[k]:
                reason = "hs.photo.foreign"
            elif voice.seen(declared) is None:
                reason = "hs.photo.unknown_code"
            if reason is not None or voice is None or declared is None:
                for check in (PHOTO, JOINT):
                    answers[i][check] = Evidence.abstain(check, subject, str(reason), declared=str(declared))
                continue
            says = {PHOTO: looked[k]}
            if i in place:
                text = voice.read(read.levels, place[i], self.suggester.tree)
                says[JOINT] = voice.pool(text[None], looked[k][None])[0]
            for check in (PHOTO, JOINT):
                if check not in says or check not in self.conformals:
                    answers[i][check] = Evidence.abstain(check, subject, "hs.joint.no_text")
                    continue
                odd = photo_oddness(says[check], declared, voice)
                assert odd is not None
                answers[i][check] = evidence(
                    check, subject, declared, odd, self.conformals[check], voice.codes, np.exp(says[check])
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
                    "ranker": None if s.ranker is None else list(s.ranker.texts),
                    "temperatures": {str(level): t for level, t in s.temperatures.items()},
                    "set_mass": s.sets.mass,
                    "set_coverage": s.sets.coverage,
                    "checks": list(self.conformals),
                },
            )
            save_photos(writer, s.photos)
            for check, conformal in self.conformals.items():
                writer.calibration(check, conformal)

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
            ranker=None if tuning["ranker"] is None else Ranker(tuple(tuning["ranker"])),
            temperatures={int(level): t for level, t in tuning["temperatures"].items()},
            sets=SetRule(tuning["set_mass"], tuning["set_coverage"]),
            vague=VagueModel.restore(artefact.tensors("vague"), artefact.document("vague"))
            if artefact.has("vague")
            else None,
            table=CodeTable.restore(artefact.columns("table")),
            photos=open_photos(artefact, device),
        )
        conformals = {check: artefact.calibration(check) for check in tuning["checks"]}
        scorer = cls(suggester, conformals, figures=dict(artefact.manifest["figures"]))
        scorer.data_fingerprint = artefact.manifest["data_fingerprint"]
        return scorer


def _goods(case: Case) -> Goods:
    assert case.line is not None
    name, description = case.line.name, case.line.description
    return Goods(name, description) if description.strip() else Goods.of(name)


def _silent(case: Case, refusal: Refusal | None) -> str | None:
    """Why the text check says nothing, before it has read the text."""
    if case.line is None:
        return "hs.text.no_text"
    if refusal is not None:
        return "hs.text.too_vague" if refusal.reason.id.startswith("hs.vague.") else refusal.reason.id
    return "hs.text.no_code" if case.declared is None else None
