"""Goods in regular stacks: cartons, crates, bales, pallets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.physics.load import PALLETS, Load, Room
from customs.physics.raysum import Grid, RaySum

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stacks:
    """Stacks side by side, from the left: all arrays one value a stack, metres.

    layer: height of a layer; seam: share of the load that a horizontal seam between layers lacks; gap: width
    of the gap that follows each stack; lean: how far its top is pushed right; rough: grain of each package;
    brick: share of a package by which every other layer is shifted, twice (1: by half a package).
    """

    width: Floats
    height: Floats
    gap: Floats
    lean: Floats
    layer: float
    seam: float = 0.3
    edge: float = 0.15
    rough: float = 0.05
    round_top: float = 0.0
    brick: float = 0.0


def draw(
    rays: RaySum, material: str, x: float, y: float, stacks: Stacks, kg: float, rng: np.random.Generator
) -> None:
    """Draw all stacks at once, `kg` over all of them."""
    grid = rays.grid
    left = x + np.concatenate([[0.0], np.cumsum(stacks.width + stacks.gap)[:-1]])
    count = len(left)
    high = max(float(stacks.height.max()), 0.1)
    layers = int(np.ceil(high / stacks.layer)) + 1
    grain = np.clip(1 + stacks.rough * rng.standard_normal((layers, count)), 0.3, 1.7).astype(np.float32)
    used = np.flatnonzero((grid.y > y - grid.pitch) & (grid.y < y + high + 2 * grid.pitch))
    if not len(used) or kg <= 0:
        return
    up_all = (grid.y[used] - y).astype(np.float32)
    level = np.clip((up_all / stacks.layer).astype(int), 0, layers - 1)
    shape = np.zeros((len(used), grid.shape[1]), dtype=np.float32)
    for odd in (0, 1) if stacks.brick else (None,):
        rows = slice(None) if odd is None else np.flatnonzero(level % 2 == odd)
        shift = stacks.brick * float(stacks.width.mean()) / 2 if odd else 0.0
        shape[rows] = _layer(grid, left + shift, stacks, up_all[rows], grain, level[rows], high)
    total = float(shape.sum(dtype=np.float64))
    if total > 0:
        shape *= np.float32(kg * 0.1 / grid.pitch**2 / total)
        rays.plane(material)[used[0] : used[-1] + 1] += shape


def _layer(
    grid: Grid,
    left: Floats,
    stacks: Stacks,
    up: npt.NDArray[np.float32],
    grain: npt.NDArray[np.float32],
    level: npt.NDArray[np.int64],
    high: float,
) -> npt.NDArray[np.float32]:
    """Thickness (rows, columns) of all stacks at heights `up`."""
    pitch = np.float32(grid.pitch)
    index = np.clip(np.searchsorted(left, grid.x, side="right") - 1, 0, len(left) - 1)
    across = (grid.x - left[index]).astype(np.float32)[None, :]
    lean = stacks.lean[index].astype(np.float32)[None, :]
    width = stacks.width[index].astype(np.float32)[None, :]
    height = stacks.height[index].astype(np.float32)[None, :]
    up = up[:, None]
    u = 2 * (across - lean * np.clip(up / np.float32(high), 0, 1)) / width - 1
    np.abs(u, out=u)
    shape = np.clip((1 - u) * (width / (2 * pitch)) + np.float32(0.5), 0, 1)
    top = height - np.float32(stacks.round_top) * u * u - up if stacks.round_top else height - up
    shape *= np.clip(top / pitch + np.float32(0.5), 0, 1)
    shape *= np.clip(up / pitch + np.float32(0.5), 0, 1)
    np.clip(u, 0, 1, out=u)
    u *= u
    u *= u * u
    shape *= 1 - np.float32(stacks.edge) * u
    phase = np.mod(up / np.float32(stacks.layer), 1)
    near = np.minimum(phase, 1 - phase) * np.float32(stacks.layer) / pitch
    shape *= 1 - np.float32(stacks.seam) * np.exp(-(near**2))
    shape *= grain[level][:, index]
    return np.asarray(shape, dtype=np.float32)


def _columns(
    rng: np.random.Generator,
    load: Load,
    room: Room,
    *,
    gap: float,
    ragged: float,
    lean: float = 0.0,
    stepped: float = 0.0,
    share: float = 1.0,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Widths, heights, gaps and leans of the stacks that hold the load."""
    loose = 1.0 - load.tidy
    count = max(int(room.length * share / (load.size[0] + gap)), 1)
    level = room.level(load, count * (load.size[0] + gap) / room.length)
    height = np.full(count, level)
    if stepped and count > 3:  # the last stacks by the doors are lower, the others take their layers
        tail = int(rng.integers(1, max(2, round(count * stepped)) + 1))
        drop = np.linspace(0.1, rng.uniform(0.15, 0.45), tail) * level
        height[-tail:] -= drop
        height[:-tail] += drop.sum() / max(count - tail, 1)
    uneven = ragged * (0.4 + loose) * rng.standard_normal(count)
    # one layer more or less only where the packer's eye was off by half a layer: tops are level
    steps = np.round(height / load.size[1]) + np.round(uneven / load.size[1])
    steps = np.clip(steps, 1, np.floor(room.height / load.size[1]))
    height = np.minimum(steps * load.size[1], room.height - 0.03)
    width = load.size[0] * (1 + 0.05 * loose * rng.standard_normal(count))
    gaps = gap * np.clip(1 + 0.8 * loose * rng.standard_normal(count), 0.1, 3)
    if load.block > 1:
        blocks = (np.arange(count) % load.block) == load.block - 1
        gaps = np.where(blocks, gaps + 0.04 * rng.random(count), gaps * 0.35)
    slack = room.length - float((width + gaps).sum())
    if slack < 0:
        width = width * (room.length - float(gaps.sum())) / float(width.sum())
    elif slack > 0.02:  # what is left over opens one gap, or spreads over all
        if rng.random() < 0.5:
            gaps[int(rng.integers(max(count // 2, 1), count + 1)) - 1] += min(slack * 0.9, 0.3)
        else:
            gaps = gaps + 0.9 * slack / count
    return width, height, gaps, lean * loose * rng.standard_normal(count) + np.zeros(count)


def _own(gap: Floats, tidy: float, rng: np.random.Generator) -> Floats:
    """Gaps of one row in depth: the stacks of other rows do not stand exactly behind each other."""
    mine = gap * rng.uniform(0.1 + 0.5 * tidy, 1.9 - 0.5 * tidy, len(gap))
    return np.asarray(mine * gap.sum() / mine.sum())


def cartons(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Frozen cartons floor-loaded: a fine grid, flat on top; rows in depth that are not quite aligned."""
    if load.pallet != "none":
        pallet_cartons(rays, load, room, rng)
        return
    width, height, gap, lean = _columns(rng, load, room, gap=0.012, ragged=0.05, lean=0.05)
    for lane in range(3):
        shift = 0.02 * (1.2 - load.tidy) * rng.standard_normal()
        layers = (rng.random(len(height)) < 0.25 * (1.3 - load.tidy)) * load.size[1]
        stacks = Stacks(
            width,
            np.maximum(height - layers, load.size[1]),
            _own(gap, load.tidy, rng),
            lean,
            load.size[1],
            seam=0.26,
            edge=0.25,
            rough=0.07,
            round_top=0.02,
            brick=load.pattern,
        )
        at = room.x + 0.02 + shift
        draw(rays.lane(lane, 3), load.material, at, room.y, stacks, load.kg / 3, rng)


def pallet_cartons(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Cartons on pallets: blocks of a few columns with level tops, a deck under each, gaps between blocks."""
    long, deck = PALLETS[load.pallet if load.pallet != "none" else "wood"]
    per_pallet = max(round(long / load.size[0]), 1)
    width = long / per_pallet
    count = max(int(room.length / (long + 0.03)), 1)
    free = max(room.length - count * long, 0.0)
    between = rng.dirichlet(np.full(count + 1, 1.0 + 12.0 * load.tidy)) * free
    level = min(room.level(load, min(count * long / room.length, 1.0)), room.height - deck - 0.05)
    heights = level + 0.5 * load.size[1] * (1.1 - load.tidy) * rng.standard_normal(count)
    most = np.floor((room.height - deck - 0.03) / load.size[1])
    tall = np.clip(np.round(heights / load.size[1]), 1, max(most, 1)) * load.size[1]
    gap = np.full(count * per_pallet, 0.002)
    gap[per_pallet - 1 :: per_pallet] = np.maximum(between[1:], 0.002)
    for lane in range(2):
        stacks = Stacks(
            np.full(count * per_pallet, width - 0.002),
            np.repeat(tall, per_pallet),
            gap,
            np.zeros(count * per_pallet),
            load.size[1],
            seam=0.22,
            edge=0.2,
            rough=0.05,
            brick=load.pattern,
        )
        at = room.x + between[0] * rng.uniform(0.7, 1.0)
        draw(rays.lane(lane, 2), load.material, at, room.y + deck, stacks, load.kg * 0.485, rng)
    x = room.x + between[0]
    for n in range(count):
        rays.box("cellulose", x, room.y + 0.75 * deck, long, 0.25 * deck, load.kg * 0.015 / count)
        for block in (0.0, 0.46, 0.92):
            at = x + block * long
            rays.box("cellulose", at, room.y, 0.08 * long, 0.75 * deck, load.kg * 0.005 / count)
        x += long + between[n + 1]


def meat(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Meat in soft cartons and bags: rough columns with ragged tops, falling towards the doors."""
    width, height, gap, lean = _columns(rng, load, room, gap=0.025, ragged=0.08, lean=0.12, stepped=0.2)
    lanes = 4
    for lane in range(lanes):
        uneven = np.clip(height + 0.06 * rng.standard_normal(len(height)), 0.3, room.height - 0.03)
        stacks = Stacks(
            width * rng.uniform(0.95, 1.03, len(width)),
            uneven,
            gap + 0.01,
            lean + 0.03 * rng.standard_normal(len(lean)),
            load.size[1] * rng.uniform(0.9, 1.1),
            seam=0.25,
            edge=0.5,
            rough=0.3,
            round_top=0.05,
        )
        at = room.x + 0.04 * rng.random()
        draw(rays.lane(lane, lanes), load.material, at, room.y, stacks, load.kg / lanes, rng)


def crates(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Fruit in ventilated crates on pallets: tall even columns, thin gaps, holes under each crate's edge."""
    width, height, gap, lean = _columns(rng, load, room, gap=0.02, ragged=0.03, lean=0.03)
    for lane in range(2):
        own = _own(gap, load.tidy, rng)
        stacks = Stacks(width, height, own, lean, load.size[1], seam=0.38, edge=0.3, rough=0.06)
        at = room.x + 0.02 * rng.random()
        draw(rays.lane(lane, 2), load.material, at, room.y + 0.13, stacks, load.kg * 0.485, rng)
    field = 1 + 0.10 * rng.standard_normal(rays.grid.shape).astype(np.float32)
    rays.texture(load.material, np.clip(field, 0.6, 1.4))
    _pallets(rays, room, 0.13, load.kg * 0.03)


def pallets(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Wrapped pallets of sacks or boxes: blocks about a metre wide with open gaps, a deck under each."""
    pallet = Load(load.material, load.kg, load.packages, load.density, (1.1, load.size[1]), load.tidy)
    share = min(1.0, max(0.35, load.kg / load.density / (1.35 * room.length * room.depth)))
    width, height, gap, lean = _columns(rng, pallet, room, gap=0.07, ragged=0.06, stepped=0.15, share=share)
    height = np.minimum(height, room.height - 0.2)
    for _ in range(2):
        stacks = Stacks(
            width, height, gap, lean, load.size[1], seam=0.25, edge=0.2, rough=0.06, round_top=0.04
        )
        draw(rays, load.material, room.x + 0.04 * rng.random(), room.y + 0.13, stacks, load.kg * 0.485, rng)
    _pallets(rays, room, 0.13, load.kg * 0.03, share)


def bales(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Pressed bales: smooth blocks with thin bright gaps, two or three tiers, lower by the doors."""
    width, height, gap, lean = _columns(rng, load, room, gap=0.03, ragged=0.02, lean=0.05, stepped=0.4)
    for lane in range(2):
        own = _own(gap, load.tidy, rng)
        stacks = Stacks(
            width, height, own, lean, load.size[1], seam=0.06, edge=0.35, rough=0.05, round_top=0.04
        )
        draw(rays.lane(lane, 2), load.material, room.x + 0.02, room.y, stacks, load.kg / 2, rng)


def garments(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Light cartons to the roof, each a little different, four rows in depth."""
    width, height, gap, lean = _columns(rng, load, room, gap=0.012, ragged=0.12, lean=0.06)
    for _ in range(3):
        place = np.roll(height, int(rng.integers(0, 3)))
        stacks = Stacks(width, place, gap, lean, load.size[1], seam=0.3, edge=0.35, rough=0.25)
        draw(rays, load.material, room.x + 0.06 * rng.random(), room.y, stacks, load.kg / 3, rng)


def bottles(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Bottles and cans in trays on pallets: a fine upright grain inside each pallet's block."""
    pallets(rays, load, room, rng)
    period = load.size[0]
    grain = 1 + 0.35 * np.cos(2 * np.pi * rays.grid.x / period)[None, :] * np.ones((rays.grid.shape[0], 1))
    grain = grain * (1 - 0.3 * (np.mod(rays.grid.y - room.y, load.size[1]) > 0.72 * load.size[1])[:, None])
    rays.texture(load.material, grain.astype(np.float32))


def lumber(rays: RaySum, load: Load, room: Room, rng: np.random.Generator) -> None:
    """Sawn wood in long packs: wide blocks with level layers and bearers between the packs."""
    pack = Load(load.material, load.kg, load.packages, load.density, load.size, load.tidy)
    width, height, gap, lean = _columns(rng, pack, room, gap=0.12, ragged=0.05)
    stacks = Stacks(width, height, gap, lean, 0.05, seam=0.12, edge=0.05, rough=0.06)
    draw(rays, load.material, room.x + 0.05, room.y + 0.08, stacks, load.kg, rng)
    gaps = 1 - 0.75 * (np.mod(rays.grid.y - room.y, load.size[1]) < 0.07)[:, None]
    rays.texture(load.material, (gaps * np.ones((1, rays.grid.shape[1]))).astype(np.float32))


def _pallets(rays: RaySum, room: Room, height: float, kg: float, share: float = 1.0) -> None:
    before = rays.mass_kg("cellulose")
    for x in np.arange(room.x + 0.02, room.x + room.length * share - 0.5, 1.17):
        rays.slab("cellulose", x, room.y + 0.10, 1.1, 0.03, 10.0)
        for block in (0.0, 0.5, 1.0):
            rays.slab("cellulose", x + block, room.y, 0.1, 0.10, 10.0)
    drawn = rays.mass_kg("cellulose") - before
    if drawn > 0 and before == 0:
        rays.plane("cellulose")[...] *= kg / drawn
