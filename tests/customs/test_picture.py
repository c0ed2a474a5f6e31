"""Pictures from strangers."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from customs import UnreadableFile
from customs.picture import decode_pages, decode_picture, read_photo


def encode(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that declares far more pixels than it should."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * (width + 1) * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.mark.parametrize(
    "pixels",
    [GREY, GREY.astype(np.uint16) * 5000, np.stack([GREY] * 3, axis=2)],
    ids=["grey", "16-bit", "colour"],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_pixels_come_back_with_their_depth(pixels: np.ndarray, kind: str) -> None:
    (page,) = decode_picture(encode(pixels, kind), field="scan")
    assert page.dtype == pixels.dtype
    assert (page == pixels).all()


def test_all_pages_of_a_tiff_are_read() -> None:
    buffer = io.BytesIO()
    first, second = Image.fromarray(GREY), Image.fromarray(GREY + 1)
    first.save(buffer, "TIFF", save_all=True, append_images=[second])
    assert [int(p[0, 0]) for p in decode_picture(buffer.getvalue(), field="scan")] == [0, 1]


def test_a_144_megapixel_png_is_refused_before_it_is_decoded() -> None:
    data = bomb(12_000, 12_000)
    assert len(data) < 20_000
    with pytest.raises(UnreadableFile, match="12,000 × 12,000") as caught:
        decode_picture(data, field="photo")
    assert caught.value.problems[0].field == "photo"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"Dear customs officer", "not a picture"),
        (b"%PDF-1.7\n", "not a picture"),
        (b"GIF89a" + b"\0" * 40, "not a picture"),
        (encode(np.zeros((200, 200), np.uint8), "JPEG")[:400], "broken|not a picture"),
        (encode(np.random.default_rng(0).integers(0, 255, (99, 99), np.uint8))[:500], "broken"),
    ],
    ids=["empty", "text", "pdf", "gif", "cut jpeg", "cut png"],
)
def test_what_is_no_whole_picture_is_one_clear_error(data: bytes, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said) as caught:
        decode_picture(data, field="scan")
    assert caught.value.problems[0].field == "scan"
    assert caught.value.problems[0].remedy


def test_photos_become_rgb_whatever_they_were() -> None:
    for pixels in (GREY, GREY.astype(np.uint16) * 256, np.stack([GREY] * 4, axis=2)):
        photo = read_photo(encode(pixels))
        assert photo.pixels.shape == (3, 4, 3)
        assert photo.pixels.dtype == np.uint8


def tiff_directory(*entries: tuple[int, int, int, int], after: int = 0) -> bytes:
    """A little-endian TIFF of one directory; each entry is tag, type, count, value."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + struct.pack("<I", after) + bytes(999)


WIDE, HIGH = (256, 3, 1, 4), (257, 3, 1, 3)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (tiff_directory(WIDE, HIGH, (273, 4, 50_000_000, 8)), "50,000,000 values"),
        (tiff_directory(WIDE, HIGH, after=8), "loop"),
        (tiff_directory((256, 4, 1, 40_000), (257, 4, 1, 40_000)), "40,000 × 40,000"),
        (tiff_directory(WIDE, HIGH, (322, 4, 1, 40_000), (323, 4, 1, 40_000)), "pixels"),
        (tiff_directory(*[(1000 + n, 3, 1, 0) for n in range(600)]), "600 tags"),
    ],
    ids=["values", "loop", "size", "tiles", "tags"],
)
def test_a_tiff_that_promises_too_much_is_refused_from_its_directory(data: bytes, said: str) -> None:
    """Before a library makes lists and buffers of what is promised."""
    with pytest.raises(UnreadableFile, match=said):
        decode_picture(data, field="scan")


def test_a_tiff_gives_its_description_and_no_more_pages_than_asked_for() -> None:
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(
        buffer, "TIFF", save_all=True, append_images=[Image.fromarray(GREY)] * 2, description="gate 1"
    )
    pages, description = decode_pages(buffer.getvalue(), field="scan")
    assert (len(pages), description) == (3, "gate 1")
    with pytest.raises(UnreadableFile, match="3 pages"):
        decode_pages(buffer.getvalue(), field="scan", max_pages=2)


def test_a_telephones_large_jpeg_is_read_at_half_its_size_and_turned_as_it_says() -> None:
    """24 million pixels, lying on its side; as a scan, which is measured pixel by pixel, it is refused."""
    buffer = io.BytesIO()
    pixels = np.zeros((4000, 6000), np.uint8)
    pixels[:, :3000] = 255  # the left half is bright
    exif = Image.Exif()
    exif[274] = 6  # to be shown turned by a quarter, clockwise: left comes to the top
    Image.fromarray(pixels).convert("RGB").save(buffer, "JPEG", exif=exif, quality=30)
    photo = read_photo(buffer.getvalue()).pixels
    assert photo.shape == (3000, 2000, 3)
    assert photo[:1400].min() > 240
    assert photo[1600:].max() < 15
    with pytest.raises(UnreadableFile, match="4,000"):
        decode_picture(buffer.getvalue(), field="scan")


def test_a_jpeg_beyond_what_telephones_make_is_refused_before_it_is_decoded() -> None:
    """Also one that says it is progressive, which would be held whole."""
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    at = data.index(b"\xff\xc2") + 5  # start of a progressive frame: length, precision, then height and width
    for height, width in ((9000, 6000), (5200, 5200)):
        with pytest.raises(UnreadableFile, match=f"{width:,} × {height:,}"):
            read_photo(data[:at] + struct.pack(">HH", height, width) + data[at + 4 :])
