"""The thresholds an agency sets, read from a file and named by their hash in every report."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from customs.errors import InvalidConfig

Band = Literal["unknown", "clear", "watch", "high", "critical"]
Severity = Literal["note", "warning", "alarm"]
BANDS: tuple[Band, ...] = ("unknown", "clear", "watch", "high", "critical")
SEVERITIES: tuple[Severity, ...] = ("note", "warning", "alarm")
_SECTIONS = ("bands", "findings", "combine", "weights", "echoes", "ceilings")


@dataclass(frozen=True)
class Policy:
    """Thresholds in −log10 units, ascending; `cap` and `weights` of the combination.

    echoes: a check that sees the same fact as another → that other; ceilings: a check → the most severe that
    its finding may be.
    """

    bands: Mapping[str, float]
    findings: Mapping[str, float]
    cap: float
    version: str
    weights: Mapping[str, float] = field(default_factory=dict)
    echoes: Mapping[str, str] = field(default_factory=dict)
    ceilings: Mapping[str, Severity] = field(default_factory=dict)

    @classmethod
    def default(cls) -> Policy:
        """The policy that ships with Portcullis."""
        return cls.read(Path(__file__).with_name("policy.toml"))

    @classmethod
    def read(cls, path: Path) -> Policy:
        """Read a policy file; `InvalidConfig` names the key at fault."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InvalidConfig(
                f"{path} cannot be read: {error}", field="policy", remedy="mend the file"
            ) from None
        return cls.parse(data, source=str(path))

    @classmethod
    def parse(cls, data: bytes, source: str = "the policy") -> Policy:
        """A policy from the text of a policy file; `InvalidConfig` names the key at fault."""
        try:
            raw = tomllib.loads(data.decode("utf-8"))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InvalidConfig(
                f"{source} cannot be read: {error}", field="policy", remedy="mend the file"
            ) from None
        unknown = sorted(set(raw) - set(_SECTIONS))
        if unknown:
            raise InvalidConfig(
                f"there is no section {unknown[0]!r}", field="policy", remedy="see fusion/policy.toml"
            )
        cap = _number(raw, "combine", "cap")
        if not 0.5 <= cap < 1:
            raise InvalidConfig(
                f"got {cap}", field="policy.combine.cap", remedy="give at least 0.5 and less than 1"
            )
        weights = raw.get("weights", {})
        for check in weights:
            if _number(raw, "weights", check) <= 0:
                raise InvalidConfig(
                    f"got {weights[check]}", field=f"policy.weights.{check}", remedy="give more than 0"
                )
        return cls(
            bands=_ascending(raw, "bands", BANDS[2:]),
            findings=_ascending(raw, "findings", SEVERITIES),
            cap=cap,
            weights=weights,
            echoes=_echoes(raw.get("echoes", {})),
            ceilings=_ceilings(raw.get("ceilings", {})),
            version="policy@" + hashlib.sha256(data).hexdigest()[:12],
        )

    def written(self) -> str:
        """Itself as the text of a policy file; the same thresholds give the same text."""
        sections: dict[str, Mapping[str, Any]] = {
            "bands": self.bands,
            "findings": self.findings,
            "combine": {"cap": self.cap},
            "weights": self.weights,
            "echoes": self.echoes,
            "ceilings": self.ceilings,
        }
        lines = []
        for name, values in sections.items():
            lines.append(f"[{name}]")
            # a JSON string of plain text is a TOML string as well
            lines += [f"{json.dumps(key)} = {_value(value)}" for key, value in values.items()]
            lines.append("")
        return "\n".join(lines)

    def with_thresholds(self, bands: Mapping[str, float], findings: Mapping[str, float]) -> Policy:
        """The same policy with other thresholds; `InvalidConfig` names the one that cannot be."""
        return Policy.parse(replace(self, bands=bands, findings=findings).written().encode())

    def band(self, surprise: float) -> Band:
        """The band of a combined surprise."""
        return next((b for b in reversed(BANDS[2:]) if surprise >= self.bands[b]), "clear")

    def severity(self, surprise: float, check: str = "") -> Severity | None:
        """How severe a single check's surprise is; None if it is not worth a finding."""
        most = SEVERITIES.index(self.ceilings.get(check, SEVERITIES[-1]))
        found = next((s for s in reversed(SEVERITIES) if surprise >= self.findings[s]), None)
        return None if found is None else SEVERITIES[min(SEVERITIES.index(found), most)]

    def shares(self, checks: Sequence[str]) -> list[float]:
        """How much each of the checks that spoke counts in the combination.

        An echo weighs what the policy gives it beside the check that it echoes, and stands in for that one,
        with its weight, where that one is silent.
        """
        return shares(checks, self.weights, self.echoes)


def shares(checks: Sequence[str], weights: Mapping[str, float], echoes: Mapping[str, str]) -> list[float]:
    """The weight of each check: its own, or where it is the echo of one that is silent, that one's."""
    standing = [check if echoes.get(check, check) in checks else echoes[check] for check in checks]
    return [weights.get(check, 1.0) for check in standing]


def _value(value: str | float) -> str:
    """1 and 1.0 are one threshold, and must give one text and so one version."""
    return json.dumps(value if isinstance(value, str) else float(value))


def _number(raw: Mapping[str, Any], section: str, key: str) -> float:
    value = raw.get(section, {}).get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidConfig(f"got {value!r}", field=f"policy.{section}.{key}", remedy="give a number")
    return float(value)


def _ascending(raw: Mapping[str, Any], section: str, keys: tuple[str, ...]) -> dict[str, float]:
    values = {key: _number(raw, section, key) for key in keys}
    extra = sorted(set(raw.get(section, {})) - set(keys))
    if extra:
        raise InvalidConfig(
            f"there is no key {extra[0]!r}", field=f"policy.{section}", remedy=f"give {', '.join(keys)}"
        )
    if sorted(values.values()) != list(values.values()):
        raise InvalidConfig(f"got {values}", field=f"policy.{section}", remedy=f"let {' < '.join(keys)}")
    return values


def _echoes(given: Mapping[str, Any]) -> dict[str, str]:
    for check, echoed in given.items():
        if not isinstance(echoed, str) or echoed == check or echoed in given:
            raise InvalidConfig(
                f"got {echoed!r}",
                field=f"policy.echoes.{check}",
                remedy="name another check, one that is no echo itself",
            )
    return dict(given)


def _ceilings(given: Mapping[str, Any]) -> dict[str, Severity]:
    for check, most in given.items():
        if most not in SEVERITIES:
            raise InvalidConfig(
                f"got {most!r}",
                field=f"policy.ceilings.{check}",
                remedy=f"choose from {', '.join(SEVERITIES)}",
            )
    return dict(given)
