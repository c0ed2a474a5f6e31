"""The variants that the proposal tried, each one change away from its Model A or its Model B."""

from __future__ import annotations

from collections.abc import Mapping

# What is changed -> the preset's keys; a preset's own setting is left out of its variants.
_CHANGES: Mapping[str, Mapping[str, str]] = {
    "windows of 6": {"window": "6"},
    "no windows, plain 3-D array": {"window": "1"},
    "both directions": {"bidirectional": "true"},
    "HSK embedding": {"embedding": "8"},
    "no HSK embedding": {"embedding": "0"},
    "dropout 0.2": {"dropout": "0.2"},
    "batch norm": {"batch_norm": "true"},
    "MinMax scaling": {"scaling": "minmax"},
    "robust scaling": {"scaling": "robust"},
    "numeric columns only": {"numeric_only": "true"},
    "no macro": {"macro": "false"},
    "error of the last step": {"error": "last"},
}
_OWN = {
    "proposal-a": ("no HSK embedding", "MinMax scaling"),
    "proposal-b": ("HSK embedding", "robust scaling"),
}

# Readable name -> preset and overrides, as `load_config` takes them.
GRID: Mapping[str, tuple[str, Mapping[str, str]]] = {
    f"{preset}, {change}": (preset, overrides)
    for preset, own in _OWN.items()
    for change, overrides in _CHANGES.items()
    if change not in own
}
