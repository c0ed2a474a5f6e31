"""Which configurations an evaluation compares: presets by name, and the proposal's grid."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from customs.config import load_config
from customs.errors import InvalidConfig
from tabular_ae.proposal.grid import GRID
from tabular_ae.train import CONFIGS, kind_of

DEFAULT = "default"
PROPOSALS = ("proposal-a", "proposal-b", "proposal-original-windows")


@dataclass(frozen=True)
class Preset:
    """A configuration and what the table calls it; proposal: whether it is one of the proposal's networks."""

    name: str
    config: Any
    proposal: bool


def known() -> tuple[str, ...]:
    """What is compared where nothing else is asked for: the proposal's, the default and its variants."""
    variants = sorted(path.stem for path in CONFIGS.glob(f"{DEFAULT}-*.toml"))
    return (*(name for name in PROPOSALS if (CONFIGS / f"{name}.toml").exists()), DEFAULT, *variants)


def chosen(
    names: Sequence[str] | None,
    overrides: Mapping[str, str] | None = None,
    *,
    grid: bool = False,
    strict: bool = True,
) -> list[Preset]:
    """The presets of these names, or all known ones, and with `grid` the proposal's variants.

    overrides: keys to set in every configuration that has them; `strict` refuses one that none has.
    """
    wanted: dict[str, tuple[str, Mapping[str, str]]] = {name: (name, {}) for name in names or known()}
    wanted |= GRID if grid else {}
    given = dict(overrides or {})
    keys = {name: _keys(preset) for name, (preset, _) in wanted.items()}
    unused = set(given) - set().union(*keys.values())
    if unused and strict:
        raise InvalidConfig(
            f"no configuration here has a key {min(unused)!r}",
            field=f"config.{min(unused)}",
            remedy=f"choose from {', '.join(sorted(set().union(*keys.values())))}",
        )
    return [
        Preset(
            name,
            load_config(
                kind_of(preset),
                CONFIGS,
                preset,
                {**changes, **{key: value for key, value in given.items() if key in keys[name]}},
            ),
            preset in PROPOSALS,
        )
        for name, (preset, changes) in wanted.items()
    ]


def _keys(preset: str) -> set[str]:
    return {f.name for f in dataclasses.fields(kind_of(preset))} - {"model"}
