"""The shared vocabulary of Portcullis: types, calibration and artefacts."""

from customs.artefact import Artefact, ArtefactWriter, fingerprint_of, open_artefact
from customs.calibrate import Calibrated, Conformal
from customs.case import Case, Photo
from customs.declaration import Declaration, Line, Mode
from customs.errors import (
    CustomsError,
    DamagedArtefact,
    InvalidConfig,
    InvalidDeclaration,
    InvalidValue,
    Problem,
    TooLarge,
    UnreadableFile,
)
from customs.evidence import Alternative, Evidence, HeatMap, Message, Reference
from customs.hs import HsCode
from customs.scan import Scan
from customs.scorer import Scorer
from customs.units import Country, Kilograms, Money

__all__ = [
    "Alternative",
    "Artefact",
    "ArtefactWriter",
    "Calibrated",
    "Case",
    "Conformal",
    "Country",
    "CustomsError",
    "DamagedArtefact",
    "Declaration",
    "Evidence",
    "HeatMap",
    "HsCode",
    "InvalidConfig",
    "InvalidDeclaration",
    "InvalidValue",
    "Kilograms",
    "Line",
    "Message",
    "Mode",
    "Money",
    "Photo",
    "Problem",
    "Reference",
    "Scan",
    "Scorer",
    "TooLarge",
    "UnreadableFile",
    "fingerprint_of",
    "open_artefact",
]
