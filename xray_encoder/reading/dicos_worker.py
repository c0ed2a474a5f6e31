"""Run as a script by `dicos`: a DICOM file on standard input, JSON and pixels on standard output.

It limits its own memory and time before it looks at the file, imports nothing of the project, and writes
{"problem": …} for whatever it cannot read.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

# PS3.5: the syntaxes that need no codec beside NumPy.
PLAIN = {
    "1.2.840.10008.1.2",  # implicit little endian
    "1.2.840.10008.1.2.1",  # explicit little endian
    "1.2.840.10008.1.2.2",  # explicit big endian
    "1.2.840.10008.1.2.1.99",  # deflated explicit little endian
    "1.2.840.10008.1.2.5",  # run length
}
DICOMDIR = "1.2.840.10008.1.3.10"


class Refused(Exception):
    """The file is understood and not wanted; `large`: because of its size."""

    def __init__(self, problem: str, remedy: str | None = None, large: bool = False) -> None:
        super().__init__(problem)
        self.remedy, self.large = remedy, large


def limit(memory_bytes: int, seconds: int) -> None:
    """Take this process's own rights to memory, time, files and further processes."""
    try:
        import resource
    except ImportError:  # not on Windows; the parent's clock still runs
        return
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def tighten(more_bytes: int) -> None:
    """Leave this process so much memory beyond what its libraries have taken by now."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):  # not Linux; the first limit holds
        return
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    if most == resource.RLIM_INFINITY or taken + more_bytes < most:
        resource.setrlimit(resource.RLIMIT_AS, (taken + more_bytes, taken + more_bytes))


def number(value: Any) -> float | None:
    """A plain float of an attribute, None if there is none."""
    try:
        return None if value is None or value == "" else float(value)
    except (TypeError, ValueError):
        return None


def spacing(data: Any) -> list[float] | None:
    """Vertical and horizontal distance of pixels, millimetres."""
    for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        pair = data.get(name)
        if pair is not None and not isinstance(pair, str) and len(pair) == 2:
            found = [number(pair[0]), number(pair[1])]
            if all(value is not None and value > 0 for value in found):
                return [value for value in found if value is not None]
    return None


def read(raw: bytes, max_pixels: int) -> tuple[dict[str, Any], bytes]:
    """What the file says, and its pixels as little-endian unsigned numbers, frame by frame."""
    import numpy as np
    import pydicom
    from pydicom.pixels import pixel_array

    data = pydicom.dcmread(io.BytesIO(raw), force=False)
    meta = data.file_meta
    if str(meta.get("MediaStorageSOPClassUID", "")) == DICOMDIR or "DirectoryRecordSequence" in data:
        raise Refused("the file is a DICOMDIR", "send the image files themselves")
    syntax = str(meta.get("TransferSyntaxUID", ""))
    if syntax not in PLAIN:
        raise Refused(f"the pixels are compressed ({syntax[:64]})", "export it uncompressed")
    if "PixelData" not in data:
        raise Refused("the DICOM file holds no image")
    rows, columns = int(data.Rows), int(data.Columns)
    frames, samples = int(data.get("NumberOfFrames") or 1), int(data.get("SamplesPerPixel") or 1)
    if min(rows, columns, frames, samples) < 1:
        raise Refused(f"the image has {columns} × {rows} pixels on {frames} frames")
    if rows * columns * frames * samples > 3 * max_pixels:
        raise Refused(
            f"the picture has {columns:,} × {rows:,} pixels on {frames} frames",
            f"send at most {max_pixels:,} pixels",
            large=True,
        )
    if frames > 2:
        raise Refused(
            f"the image has {frames} frames", "send one frame for each energy, at most two; no volumes"
        )
    allocated, stored = int(data.BitsAllocated), int(data.get("BitsStored") or data.BitsAllocated)
    photometric = str(data.get("PhotometricInterpretation", ""))
    if allocated not in (8, 16) or not 1 < stored <= allocated:
        raise Refused(f"a pixel has {stored} bits in {allocated}", "export 8 to 16 bits a pixel")
    if photometric not in ("MONOCHROME1", "MONOCHROME2", "RGB"):
        raise Refused(f"the photometric interpretation is {photometric[:32]!r}", "export it in grey")
    if str(data.get("PixelIntensityRelationship", "")).upper() == "LOG":
        raise Refused("the pixels are on a logarithmic scale of no stated unit", "export linear pixels (LIN)")
    if syntax != "1.2.840.10008.1.2.5":
        promised = rows * columns * frames * samples * allocated // 8
        if not promised <= len(data.PixelData) <= promised + 1:
            raise Refused(f"the image promises {promised:,} bytes and holds {len(data.PixelData):,}")
    pixels = pixel_array(data, raw=True)
    if int(data.get("PixelRepresentation") or 0) == 1:
        pixels = pixels.astype(np.int32) + 2 ** (stored - 1)
    pixels = np.clip(pixels, 0, 2**stored - 1)
    sign = number(data.get("PixelIntensityRelationshipSign"))
    told = {
        "rows": rows,
        "columns": columns,
        "frames": frames,
        "samples": samples,
        "depth": max(stored, 8),
        "bytes": 1 if stored <= 8 else 2,
        "spacing_mm": spacing(data),
        "kvp": number(data.get("KVP")),
        "scanner": str(data.get("ManufacturerModelName") or data.get("Manufacturer") or "")[:64],
        "sign": sign if sign in (-1.0, 1.0) else None,
    }
    return told, pixels.astype(np.uint8 if stored <= 8 else "<u2").tobytes()


def main() -> None:
    """Answer on standard output; never a traceback."""
    max_pixels, memory_bytes, work_bytes, seconds = (int(argument) for argument in sys.argv[1:5])
    limit(memory_bytes, seconds)
    raw = sys.stdin.buffer.read()
    pixels = b""
    try:
        import warnings

        import numpy  # noqa: F401  (loaded before what they take is measured)
        import pydicom.pixels  # noqa: F401

        warnings.simplefilter("ignore")
        tighten(work_bytes)
        told, pixels = read(raw, max_pixels)
    except Refused as refused:
        told = {"problem": str(refused), "remedy": refused.remedy, "too_large": refused.large}
    except MemoryError:
        told = {"problem": "the DICOM file takes more memory than it may", "too_large": True}
    except ImportError:
        told = {"problem": "DICOM files need the package pydicom", "remedy": "install pydicom 3.0.2 or later"}
    except BaseException as error:  # a stranger's file: whatever breaks, it is broken
        told = {"problem": f"the DICOM file is broken ({type(error).__name__})"}
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + pixels)


if __name__ == "__main__":
    main()
