"""Any scan file to a `customs.Scan`: the format is found from the contents, never from the suffix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from customs.errors import CustomsError, TooLarge, UnreadableFile
from customs.scan import Scan
from xray_encoder.reading import dicos, numbers, picture, plugins, vendor
from xray_encoder.reading.assemble import assemble
from xray_encoder.reading.limits import FORMATS, MAX_BYTES, check_bytes
from xray_encoder.reading.names import MATERIAL, token_of
from xray_encoder.reading.raw import Raw

_ZIP = b"PK\x03\x04"
_MAX_FILES = 3  # low, high, material


def read_scan(
    data: bytes,
    *,
    name: str = "",
    field: str = "scan",
    pixel_pitch_m: tuple[float, float] | None = None,
    energies: tuple[str, ...] | None = None,
) -> Scan:
    """Decode one X-ray: PNG, TIFF, JPEG, .npy, DICOS or DICOM, a vendor's .img, or what a plug-in knows.

    Polarity and orientation are found from the picture, air is set to transmission 1. A picture of 8 bits, or
    of false colours, is marked in `degraded`; what was turned is told in `orientation`. `pixel_pitch_m`
    (vertical, horizontal; metres) and `energies` stand in where the file says nothing.

    `UnreadableFile` (`TooLarge` for sizes) names `field` for anything that is not a scan.

    >>> read_scan(b"Dear officer")
    Traceback (most recent call last):
    customs.errors.UnreadableFile: scan: the file is not a scan ...
    """
    return read_scans([(name, data)], field=field, pixel_pitch_m=pixel_pitch_m, energies=energies)


def read_scans(
    files: Sequence[tuple[str, bytes]],
    *,
    field: str = "scan",
    pixel_pitch_m: tuple[float, float] | None = None,
    energies: tuple[str, ...] | None = None,
) -> Scan:
    """One scan from several (name, bytes): an energy a file, and perhaps the vendor's material plane.

    Which energy a file holds is what it says itself, else what its name says (`a_low.tif`, `im1_4MeV.npy`).
    Files that say nothing are low and high in the order given.
    """
    if not files:
        raise UnreadableFile("there is no file", field=field, remedy=f"send a scan as {FORMATS}")
    if len(files) > _MAX_FILES:
        raise UnreadableFile(
            f"there are {len(files)} files",
            field=field,
            remedy="send the low and the high energy, and the material plane if there is one",
        )
    try:
        raws: list[Raw] = []
        for name, data in files:
            found = _decode(data, name, field)
            if isinstance(found, Scan):
                if len(files) > 1:
                    raise UnreadableFile(
                        f"{name}: this format holds all energies in one file",
                        field=field,
                        remedy="send it alone",
                    )
                return found
            raws.append(_named(found, name))
        return assemble(
            _with_material(raws, field),
            name=files[0][0],
            field=field,
            pixel_pitch_m=pixel_pitch_m,
            energies=energies,
        )
    except MemoryError:
        raise TooLarge(
            "the scan does not fit into memory", field=field, remedy="send a smaller scan"
        ) from None
    except CustomsError as error:
        if len(files) > 1 and error.problems[0].field != field:
            raise UnreadableFile(
                error.problems[0].problem, field=field, remedy=error.problems[0].remedy
            ) from None
        raise


def read_scan_files(
    paths: Sequence[Path],
    *,
    field: str = "scan",
    pixel_pitch_m: tuple[float, float] | None = None,
    energies: tuple[str, ...] | None = None,
) -> Scan:
    """One scan from the files of one view; see `names.find_siblings` for files beside one another."""
    files = []
    for path in paths:
        try:
            check_bytes(path.stat().st_size, field)
            with path.open("rb") as file:
                files.append((path.name, file.read(MAX_BYTES + 1)))
        except IsADirectoryError:
            raise UnreadableFile(f"{path} is a folder", field=field, remedy="name a file") from None
        except OSError as error:
            raise UnreadableFile(f"{path}: {error.strerror}", field=field, remedy="check the path") from None
    return read_scans(files, field=field, pixel_pitch_m=pixel_pitch_m, energies=energies)


def _decode(data: bytes, name: str, field: str) -> Raw | Scan:
    check_bytes(len(data), field)
    head = data[:256]
    for reader in (picture, numbers, dicos):
        if reader.sniff(head):
            return reader.read(data, name, field)
    found = plugins.read_by_plugin(data, name, field)
    if found is not None:
        return found
    if head.startswith(_ZIP):
        raise UnreadableFile(
            "the file is an archive (.npz, .zip)",
            field=field,
            remedy="save each plane with numpy.save as .npy",
        )
    if vendor.sniff(data):
        return vendor.read(data, name, field)
    raise UnreadableFile("the file is not a scan that can be read", field=field, remedy=f"send {FORMATS}")


def _named(raw: Raw, name: str) -> Raw:
    """With the energy its name tells, where the file itself is silent; a material plane is told by name."""
    token = token_of(name)
    if token is None or len(raw.planes) != 1:
        return raw
    if token.label == MATERIAL:
        page = raw.planes[0]
        if page.ndim == 2 and raw.material is None:
            return replace(raw, planes=(), material=page.astype(np.float32))
        return raw
    return raw if raw.energies is not None else replace(raw, energies=(token.label,))


def _with_material(raws: list[Raw], field: str) -> list[Raw]:
    """The files that hold energies, the first of them with the material plane of a file of its own."""
    planes = [raw for raw in raws if raw.planes]
    materials = [raw.material for raw in raws if not raw.planes]
    if not planes:
        raise UnreadableFile(
            "a material plane alone is not a scan", field=field, remedy="send the energies beside it"
        )
    if len(materials) > 1:
        raise UnreadableFile("there are two material planes", field=field, remedy="send one")
    if materials and materials[0] is not None:
        if materials[0].shape != planes[0].shape:
            raise UnreadableFile(
                "the material plane has another size than the energies",
                field=field,
                remedy="send files of the same scan",
            )
        planes[0] = replace(planes[0], material=materials[0])
    return planes
