"""Liquids: intermediate bulk containers, flexitanks."""

from __future__ import annotations

import numpy as np

from customs.physics.load import Load, Room
from customs.physics.raysum import RaySum


def tanks(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """IBCs: cubes of about a cubic metre in a cage on a pallet, an air space above the liquid."""
    wide, tall = 1.2, 1.16
    per_row = max(int(room.length / (wide + 0.02)), 1)
    each = load.density * 1.0
    needed = max(int(np.ceil(load.kg / each)), 1)
    tiers = 2 if needed > 2 * per_row and room.height > 2 * tall else 1
    used = min(max(int(np.ceil(needed / 2 / tiers)), 1), per_row)
    kg = load.kg / (2 * tiers * used)
    full = float(np.clip(kg / each, 0.2, 1.0))
    for lane in range(2):
        target = rays.lane(lane, 2)
        for tier in range(tiers):
            for n in range(used):
                x = room.x + 0.02 + n * (wide + 0.02) + 0.006 * rng.standard_normal()
                y = room.y + tier * tall
                level = full * 0.96 * rng.uniform(0.99, 1.0)
                target.box(load.material, x + 0.03, y + 0.15, wide - 0.06, level, kg * 0.93)
                for bar in np.linspace(0.0, 1.0, 7):
                    target.box("steel", x + bar * (wide - 0.02), y + 0.14, 0.02, 1.0, kg * 0.004)
                for bar in (0.15, 0.5, 0.85, 1.13):
                    target.box("steel", x, y + bar, wide, 0.02, kg * 0.004)
                target.box("cellulose", x, y, wide, 0.13, kg * 0.026)


def flexitank(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """A bag of liquid all along the floor: level, rounded at its ends, a bulkhead at the doors."""
    level = min(load.kg / (load.density * room.depth * room.length) * 1.04, room.height - 0.3)
    places = np.linspace(0, 1, 240)
    end = rng.uniform(0.03, 0.06)
    rise = np.clip(np.minimum(places, 1 - places) / end, 0, 1)
    top = level * np.sqrt(1 - (1 - rise) ** 2)
    for lane, share in enumerate((0.93, 1.0, 1.0, 0.93)):  # the bag's shoulders at the side walls
        target = rays.lane(lane, 4)
        target.profile(
            load.material,
            room.x + 0.05,
            room.y,
            np.maximum(top * share, 0.02),
            load.kg * 0.245,
            room.length - 0.2,
        )
    for bar in (0.25, 0.6, 0.95, 1.3):
        rays.box("steel", room.x + room.length - 0.09, room.y + bar, 0.06, 0.08, load.kg * 0.005)
