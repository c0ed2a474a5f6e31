"""Goods in bags: sacks stacked by hand, and big bags."""

from __future__ import annotations

import numpy as np

from customs.physics.load import Load, Room
from customs.physics.raysum import RaySum


def sacks(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Sacks in hand-built columns that lean and bulge, with gaps and a few slumped sacks on top."""
    loose = 1.0 - load.tidy
    count = max(int(room.length / (load.size[0] * 1.02)), 1)
    pitch = room.length / count
    level = room.level(load) * 1.08
    drop = np.zeros(count)
    drop[-1] = rng.uniform(0.0, 0.35) * level
    heights = np.clip(
        level + drop.sum() / count - drop + 0.05 * rng.standard_normal(count), 0.3, room.height - 0.1
    )
    share = heights / heights.sum()
    for n in range(count):
        kg = load.kg * share[n]
        lean = (0.02 + 0.12 * loose) * rng.standard_normal()
        x, tall = room.x + n * pitch, float(heights[n])
        for lane in range(3):  # rows in depth are not quite in line: gaps hardly show through
            rays.lane(lane, 3).column(
                load.material,
                x + (0.02 + 0.03 * loose) * rng.standard_normal(),
                room.y,
                pitch * rng.uniform(0.98, 1.05),
                tall * rng.uniform(0.90, 0.98),
                kg * 0.88 / 3,
                dome=0.03 + 0.05 * loose,
                roundness=0.05,
                lean=lean + 0.02 * rng.standard_normal(),
                bulge=0.03,
            )
        # the uppermost sacks do not fill the depth: paler tilted lumps
        for _ in range(5):
            wide = pitch * rng.uniform(0.5, 0.85)
            rays.ellipse(
                load.material,
                x + lean + rng.uniform(0, pitch - wide),
                room.y + tall - rng.uniform(0.02, 0.30),
                wide,
                load.size[1] * rng.uniform(1.0, 2.0),
                kg * 0.12 / 5,
                power=0.3,
            )
    layers = 1 - 0.10 * np.exp(
        -(
            (
                np.mod(rays.grid.y[:, None] - room.y + 0.03 * np.sin(rays.grid.x[None, :] * 9), load.size[1])
                / 0.03
            )
            ** 2
        )
    )
    rays.texture(load.material, layers.astype(np.float32))


def big_bags(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Big bags of about a tonne: rounded columns with domes; two tiers where one does not hold the load."""
    wide, tall = load.size
    per_row = max(int(room.length / (wide * 1.04)), 1)
    pitch = room.length / per_row
    level = room.level(load) * 1.22
    tiers = 2 if level > 1.45 * tall else 1
    high = min(level / tiers, (room.height - 0.1) / tiers)
    ends = np.ones(per_row)
    if rng.random() < 0.4:  # lower bags by the ends keep the axle load in bounds
        ends[-int(rng.integers(1, 3)) :] = rng.uniform(0.7, 0.95)
        if rng.random() < 0.3:
            ends[0] = rng.uniform(0.75, 0.95)
    ends = np.minimum(ends * per_row / ends.sum(), (room.height - 0.1) / (tiers * high))
    share = ends / ends.sum()
    for n in range(per_row):
        for tier in range(tiers):
            height = high * ends[n] * rng.uniform(0.96, 1.03)
            base = room.y + tier * high * ends[n] * 0.95
            for lane in range(2):
                rays.lane(lane, 2).column(
                    load.material,
                    room.x + n * pitch + 0.03 * rng.standard_normal(),
                    base,
                    pitch * rng.uniform(0.97, 1.02),
                    height * rng.uniform(0.97, 1.0),
                    load.kg * share[n] / tiers / 2,
                    dome=0.12 if tier == tiers - 1 else 0.04,
                    roundness=0.25,
                    lean=0.08 * (1 - load.tidy) * rng.standard_normal(),
                    bulge=0.06,
                )
