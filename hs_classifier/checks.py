"""How odd a declared code is for a text, for a photo, and for both: one evidence each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from customs.calibrate import Conformal
from customs.evidence import Alternative, Evidence, Message
from customs.hs import HsCode
from hs_classifier.codes import Array, CodeTree
from hs_classifier.photo.voice import PhotoVoice

TEXT, VAGUE, PHOTO, JOINT = "hs.text", "hs.vague_text", "hs.photo", "hs.joint"
CHECKS = (TEXT, VAGUE, PHOTO, JOINT)
# Below this a probability is a rounding error of the blend, not an opinion.
_FLOOR = 1e-7
# Above this a code is as good as certain: whether it has .95 or .99 says nothing about the goods.
_SURE = 0.9
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Oddness:
    """The code looked at (the declared one or its deepest known parent), its probability, −log of it."""

    code: HsCode
    probability: float
    score: float

    @classmethod
    def of(cls, code: HsCode, probability: float) -> Oddness:
        """Rounded: a tie must stay a tie in whatever batch it was computed."""
        p = min(round(probability, 9), 1.0)
        return cls(code, p, abs(round(math.log(min(max(p, _FLOOR), _SURE)), 5)))


def oddness(levels: dict[int, Array], row: int, declared: HsCode, tree: CodeTree) -> Oddness | None:
    """How odd a declared code is for one row of log-probabilities; None if the tree knows no parent of it."""
    code = tree.deepest(declared)
    if code is None:
        return None
    node = tree.find(code)
    assert node is not None
    return Oddness.of(code, float(np.exp(levels[code.level][row, node])))


def photo_oddness(log_p: Array, declared: HsCode, voice: PhotoVoice) -> Oddness | None:
    """As `oddness`, for (codes,) log-probabilities of a photo's codes."""
    found = voice.seen(declared)
    if found is None:
        return None
    code, rows = found
    return Oddness.of(code, float(np.exp(log_p[rows]).sum()))


def evidence(
    check: str,
    subject: str,
    declared: HsCode,
    odd: Oddness,
    conformal: Conformal,
    codes: Sequence[HsCode],
    p: Array,
) -> Evidence:
    """A calibrated judgement; codes, p: what the goods may be at the level looked at, (codes,)."""
    chain = declared.backoff()
    calibrated = conformal(odd.score, chain)
    usual = math.exp(-conformal.interval(chain, 0.9))
    p = p.round(6)
    best = [int(i) for i in np.argsort(-p, kind="stable")[:_SHOWN]]
    better = tuple(
        Alternative(hs=codes[i], probability=min(float(p[i]), 1.0))
        for i in best
        if p[i] > odd.probability + 1e-6 and not (codes[i].covers(declared) or odd.code.covers(codes[i]))
    )
    return Evidence(
        check=check,
        subject=subject,
        p_value=calibrated.p_value,
        surprise=calibrated.surprise,
        observed=odd.probability,
        expected=(min(usual, 1.0), 1.0),
        unit="probability",
        reference=calibrated.reference,
        alternatives=better,
        message=_message(check, declared, odd, better),
    )


def _message(check: str, declared: HsCode, odd: Oddness, better: tuple[Alternative, ...]) -> Message:
    shared: dict[str, str | int | float] = {"declared": str(declared), "probability": odd.probability}
    suffix = "" if odd.code.level == declared.level else "_at_parent"
    if suffix:
        shared["looked_at"] = str(odd.code)
    if not better:
        return Message(id=f"{check}.agrees{suffix}", params=shared)
    best: dict[str, str | int | float] = {
        "best": str(better[0].hs),
        "best_probability": better[0].probability,
    }
    return Message(id=f"{check}.other{suffix}", params={**shared, **best})
