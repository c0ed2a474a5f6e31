"""ZIPs of cases: one layout, and every trick that a ZIP can play."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from customs.errors import CustomsError, TooLarge, UnreadableFile
from portcullis.jobs.archive import Archive
from portcullis.jobs.intake import Limits, read_manifest

LIMITS = Limits(items=100, unpacked=1 << 22, chunk=10)
Entries = list[tuple[str | zipfile.ZipInfo, bytes]]


def packed(entries: Entries, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in entries:
            file.writestr(name, data)
    return out.getvalue()


def case(make: SimpleNamespace, name: str = "D1", **changes: object) -> Entries:
    """The folder of a good case."""
    return [(f"{name}/declaration.json", make.declaration(id=name, **changes))]


def patched(data: bytes, offset: int, value: bytes, signature: bytes = b"PK\x01\x02") -> bytes:
    """With bytes of the first central header (or another record) changed."""
    at = data.index(signature) + offset
    return data[:at] + value + data[at + len(value) :]


def renamed(make: SimpleNamespace, name: bytes) -> bytes:
    """A ZIP one of whose entries has such a name, which no library would write."""
    placeholder = b"D2/" + b"q" * (len(name) - 3)
    data = packed([*case(make), (placeholder.decode(), b"x")])
    return data.replace(placeholder, name)


def overlapping(make: SimpleNamespace) -> bytes:
    """Two entries in the list that are the same bytes of the file."""
    data = packed([*case(make), ("D2/declaration.json", make.declaration(id="D2"))])
    second = data.rindex(b"PK\x01\x02")
    return data[: second + 42] + struct.pack("<I", 0) + data[second + 46 :]


def link(make: SimpleNamespace) -> bytes:
    """A symbolic link."""
    info = zipfile.ZipInfo("D1/scan.tif")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return packed([*case(make), (info, b"/etc/passwd")])


def zip64(make: SimpleNamespace) -> bytes:
    """With the records of the large format before its end."""
    data = packed(case(make))
    end = data.rindex(b"PK\x05\x06")
    return data[:end] + b"PK\x06\x07" + bytes(16) + data[end:]


@pytest.mark.parametrize(
    ("make_file", "said"),
    [
        (lambda m: renamed(m, b"../../etc/passwd"), "leads out"),
        (lambda m: renamed(m, b"/etc/passwd/a"), "leads out"),
        (lambda m: renamed(m, b"C:/windows/a.png"), "leads out"),
        (lambda m: renamed(m, b"D2\\..\\scan.png"), "leads out"),
        (lambda m: renamed(m, b"D2/./scan.png"), "leads out"),
        (lambda m: renamed(m, b"D2/sc\0n.png"), "character that no name may hold"),
        (lambda m: renamed(m, b"D2/sc\nn.png"), "character that no name may hold"),
        (lambda m: packed([*case(m), ("D1/" + "s" * 300, b"x")]), "more than 200 characters"),
        (lambda m: packed([*case(m), ("D1/deep/er/scan.png", b"x")]), "does not lie in the folder"),
        (lambda m: packed([*case(m), ("readme.txt", b"x")]), "does not lie in the folder"),
        (lambda m: packed([*case(m), ("d1/DECLARATION.json", b"x")]), "twice"),
        (link, "no ordinary file"),
        (lambda m: packed([*case(m), ("D1/photo.png/", b"x")]), "folder with contents"),
        (lambda m: patched(packed(case(m)), 8, b"\x01\x00"), "encrypted"),
        (lambda m: packed(case(m), zipfile.ZIP_LZMA), "unusual way"),
        (overlapping, "over each other"),
        (zip64, "ZIP64"),
        (lambda m: packed(case(m))[:-30], "cut off"),
        (lambda m: b"PK\x03\x04" + b"\0" * 100, "cut off"),
        (lambda m: packed([]), "holds no file"),
        (lambda m: b"PK\x03\x04" + packed(case(m)), "not where it says"),
        (lambda m: packed([*case(m), ("D1/scan.tif", bytes(2 << 20))]), "500 times"),
        (lambda m: packed([("__MACOSX/D1/._a", b"x")]), "holds no file"),
        (lambda m: packed([("[Content_Types].xml", b"x"), ("xl/workbook.xml", b"x")]), "workbook"),
        (lambda m: packed([("D1/scan.tif", b"x")]), "none of its 1 declarations can be read"),
    ],
)  # fmt: skip
def test_a_zip_that_plays_tricks_is_refused_whole(
    make_file: Callable[[SimpleNamespace], bytes], said: str, make: SimpleNamespace
) -> None:
    """With one sentence, before any entry is unpacked."""
    with pytest.raises(UnreadableFile, match=said):
        read_manifest(make_file(make), LIMITS)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([(f"D1/scan{i}.tif", bytes(1 << 20)) for i in range(5)], "unpack to more than"),
        ([(f"D{i}/declaration.json", b"{}") for i in range(101)], "more than 100 cases"),
    ],
)
def test_a_zip_that_holds_too_much_is_refused(entries: Entries, said: str) -> None:
    """Together, unpacked; and in number."""
    with pytest.raises(TooLarge, match=said):
        read_manifest(packed(entries), LIMITS)


def test_a_list_of_very_many_entries_is_refused_before_it_is_read() -> None:
    """The library would hold them all: 2 million of the smallest take a gigabyte there."""
    header = b"PK\x01\x02" + bytes(24) + struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0) + b"a"
    count = 200_000
    body = header * count
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0, 0, len(body), 4, 0)
    tracemalloc.start()
    with pytest.raises(TooLarge, match="more than 65,535 entries"):
        Archive(b"PK\x03\x04" + body + end, most_bytes=1 << 40)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * len(body)


def test_an_entry_that_is_broken_or_lies_about_its_length_refuses_its_case_alone(
    make: SimpleNamespace,
) -> None:
    """The others of the archive are read; nothing more than the entry's own limit is unpacked."""
    data = packed([*case(make, "D1"), *case(make, "D2")], zipfile.ZIP_STORED)
    at = data.index(b'"id": "D1"')
    broken = data[:at] + b'"id": "D9"' + data[at + 10 :]
    manifest = read_manifest(broken, LIMITS)
    assert [item.content is None for item in manifest.items] == [True, False]
    assert "is broken" in manifest.items[0].problems[0].problem
    shorter = patched(packed([*case(make, "D1"), *case(make, "D2")]), 24, struct.pack("<I", 10))
    assert read_manifest(shorter, LIMITS).items[0].content is None


