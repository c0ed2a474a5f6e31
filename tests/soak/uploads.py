"""Small consignments that a server takes: no two alike, all made from a seed."""

from __future__ import annotations

import datetime as dt
import io
import json
import random
from typing import Any

import numpy as np
from PIL import Image

Parts = list[tuple[str, tuple[str, bytes, str]]]
CODES = ("0306171090", "0303670000", "8517130000", "6907210000", "3901101000", "2304000000")
_NAMES = (
    "냉동 새우 FROZEN SHRIMP",
    "명태 ALASKA POLLACK",
    "SMARTPHONE 256GB",
    "PORCELAIN TILES",
    "FISH MEAL",
)


def declaration(rng: random.Random, number: str, lines: int = 1) -> dict[str, Any]:
    """A declaration with plausible values."""
    day = dt.date(2025, 1, 1) + dt.timedelta(days=rng.randrange(300))
    return {
        "id": number,
        "date": day.isoformat(),
        "origin": rng.choice(("VN", "CN", "NO", "US", "ID")),
        "importer": f"수입상사 {rng.randrange(40)} TRADING",
        "lines": [_line(rng) for _ in range(lines)],
    }


def _line(rng: random.Random) -> dict[str, Any]:
    net = rng.randrange(500, 24_000)
    return {
        "hsk": rng.choice(CODES),
        "name": rng.choice(_NAMES),
        "net_kg": net,
        "gross_kg": net + rng.randrange(1, 900),
        "packages": rng.randrange(1, 3000),
        "value": {"amount": str(rng.randrange(1000, 200_000)), "currency": "USD"},
    }


def scan(seed: int, rows: int = 60, columns: int = 200) -> bytes:
    """A small 16-bit picture of goods in bright air, as PNG."""
    rng = np.random.default_rng(seed)
    pixels = np.full((rows, columns), 60_000.0)
    pixels[rows // 4 : -rows // 6, columns // 10 : -columns // 10] = rng.uniform(8_000, 25_000)
    return png((pixels + 200 * rng.standard_normal(pixels.shape)).clip(0, 65_535).astype(np.uint16))


def photo(seed: int) -> bytes:
    """A small colour picture, as PNG."""
    return png(np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8))


def png(pixels: np.ndarray) -> bytes:
    """Pixels as a PNG file."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG", compress_level=1)
    return out.getvalue()


def parts(seed: int, number: str) -> Parts:
    """The parts of an upload; every third lacks a scan, every fourth a photo."""
    rng = random.Random(seed)
    papers = json.dumps(declaration(rng, number), ensure_ascii=False).encode()
    found: Parts = [("declaration", ("d.json", papers, "application/json"))]
    if seed % 3:
        found.append(("scan", ("scan.png", scan(seed), "image/png")))
    if seed % 4:
        found.append(("photo", ("photo.png", photo(seed), "image/png")))
    return found
