"""How fast scans are made."""

from __future__ import annotations

import time

import numpy as np

from customs.physics.load import Load
from customs.physics.packing.templates import cargo, loaded
from customs.physics.scanner import Scanner

_PACKINGS = ("cartons", "big_bags", "sacks", "heap", "bales", "crates")
_PITCH_M = 0.01  # a 40-foot container with its margins is 1239 × 392 pixels


def scans_per_second(seconds: float = 3.0, seed: int = 0) -> float:
    """Scans a second of about 1200 × 400 pixels, both beams, loads of six packings in turn, on this thread.

    Includes drawing the load and the chassis; the container's own picture is made before the clock runs.
    """
    scanner = Scanner(reach=0.6, drift=0.002)

    def one(number: int) -> None:
        rng = np.random.default_rng([seed, number])
        load = Load("fish", 20_000.0, 900, 520.0, (0.45, 0.2))
        goods = cargo(_PACKINGS[number % len(_PACKINGS)], load, "reefer40", rng, pitch=_PITCH_M)
        scanner.expose(loaded(goods, "reefer40", rng, doors_left=bool(number % 2), tilt=0.02), rng)

    for number in range(len(_PACKINGS)):
        one(number)
    made, start = 0, time.perf_counter()
    while made < len(_PACKINGS) or time.perf_counter() - start < seconds:
        one(made)
        made += 1
    return made / (time.perf_counter() - start)
