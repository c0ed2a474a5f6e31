"""A real server in a process of its own against strangers: hostile files, a fuzzer, and many requests.

`make soak` does the same for longer.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from soak import fuzz, hostile, steady
from soak.hostile_files import MARK
from soak.hostile_requests import BOUNDARY, part, whole
from soak.live import PASSWORD, Live, served
from soak.uploads import parts, photo, scan

from portcullis.store.accounts import Role
from portcullis.store.images import Images

URL = "/v1/assessments"


@pytest.fixture(scope="module")
def live(quick_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """`portcullis serve` with all three models, an account for each role, and the codes of a small table."""
    made = Live(tmp_path_factory.mktemp("live"), quick_models, fuzz.PATIENT)
    made.prepare()
    fuzz.import_table(made)
    with served(made, *Role):
        yield made


@pytest.fixture
def inspector(live: Live) -> Iterator[httpx.Client]:
    """Somebody who may hand in consignments."""
    with live.client(Role.INSPECTOR) as client:
        yield client


def test_hostile_files_and_requests_are_refused_in_words_and_leave_nothing(live: Live) -> None:
    """Forty of the five hundred: never a 5xx, no jump of memory, nothing stored, and work goes on."""
    found = hostile.attack(live, 48, seed=2)
    assert found.met, found.line()
    assert found.figures["families"] >= 30


def test_a_fuzzer_finds_no_error_of_ours(live: Live, inspector: httpx.Client) -> None:
    """Every operation, with good and bad values, on a case that is there; answers keep to the document."""
    made = inspector.post(URL, files=parts(1, "FUZZED")).json()
    found = fuzz.Fuzzed()
    auth = (Role.INSPECTOR.value, PASSWORD)
    phases = {"coverage": False, "stateful": False}
    fuzz.fuzz(
        live.address, auth, seed=1, examples=12, most=1_000, found=found, phases=phases, known=made["id"]
    )
    result = fuzz.result(found, 150, live.log().count("Traceback"), live.alive)
    assert result.met, result.line()
    assert found.statuses[200] > 10


def test_many_requests_leave_no_open_file_no_thread_and_no_memory(live: Live) -> None:
    """All kinds of them, after as many to warm up."""
    found = steady.measure(live, 90)
    assert found.met, found.line()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("scan.png", b"%PDF-1.7\n1 0 obj <<>> endobj"),
        ("photo.jpg", b"GIF89a" + bytes(64)),
        ("scan.tif", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("scan.dcm", b"MZ" + bytes(200)),
    ],
)
@pytest.mark.parametrize("part", ["scan", "photo"])
def test_a_type_is_told_from_the_bytes_and_never_from_the_name(
    inspector: httpx.Client, part: str, name: str, data: bytes
) -> None:
    """Nor from the content type that was claimed."""
    sound = dict(parts(1, "SNIFF"))
    answer = inspector.post(URL, files={**sound, part: (name, data, "image/png")})
    assert answer.status_code == 422
    assert [p["field"] for p in answer.json()["problems"]] == [part]


def test_a_sound_picture_is_taken_under_any_name(inspector: httpx.Client) -> None:
    """The other side of it."""
    files = {
        **dict(parts(1, "SOUND")),
        "scan": ("scan.exe", scan(3), "text/html"),
        "photo": ("photo.pdf", photo(3)),
    }
    assert inspector.post(URL, files=files).status_code == 201


def test_pictures_leave_encoded_anew_without_what_came_in_them(live: Live, inspector: httpx.Client) -> None:
    """Notes in the file, what follows its end, and its name: only pixels are shown."""
    notes = PngInfo()
    notes.add_text("Comment", MARK.decode())
    out = io.BytesIO()
    with Image.open(io.BytesIO(photo(7))) as picture:
        picture.save(out, format="PNG", pnginfo=notes)
    sent = out.getvalue() + MARK
    made = inspector.post(URL, files={**dict(parts(1, "NOTES")), "photo": ("x.png", sent)}).json()
    shown = inspector.get(made["photo"]["href"])
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert MARK not in shown.content
    with Image.open(io.BytesIO(shown.content)) as again, Image.open(io.BytesIO(photo(7))) as first:
        assert again.tobytes() == first.convert("RGB").tobytes()
        assert not again.info.get("Comment")
    assert Images(live.settings.images).read(made["photo"]["sha256"]) == sent  # the file itself is evidence


@pytest.mark.parametrize("name", ["../../evil.png", "..\\evil.png", "/etc/evil.png", "evil\u202egnp.png"])
def test_names_of_files_never_reach_the_disk(live: Live, inspector: httpx.Client, name: str) -> None:
    """What is stored is named by its own digest."""
    files = {**dict(parts(2, "NAMES")), "scan": (name, scan(len(name)), "image/png")}
    made = inspector.post(URL, files=files).json()
    assert "/" not in made["scan"]["files"][0]["name"]
    assert "\\" not in made["scan"]["files"][0]["name"]
    everything = [p.name for p in live.folder.rglob("*") if p.is_file()]
    assert made["scan"]["sha256"] in everything
    assert not [found for found in everything if "evil" in found]


def test_a_body_that_was_cut_is_refused_and_its_last_part_not_taken_for_absent(
    inspector: httpx.Client,
) -> None:
    """Cut in the photo, behind the photo, and in the closing boundary; whole, it is taken."""
    body = whole(
        part(b"declaration", dict(parts(1, "CUT"))["declaration"][1]), part(b"photo", photo(1), b"p.png")
    )
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
    for most in (len(body) - 300, len(body) - len(BOUNDARY) - 6, len(body) - 4):
        answer = inspector.post(URL, content=body[:most], headers=kind)
        assert answer.status_code == 400, most
        assert "ends before" in answer.json()["detail"]
    assert inspector.post(URL, content=body, headers=kind).json()["photo"] is not None


def test_a_refused_method_is_answered_with_all_that_the_address_takes(inspector: httpx.Client) -> None:
    """Also where two routes share it."""
    answer = inspector.delete(URL)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("path", [f"{URL}?until=0", f"{URL}?since=1745971200", "/v1/hs?query=03&on=0"])
def test_a_number_is_not_taken_for_a_day(inspector: httpx.Client, path: str) -> None:
    """Nobody means the first of January 1970."""
    assert inspector.get(path).status_code == 422
    assert inspector.get(path.rsplit("=", 1)[0] + "=2025-04-30").status_code == 200
