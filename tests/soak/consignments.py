"""Full consignments as an agency gets them, made ready to be sent: papers, a scan of 2000 × 800, a photo.

They come from a synthetic world's cases under review. The simulator draws container scans at 2 cm a pixel;
here each is enlarged to a finer portal's size, with noise of its own.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

COLUMNS, ROWS = 2000, 800
BOUNDARY = "portcullis-soak-load"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
# In the first strip of pixels of a TIFF that is some megabytes long, far behind its directories.
_PIXEL = 100_000


@dataclass(frozen=True)
class Prepared:
    """The three files of one consignment."""

    declaration: str
    scan: bytes
    photo: bytes

    def body(self, number: int) -> bytes:
        """A multipart body that no other number has: its id, a pixel and a note in the photo differ."""
        papers = json.loads(self.declaration)
        papers["id"] = f"L{number:09d}"
        scan = bytearray(self.scan)
        struct.pack_into("<I", scan, _PIXEL, number)
        text = b"tEXtNumber\0" + str(number).encode()
        note = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
        photo = self.photo.removesuffix(_PNG_END) + note + _PNG_END
        return b"".join(
            (
                _head("declaration", "d.json"),
                json.dumps(papers, ensure_ascii=False).encode(),
                _head("scan", "scan.tif"),
                scan,
                _head("photo", "photo.png"),
                photo,
                f"\r\n--{BOUNDARY}--\r\n".encode(),
            )
        )

    def write(self, folder: Path) -> None:
        """Keep it as three files."""
        folder.mkdir(parents=True)
        (folder / "d.json").write_text(self.declaration, encoding="utf-8")
        (folder / "scan.tif").write_bytes(self.scan)
        (folder / "photo.png").write_bytes(self.photo)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What `write` kept."""
        papers = (folder / "d.json").read_text(encoding="utf-8")
        return cls(papers, (folder / "scan.tif").read_bytes(), (folder / "photo.png").read_bytes())


def _head(part: str, name: str) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{part}"; filename="{name}"'
    return f"\r\n--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode()


def prepare(world: Path, folder: Path, count: int, seed: int = 1) -> int:
    """Make up to `count` consignments in folders of their own; how many there are."""
    made = 0
    for made, prepared in enumerate(_of_world(world, count, seed), start=1):
        prepared.write(folder / f"{made:03d}")
    return made


def _of_world(world: Path, count: int, seed: int) -> Iterator[Prepared]:
    from customs.world import World

    rng = np.random.default_rng(seed)
    opened = World.open(world)
    cases = [c for c in opened.cases("review") if c[1] is not None and c[1].suffix == ".tif"]
    photos = [photo for _, _, photo in opened.cases("review") if photo is not None]
    for number, (declaration, scan, photo) in enumerate(cases[:count]):
        assert scan is not None
        shown = photo or photos[number % len(photos)]
        yield Prepared(declaration.to_json(), enlarged(scan, rng), shown.read_bytes())


def enlarged(path: Path, rng: np.random.Generator) -> bytes:
    """A scan of the world as an uncompressed TIFF of `COLUMNS` × `ROWS`, its energies and notes kept."""
    import io

    import tifffile
    from scipy.ndimage import zoom

    with tifffile.TiffFile(path) as file:
        planes = [page.asarray() for page in file.pages]
        note = json.loads(file.pages[0].description)  # type: ignore[union-attr]
    rows, columns = planes[0].shape
    pitch = note["pixel_pitch_m"]
    note["pixel_pitch_m"] = [pitch[0] * rows / ROWS, pitch[1] * columns / COLUMNS]
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for number, plane in enumerate(planes):
            large: npt.NDArray = zoom(plane.astype(np.float32), (ROWS / rows, COLUMNS / columns), order=1)
            large += np.sqrt(large.clip(1)) * rng.standard_normal(large.shape, dtype=np.float32)
            writer.write(
                large.clip(0, 65_535).astype(np.uint16),
                photometric="minisblack",
                description=json.dumps(note) if number == 0 else "",
                metadata=None,
                software="",
                contiguous=False,
            )
    return out.getvalue()
