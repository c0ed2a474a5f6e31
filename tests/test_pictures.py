"""The pictures of the README: small enough for the repository, and as large as the screen."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    """The script behind `make pictures`."""
    path = Path(__file__).parents[1] / ".ci" / "pictures.py"
    spec = importlib.util.spec_from_file_location("pictures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_a_picture_is_made_small_and_keeps_its_size(pictures: ModuleType) -> None:
    """A page with a grey scan in it; fewer colours, the same pixels."""
    rows, columns = np.mgrid[0:768, 0:1366]
    page = np.full((768, 1366, 3), 250, np.uint8)
    page[200:500, 200:1100] = ((rows + columns) // 4 % 256)[200:500, 200:1100, None]
    made = pictures.small(png(page))
    assert len(made) <= pictures.LARGEST
    with Image.open(io.BytesIO(made)) as picture:
        assert picture.size == (1366, 768)
        assert len(picture.getcolors(256)) <= 256
        assert np.abs(np.asarray(picture.convert("RGB"), int) - page).mean() < 4


def test_a_picture_that_cannot_be_small_is_refused(pictures: ModuleType) -> None:
    """Rather than to fill the repository."""
    noise = np.random.default_rng(0).integers(0, 256, (768, 1366, 3), np.uint8)
    with pytest.raises(RuntimeError, match="show less"):
        pictures.small(png(noise))


def test_no_picture_is_written_over_another(pictures: ModuleType) -> None:
    """Each has a name of its own, and a role that exists."""
    from portcullis.store.accounts import Role

    names = [picture.name for picture in pictures.PICTURES]
    assert len(set(names)) == len(names)
    assert {picture.role for picture in pictures.PICTURES} <= {role.value for role in Role}
