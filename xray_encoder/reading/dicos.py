"""DICOS and DICOM X-rays, read by pydicom in a process of its own with little memory and little time.

DICOS is NEMA's DICOM for security (IIC 1); its digital X-ray objects use DICOM's image attributes. Only the
pixels in the file itself are read: no DICOMDIR, no reference to another file is ever followed.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from customs.errors import TooLarge, UnreadableFile
from xray_encoder.reading.limits import MAX_PIXELS, check_bytes, check_size, pitch_of
from xray_encoder.reading.raw import Raw

WORKER = Path(__file__).with_name("dicos_worker.py")
SECONDS = 30
MEMORY_BYTES = 1_500_000_000  # of address space, the libraries' own included
WORK_BYTES = 150_000_000  # beyond the libraries: some 12 million pixels of 16 bits
_REMEDY = "export it as an uncompressed digital X-ray, or as TIFF"


def sniff(head: bytes) -> bool:
    """True for a DICOM file: 128 bytes of anything, then `DICM`."""
    return head[128:132] == b"DICM"


def read(data: bytes, name: str, field: str) -> Raw:
    """One digital X-ray; two frames are two energies, the first the lower one."""
    check_bytes(len(data), field)
    told, pixels = _ask(data, field)
    rows, columns, frames, samples = (int(told[key]) for key in ("rows", "columns", "frames", "samples"))
    kind = np.dtype(np.uint8) if told["bytes"] == 1 else np.dtype("<u2")
    if len(pixels) != rows * columns * frames * samples * kind.itemsize:
        raise UnreadableFile("the DICOM file is broken", field=field, remedy=_REMEDY)
    check_size(rows, columns, frames, field)
    shape = (frames, rows, columns) if samples == 1 else (frames, rows, columns, samples)
    array = np.frombuffer(pixels, dtype=kind).reshape(shape).astype(kind.newbyteorder("="))
    sign, spacing, kilovolts = told.get("sign"), told.get("spacing_mm"), told.get("kvp")
    energies = None
    if frames == 1 and isinstance(kilovolts, int | float) and math.isfinite(kilovolts) and kilovolts > 0:
        energies = (f"{kilovolts / 1000:g}MV" if kilovolts >= 1000 else f"{kilovolts:g}kV",)
    return Raw(
        tuple(array),
        int(told["depth"]),
        energies=energies,
        pixel_pitch_m=pitch_of(spacing[0] / 1000, spacing[1] / 1000) if spacing else None,
        scanner=str(told["scanner"])[:64] if told.get("scanner") else None,
        air_bright=None if sign is None else sign > 0,
    )


def _ask(data: bytes, field: str) -> tuple[dict[str, Any], bytes]:
    """What the worker found: its JSON line, and the pixels after it."""
    environment = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",  # each thread of it would reserve address space
        "PATH": os.environ.get("PATH", ""),
    }
    command = [sys.executable, "-IB", str(WORKER), str(MAX_PIXELS)]
    command += [str(MEMORY_BYTES), str(WORK_BYTES), str(SECONDS)]
    try:
        done = subprocess.run(
            command,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=2 * SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TooLarge(
            f"reading the DICOM file took more than {2 * SECONDS} seconds", field=field, remedy=_REMEDY
        ) from None
    except OSError as error:
        raise UnreadableFile(
            f"no process for DICOM files could be started ({error.strerror})", field=field, remedy=_REMEDY
        ) from None
    line, _, pixels = done.stdout.partition(b"\n")
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict):  # killed by a limit before it could answer
        raise TooLarge(
            "reading the DICOM file takes more memory or time than it may", field=field, remedy=_REMEDY
        )
    if "problem" in told:
        kind = TooLarge if told.get("too_large") else UnreadableFile
        raise kind(str(told["problem"]), field=field, remedy=str(told.get("remedy") or _REMEDY))
    return told, pixels
