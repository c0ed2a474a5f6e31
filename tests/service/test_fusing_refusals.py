"""What `portcullis train fusion` refuses before it spends minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from customs import InvalidValue
from portcullis.fusing.train import train


def test_a_world_without_outcomes_is_refused_before_any_module_is_trained(
    tiny_world: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidValue) as caught:
        train([tiny_world], tmp_path / "models" / "fusion")
    assert "no settled period" in caught.value.problems[0].problem
    assert caught.value.problems[0].field == "data"
    assert not (tmp_path / "models").exists()
