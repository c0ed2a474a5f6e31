"""Named configurations: a frozen dataclass beside the model, presets in `configs/*.toml`."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from customs.errors import InvalidConfig

T = TypeVar("T")


def load_config(
    cls: type[T], folder: Path, name: str = "default", overrides: Mapping[str, str] | None = None
) -> T:
    """Build the dataclass `cls` from `folder/name.toml` and `key=value` overrides.

    An unknown name, key or value is an `InvalidConfig` that lists what is known.
    """
    presets = {p.stem: p for p in sorted(folder.glob("*.toml"))}
    if name not in presets:
        raise InvalidConfig(
            f"there is no configuration {name!r}", field="config", remedy=f"choose from {', '.join(presets)}"
        )
    return make_config(cls, {**tomllib.loads(presets[name].read_text(encoding="utf-8")), **(overrides or {})})


def make_config(cls: type[T], values: Mapping[str, Any]) -> T:
    """Build the dataclass `cls`, converting text to each field's type."""
    hints = typing.get_type_hints(cls)
    known = {f.name: hints[f.name] for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise InvalidConfig(
                f"there is no key {key!r}", field=f"config.{key}", remedy=f"choose from {', '.join(known)}"
            )
    return cls(**{key: _convert(key, value, known[key]) for key, value in values.items()})


def _convert(key: str, value: Any, hint: Any) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    try:
        if origin in (typing.Union, types.UnionType):
            if value is None or (isinstance(value, str) and value.lower() in ("none", "")):
                return None
            return _convert(key, value, next(a for a in args if a is not type(None)))
        if origin is tuple:
            parts = value.split(",") if isinstance(value, str) else value
            return tuple(_convert(key, part, args[0]) for part in parts)
        if origin is typing.Literal:
            if value not in args:
                raise ValueError
            return value
        if hint is bool:
            return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]
        if hint in (int, float, str):
            return hint(value)
        return value
    except (ValueError, KeyError, TypeError):
        wanted = f"one of {args}" if origin is typing.Literal else getattr(hint, "__name__", str(hint))
        raise InvalidConfig(f"got {value!r}", field=f"config.{key}", remedy=f"give {wanted}") from None
