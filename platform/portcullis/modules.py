"""The three modules and fusion by the name that commands, artefacts and reports use."""

from __future__ import annotations

import importlib
from enum import StrEnum
from types import ModuleType


class Module(StrEnum):
    """What can be trained and evaluated; its value is the kind of its artefact."""

    TABULAR = "tabular"
    HS = "hs"
    XRAY = "xray"
    FUSION = "fusion"

    def room(self, name: str) -> ModuleType:
        """One of the module's rooms, such as `train`; imported when first asked for."""
        return importlib.import_module(f"{_PACKAGES[self]}.{name}")


_PACKAGES = {
    Module.TABULAR: "tabular_ae",
    Module.HS: "hs_classifier",
    Module.XRAY: "xray_encoder",
    Module.FUSION: "portcullis.fusing",
}
