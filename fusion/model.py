"""What fusion has learned: how clean cases look together, and what inspections found.

    evidence ─ Joint ─ p-value, surprise          from clean cases of every module (a world, an agency's own)
    declaration (and evidence) ─ Head ─ chance    from inspected declarations

Either may be missing. The first gives the risk of a report and its band; where the second is there, it gives
the order of a list. It never takes a finding away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fusion.data import Cases, Floats
from fusion.head.attributes import Attributes
from fusion.head.model import Head, HeadConfig
from fusion.joint import GAMMA, Joint

KIND = "fusion"
MODULES = "modules"  # document of an artefact: kind → version of the modules it was calibrated on
FUSED = "fused"  # the joint surprise, as the head sees it


@dataclass(frozen=True)
class FusionConfig(HeadConfig):
    """gamma: how the surprises are added up (see `joint`); the rest is the head's."""

    gamma: float = GAMMA


@dataclass(frozen=True, eq=False)
class Fusion:
    """A trained combination; version names exactly these files."""

    config: FusionConfig
    joint: Joint | None = None
    head: Head | None = None
    version: str = ""

    def evidence_features(self, cases: Cases) -> Floats:
        """(n, checks + 1) what the head sees of the evidence: each check as heard, and all fused."""
        assert self.joint is not None
        aligned = aligned_to(cases, self.joint.checks)
        _, total, _ = self.joint.score(aligned)
        return np.concatenate([self.joint.heard(aligned), total[:, None]], axis=1)

    def chance(self, rows: Attributes, said: Mapping[str, float]) -> float | None:
        """That an inspection of this one line finds something; None where no outcomes were learned from.

        said: check → surprise, of those that spoke; a head learned from plain declarations asks for none.
        """
        return self.chances(rows, [said])[0]

    def chances(self, rows: Attributes, said: Sequence[Mapping[str, float]]) -> list[float | None]:
        """The same for n lines at once, in order."""
        if self.head is None or not len(rows):
            return [None] * len(rows)
        surprise = None
        if self.joint is not None:
            known = np.array([[one.get(check, np.nan) for check in self.joint.checks] for one in said])
            total = self.joint.score(known)[1]
            surprise = np.concatenate([self.joint.heard(known), total[:, None]], axis=1)
        raw = self.head.raw(rows, self.head.features(rows, surprise))
        return [float(chance) for chance in self.head.chances(raw)]

    def facts(self) -> dict[str, Any]:
        """What a reader of the manifest wants to know."""
        clean = None if self.joint is None else len(self.joint.patterns.groups["all"])
        return {"clean_cases": clean, **({} if self.head is None else self.head.figures)}


def aligned_to(cases: Cases, checks: tuple[str, ...]) -> Floats:
    """(n, checks) surprises in this order; NaN for a check that the cases do not have."""
    padded = np.concatenate([cases.surprise, np.full((len(cases), 1), np.nan)], axis=1)
    at = [cases.checks.index(c) if c in cases.checks else -1 for c in checks]
    return padded[:, at]
