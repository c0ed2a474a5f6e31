"""Files that a stranger might send to do harm: made from a seed, the same every time.

Each family is a function that makes one file for a part of an upload; `files(count)` goes round the families.
`MARK` is in every file that would carry a payload: no picture that leaves the service may hold it.
"""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image
from soak.uploads import declaration, png

MARK = b"<script>alert('portcullis')</script>"


@dataclass(frozen=True)
class Hostile:
    """One hostile part: what family, which part, its name and bytes; may_pass: it may be valid after all."""

    family: str
    part: str
    name: str
    data: bytes
    may_pass: bool = False


Maker = Callable[[random.Random], tuple[str, bytes]]


def files(count: int, seed: int = 1) -> Iterator[Hostile]:
    """So many files, family after family, no two alike."""
    for number in range(count):
        turn, which = divmod(number, len(FAMILIES))
        family, parts, may_pass = FAMILIES[which]
        name, data = family(random.Random(f"{seed} {number}"))
        yield Hostile(family.__name__, parts[(turn + which) % len(parts)], name, data, may_pass)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(
    width: int, height: int, *, depth: int = 8, colour: int = 0, body: bytes = b"", more: bytes = b""
) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    whole = _chunk(b"IHDR", head) + more + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + whole


def _tiff(tags: dict[int, tuple[int, int, int]], tail: bytes = b"", following: int = 0) -> bytes:
    body = struct.pack("<H", len(tags))
    body += b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(tags.items()))
    return b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", following) + tail


def _good_scan(rng: random.Random) -> np.ndarray:
    pixels = np.full((64, 160), 60_000, dtype=np.uint16)
    pixels[16:-12, 20:-20] = rng.randrange(8_000, 25_000)
    pixels[::7, ::5] -= np.uint16(rng.randrange(1, 999))
    return pixels


def _saved(rng: random.Random, kind: str) -> bytes:
    out = io.BytesIO()
    pixels = _good_scan(rng)
    Image.fromarray((pixels >> 8).astype(np.uint8) if kind == "JPEG" else pixels).save(out, format=kind)
    return out.getvalue()


