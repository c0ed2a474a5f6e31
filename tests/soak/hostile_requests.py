"""Requests that are hostile as a whole: bodies without end, odd names of files, multipart that is none."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from soak.uploads import declaration, photo, scan

BOUNDARY = b"portcullis-soak"
_FORM = "multipart/form-data; boundary=portcullis-soak"


@dataclass(frozen=True)
class Request:
    """A request of its own: headers and body; may_pass: it is valid, if odd."""

    family: str
    body: bytes | Callable[[], Iterator[bytes]]
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": _FORM})
    may_pass: bool = False


def part(name: bytes, data: bytes, file: bytes | None = None, more: bytes = b"") -> bytes:
    """One part of a multipart body, its names as raw bytes."""
    named = b"" if file is None else b'; filename="' + file + b'"'
    head = b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="' + name + b'"' + named
    return head + b"\r\n" + more + b"\r\n" + data + b"\r\n"


def whole(*parts: bytes) -> bytes:
    """A body that ends as it should."""
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


def papers(rng: random.Random) -> bytes:
    """A sound declaration as a part."""
    return part(b"declaration", json.dumps(declaration(rng, f"R{rng.randrange(10**6)}")).encode())


def endless(rng: random.Random) -> Request:
    """A chunked body that would never end: far more than any limit."""
    block = rng.randbytes(1 << 20)

    def body() -> Iterator[bytes]:
        yield b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="scan"; filename="a"\r\n\r\n'
        for _ in range(512):
            yield block

    return Request("endless", body)


def names(rng: random.Random) -> Request:
    """A sound scan under a name that means harm."""
    name = rng.choice(
        [
            b"../../../../etc/passwd",
            b"..\\..\\windows\\win.ini",
            b"/dev/stdin",
            b"a\x00.png",
            b"a%00.png",
            b"CON",
            "s\u202egnp.exe".encode(),
            "ﬁ\u0301\u200b\ufeff.tif".encode(),
            "😀".encode() * 300,
            b"\xff\xfe\xed\xa0\x80.png",
            b"x" * 7_000 + b"_low.tif",
            b'a\\".png',
            b"a;b=c\\",
            b"{{7*7}}${7*7}.png",
            b"-rf *",
        ]
    )
    seed = rng.randrange(1 << 30)
    return Request("names", whole(papers(rng), part(b"scan", scan(seed), name)), may_pass=True)


def malformed(rng: random.Random) -> Request:
    """Multipart that is not, or not quite."""
    sound = whole(papers(rng), part(b"photo", photo(rng.randrange(1 << 30)), b"p.png"))
    kind = {"Content-Type": _FORM}
    return rng.choice(
        [
            Request("malformed", sound[: rng.randrange(20, len(sound) - 30)], kind),
            Request("malformed", sound, {"Content-Type": "multipart/form-data"}),
            Request("malformed", sound, {"Content-Type": "multipart/form-data; boundary="}),
            Request("malformed", sound, {"Content-Type": "multipart/form-data; boundary=" + "x" * 5_000}),
            Request("malformed", sound, {"Content-Type": "multipart/form-data; boundary=other"}),
            Request("malformed", sound, {"Content-Type": "multipart/mixed; boundary=portcullis-soak"}),
            Request("malformed", sound, {"Content-Type": "application/json"}),
            Request(
                "malformed",
                sound,
                {"Content-Type": "multipart/form-data; boundary=portcullis-soak; charset=utf-16"},
                True,
            ),
            Request("malformed", b"", kind),
            Request("malformed", b"\r\n" * 5_000, kind),
            Request("malformed", rng.randbytes(5_000), kind),
            Request("malformed", whole(*[part(b"photo", b"x", b"p%d" % i) for i in range(2_000)]), kind),
            Request("malformed", whole(*[part(b"f%d" % i, b"x") for i in range(2_000)]), kind),
            Request(
                "malformed", whole(part(b"declaration", b"{}", more=b"X: " + b"y" * 100_000 + b"\r\n")), kind
            ),
            Request("malformed", whole(part(b"declaration", b"{}", more=b"X: y\r\n" * 5_000)), kind),
            Request("malformed", whole(papers(rng), papers(rng), part(b"", b"", b"")), kind),
            Request("malformed", whole(papers(rng), part(b"\xff\xfe", b"x")), kind),
            Request("malformed", whole(papers(rng), part(b"a\x00b\\ud800", b"x")), kind),
            Request("malformed", whole(part(b"declaration", b"\xff\xfe\x00")), kind),
            Request("malformed", whole(papers(rng), part(b"photo", b"\xff\xd8\xff")), kind),
            Request("malformed", whole(part(b"declaration", b"x" * 3_000_000)), kind),
        ]
    )


def headers(rng: random.Random) -> Request:
    """A sound body with headers that are not."""
    odd = rng.choice(
        [
            {"Idempotency-Key": "\x7f" * 10},
            {"Idempotency-Key": "ÿþ" * 50},
            {"Idempotency-Key": "x" * 5_000},
            {"Idempotency-Key": ""},
            {"Accept-Language": "x" * 9_000},
            {"Accept-Language": ",;q=," * 900},
            {"Accept-Language": "ko-\xff;q=nan"},
            {"Cookie": "portcullis=" + "x" * 9_000},
            {"Expect": "200-maybe"},
            {"Content-Encoding": "gzip"},
            {"X-Forwarded-Host": "evil.example", "Host": "evil.example:99999"},
            {"Range": "bytes=0-99999999999999999999"},
        ]
    )
    return Request("headers", whole(papers(rng)), {"Content-Type": _FORM, **odd}, may_pass=True)


MAKERS: tuple[Callable[[random.Random], Request], ...] = (names, malformed, headers, malformed)


def requests(count: int, seed: int = 1) -> Iterator[Request]:
    """So many, no two alike; the first is a body without end."""
    for number in range(count):
        rng = random.Random(f"{seed} request {number}")
        yield endless(rng) if number % 100 == 0 else MAKERS[number % len(MAKERS)](rng)
