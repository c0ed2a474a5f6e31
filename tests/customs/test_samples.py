"""The declarations in `data/samples` are what the README says: ready to be handed in."""

from __future__ import annotations

from pathlib import Path

import pytest

from customs.declaration import Declaration

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_a_sample_can_be_read_and_says_that_it_is_one(path: Path) -> None:
    """And the README tells what each is for."""
    declaration = Declaration.from_json(path.read_text(encoding="utf-8"))
    assert declaration.id.startswith("SAMPLE-")
    assert f"`{path.name}`" in (SAMPLES / "README.md").read_text(encoding="utf-8")
