"""Goods rolled up: reels of paper or film, coils of steel."""

from __future__ import annotations

import numpy as np

from customs.physics.load import Load, Room
from customs.physics.raysum import RaySum


def rolls(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Reels standing on end, two rows in depth staggered by half a reel: round sides, a pale core."""
    wide, tall = load.size[0], min(load.size[1], room.height - 0.06)
    per_row = max(int(room.length / wide - 0.5), 1)
    tiers = max(int((room.height - 0.04) / tall), 1)
    needed = load.kg / max(load.density * wide * wide * tall, 1.0)
    tiers = min(tiers, max(int(np.ceil(needed / (2 * per_row))), 1))
    used = min(max(int(np.ceil(needed / 2 / tiers)), 1), per_row)
    kg = load.kg / (2 * tiers * used)
    for lane in range(2):
        target = rays.lane(lane, 2)
        offset = 0.5 * wide * lane
        for tier in range(tiers):
            for n in range(used):
                x = room.x + offset + n * wide * rng.uniform(0.995, 1.005)
                y = room.y + tier * tall
                height = tall * rng.uniform(0.97, 1.0)
                target.column(load.material, x, y, wide * 0.985, height, kg, roundness=0.5)
                core = target.plane(load.material)
                left = int((x + 0.46 * wide) / rays.grid.pitch)
                right = max(int((x + 0.54 * wide) / rays.grid.pitch), left + 1)
                inside = (rays.grid.y > y) & (rays.grid.y < y + height)
                core[
                    np.flatnonzero(inside)[:, None], np.arange(left, min(right, core.shape[1]))[None, :]
                ] *= 0.93


def coils(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Steel coils on cradles, the eye to the side: few heavy discs with a hole, over the axles."""
    outer = min(max(load.size[1], 0.5), room.height - 0.3) / 2
    count = max(round(load.kg / 5_500), 1)
    count = min(count, max(int(room.length / (2.3 * outer)), 1))
    pitch = room.length / count
    kg = load.kg * 0.97 / count
    for n in range(count):
        x = room.x + (n + 0.5) * pitch + 0.05 * rng.standard_normal()
        x = min(max(x, room.x + outer), room.x + room.length - outer)
        radius = outer * rng.uniform(0.94, 1.0)
        y = room.y + 0.10 + radius
        hole = radius * rng.uniform(0.32, 0.42)
        rays.lane(1, 3).annulus(load.material, x, y, radius, hole, kg)
        for side in (-1, 1):
            at = x + side * 0.6 * radius
            rays.box("cellulose", at - 0.07, room.y, 0.14, 0.16, load.kg * 0.015 / count)
