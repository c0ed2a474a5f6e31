"""Goods that hang from rails under the roof: carcasses, clothes."""

from __future__ import annotations

import numpy as np

from customs.physics.load import Load, Room
from customs.physics.raysum import RaySum


def carcasses(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Sides and quarters of meat on hooks: broad at the shoulder, tapered below, free of the floor."""
    lanes = 4
    wide = max(load.size[0], 0.2)
    count = max(int(room.length / (wide * 0.82)), 1)
    pitch = room.length / count
    long = min(max(load.size[1], 0.6), room.height - 0.35)
    kg = load.kg * 0.98 / (count * lanes)
    roof = room.y + room.height
    for lane in range(lanes):
        target = rays.lane(lane, lanes)
        for n in range(count):
            tall = long * rng.uniform(0.85, 1.05)
            x = room.x + (n + 0.5) * pitch + 0.05 * rng.standard_normal()
            x = min(max(x, room.x + wide / 2), room.x + room.length - wide / 2)
            top = roof - rng.uniform(0.16, 0.24)
            size = wide * rng.uniform(0.8, 1.05)
            target.ellipse(
                load.material, x - size / 2, top - 0.62 * tall, size, 0.62 * tall, kg * 0.62, power=0.4
            )
            target.ellipse(
                load.material, x - 0.34 * size, top - tall, 0.68 * size, 0.6 * tall, kg * 0.38, power=0.4
            )
            target.box("steel", x - 0.008, top - 0.04, 0.016, roof - top + 0.02, kg * 0.006)
    rays.box("aluminium", room.x, roof - 0.06, room.length, 0.05, load.kg * 0.01)


def clothes(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Garments on hangers in two tiers of bars: light, upright folds, an even gap under each tier."""
    tiers, lanes = 2, 3
    tall = room.height / tiers
    for lane in range(lanes):
        target = rays.lane(lane, lanes)
        for tier in range(tiers):
            base = room.y + tier * tall
            x = room.x + 0.02
            while x < room.x + room.length - 0.3:
                wide = min(rng.uniform(0.35, 0.9), room.x + room.length - x - 0.02)
                drop = tall * rng.uniform(0.62, 0.86)
                share = wide / room.length / tiers / lanes
                top = base + tall - 0.10
                target.box(load.material, x, top - drop, wide, drop, load.kg * 0.93 * share)
                x += wide + rng.uniform(0.0, 0.05) * (1.4 - load.tidy)
            bar = load.kg * 0.07 / tiers / lanes
            target.box("steel", room.x, base + tall - 0.06, room.length, 0.03, bar)
    folds = np.interp(
        rays.grid.x,
        np.arange(0.0, rays.grid.x[-1] + 0.1, 0.045),
        rng.uniform(0.6, 1.4, len(np.arange(0.0, rays.grid.x[-1] + 0.1, 0.045))),
    )
    rays.texture(load.material, np.tile(folds.astype(np.float32), (rays.grid.shape[0], 1)))
