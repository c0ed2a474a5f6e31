"""Work in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from customs.apart import peak_bytes, run_apart
from customs.errors import CustomsError


def test_a_process_that_fails_is_one_clear_error(tmp_path: Path) -> None:
    """It names the contender and repeats what the process said last."""
    with pytest.raises(CustomsError, match=r"swift did not finish: .*no_such_module"):
        run_apart("no_such_module", tmp_path, "swift", 1)


def test_the_peak_only_grows_and_holds_what_was_taken() -> None:
    """In bytes, of this process."""
    before = peak_bytes()
    block = bytearray(before)  # as much again
    block[::4096] = b"x" * len(block[::4096])
    assert peak_bytes() >= before + len(block) // 2
