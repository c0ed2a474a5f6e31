"""The sample consignment: a declaration, and a scan that our own physics draws when it is asked for."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from portcullis.consignment import Upload

SCAN_NAME = "SAMPLE-0002.tif"
_SEED = 2  # of the packing and of the scanner's noise: the sample is the same wherever it is drawn
_KG = 20_500.0
_PACKAGES = 1_720
# Peeled shrimp from Vietnam. The papers are in order; what is wrong stands in the load alone.
DECLARATION: dict[str, Any] = {
    "id": "SAMPLE-0002",
    "date": "2025-04-21",
    "office": "030",
    "mode": "sea",
    "departure": "VN",
    "transit": [],
    "origin": "VN",
    "importer": "새벽수산 Dawn Seafood",
    "declarant": "관세법인 물결",
    "seller": "Long Pier Seafood VN",
    "forwarder": "Grey Gull Forwarding",
    "container": "PCLU2024010",
    "lines": [
        {
            "hsk": "0306171090",
            "name": "냉동 새우살 FROZEN PEELED SHRIMP",
            "description": "껍질을 제거한 흰다리새우살, 개별급속동결 1 kg x 10, 포장단위 12 kg. "
            "Peeled white leg shrimp, IQF 1 kg x 10, cartons of 12 kg.",
            "net_kg": 19_800,
            "gross_kg": _KG,
            "quantity": 19_800,
            "unit": "KG",
            "packages": _PACKAGES,
            "value": {"amount": "171900.00", "currency": "USD"},
            "freight": {"amount": "1421000", "currency": "KRW"},
            "insurance": {"amount": "257.85", "currency": "USD"},
            "duty_rate": 20.0,
        }
    ],
}


@dataclass(frozen=True)
class Sample:
    """The sample's declaration as JSON, and its scan as the scanner would save it."""

    declaration: bytes
    scan: bytes

    @classmethod
    def drawn(cls) -> Sample:
        """Draw it, once in a process; takes about a second."""
        return _drawn()

    @property
    def upload(self) -> Upload:
        """As if it had been handed in."""
        return Upload(declaration=self.declaration, scan=((SCAN_NAME, self.scan),))


def declaration_json() -> bytes:
    """The sample's declaration, indented for people."""
    return json.dumps(DECLARATION, ensure_ascii=False, indent=1).encode()


@lru_cache(maxsize=1)
def _drawn() -> Sample:
    return Sample(declaration_json(), _scan())


def _scan() -> bytes:
    """A reefer of frozen cartons, as heavy as declared, in which a box of tools stands."""
    import numpy as np

    from customs.physics.load import Load
    from customs.physics.packing.planted import Hidden
    from customs.physics.packing.templates import loaded, packed
    from customs.physics.scanner import Scanner
    from customs.world.pictures import Taken, write_scan

    rng = np.random.default_rng(_SEED)
    scanner = Scanner(name="sample")
    load = Load("fish", _KG, _PACKAGES, 500.0, (0.30, 0.13), tidy=0.85, block=6, pattern=0.5)
    block = Hidden("steel", 180.0, (0.62, 0.35), (0.5, 0.4), thick=0.4)
    goods = packed("cartons", load, "reefer40", rng, (block,), pitch=scanner.pitch).goods
    planes = scanner.expose(loaded(goods, "reefer40", rng, pitch=scanner.pitch), rng)
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / SCAN_NAME
        write_scan(path, Taken(planes, scanner, (), 0.0, None))
        return path.read_bytes()
