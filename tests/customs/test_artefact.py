"""Model folders."""

import json
from pathlib import Path

import numpy as np
import pytest

from customs import ArtefactWriter, Conformal, DamagedArtefact, fingerprint_of, open_artefact


def write(folder: Path, scale: float = 1.0) -> Path:
    with ArtefactWriter(folder, kind="toy", config={"scale": scale}, figures={"auc": 0.9}) as writer:
        writer.tensors("model", {"w": np.arange(6.0).reshape(2, 3) * scale})
        writer.columns("bank", {"hs": ["0303", "8703"], "n": [3, 4]})
        writer.document("vocabulary", {"명태": 0})
        writer.calibration("toy.check", Conformal.fit([1.0, 2.0], [("all",)] * 2))
    return folder


def test_everything_comes_back_as_it_was_written(tmp_path: Path) -> None:
    artefact = open_artefact(write(tmp_path / "m"), kind="toy")
    assert artefact.tensors("model")["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert artefact.columns("bank") == {"hs": ["0303", "8703"], "n": [3, 4]}
    assert artefact.document("vocabulary") == {"명태": 0}
    assert artefact.calibration("toy.check").groups["all"].tolist() == [1.0, 2.0]
    assert artefact.manifest["figures"] == {"auc": 0.9}


def test_the_version_names_exactly_these_files(tmp_path: Path) -> None:
    first = open_artefact(write(tmp_path / "a")).version
    assert open_artefact(write(tmp_path / "b")).version == first
    assert open_artefact(write(tmp_path / "c", scale=2.0)).version != first


@pytest.mark.parametrize(
    "name", ["model.safetensors", "bank.parquet", "vocabulary.json", "calibration.parquet"]
)
def test_a_flipped_byte_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "m")
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(DamagedArtefact, match=name):
        open_artefact(folder)


def test_a_changed_configuration_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "m")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["config"]["scale"] = 3.0
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DamagedArtefact, match="changed after training"):
        open_artefact(folder)


@pytest.mark.parametrize("content", ["", "{}", "[]", "not json", '{"format": 1}'])
def test_a_broken_manifest_is_refused(tmp_path: Path, content: str) -> None:
    folder = write(tmp_path / "m")
    (folder / "manifest.json").write_text(content)
    with pytest.raises(DamagedArtefact):
        open_artefact(folder)


def test_a_missing_file_another_kind_and_no_model_at_all_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "m")
    with pytest.raises(DamagedArtefact, match="not a xray model"):
        open_artefact(folder, kind="xray")
    (folder / "bank.parquet").unlink()
    with pytest.raises(DamagedArtefact, match=r"lacks bank\.parquet"):
        open_artefact(folder)
    with pytest.raises(DamagedArtefact, match="not a model folder"):
        open_artefact(tmp_path)


def test_a_manifest_cannot_point_outside_its_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "m")
    (tmp_path / "secret").write_text("x")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["../secret"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DamagedArtefact):
        open_artefact(folder)


def test_training_again_replaces_the_folder_whole(tmp_path: Path) -> None:
    folder = write(tmp_path / "m")
    write(folder, scale=5.0)
    assert open_artefact(folder).config == {"scale": 5.0}
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_failed_training_leaves_the_old_model_and_no_debris(tmp_path: Path) -> None:
    folder = write(tmp_path / "m")

    def train_and_fail() -> None:
        with ArtefactWriter(folder, kind="toy", config={"scale": 9.0}) as writer:
            writer.document("vocabulary", {})
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        train_and_fail()
    assert open_artefact(folder).config == {"scale": 1.0}
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_folder_with_other_files_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DamagedArtefact, match="other files"):
        write(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_data_fingerprint_changes_with_content_and_name(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    file = tmp_path / "d" / "a.csv"
    file.write_text("x")
    first = fingerprint_of([tmp_path / "d"])
    file.write_text("y")
    second = fingerprint_of([tmp_path / "d"])
    file.rename(tmp_path / "d" / "b.csv")
    assert len({first, second, fingerprint_of([tmp_path / "d"])}) == 3
