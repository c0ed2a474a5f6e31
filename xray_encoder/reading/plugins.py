"""Readers of other formats, installed beside the project.

A package adds one by an entry point of the group `portcullis.scan_readers`:

```toml
[project.entry-points."portcullis.scan_readers"]
uff = "my_package.uff:reader"
```

The object it names has a `name` (str), `sniff(head: bytes) -> bool`, called with the first 4,096 bytes of a
file that no built-in reader knows, and `read(data: bytes, name: str) -> customs.Scan`. The WCO Unified File
Format, whose layout is not public, belongs here. Whatever it raises becomes one `UnreadableFile` naming it.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, runtime_checkable

from customs.errors import CustomsError, UnreadableFile
from customs.scan import Scan
from xray_encoder.reading.limits import check_bytes, check_size

GROUP = "portcullis.scan_readers"
HEAD = 4096


@runtime_checkable
class ScanReader(Protocol):
    """What a plug-in offers."""

    name: str

    def sniff(self, head: bytes) -> bool:
        """True if a file that starts with `head` is of this format."""
        ...

    def read(self, data: bytes, name: str) -> Scan:
        """Decode a whole file; `name` is the file's."""
        ...


@lru_cache(maxsize=1)
def installed() -> tuple[EntryPoint, ...]:
    """Entry points of the group, by name; looked up once a process."""
    return tuple(sorted(entry_points(group=GROUP), key=lambda entry: entry.name))


def read_by_plugin(data: bytes, name: str, field: str) -> Scan | None:
    """The scan of the first plug-in that knows the file; None if none does.

    A plug-in that cannot be loaded is only complained about if no other knows the file.
    """
    broken: UnreadableFile | None = None
    for entry in installed():
        try:
            reader = entry.load()
            if not isinstance(reader, ScanReader):
                raise TypeError("it has no name, sniff and read")
            knows = bool(reader.sniff(data[:HEAD]))
        except Exception as error:  # a stranger's code: whatever it raises is told, not passed on
            broken = broken or _complaint(entry.name, error, field, "mend or remove the plug-in")
            continue
        if knows:
            return _read(reader, data, name, field)
    if broken is not None:
        raise broken
    return None


def _read(reader: ScanReader, data: bytes, name: str, field: str) -> Scan:
    check_bytes(len(data), field)
    try:
        scan = reader.read(data, name)
        if not isinstance(scan, Scan):
            raise TypeError(f"it returned {type(scan).__name__}, not a Scan")
    except CustomsError as error:
        first = error.problems[0]
        raise UnreadableFile(
            f"the reader {reader.name!r} refuses the file: {first.problem}", field=field, remedy=first.remedy
        ) from None
    except Exception as error:  # as above
        raise _complaint(reader.name, error, field, "export the scan again, or mend the plug-in") from None
    check_size(scan.height, scan.width, len(scan.energies), field)
    return scan


def _complaint(name: str, error: Exception, field: str, remedy: str) -> UnreadableFile:
    return UnreadableFile(
        f"the reader {name!r} failed ({type(error).__name__}: {str(error)[:120]})", field=field, remedy=remedy
    )
