"""One load of each of eight kinds of packing, as the simulator shows it: for readers of the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from customs.physics.load import Load
from customs.physics.packing.templates import loaded, packed
from customs.physics.scanner import Scanner
from customs.scan import Scan

# A template, the container it comes in and a typical load; sizes in metres, from the trade's usual packages.
LOADS: Mapping[str, tuple[str, Load]] = MappingProxyType(
    {
        "pallet_cartons": (
            "reefer40",
            Load("fish", 21_000, 1_500, 560, (0.6, 0.2), tidy=0.85, pallet="wood"),
        ),
        "carcasses": ("reefer40", Load("meat", 15_000, 260, 420, (0.55, 1.9), tidy=0.7)),
        "sacks": ("dry40", Load("nuts", 20_000, 400, 700, (0.8, 0.16), tidy=0.6)),
        "big_bags": ("dry40", Load("polyethylene", 22_000, 22, 750, (0.95, 1.1), tidy=0.7)),
        "heap": ("dry40", Load("meal", 22_000, 1, 780, (1.0, 1.0))),
        "drums": ("dry40", Load("water", 23_000, 115, 800, (0.58, 0.88), tidy=0.9)),
        "tyres": ("high40", Load("rubber", 10_000, 900, 170, (0.65, 0.22), tidy=0.6)),
        "coils": ("dry40", Load("steel", 24_000, 6, 2_600, (1.3, 1.2))),
    }
)


def gallery(seed: int = 0) -> list[tuple[str, Scan]]:
    """`LOADS` at 6 and 9 MV in pixels of 2 cm, each with its template's name; same seed, same scans."""
    scanner = Scanner(reach=0.6)
    found = []
    for number, (name, (container, load)) in enumerate(LOADS.items()):
        rng = np.random.default_rng([seed, number])
        areal = loaded(packed(name, load, container, rng).goods, container, rng)
        shown = scanner.expose(areal, rng).astype(np.float32) / np.float32(65535)
        scan = Scan(
            shown,
            energies=scanner.beams,
            pixel_pitch_m=(scanner.pitch, scanner.pitch),
            scanner=scanner.name,
        )
        found.append((name.replace("_", " "), scan))
    return found
