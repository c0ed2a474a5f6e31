"""The gates of the customs offices: their scanners, each with settings of its own, and what they export."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from customs.physics.container import PITCH_M
from customs.physics.scanner import Scanner

_PAIRS = (("6MV", "9MV"), ("4MV", "6MV"))
_OF_LOW_PAIR = 0.3  # share of gates with the second pair


@dataclass(frozen=True)
class Gate:
    """A scanner at an office; vendor_share: how many of its scans are kept as the vendor's 8-bit picture."""

    scanner: Scanner
    vendor_share: float = 0.0


def make_gates(
    offices: Mapping[str, float], vendor_share: float, rng: np.random.Generator, *, one_kind: bool = False
) -> Mapping[str, tuple[Gate, ...]]:
    """One or two gates for each office; at one office the vendor's pictures are usual.

    offices: with their share of the traffic; vendor_share: of all scans; one_kind: all of 6/9 MV and of 2 cm
    pixels, which then differ in noise, blur and scatter only.
    """
    exporter = int(rng.integers(0, len(offices)))
    gates: dict[str, tuple[Gate, ...]] = {}
    for number, (office, traffic) in enumerate(offices.items()):
        share = min(vendor_share / traffic, 1.0) if number == exporter else 0.0
        here = []
        for letter in "ab"[: int(rng.integers(1, 3))]:
            name = f"{office}{letter}-{int(rng.integers(1000, 10_000))}"
            beams = _PAIRS[int(rng.random() < _OF_LOW_PAIR)]
            drawn = Scanner.draw(rng, name, beams=beams)
            if one_kind:
                drawn = dataclasses.replace(drawn, beams=_PAIRS[0], pitch=PITCH_M)
            here.append(Gate(drawn, share))
        gates[office] = tuple(here)
    return gates
