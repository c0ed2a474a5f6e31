"""A server that is killed in the middle of writing, three times; `make soak` does it a hundred times."""

from __future__ import annotations

from pathlib import Path

from soak import kill


def test_what_was_acknowledged_survives_a_kill_in_the_middle_of_writing(
    quick_models: Path, tmp_path: Path
) -> None:
    """Rows, images, audit entries, keys; what was not acknowledged is stored once when it is sent again."""
    found = kill.run(quick_models / "tabular", tmp_path, rounds=3, seed=5, longest=1.0)
    assert found.met, found.line()
    assert found.figures["acknowledged"] >= 3
    assert found.figures["unanswered and sent again"] >= 3
