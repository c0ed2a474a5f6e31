"""The synthetic world: one seeded, consistent set of people, goods, series, scans and frauds."""

from customs.world.make import make_world
from customs.world.opened import World, is_world
from customs.world.sizes import SIZES
from customs.world.things import Thing

__all__ = ["SIZES", "Thing", "World", "is_world", "make_world"]
