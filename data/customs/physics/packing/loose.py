"""Goods without packing: heaps, liners filled with grain, scrap."""

from __future__ import annotations

import numpy as np

from customs.physics.load import Load, Room
from customs.physics.raysum import RaySum


def heap(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Meal or pellets poured in: one to six peaks at the angle of repose."""
    places = np.linspace(0, room.length, 240)
    peaks = int(rng.choice([1, 2, 4, 5, 6], p=[0.25, 0.25, 0.2, 0.2, 0.1]))
    centre = (np.arange(peaks) + 0.5) / peaks * room.length * 0.78 + 0.11 * room.length
    centre = centre + 0.06 * room.length / peaks * rng.standard_normal(peaks)
    steep = np.tan(np.radians(rng.uniform(20, 32)))
    crest = 1 + 0.08 * rng.standard_normal(peaks)
    wanted = load.kg / load.density / room.depth
    low, high = 0.0, 8.0
    top = np.zeros_like(places)
    for _ in range(40):
        middle = (low + high) / 2
        cones = crest[:, None] * middle - steep * np.abs(places[None, :] - centre[:, None])
        top = np.clip(_smooth(np.maximum(cones.max(axis=0), 0.04), 21), 0, room.height - 0.05)
        if 0.92 * top.mean() * room.length < wanted:
            low = middle
        else:
            high = middle
    _rounded(rays, load, room.x, room.y, top, room.length)


def liner(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """A liner bag blown full: one smooth block, its surface falling towards the doors."""
    places = np.linspace(0, 1, 200)
    start = rng.uniform(0.35, 0.75)
    fall = np.where(places > start, ((places - start) / (1 - start)) ** 2, 0) * rng.uniform(0.25, 0.55)
    top = 1 - fall - 0.06 * np.clip(1 - places / 0.08, 0, 1) ** 2
    for _ in range(8):
        top = np.minimum(top * room.level(load) / top.mean(), room.height - rng.uniform(0.03, 0.05))
    _rounded(rays, load, room.x + 0.02, room.y, _smooth(top, 5), room.length - 0.06)


def scrap(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Scrap metal: a rugged low heap of pieces of every size."""
    level = min(room.level(load) * 1.2, 0.8 * room.height)
    bumps = np.interp(np.linspace(0, 1, 240), np.linspace(0, 1, 25), rng.uniform(0.5, 1.3, 25))
    rays.profile(
        load.material,
        room.x,
        room.y,
        np.minimum(bumps * level, room.height - 0.1),
        load.kg * 0.7,
        room.length,
    )
    for _ in range(140):
        wide, tall = rng.uniform(0.06, 0.5), rng.uniform(0.04, 0.25)
        rays.ellipse(
            load.material,
            room.x + rng.uniform(0, room.length - wide),
            room.y + rng.uniform(0, 1.05 * level),
            wide,
            tall,
            load.kg * 0.3 / 140,
            power=float(rng.uniform(0.05, 0.6)),
        )


def _rounded(rays: RaySum, load: Load, x: float, y: float, top: np.ndarray, length: float) -> None:
    """The surface is lower by the side walls than along the middle: four lanes of different height."""
    lanes = (1.0, 0.96, 0.90, 0.82)
    for lane in lanes:
        rays.profile(load.material, x, y, top * lane, load.kg * lane / sum(lanes), length)


def _smooth(values: np.ndarray, taps: int) -> np.ndarray:
    return np.convolve(np.pad(values, taps // 2, mode="edge"), np.full(taps, 1 / taps), mode="valid")
