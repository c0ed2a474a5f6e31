"""Goods whose own shape shows: tyres, drums, logs, machines, vehicles, bars."""

from __future__ import annotations

import numpy as np

from customs.physics.container import SOURCE_HEIGHT_M, fan_scale
from customs.physics.load import Load, Room
from customs.physics.raysum import RaySum


def tyres(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Tyres laced upright in leaning rows: rings over rings, each as tall as its own depth makes it."""
    outer = load.size[0] / 2
    level = min(room.level(load) + 0.1, room.height - 0.06)
    step = outer * rng.uniform(1.25, 1.6)
    columns = max(int(room.length / step) - 1, 1)
    rows = max(int(level / (outer * 0.78)), 1)
    slope = rng.uniform(0.05, 0.25)
    centres = []
    for column in range(columns):
        tall = rows - int(rng.random() < 0.5) - int(column > columns * 0.9) * int(rng.integers(0, 3))
        for row in range(max(tall, 1)):
            x = room.x + outer + column * step + slope * outer * row * (1 if column % 2 else 0.4)
            for _ in range(3):  # some of the rows in depth
                centres.append(
                    (x + 0.03 * rng.standard_normal(), room.y + outer * (0.8 * row + rng.uniform(0.8, 1.0)))
                )
    limit = room.x + room.length - outer
    roof = room.y + room.height - outer
    kg = load.kg / len(centres)
    for x, y in centres:
        inner = outer * (0.55 + 0.05 * rng.standard_normal())
        scale = fan_scale(rng.uniform(-0.45, 0.45) * room.depth)
        height = SOURCE_HEIGHT_M + (min(y, roof) - SOURCE_HEIGHT_M) * scale
        squash = float(rng.uniform(0.35, 0.9)) * scale
        rays.ring(load.material, min(x, limit), height, outer, inner, kg, squash=squash)


def drums(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Steel drums in one or two tiers, four deep."""
    wide, tall = load.size
    per_row = int(room.length / (wide + 0.01))
    deep = 4
    tiers = 2 if load.packages > per_row * deep else 1
    steel = 0.09
    used = min(max(int(np.ceil(load.packages / deep / tiers)), 1), per_row)
    for tier in range(tiers):
        for n in range(used):
            x, y = (
                room.x + 0.02 + n * (wide + 0.01) + 0.004 * rng.standard_normal(),
                room.y + tier * (tall + 0.04),
            )
            kg = load.kg / used / tiers
            rays.column(load.material, x, y + 0.02, wide, tall * 0.9, kg * (1 - steel), roundness=0.5)
            for hoop in (0.0, 0.33, 0.66, 0.97):
                rays.box("steel", x, y + hoop * tall, wide, 0.025, kg * steel / 4)


def logs(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Logs lying lengthwise: long uneven bars, thick in their middle."""
    thick = load.size[1]
    level = room.level(load) * 1.12
    rows = max(int(level / (thick * 0.9)), 1)
    lanes = max(int(room.length / load.size[0]), 1)
    long = room.length / lanes
    for lane in range(lanes):
        for row in range(rows):
            for _ in range(2):
                size = thick * rng.uniform(0.75, 1.1)
                rays.ellipse(
                    load.material,
                    room.x + lane * long + rng.uniform(0.0, 0.15),
                    room.y + row * thick * 0.9 + rng.uniform(0, 0.05),
                    long - rng.uniform(0.15, 0.4),
                    size,
                    load.kg / lanes / rows / 2,
                    power=0.12,
                )


def bars(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Steel bars in bundles on the floor: low, dense, ruled lengthwise."""
    level = max(room.level(load), 0.06)
    tall = load.size[1]
    rows = max(int(np.ceil(level / tall)), 1)
    for row in range(rows):
        long = room.length * rng.uniform(0.86, 0.97)
        start = room.x + rng.uniform(0, room.length - long)
        for strand in range(3):
            rays.box(
                load.material,
                start + 0.05 * rng.random(),
                room.y + 0.06 + row * tall + strand * tall / 3,
                long - 0.1 * rng.random(),
                tall / 3 * 0.85,
                load.kg / rows / 3,
            )
    for x in np.arange(room.x + 0.4, room.x + room.length - 0.3, 1.5):
        rays.slab("cellulose", x, room.y, 0.09, 0.06, 4.0)


def slabs(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Stone, tile or metal on low pallets with open floor between them: the weight limit comes first."""
    wide = load.size[0]
    count = max(int(room.length / (wide + 0.25)), 1)
    count = max(min(count, int(np.ceil(load.kg / 1100.0 / 2))), 1)
    pitch = room.length / count
    height = max(min(load.kg / load.density / (count * wide * min(room.depth, 2.1)), room.height - 0.2), 0.08)
    for n in range(count):
        x = room.x + n * pitch + (pitch - wide) * 0.5 + 0.05 * rng.standard_normal()
        rays.slab("cellulose", x, room.y, wide, 0.10, 3.0)
        tall = height * rng.uniform(0.92, 1.05)
        layers = max(int(tall / load.size[1]), 1)
        for layer in range(layers):
            rays.box(
                load.material,
                x + 0.01 * rng.standard_normal(),
                room.y + 0.11 + layer * tall / layers,
                wide,
                tall / layers * 0.93,
                load.kg / count / layers,
            )


def machines(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Appliances in rows: thin cases around a heavy foot."""
    wide, tall = load.size
    tall = min(tall, room.height - 0.05)
    count = max(int(room.length / (wide + 0.03)), 1)
    deep = 3
    tiers = max(int(room.height / (tall + 0.04)), 1)
    needed = int(np.ceil(load.packages / deep))
    tiers = max(min(tiers, int(np.ceil(needed / count))), 1)
    used = max(min(count, int(np.ceil(needed / tiers))), 1)
    kg = load.kg / (used * tiers)
    for n in range(used):
        for tier in range(tiers):
            x = room.x + 0.02 + n * (wide + 0.03) + 0.006 * rng.standard_normal()
            y = room.y + tier * (tall + 0.03)
            rays.box(load.material, x, y, wide, tall, kg * 0.30)
            for side in (x, x + wide - 0.03):
                rays.box(load.material, side, y, 0.03, tall, kg * 0.10)
            for level in (0.0, 0.35, 0.98):
                rays.box(load.material, x, y + level * (tall - 0.02), wide, 0.02, kg * 0.04)
            rays.ellipse(
                load.material, x + 0.25 * wide, y + 0.04, 0.5 * wide, 0.22 * tall, kg * 0.26, power=0.4
            )
            rays.box(load.material, x + 0.1 * wide, y + 0.05, 0.8 * wide, 0.08, kg * 0.12)


def devices(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Boxed electronics on pallets: a dense kernel in every carton."""
    wide, tall = load.size
    share = min(1.0, max(0.3, load.kg / load.density / (1.7 * room.length * room.depth)))
    count = max(int(room.length * share / 1.18), 1)
    level = min(room.level(load, share), room.height - 0.2)
    across, up = max(int(1.1 / wide), 1), max(round(level / tall), 1)
    kg = load.kg / (count * across * up)
    for n in range(count):
        x0 = room.x + 0.03 + n * 1.18 + 0.015 * rng.standard_normal()
        rays.slab("cellulose", x0, room.y, 1.1, 0.12, 2.5)
        for row in range(up):
            for column in range(across):
                x, y = x0 + column * 1.1 / across, room.y + 0.13 + row * level / up
                rays.box(load.material, x, y, 1.1 / across, level / up, kg * 0.45)
                rays.box(load.material, x + 0.2 * wide, y + 0.25 * tall, 0.6 * wide, 0.45 * tall, kg * 0.55)


def vehicles(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Cars one behind the other, the engine and the wheels dark."""
    target = rays.lane(1, 3)  # a car takes the middle of the depth
    count = max(min(load.packages, int(room.length / 3.9)), 1)
    long = min(room.length / count - 0.15, 4.6)
    kg = load.kg / count
    for n in range(count):
        x = room.x + n * room.length / count + 0.08 + 0.03 * rng.standard_normal()
        flip = rng.random() < 0.5
        y, tall = room.y + 0.12, rng.uniform(1.35, 1.6)
        hood = (
            np.array([0.30, 0.52, 0.60, 0.64, 0.68, 0.95, 1.0, 1.0, 0.99, 0.96, 0.86, 0.68, 0.62, 0.58, 0.40])
            * tall
        )
        top = np.interp(np.linspace(0, 1, 90), np.linspace(0, 1, len(hood)), hood[::-1] if flip else hood)
        target.profile(load.material, x, y + 0.1, np.maximum(top - 0.1, 0.1), kg * 0.30, long)
        target.profile(load.material, x, y + 0.1, np.minimum(top - 0.1, 0.52 * tall), kg * 0.22, long)
        front = x + long * (0.70 if flip else 0.08)
        target.box(load.material, front, y + 0.2, long * 0.17, 0.45, kg * 0.24)
        target.box(load.material, x + 0.1, y + 0.12, long - 0.2, 0.06, kg * 0.12)
        for wheel in (0.17, 0.80):
            target.ring("rubber", x + wheel * long + 0.05, y + 0.2, 0.31, 0.19, kg * 0.03)
            target.ellipse("aluminium", x + wheel * long - 0.13, y + 0.02, 0.36, 0.36, kg * 0.03, power=0.1)


def furniture(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Bulky cartons of many sizes, light, to the roof."""
    level = min(room.level(load) * 1.1, room.height - 0.1)
    x = room.x + 0.02
    pieces: list[tuple[float, float, float, float]] = []
    while x < room.x + room.length - 0.35:
        wide = min(load.size[0] * rng.uniform(0.6, 1.4), room.x + room.length - x - 0.03)
        y = 0.0
        while y < level - 0.15:
            tall = min(load.size[1] * rng.uniform(0.6, 1.4), level - y + 0.05)
            pieces.append((x, room.y + y, wide, tall))
            y += tall + 0.01
        x += wide + rng.uniform(0.01, 0.06)
    weight = np.array([w * t for _, _, w, t in pieces]) * rng.uniform(0.5, 1.5, len(pieces))
    weight *= load.kg / weight.sum()
    for (x, y, wide, tall), kg in zip(pieces, weight, strict=True):
        rays.box(load.material, x, y, wide, tall, kg * 0.5)
        rays.box(load.material, x + rng.uniform(0, 0.04), y, 0.05, tall, kg * 0.14)
        rays.box(load.material, x + wide - 0.06, y, 0.05, tall, kg * 0.14)
        rays.box(load.material, x, y + rng.uniform(0.2, 0.7) * tall, wide, 0.06, kg * 0.22)
