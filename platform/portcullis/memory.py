"""How this process gives memory back: what a large picture took is free again for the machine afterwards."""

from __future__ import annotations

import ctypes
import sys

# glibc's <malloc.h>
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE_BYTES = 1024 * 1024
_ARENAS = 2


def give_back_large_blocks() -> None:
    """Ask glibc to map every block of a megabyte or more by itself, so that freeing it returns it at once.

    By itself it raises that threshold to the largest block that was freed, up to 32 MB, and keeps an arena
    for each thread: a server that once read a hundred large scans stays large. Elsewhere nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_ARENA_MAX, _ARENAS)