def png_flood(rng: random.Random) -> tuple[str, bytes]:
    """A PNG of a few kilobytes that unpacks to hundreds of megabytes."""
    side = rng.choice((8_000, 12_000, 16_000))
    rows = zlib.compress(b"\0" * ((side // 8 + 1) * side), 9)
    return "flood.png", _png(side, side, depth=1, body=rows)


def png_claims(rng: random.Random) -> tuple[str, bytes]:
    """A PNG header that promises up to 2³¹ pixels each way, with nothing behind it."""
    sides = [rng.choice((7_000, 65_535, 1 << 20, (1 << 31) - 1)) for _ in range(2)]
    return "claims.png", _png(*sides, depth=16, body=zlib.compress(b"\0" * rng.randrange(1, 999)))


def png_below_the_limit(rng: random.Random) -> tuple[str, bytes]:
    """Just under the allowed number of pixels, all of them there: a few KB that unpack to 16 to 128 MB."""
    width = rng.randrange(3_900, 4_000)
    depth, colour, samples = rng.choice(((8, 0, 1), (16, 0, 1), (8, 2, 3), (16, 6, 4), (8, 4, 2)))
    squeezer = zlib.compressobj(9)
    row = b"\0" * (width * samples * depth // 8 + 1)
    rows = b"".join(squeezer.compress(row) for _ in range(4_000)) + squeezer.flush()
    return f"large{depth}x{samples}.png", _png(width, 4_000, depth=depth, colour=colour, body=rows)


def scan_below_the_limit(rng: random.Random) -> tuple[str, bytes]:
    """A striped scan just under the allowed number of pixels: some KB that every model looks at."""
    width, height = rng.randrange(7_000, 7_900), rng.choice((1_000, 2_000))
    row = b"\0" + np.repeat(np.arange(0, 60_000, 6_000, dtype=">u2"), width // 10 + 1)[:width].tobytes()
    squeezer = zlib.compressobj(9)
    rows = b"".join(squeezer.compress(row) for _ in range(height)) + squeezer.flush()
    return f"stripes{height}.png", _png(width, height, depth=16, body=rows)


def png_text_bomb(rng: random.Random) -> tuple[str, bytes]:
    """Compressed text and colour profile chunks that unpack to 60 MB."""
    text = zlib.compress(bytes([rng.randrange(256)]) * 60_000_000, 9)
    more = _chunk(b"zTXt", b"Comment\0\0" + text) + _chunk(b"iCCP", b"profile\0\0" + text)
    return "text.png", _png(64, 64, body=zlib.compress(b"\0" * (65 * 64)), more=more)


def png_many_chunks(rng: random.Random) -> tuple[str, bytes]:
    """A hundred thousand empty chunks."""
    more = _chunk(b"tEXt", b"k\0v") * (100_000 + rng.randrange(99))
    return "chunks.png", _png(64, 64, body=zlib.compress(b"\0" * (65 * 64)), more=more)


def tiff_claims(rng: random.Random) -> tuple[str, bytes]:
    """A TIFF that promises more pixels, strips or samples than there can be."""
    side = rng.choice((30_000, 1 << 24, (1 << 32) - 1))
    tags = {
        256: (4, 1, side),
        257: (4, 1, side),
        258: (3, 1, 16),
        259: (3, 1, rng.choice((1, 5, 8))),
        262: (3, 1, 1),
        273: (4, 1, 8),
        277: (3, 1, rng.choice((1, 3, 65_535))),
        278: (4, 1, side),
        279: (4, 1, 64),
    }
    return "claims.tif", _tiff(tags, b"\0" * 64)


def tiff_bomb(rng: random.Random) -> tuple[str, bytes]:
    """A deflated strip that unpacks to far more than its size says."""
    packed = zlib.compress(b"\0" * 80_000_000, 9)
    tags = {
        256: (4, 1, 200 + rng.randrange(50)),
        257: (4, 1, 100),
        258: (3, 1, 16),
        259: (3, 1, 8),
        262: (3, 1, 1),
        273: (4, 1, 8 + 2 + 9 * 12 + 4),
        277: (3, 1, 1),
        278: (4, 1, 100),
        279: (4, 1, len(packed)),
    }
    return "bomb.tif", _tiff(tags, packed)


def tiff_loop(rng: random.Random) -> tuple[str, bytes]:
    """Directories that follow one another in a circle, or thousands of them."""
    tags = {256: (3, 1, 64), 257: (3, 1, 64)}
    if rng.random() < 0.5:
        return "loop.tif", _tiff(tags, following=8)
    one = 2 + 12 * len(tags) + 4
    count = rng.randrange(3_000, 9_000)
    pages = [_tiff(tags, following=8 + (i + 1) * one if i + 1 < count else 0)[8:] for i in range(count)]
    return "pages.tif", b"II*\0" + struct.pack("<I", 8) + b"".join(pages)


def tiff_tags(rng: random.Random) -> tuple[str, bytes]:
    """Tags that promise billions of values or point outside the file."""
    tags = {
        t: (rng.choice((1, 2, 4, 12)), rng.choice((1 << 31, (1 << 32) - 1)), 1 << 30) for t in range(256, 300)
    }
    return "tags.tif", _tiff(tags)


def jpeg_claims(rng: random.Random) -> tuple[str, bytes]:
    """A JPEG whose header was changed to 65,000 pixels each way."""
    data = bytearray(_saved(rng, "JPEG"))
    at = data.find(b"\xff\xc0")
    struct.pack_into(">HH", data, at + 5, 65_000, 65_000 - rng.randrange(99))
    return "claims.jpg", bytes(data)


def npy_claims(rng: random.Random) -> tuple[str, bytes]:
    """An array header that promises terabytes, negative or absurd shapes."""
    shape = rng.choice(
        ["(1000000, 1000000)", "(-1, 64)", "(64, 9999999999999999999)", "(40000, 40000)", "()"]
    )
    return "claims.npy", _npy(
        f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}", b"\0" * rng.randrange(99)
    )


def npy_header(rng: random.Random) -> tuple[str, bytes]:
    """An array header that is code, deeply nested, or endless."""
    header = rng.choice(
        [
            "__import__('os').system('touch /tmp/portcullis-was-here')",
            "(" * 5_000 + ")" * 5_000,
            "{'descr': '<f4', 'fortran_order': False, 'shape': (64, 64), " + "'x': 1, " * 7_000 + "}",
            "{'descr': 'V99999999', 'fortran_order': False, 'shape': (64, 64), }",
        ]
    )
    return "header.npy", _npy(header, MARK + bytes([rng.randrange(256)]))


def npy_objects(rng: random.Random) -> tuple[str, bytes]:
    """An array of Python objects: reading it would run a pickle."""
    pickled = (
        b"\x80\x04cposix\nsystem\n(S'touch /tmp/portcullis-was-here'\ntR"
        + bytes([rng.randrange(48, 57)])
        + b"."
    )
    return "objects.npy", _npy("{'descr': '|O', 'fortran_order': False, 'shape': (64, 64), }", pickled)


def npy_not_numbers(rng: random.Random) -> tuple[str, bytes]:
    """NaN, or less than nothing, where transmissions belong."""
    values = np.ones((64, 160), dtype=np.float32)
    values[rng.randrange(64), :] = rng.choice((np.nan, -np.inf))
    out = io.BytesIO()
    np.save(out, values)
    return "nan.npy", out.getvalue()


def _npy(header: str, data: bytes) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text + data


def cut(rng: random.Random) -> tuple[str, bytes]:
    """A sound picture that ends too early."""
    kind = rng.choice(("PNG", "TIFF", "JPEG"))
    data = _saved(rng, kind)
    return f"cut.{kind.lower()}", data[: rng.randrange(1, len(data) - 40)]


def flipped(rng: random.Random) -> tuple[str, bytes]:
    """A sound picture with some bytes changed."""
    kind = rng.choice(("PNG", "TIFF", "JPEG"))
    data = bytearray(_saved(rng, kind))
    for _ in range(rng.randrange(1, 30)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return f"flipped.{kind.lower()}", bytes(data)


def another_kind(rng: random.Random) -> tuple[str, bytes]:
    """Something else under a picture's name: PDF, HTML, SVG with an entity, GIF, programs, archives."""
    salt = str(rng.random()).encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("../../etc/cron.d/x", MARK + salt)
        packed.writestr("zeros", b"\0" * 20_000_000)
    entity = b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 10))
    data = rng.choice(
        [
            b"%PDF-1.7\n1 0 obj <</OpenAction <</S /JavaScript /JS (app.alert(1))>>>>" + MARK,
            b"<!doctype html>" + MARK,
            entity + b'<svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text>' + MARK + b"</svg>",
            b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY l0 "ha">' + laughs + b"]><svg>&l9;</svg>",
            b"GIF89a/*" + struct.pack("<HH", 64, 64) + b"*/=1;alert(1)//" + MARK,
            b"MZ" + b"\0" * 99 + MARK,
            b"#!/bin/sh\n" + MARK,
            b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\0" * 64,
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9999999 9999999\n(r) file\n" + MARK,
            b'/* XPM */ static char * x[] = {"99999 99999 2 1"};',
            b"PK\x05\x06" + b"\0" * 18,
            archive.getvalue(),
        ]
    )
    return rng.choice(
        ("picture.png", "scan.tif", "photo.jpg", "scan.dcm", "scan.npy", "a_high.img")
    ), data + salt


def polyglot(rng: random.Random) -> tuple[str, bytes]:
    """A sound PNG that is a script in its text and an archive at its end."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("index.html", MARK)
    sound = png(_good_scan(rng))
    head, tail = sound[:33], sound[33:]
    return "both.png", head + _chunk(b"tEXt", b"Comment\0" + MARK) + tail + MARK + archive.getvalue()


def nothing(rng: random.Random) -> tuple[str, bytes]:
    """No bytes, or as good as none."""
    return f"nothing{rng.randrange(999)}.png", rng.choice(
        (b"", b"\0", b"\x89PNG", b"II*\0", b"\xff\xd8\xff", b"DICM")
    )


def noise(rng: random.Random) -> tuple[str, bytes]:
    """Random bytes behind the first bytes of a known format."""
    heads = (
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"II*\0\x08\0\0\0",
        b"\xff\xd8\xff\xe0",
        b"\x93NUMPY\x01\0",
        b"\0" * 128 + b"DICM",
    )
    return "noise.bin", rng.choice(heads) + rng.randbytes(rng.randrange(10, 20_000))


def _element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0"
    long = kind in (b"OB", b"OW", b"SQ", b"UN", b"UT")
    size = b"\0\0" + struct.pack("<I", len(value)) if long else struct.pack("<H", len(value))
    return struct.pack("<HH", group, number) + kind + size + value


def _dicom(body: bytes, syntax: bytes = b"1.2.840.10008.1.2.1") -> bytes:
    meta = _element(2, 0x10, b"UI", syntax)
    return b"\0" * 128 + b"DICM" + _element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + body


def _image(rows: int, columns: int, pixels: bytes, frames: bytes = b"1") -> bytes:
    def short(number: int, value: int) -> bytes:
        return _element(0x28, number, b"US", struct.pack("<H", value))

    return b"".join(
        (
            short(2, 1),
            _element(0x28, 4, b"CS", b"MONOCHROME2"),
            _element(0x28, 8, b"IS", frames),
            short(0x10, rows),
            short(0x11, columns),
            short(0x100, 16),
            short(0x101, 16),
            short(0x102, 15),
            short(0x103, 0),
            _element(0x7FE0, 0x10, b"OW", pixels),
        )
    )


def dicom_claims(rng: random.Random) -> tuple[str, bytes]:
    """A DICOM image that promises more pixels or frames than it holds."""
    frames = rng.choice((b"1", b"2", b"999999999", b"-4", b"1e9"))
    return "claims.dcm", _dicom(_image(rng.choice((64, 65_535)), 65_535, b"\0" * rng.randrange(99), frames))


def dicom_deep(rng: random.Random) -> tuple[str, bytes]:
    """Sequences in sequences, thousands deep."""
    item = b""
    for _ in range(rng.randrange(200, 400)):
        item = _element(8, 0x1115, b"SQ", b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item)
    endless = struct.pack("<HH2sHI", 8, 0x1115, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return "deep.dcm", _dicom(item if rng.random() < 0.5 else endless * rng.randrange(2_000, 9_000))


def dicom_compressed(rng: random.Random) -> tuple[str, bytes]:
    """A payload that a decoder for JPEG 2000, JPEG-LS or video would have to open."""
    syntaxes = (
        b"1.2.840.10008.1.2.4.90",
        b"1.2.840.10008.1.2.4.80",
        b"1.2.840.10008.1.2.4.100",
        b"1.2.840.10008.1.2.4.70",
    )
    stream = b"\xff\x4f\xff\x51\x00\x2f" + rng.randbytes(200)
    boxed = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0" + struct.pack("<I", len(stream)) + stream
    return "packed.dcm", _dicom(_image(64, 160, boxed), rng.choice(syntaxes))


def dicom_deflated(rng: random.Random) -> tuple[str, bytes]:
    """A deflated data set that unpacks to hundreds of megabytes."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = (
        squeezer.compress(_image(64, 160, b"\0" * rng.randrange(250_000_000, 300_000_000))) + squeezer.flush()
    )
    return "deflated.dcm", _dicom(body, b"1.2.840.10008.1.2.1.99")


def dicomdir(rng: random.Random) -> tuple[str, bytes]:
    """A directory that points to other files."""
    pointer = _element(4, 0x1500, b"CS", b"..\\..\\etc\\passwd" + bytes([rng.randrange(65, 90)]))
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(pointer)) + pointer
    return "DICOMDIR", _dicom(_element(4, 0x1220, b"SQ", item))


def json_deep(rng: random.Random) -> tuple[str, bytes]:
    """Brackets in brackets."""
    depth = rng.randrange(500, 100_000)
    way = rng.choice((b"[", b'{"a":'))
    close = b"]" if way == b"[" else b"}"
    return "deep.json", way * depth + (b"1" + close * depth if rng.random() < 0.5 else b"")


def json_numbers(rng: random.Random) -> tuple[str, bytes]:
    """Numbers beyond all numbers, and what is none."""
    papers = declaration(rng, "H1")
    field, value = rng.choice(
        [
            ("net_kg", "1e400"),
            ("net_kg", "9" * 4_000),
            ("net_kg", "9" * 5_000),
            ("net_kg", "NaN"),
            ("gross_kg", "Infinity"),
            ("packages", "9" * 400),
            ("packages", "-Infinity"),
            ("quantity", "1e999"),
            ("quantity", "NaN"),
            ("duty_rate", "1e400"),
            ("value", '{"amount": NaN, "currency": "USD"}'),
            ("value", '{"amount": "1E+999999999", "currency": "USD"}'),
            ("value", '{"amount": "sNaN", "currency": "USD"}'),
            ("value", '{"amount": 1e308, "currency": "' + "U" * 4_000 + '"}'),
        ]
    )
    papers["lines"][0][field] = "@"
    return "numbers.json", json.dumps(papers).replace('"@"', value).encode()


def json_texts(rng: random.Random) -> tuple[str, bytes]:
    """Lone surrogates, NUL characters, broken UTF-8, and texts without end."""
    papers = declaration(rng, "H2")
    where = rng.choice(("importer", "office", "id"))
    papers[where] = "@"
    value = rng.choice(
        (b"\\ud800", b"a\\u0000b", b"\\udfff\\ud800", b"\xff\xfe", b"\xed\xa0\x80", b"x" * 1_900_000)
    )
    return "texts.json", json.dumps(papers).encode().replace(b"@", value)


def json_shapes(rng: random.Random) -> tuple[str, bytes]:
    """Ten thousand lines, a key twice, other types, other encodings, and what is no object."""
    papers = declaration(rng, "H3")
    plain = json.dumps(papers).encode()
    one = json.dumps(papers["lines"][0])
    many = json.dumps({**papers, "lines": "@"}).replace('"@"', "[" + ",".join([one] * 10_000) + "]").encode()
    return "shapes.json", rng.choice(
        [
            many,
            plain[:-1] + b', "lines": []}',
            plain[:-1] + b', "__proto__": {"admin": true}}',
            json.dumps({**papers, "lines": {"0": papers["lines"][0]}}).encode(),
            json.dumps([papers]).encode(),
            b"null",
            b'"' + MARK + b'"',
            plain.decode().encode("utf-16-le")[:-3],
            plain + plain,
            b"\x1f\x8b" + plain,
            json.dumps({**papers, "date": "+999999-01-01"}).encode(),
            json.dumps({**papers, "origin": "../../VN"}).encode(),
            json.dumps({**papers, "container": "TEMU1234565\n"}).encode(),
        ]
    )


_PICTURES = ("scan", "photo")
FAMILIES: tuple[tuple[Maker, tuple[str, ...], bool], ...] = (
    (png_flood, _PICTURES, False),
    (png_claims, _PICTURES, False),
    (png_below_the_limit, _PICTURES, True),
    (scan_below_the_limit, ("scan",), True),
    (png_text_bomb, _PICTURES, True),
    (png_many_chunks, _PICTURES, True),
    (tiff_claims, _PICTURES, False),
    (tiff_bomb, _PICTURES, True),
    (tiff_loop, _PICTURES, False),
    (tiff_tags, _PICTURES, False),
    (jpeg_claims, _PICTURES, False),
    (npy_claims, _PICTURES, False),
    (npy_header, _PICTURES, False),
    (npy_objects, _PICTURES, False),
    (npy_not_numbers, ("scan",), False),
    (cut, _PICTURES, True),
    (flipped, _PICTURES, True),
    (another_kind, (*_PICTURES, "declaration"), False),
    (polyglot, _PICTURES, True),
    (nothing, (*_PICTURES, "declaration"), False),
    (noise, (*_PICTURES, "declaration"), False),
    (dicom_claims, _PICTURES, False),
    (dicom_deep, ("scan",), False),
    (dicom_compressed, ("scan",), False),
    (dicom_deflated, ("scan",), False),
    (dicomdir, ("scan",), False),
    (json_deep, ("declaration",), False),
    (json_numbers, ("declaration",), False),
    (json_texts, ("declaration",), False),
    (json_shapes, ("declaration",), False),
)
