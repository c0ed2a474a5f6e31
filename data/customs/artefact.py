"""A trained model as a folder that is checked before it is believed.

`manifest.json` names every other file with its sha256; tensors are safetensors, tables are parquet, the
rest is JSON. Nothing in an artefact is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.calibrate import Conformal
from customs.errors import DamagedArtefact

FORMAT = 1
MANIFEST = "manifest.json"
_LIBRARIES = ("portcullis", "numpy", "torch", "timm", "gensim", "lightgbm", "transformers", "tokenizers")
_RETRAIN = "train it again or restore the folder from a backup"


@dataclass(frozen=True)
class Artefact:
    """An opened and verified model folder."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration the model was trained with."""
        return self.manifest["config"]

    @property
    def version(self) -> str:
        """Short name of exactly these files, for reports."""
        return f"{self.manifest['kind']}@{self.manifest['fingerprint'][:12]}"

    def tensors(self, name: str) -> dict[str, npt.NDArray]:
        """Arrays saved under `name`."""
        from safetensors.numpy import load_file

        return load_file(self._file(f"{name}.safetensors"))

    def columns(self, name: str) -> dict[str, list]:
        """A table saved under `name`, by column."""
        import pyarrow.parquet as pq

        return pq.read_table(self._file(f"{name}.parquet")).to_pydict()

    def document(self, name: str) -> Any:
        """A JSON document saved under `name`."""
        return json.loads(self._file(f"{name}.json").read_text(encoding="utf-8"))

    def has(self, name: str) -> bool:
        """Whether something was saved under `name`, whatever its kind."""
        return any(file.rsplit(".", 1)[0] == name for file in self.manifest["files"])

    def calibration(self, check: str) -> Conformal:
        """The clean scores of one check."""
        return Conformal.from_columns(check, self.columns("calibration"))

    def _file(self, name: str) -> Path:
        if name not in self.manifest["files"]:
            raise DamagedArtefact(f"{self.folder} has no {name}", field="model", remedy=_RETRAIN)
        return self.folder / name


class ArtefactWriter:
    """Collects the files of a model and puts the folder in place in one move.

    Used as a context: files go to a folder beside the target; leaving it normally writes the manifest and
    replaces the target, leaving it by an exception removes every trace.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kind: str,
        config: Mapping[str, Any],
        preprocessing: Mapping[str, Any] | None = None,
        data_fingerprint: str = "",
        figures: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._head = {
            "format": FORMAT,
            "kind": kind,
            "config": dict(config),
            "preprocessing": dict(preprocessing or {}),
            "data_fingerprint": data_fingerprint,
            "figures": dict(figures or {}),
        }
        self._calibration: dict[str, list] = {"check": [], "group": [], "score": []}
        self._room: Path

    def __enter__(self) -> ArtefactWriter:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        if self.folder.exists() and any(self.folder.iterdir()) and not (self.folder / MANIFEST).exists():
            raise DamagedArtefact(
                f"{self.folder} holds other files",
                field="out",
                remedy="name a new folder or one that holds a model",
            )
        self._room = Path(tempfile.mkdtemp(prefix=f".{self.folder.name}.", dir=self.folder.parent))
        return self

    def tensors(self, name: str, arrays: Mapping[str, npt.NDArray]) -> None:
        """Save arrays; each is copied to a contiguous one."""
        from safetensors.numpy import save_file

        save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, self._room / f"{name}.safetensors")

    def columns(self, name: str, columns: Mapping[str, Sequence]) -> None:
        """Save a table of equally long columns."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(dict(columns)), self._room / f"{name}.parquet", compression="zstd")

    def document(self, name: str, value: Any) -> None:
        """Save JSON."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        (self._room / f"{name}.json").write_text(text, encoding="utf-8")

    def calibration(self, check: str, conformal: Conformal) -> None:
        """Save the clean scores of one check."""
        for column, values in conformal.as_columns(check).items():
            self._calibration[column].extend(values)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            shutil.rmtree(self._room, ignore_errors=True)
            return
        if self._calibration["check"]:
            self.columns("calibration", self._calibration)
        files = {p.name: _sha256(p) for p in sorted(self._room.iterdir())}
        body = {**self._head, "libraries": _libraries(), "files": files}
        body["fingerprint"] = _digest({"config": self._head["config"], "files": files})
        (self._room / MANIFEST).write_text(
            json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True), encoding="utf-8"
        )
        self._room.chmod(0o755)
        if self.folder.exists():
            old = self._room.with_name(self._room.name + ".old")
            os.replace(self.folder, old)
            os.replace(self._room, self.folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(self._room, self.folder)


def open_artefact(folder: Path, *, kind: str | None = None) -> Artefact:
    """Open a model folder, checking format, kind and the hash of every file."""
    folder = Path(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files, found = manifest["files"], manifest["kind"]
        version, fingerprint = manifest["format"], manifest["fingerprint"]
        expected = _digest({"config": manifest["config"], "files": files})
    except FileNotFoundError:
        raise DamagedArtefact(
            f"{folder} is not a model folder: it has no {MANIFEST}",
            field="model",
            remedy="name the folder given to train --out",
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedArtefact(
            f"{folder / MANIFEST} cannot be read ({error})", field="model", remedy=_RETRAIN
        ) from None
    if version != FORMAT:
        raise DamagedArtefact(
            f"{folder} has format {version}, this version reads {FORMAT}",
            field="model",
            remedy="train the model again",
        )
    if kind is not None and found != kind:
        raise DamagedArtefact(
            f"{folder} holds a {found} model, not a {kind} model",
            field="model",
            remedy="name the right folder",
        )
    for name, sha256 in files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise DamagedArtefact(f"{folder} lacks {name}", field="model", remedy=_RETRAIN)
        if _sha256(path) != sha256:
            raise DamagedArtefact(
                f"{path} is not the file that was trained: its sha256 differs", field="model", remedy=_RETRAIN
            )
    if expected != fingerprint:
        raise DamagedArtefact(
            f"{folder / MANIFEST} was changed after training", field="model", remedy=_RETRAIN
        )
    return Artefact(folder, manifest)


def fingerprint_of(paths: Sequence[Path]) -> str:
    """sha256 over names and contents of data files and folders, for the manifest."""
    total = hashlib.sha256()
    for path in map(Path, paths):
        members = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for member in members:
            name = member.relative_to(path).as_posix() if path.is_dir() else member.name
            total.update(f"{name}\0{_sha256(member)}\n".encode())
    return total.hexdigest()


def _libraries() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
