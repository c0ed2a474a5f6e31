"""Which model folders a service takes, and which it refuses in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from customs.artefact import ArtefactWriter
from customs.errors import DamagedArtefact
from portcullis.models import Models, model_folders


def keep(folder: Path, kind: str) -> Path:
    """A sound artefact of some kind."""
    with ArtefactWriter(folder, kind=kind, config={}) as writer:
        writer.document("notes", {"a": 1})
    return folder


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """With what to run."""
    with pytest.raises(DamagedArtefact, match="portcullis train"):
        model_folders(tmp_path)


def test_model_folders_are_found_directly_below_or_as_given(tmp_path: Path) -> None:
    """Half-written ones start with a dot and are passed over."""
    one, two = keep(tmp_path / "a", "x"), keep(tmp_path / "b", "y")
    keep(tmp_path / ".c.tmp", "z")
    assert model_folders(tmp_path) == [one, two]
    assert model_folders(one) == [one]


def test_a_model_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    """Its kind is named."""
    with pytest.raises(DamagedArtefact, match="'horoscope'"):
        Models.load([keep(tmp_path / "a", "horoscope")])


def test_two_models_of_one_kind_are_refused(tmp_path: Path) -> None:
    """Which of them should speak is not guessed."""
    with pytest.raises(DamagedArtefact, match="both tabular"):
        Models.load([keep(tmp_path / "a", "tabular"), keep(tmp_path / "b", "tabular")])


def test_a_flipped_byte_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    """The hash of every file is checked at the start."""
    folder = keep(tmp_path / "a", "tabular")
    (folder / "notes.json").write_text('{"a": 2}')
    with pytest.raises(DamagedArtefact, match="sha256 differs"):
        Models.load([folder])
