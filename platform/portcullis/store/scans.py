"""What the store keeps of a scan: its files by name, and how it was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from customs.scan import Scan


@dataclass(frozen=True)
class ScanFile:
    """One uploaded file: the name it came with (it tells the energy) and its name in the image store."""

    name: str
    sha256: str


@dataclass(frozen=True)
class StoredScan:
    """The files of one scan in the order they came, and what `customs.Scan` says about them."""

    files: tuple[ScanFile, ...]
    energies: tuple[str, ...] = ()
    orientation: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Sequence[str], digests: Sequence[str], scan: Scan) -> Self:
        """From the names of the uploaded files, their sha256 and the scan they make."""
        files = tuple(ScanFile(*pair) for pair in zip(names, digests, strict=True))
        return cls(files, scan.energies, scan.orientation, scan.degraded)

    @classmethod
    def read(cls, first: str, details: dict[str, Any] | None) -> Self:
        """From the columns of the store; rows of the first edition know one file and nothing about it."""
        if details is None:
            return cls((ScanFile("", first),))
        return cls(
            tuple(ScanFile(file["name"], file["sha256"]) for file in details["files"]),
            *(tuple(details[name]) for name in ("energies", "orientation", "degraded")),
        )

    @property
    def details(self) -> dict[str, Any]:
        """JSON values that `read` takes."""
        return {
            "files": [{"name": file.name, "sha256": file.sha256} for file in self.files],
            "energies": list(self.energies),
            "orientation": list(self.orientation),
            "degraded": list(self.degraded),
        }
