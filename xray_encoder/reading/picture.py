"""PNG, TIFF and JPEG scans as transmission, whichever way round they are drawn."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.errors import UnreadableFile
from customs.picture import decode_picture
from customs.scan import Scan

# A container scan with fewer rows or columns shows nothing.
MIN_SIDE = 32
_IMAGE_DESCRIPTION = 270  # TIFF 6.0, tag ImageDescription
_MAX_DESCRIPTION = 65_536  # characters; more is not a scanner's note
# Channels that differ by more than this many of 255 levels, on more than this share of pixels, are colour.
_CHROMA_LEVELS, _CHROMA_SHARE = 24, 0.005
# The share of pixels that is at least as bright as air: a few hot pixels do not move the air level.
_AIR_PERCENTILE = 99.5
_METADATA_REMEDY = (
    'write {"energies": ["6MV", "9MV"], "pixel_pitch_m": [0.02, 0.02], "scanner": "…", "view": "side"} '
    "to the TIFF's ImageDescription, or leave it out"
)


def read_scan(data: bytes, *, name: str = "", field: str = "scan") -> Scan:
    """Decode one X-ray.

    One page is one energy, two equally large pages are two energies (lowest first). A TIFF may carry JSON in
    its ImageDescription: `energies`, `pixel_pitch_m` (vertical, horizontal; metres), `scanner`, `view`.
    Polarity (air bright or air dark) is found from the picture, and the air level is set to transmission 1.
    A picture of 8 bits, or of false colours, is marked in `degraded`.

    `UnreadableFile` names `field` for anything that is not such a picture.
    """
    pages = decode_picture(data, field=field)
    pages = [page for page in pages if page.shape[:2] == pages[0].shape[:2]]  # a smaller page is a preview
    if len(pages) > 2:
        raise UnreadableFile(
            f"the file has {len(pages)} pages",
            field=field,
            remedy="send one page for each energy, at most two",
        )
    height, width = pages[0].shape[:2]
    if min(height, width) < MIN_SIDE:
        raise UnreadableFile(
            f"the picture has {width} × {height} pixels",
            field=field,
            remedy=f"send the whole scan, at least {MIN_SIDE} pixels each way",
        )
    meta = _metadata(data, len(pages), field)
    depth = _bit_depth(pages)
    degraded: list[str] = ["8-bit"] if depth == 8 else []
    grey: list[npt.NDArray[np.float32]] = []
    for page in pages:
        plane, coloured = _grey(page)
        if coloured and "pseudo-colour" not in degraded:
            degraded.append("pseudo-colour")
        grey.append(plane)
    if not all(np.isfinite(plane).all() for plane in grey):
        raise UnreadableFile("a pixel is not a number", field=field, remedy="export the scan again")
    inverted = not air_is_bright(grey[0])
    planes = [_transmission(-plane if inverted else plane, inverted, depth, field) for plane in grey]
    energies: tuple[str, ...] = meta.get("energies") or (
        ("low", "high") if len(planes) == 2 else ("unknown",)
    )
    order = sorted(range(len(planes)), key=lambda i: (_energy(energies[i]), i))
    return Scan(
        np.stack([planes[i] for i in order]),
        energies=tuple(energies[i] for i in order),
        bit_depth=depth,
        pixel_pitch_m=meta.get("pixel_pitch_m"),
        view=meta.get("view") or "side",
        scanner=meta.get("scanner"),
        degraded=tuple(degraded),
        source=name,
    )


def air_is_bright(grey: npt.NDArray) -> bool:
    """True if empty air is drawn bright; grey of shape (height, width), any scale.

    Around the container there is open air, which lies at one end of the grey scale: counted is at which end
    more of the picture's rim lies. Where goods reach the rim, the upper rows, mostly above the load, help.
    """
    small = grey[:: max(grey.shape[0] // 256, 1), :: max(grey.shape[1] // 256, 1)].astype(np.float64)
    low, high = np.percentile(small, [0.5, 99.5])
    if high <= low:
        return True
    small = np.clip((small - low) / (high - low), 0, 1)
    rows, columns = small.shape
    upper, edge = max(int(0.7 * rows), 1), max(columns // 80, 1)
    sides = (small[:upper, :edge], small[:upper, -edge:], small[: max(rows // 60, 1)])
    rim = np.concatenate([side.ravel() for side in sides])
    top = small[: max(rows // 12, 1)]
    load = small[int(0.45 * rows) : max(int(0.85 * rows), int(0.45 * rows) + 1)]
    ends = (rim > 0.9).mean() - (rim < 0.1).mean()
    return bool(ends + (np.median(top) - 0.5) + 0.5 * (top.mean() - load.mean()) >= 0)


def _transmission(
    plane: npt.NDArray[np.float32], inverted: bool, depth: int, field: str
) -> npt.NDArray[np.float32]:
    """Scale so that air is 1 and nothing is 0; `plane` is bright in air (negated if it was not)."""
    dark = -float(2**depth - 1) if inverted else 0.0
    thin = plane[:: max(plane.shape[0] // 512, 1), :: max(plane.shape[1] // 512, 1)]
    air = float(np.percentile(thin, _AIR_PERCENTILE))
    if depth == 32:  # a float picture names no scale: its darkest value is taken for nothing
        dark = min(float(plane.min()), 0.0)
    if air - dark <= 0 or float(plane.max() - plane.min()) <= 0.01 * (air - dark):
        raise UnreadableFile(
            "the picture is the same grey all over",
            field=field,
            remedy="send a scan that shows the container",
        )
    t = (plane - np.float32(dark)) * np.float32(1.0 / (air - dark))
    return np.clip(t, 0.0, 1.0, out=t)


def _bit_depth(pages: list[npt.NDArray]) -> int:
    """8, 12 or 16; float pictures count as 32."""
    if pages[0].dtype == np.uint8:
        return 8
    if pages[0].dtype == np.uint16:
        return 12 if max(int(page.max()) for page in pages) < 4096 else 16
    return 32


def _grey(page: npt.NDArray) -> tuple[npt.NDArray[np.float32], bool]:
    """Grey as float32 (height, width), and whether the picture was coloured."""
    if page.ndim == 2:
        return page.astype(np.float32), False
    thin = page[:: max(page.shape[0] // 512, 1), :: max(page.shape[1] // 512, 1)].astype(np.int16)
    chroma = thin.max(axis=2) - thin.min(axis=2)
    coloured = bool((chroma > _CHROMA_LEVELS).mean() > _CHROMA_SHARE)
    if not coloured:
        return page[:, :, 1].astype(np.float32), False
    red, green, blue = (page[:, :, i].astype(np.float32) for i in range(3))
    return np.float32(0.299) * red + np.float32(0.587) * green + np.float32(
        0.114
    ) * blue, True  # ITU-R BT.601


def _energy(name: str) -> float:
    """Number in an energy's name, for sorting: 6 for `6MV`, 160 kVp as 0.16."""
    if name in ("low", "high"):
        return 0.0 if name == "low" else 1.0
    number = re.match(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(k?)", name)
    return 0.0 if number is None else float(number[1]) * (1e-3 if number[2] else 1.0)


def _metadata(data: bytes, pages: int, field: str) -> dict[str, Any]:
    """Checked scanner notes of a TIFF; empty where there are none."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return {}
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
        text = image.tag_v2.get(_IMAGE_DESCRIPTION) if hasattr(image, "tag_v2") else None
    if not isinstance(text, str) or len(text) > _MAX_DESCRIPTION or not text.lstrip().startswith("{"):
        return {}
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    found: dict[str, Any] = {}
    energies, pitch = raw.get("energies"), raw.get("pixel_pitch_m")
    if energies is not None:
        if not (
            isinstance(energies, list)
            and len(energies) == pages
            and all(isinstance(e, str) for e in energies)
        ):
            raise UnreadableFile(
                f"ImageDescription names energies {energies!r:.80} for {pages} pages",
                field=field,
                remedy=_METADATA_REMEDY,
            )
        found["energies"] = tuple(energies)
    if pitch is not None:
        if not (
            isinstance(pitch, list)
            and len(pitch) == 2
            and all(
                isinstance(p, int | float) and not isinstance(p, bool) and 1e-5 <= p <= 1.0 for p in pitch
            )
        ):
            raise UnreadableFile(
                f"ImageDescription gives pixel_pitch_m {pitch!r:.80}", field=field, remedy=_METADATA_REMEDY
            )
        found["pixel_pitch_m"] = (float(pitch[0]), float(pitch[1]))
    for key in ("scanner", "view"):
        if isinstance(raw.get(key), str):
            found[key] = raw[key][:64]
    return found