def test_cases_are_found_in_their_folders_and_bad_ones_told(make: SimpleNamespace) -> None:
    """Also where all lie in one outer folder, with what desktops leave behind."""
    entries: Entries = [
        ("today/.DS_Store", b"x"),
        ("__MACOSX/today/._a", b"x"),
        ("today/D1/declaration.json", make.declaration(id="D1")),
        ("today/D1/scan_low.png", make.scan()),
        ("today/D1/scan_high.png", make.scan()),
        ("today/D1/photo.png", make.photo()),
        ("today/D2/scan.png", make.scan()),
        ("today/D3/declaration.json", make.declaration(id="D3", origin="XX")),
        ("today/D4/declaration.json", make.declaration(id="D4")),
        ("today/D4/notes.exe", b"x"),
        ("today/D5/declaration.json", make.declaration(id="D1")),
        ("today/D6/", b""),
    ]
    entries += [("today/D7/declaration.json", make.declaration(id="D7"))]
    entries += [(f"today/D7/scan{i}.png", b"x") for i in range(4)]
    manifest = read_manifest(packed(entries), LIMITS)
    first = manifest.items[0]
    assert first.content is not None
    assert first.content["scan"] == ["today/D1/scan_high.png", "today/D1/scan_low.png"]
    assert first.content["photo"] == "today/D1/photo.png"
    assert [(item.source, item.row, item.problems[0].field) for item in manifest.items[1:]] == [
        ("D2", 2, "declaration"),
        ("D3", 3, "origin"),
        ("D4", 4, "file"),
        ("D5", 5, "id"),
        ("D7", 6, "scan"),
    ]
    assert manifest.chunks == (1, None, None, None, None, None)


def test_chunks_are_cut_by_number_and_by_the_bytes_of_pictures(
    make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a chunk holds in memory is bounded either way."""
    entries = [entry for i in range(6) for entry in (*case(make, f"D{i}"), (f"D{i}/photo.png", make.photo()))]
    assert read_manifest(packed(entries), Limits(100, 1 << 22, 4)).chunks == (1, 1, 1, 1, 2, 2)
    monkeypatch.setattr("portcullis.jobs.intake.CHUNK_BYTES", 1_200)
    assert read_manifest(packed(entries), LIMITS).chunks == (1, 1, 2, 2, 3, 3)


def test_a_damaged_zip_never_raises_anything_but_a_sentence(make: SimpleNamespace) -> None:
    """Every single byte turned, one after the other, of a small archive."""
    good = packed([*case(make), ("D1/photo.png", make.photo())])
    refused = 0
    for at in range(4, len(good)):
        data = bytearray(good)
        data[at] ^= 0xFF
        try:
            manifest = read_manifest(bytes(data), LIMITS)
        except CustomsError:
            refused += 1
            continue
        content = manifest.items[0].content
        if content is not None and content["photo"] is not None:
            try:
                Archive(bytes(data), most_bytes=1 << 30).read(content["photo"])
            except CustomsError:
                refused += 1
    assert refused > len(good) // 2
