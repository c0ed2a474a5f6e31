"""A scan as the numbers by which it is compared with others; no trained model has a part in them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from customs.case import Case
from customs.declaration import Declaration
from portcullis.insight.models import xray_of
from portcullis.models import Models
from portcullis.store.scan_looks import ScanLook

if TYPE_CHECKING:
    from customs.scan import Scan
    from xray_encoder.look import Look


@lru_cache(maxsize=1)
def edition() -> str:
    """Names the numbers: it changes when they mean something else."""
    from xray_encoder.depth import DESCRIPTION

    return hashlib.sha256("\n".join(DESCRIPTION).encode()).hexdigest()[:16]


def look_of(scan: Scan, declaration: Declaration) -> ScanLook:
    """The numbers of a scan; takes a part of a second."""
    from xray_encoder.look import look_at

    return _kept(look_at(scan), declaration)


def unreadable() -> ScanLook:
    """Stands for a scan that cannot be read any more."""
    return ScanLook(edition(), "", "", np.zeros(0, dtype=np.float32))


def look_of_cases(cases: Sequence[Case], models: Models) -> ScanLook | None:
    """The numbers of the scan that the X-ray model has just judged; None without a scan or that model."""
    scorer, first = xray_of(models), cases[0]
    if scorer is None or first.scan is None or first.declaration is None:
        return None
    return _kept(scorer.look(first.scan), first.declaration)


def _kept(look: Look, declaration: Declaration) -> ScanLook:
    from xray_encoder.data import main_line

    main = main_line(declaration.lines)
    code = "" if main is None else declaration.lines[main].hsk.digits
    return ScanLook(edition(), look.kind, code, look.description.astype(np.float32))
