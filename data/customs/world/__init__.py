"""The synthetic world: one seeded, consistent set of people, goods, series, scans and frauds."""

from customs.world.make import SIZES, make_world
from customs.world.opened import World, is_world

__all__ = ["SIZES", "World", "is_world", "make_world"]
