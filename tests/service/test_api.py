"""A real HTTP client against a live server."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image

from customs.errors import TooLarge
from portcullis.consignment import Consignment, Upload
from portcullis.service import Service
from portcullis.store.assessments import assessment
from portcullis.store.queue import put

Stored = Callable[[], tuple[int, list[str]]]
URL = "/v1/assessments"


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it has 144 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 12_000, 12_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (1501 * 12_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def scan_of(columns: int, goods: int = 15_000) -> bytes:
    """A 16-bit picture of a box of goods that lets `goods` of 60,000 through."""
    pixels = np.full((60, columns), 60_000, dtype=np.uint16)
    pixels[15:-10, columns // 10 : -columns // 10] = goods
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()


def npy(values: np.ndarray) -> bytes:
    """A NumPy file."""
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


@pytest.mark.both_databases
def assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The answer has the one error shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "instance", "problems"}
    assert body["status"] == status
    assert body["instance"] == answer.url.path
    assert all(set(p) == {"field", "problem", "remedy"} for p in body["problems"])
    return body


def test_a_full_consignment_is_judged_stored_and_read_back(
    client: httpx.Client, make: SimpleNamespace, stored: Stored
) -> None:
    """Declaration, scan and photo go in; the report comes back, and again from its address."""
    parts = {
        "declaration": ("d.json", make.declaration(line={"value": "40000 USD"})),
        "scan": ("s.png", make.scan()),
        "photo": ("p.png", make.photo()),
    }
    answer = client.post(URL, files=parts)
    assert answer.status_code == 201
    body = answer.json()
    assert body["report"]["band"] == "critical"
    kinds = [finding["kind"] for finding in body["report"]["findings"]]
    assert kinds == ["mismatch.hsk_price", "mismatch.hsk_image"]
    assert body["report"]["versions"]["tabular"] == "tabular@byhand"
    assert client.get(answer.headers["location"]).json() == body
    count, images = stored()
    assert count == 1
    assert len(images) == 3  # scan, photo, heat-map
    for picture in ("scan", "heatmap", "photo"):
        found = client.get(body[picture]["href"])
        assert found.headers["content-type"] == "image/png"
        assert found.content.startswith(b"\x89PNG")


def test_the_declaration_may_be_a_text_field(client: httpx.Client, make: SimpleNamespace) -> None:
    """A form without files sends it so."""
    answer = client.post(URL, files={"declaration": (None, make.declaration().decode())})
    assert answer.status_code == 201
    assert answer.json()["scan"] is None


def test_files_of_one_scan_are_read_kept_and_read_again_together(
    client: httpx.Client, make: SimpleNamespace, stored: Stored
) -> None:
    """Names tell the energies, whatever the order; the preview of what was stored shows the lower one."""
    low, high = scan_of(200, 9_000), scan_of(200, 14_000)
    both = [("scan", ("C:\\scans\\a_high.png", high)), ("scan", ("a_low.png", low))]
    made = client.post(URL, files=[("declaration", make.declaration()), *both]).json()["scan"]
    assert made["energies"] == ["low", "high"]
    assert [file["name"] for file in made["files"]] == ["a_high.png", "a_low.png"]
    assert {file["sha256"] for file in made["files"]} <= set(stored()[1])
    assert made["sha256"] == made["files"][0]["sha256"]
    alone = client.post(URL, files={"declaration": make.declaration(), "scan": ("l.png", low)}).json()["scan"]
    assert alone["energies"] == ["unknown"]
    assert client.get(made["href"]).content == client.get(alone["href"]).content


def test_a_scan_may_be_an_array_and_what_was_turned_is_told(
    client: httpx.Client, make: SimpleNamespace
) -> None:
    """Transmission as floats, lying on its side: the preview is upright."""
    values = np.full((60, 200), 1.0, dtype=np.float32)
    values[15:-10, 20:-20] = 0.25
    parts = {"declaration": make.declaration(), "scan": ("a.npy", npy(np.rot90(values).copy()))}
    answer = client.post(URL, files=parts)
    assert answer.status_code == 201, answer.text
    made = answer.json()["scan"]
    assert made["orientation"] == ["turned"]
    with Image.open(io.BytesIO(client.get(made["href"]).content)) as preview:
        assert preview.size == (200, 60)


def test_a_scan_stored_before_its_files_were_listed_is_still_shown(
    client: httpx.Client, service: Service, make: SimpleNamespace
) -> None:
    """Such a row knows one file and no name."""
    parts = {"declaration": make.declaration(), "scan": ("s.png", make.scan())}
    made = client.post(URL, files=parts).json()
    with service.assessments.engine.begin() as connection:
        found = connection.execute(sa.select(assessment).where(assessment.c.id == made["id"])).one()
        row = {**found._mapping, "id": "0" * 16, "number": found.number + 1, "scan_details": sa.null()}
        connection.execute(assessment.insert().values(row))
        put(connection, [row])
    old = client.get(f"{URL}/{'0' * 16}").json()["scan"]
    assert old["files"] == [{"name": "", "sha256": made["scan"]["sha256"]}]
    assert old["orientation"] == []
    assert client.get(old["href"]).content == client.get(made["scan"]["href"]).content


def test_the_name_of_a_file_counts_where_it_tells_which_energy_it_holds() -> None:
    """Two files that change their names are another scan; a lone one stays the same upload."""
    one, two = (("a_low.png", b"1"), ("a_high.png", b"2")), (("a_high.png", b"1"), ("a_low.png", b"2"))
    assert Upload(b"{}", one).sha256 != Upload(b"{}", two).sha256
    assert Upload(b"{}", one[:1]).sha256 == Upload(b"{}", (("b.png", b"1"),)).sha256
    assert len({Upload(b"{}", s, p).sha256 for s, p in (((), b"1"), ((("", b"1"),), None), ((), None))}) == 3


def test_a_name_is_kept_without_folders_and_what_cannot_be_printed() -> None:
    """Its end tells the energy and the format: that stays."""
    names = [
        name for name, _ in Upload(b"", (("../../etc/a\x00\n_low.tif", b""), ("x" * 999 + ".img", b""))).scan
    ]
    assert names[0] == "a_low.tif"
    assert len(names[1]) == 200
    assert names[1].endswith("x.img")


def test_files_of_a_scan_are_limited_together(make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself would pass."""
    low = scan_of(200)
    monkeypatch.setattr("portcullis.consignment.MAX_SCAN_BYTES", 2 * len(low) - 1)
    Consignment.read(Upload(make.declaration(), (("a_low.png", low),)))
    with pytest.raises(TooLarge, match="together") as caught:
        Consignment.read(Upload(make.declaration(), (("a_low.png", low), ("a_high.png", low))))
    assert [p.field for p in caught.value.problems] == ["scan"]


def test_several_lines_make_one_report(client: httpx.Client, make: SimpleNamespace) -> None:
    """Each line is judged, and the worst one is named by its number."""
    declared = json.loads(make.declaration())
    declared["lines"].append({**declared["lines"][0], "value": "20000 USD"})
    report = client.post(URL, files={"declaration": json.dumps(declared).encode()}).json()["report"]
    assert [line["subject"] for line in report["lines"]] == ["D000123/1", "D000123/2"]
    assert [finding["subject"] for finding in report["findings"]] == ["D000123/2"]


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("", {}, "en"),  # the setting
        ("", {"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.5"}, "ko"),
        ("?lang=en", {"Accept-Language": "ko"}, "en"),
        ("?lang=ko", {}, "ko"),
        ("?lang=fr", {}, "en"),
    ],
)
def test_the_report_speaks_the_language_asked_for(
    client: httpx.Client, make: SimpleNamespace, query: str, headers: dict[str, str], expected: str
) -> None:
    """`?lang=` first, then the header, then the setting; ids and values stay the same."""
    body = client.post(URL + query, files={"declaration": make.declaration()}, headers=headers).json()
    assert body["language"] == expected
    headline = body["report"]["headline"]
    assert bool(re.search("[가-힣]", headline["sentence"])) == (expected == "ko")
    assert headline["id"] == "band.clear"


@pytest.mark.parametrize(("language", "word"), [("en", "unremarkable"), ("ko", "특이하지 않은")])
def test_why_a_value_was_expected_is_written_out_beside_its_figures(
    client: httpx.Client, make: SimpleNamespace, language: str, word: str
) -> None:
    """Each detail is a sentence in the language asked for; each contribution a driver, a month, an effect."""
    odd = make.declaration(line={"value": "40000 USD"})
    report = client.post(f"{URL}?lang={language}", files={"declaration": odd}).json()["report"]
    price = report["evidence"][0]
    assert [detail["id"] for detail in price["details"]] == ["price.level", "price.counterfactual"]
    assert word in price["details"][1]["sentence"]
    assert price["contributions"] == [
        {"driver": "last_month", "month": "2025-03", "effect": 0.031},
        {"driver": "season", "month": None, "effect": -0.012},
    ]


def test_an_assessment_stored_before_details_were_known_is_still_answered_and_shown(
    client: httpx.Client, service: Service, make: SimpleNamespace
) -> None:
    """Stored reports are never rewritten; what they lack is empty."""
    declared = make.declaration(line={"value": "40000 USD"})
    stored_id = client.post(URL, files={"declaration": declared}).json()["id"]
    with service.assessments.engine.begin() as connection:
        found = connection.execute(sa.select(assessment).where(assessment.c.id == stored_id)).one()
        row = {**found._mapping, "id": "0" * 16, "number": found.number + 1}
        for evidence in row["report"]["evidence"]:
            del evidence["details"], evidence["contributions"]
        connection.execute(assessment.insert().values(row))
        put(connection, [row])
    old = client.get(f"{URL}/{'0' * 16}").json()["report"]["evidence"][0]
    assert (old["details"], old["contributions"]) == ([], [])
    with httpx.Client(base_url=str(client.base_url), headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        browser.post("/login", data={"name": make.name, "password": make.password})
        text = browser.get(f"/assessments/{'0' * 16}", params={"lang": "en"}).text
    assert "Unit value" in text
    assert 'class="why"' not in text


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("a text file named .png", {"scan": ("scan.png", b"this is not a picture")}, "scan"),
    ("an empty scan", {"scan": ("scan.png", b"")}, "scan"),
    ("a 144-megapixel PNG", {"scan": ("scan.png", bomb())}, "scan"),
    ("a 144-megapixel photo", {"photo": ("photo.png", bomb())}, "photo"),
    ("an empty photo", {"photo": ("photo.png", b"")}, "photo"),
    ("a scan as text", {"scan": (None, "no file")}, "scan"),
    ("two scans that are none", {"scan": [("a.png", b"1"), ("b.png", b"2")]}, "scan"),
    ("a scan with a broken sibling", {"scan": [("a_low.png", scan_of(90)), ("a_high.png", b"2")]}, "scan"),
    ("siblings of two sizes", {"scan": [("low.png", scan_of(90)), ("high.png", scan_of(91))]}, "scan"),
    ("four files of a scan", {"scan": [(f"{i}.png", scan_of(90)) for i in range(4)]}, "scan"),
    ("a material plane alone", {"scan": ("a_material.png", scan_of(90))}, "scan"),
    ("a damaged DICOS", {"scan": ("a.dcs", bytes(128) + b"DICM" + b"\xff" * 300)}, "scan"),
    ("an array of text", {"scan": ("a.npy", npy(np.full((40, 60), "fish")))}, "scan"),
    ("a nine-digit code", {"line": {"hsk": "306171090"}}, "lines.0.hsk"),
    ("a negative weight", {"line": {"net_kg": -5}}, "lines.0.net_kg"),
    ("a weight beyond all numbers", {"line": {"net_kg": 10**400}}, "lines.0.net_kg"),
    ("an endless quantity", {"line": {"quantity": float("inf")}}, "lines.0.quantity"),
    ("an unknown country", {"origin": "QQ"}, "origin"),
    ("an impossible date", {"date": "2025-02-30"}, "date"),
    ("no lines", {"lines": []}, "lines"),
    ("a list", {"declaration": b"[1, 2]"}, "declaration"),
    ("not JSON", {"declaration": b"{'id': 1}"}, "declaration"),
    ("not UTF-8", {"declaration": "수입".encode("cp949")}, "declaration"),
    ("an empty declaration", {"declaration": b""}, "declaration"),
    ("deep nesting", {"declaration": b"[" * 200_000}, "declaration"),
    ("an unknown part", {"xray": ("a.png", b"1")}, "xray"),
]


@pytest.mark.parametrize(("what", "changes", "field"), BAD, ids=[row[0] for row in BAD])
def test_bad_input_is_named_with_its_remedy_and_nothing_is_stored(
    client: httpx.Client,
    make: SimpleNamespace,
    stored: Stored,
    what: str,
    changes: dict[str, Any],
    field: str,
) -> None:
    """The good parts sent along are not stored either."""
    client.post(URL, files={"declaration": make.declaration(), "scan": ("s.png", make.scan())})
    before = stored()
    parts: list[tuple[str, Any]] = [("photo", ("good.png", make.photo()))] if "photo" not in changes else []
    given = dict(changes)
    for part in ("scan", "photo", "xray"):
        for file in given[part] if isinstance(given.get(part), list) else [given.get(part)]:
            parts += [(part, file)] if file is not None else []
        given.pop(part, None)
    if "lines" in given:
        declared = json.dumps({**json.loads(make.declaration()), **given}).encode()
    else:
        declared = given.pop("declaration", None)
        declared = make.declaration(**given) if declared is None else declared
    status = 413 if "144" in what else 422
    body = assert_problem(client.post(URL, files=[("declaration", ("d.json", declared)), *parts]), status)
    assert [p["field"] for p in body["problems"]] == [field]
    assert all(p["problem"] and p["remedy"] for p in body["problems"])
    assert stored() == before


@pytest.mark.both_databases
def test_all_problems_come_in_one_answer(client: httpx.Client, make: SimpleNamespace, stored: Stored) -> None:
    """A visitor mends everything at once."""
    bad = make.declaration(origin="QQ", line={"net_kg": -1, "hsk": "306171090"})
    parts = {"declaration": bad, "scan": ("s.png", b"text"), "photo": ("p.png", b"text")}
    body = assert_problem(client.post(URL, files=parts), 422)
    fields = {p["field"] for p in body["problems"]}
    assert fields == {"origin", "lines.0.net_kg", "lines.0.hsk", "scan", "photo"}
    assert stored() == (0, [])


@pytest.mark.both_databases
def test_the_same_key_and_body_are_one_assessment(
    client: httpx.Client, make: SimpleNamespace, stored: Stored
) -> None:
    """Also when four arrive at once; another body under the key is refused."""
    headers = {"Idempotency-Key": "abc-1"}

    def send(_: int) -> httpx.Response:
        return client.post(URL, files={"declaration": make.declaration()}, headers=headers)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1
    other = client.post(URL, files={"declaration": make.declaration(id="D9")}, headers=headers)
    body = assert_problem(other, 422)
    assert body["problems"][0]["field"] == "Idempotency-Key"
    assert stored()[0] == 1


def test_two_accounts_may_use_the_same_key(
    client: httpx.Client, service: Service, make: SimpleNamespace, stored: Stored
) -> None:
    """Keys belong to who sends them."""
    from portcullis.store.accounts import Role

    service.login.add("lee", make.password, Role.ANALYST)
    headers = {"Idempotency-Key": "abc-1"}
    one = client.post(URL, files={"declaration": make.declaration()}, headers=headers)
    two = client.post(
        URL, files={"declaration": make.declaration()}, headers=headers, auth=("lee", make.password)
    )
    assert one.json()["id"] != two.json()["id"]
    assert stored()[0] == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/v1/assessments", 405),
        ("GET", "/v1/assessments/0123456789abcdef", 404),
        ("GET", "/v1/assessments/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/v1/assessments/0123456789abcdef/scan", 404),
        ("GET", "/static/../settings.py", 404),
        ("POST", "/v1/assessments", 422),  # no body
    ],
)
def test_every_error_has_the_one_shape(client: httpx.Client, method: str, path: str, status: int) -> None:
    """Whatever goes wrong, a program can read it."""
    assert_problem(client.request(method, path), status)


def test_a_missing_picture_is_not_found(client: httpx.Client, make: SimpleNamespace) -> None:
    """A declaration alone has none."""
    made = client.post(URL, files={"declaration": make.declaration()}).json()
    for picture in ("scan", "heatmap", "photo"):
        assert made[picture] is None
        assert_problem(client.get(f"{URL}/{made['id']}/{picture}"), 404)


def test_a_body_above_the_limit_is_refused_announced_or_not(client: httpx.Client, stored: Stored) -> None:
    """Five megabytes against a limit of four; chunks are counted as they come."""
    announced = client.post(URL, files={"declaration": b"{}", "scan": b"0" * (5 << 20)})
    body = assert_problem(announced, 413)
    assert "4,194,304" in body["problems"][0]["remedy"]

    def chunks() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="scan"; filename="a"\r\n\r\n'
        for _ in range(80):
            yield b"0" * 65_536

    plain = client.post("/v1/hs/suggestions", content=b'{"text": "' + b"a" * (1 << 20) + b'"}')
    assert "1,048,576" in assert_problem(plain, 413)["problems"][0]["remedy"]  # what is no upload is small
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    try:
        chunked = client.post(URL, content=chunks(), headers=kind)
    except httpx.WriteError:
        pass  # refused and closed while we still sent
    else:
        assert_problem(chunked, 413)
    assert stored() == (0, [])


@pytest.mark.both_databases
def test_a_fault_of_ours_is_a_problem_document_without_a_trace(
    client: httpx.Client,
    service: Service,
    make: SimpleNamespace,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of the inside is told, and nothing is stored."""

    def broken(cases: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(service.models.scorers["tabular"], "score", broken)
    answer = client.post(URL, files={"declaration": make.declaration(), "scan": make.scan()})
    assert_problem(answer, 500)
    assert "secret" not in answer.text
    assert stored() == (0, [])


def test_a_commit_that_fails_leaves_no_image_behind(
    client: httpx.Client, service: Service, make: SimpleNamespace, stored: Stored
) -> None:
    """Images and row are one thing."""

    def fail(connection: object) -> None:
        raise OSError("disk full")

    sa.event.listen(service.assessments.engine, "commit", fail)
    answer = client.post(URL, files={"declaration": make.declaration(), "scan": make.scan()})
    assert_problem(answer, 500)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    sa.event.remove(service.assessments.engine, "commit", fail)
    assert stored() == (0, [])
    assert client.post(URL, files={"declaration": make.declaration()}).status_code == 201


@pytest.mark.both_databases
@pytest.mark.parametrize("statement", ["UPDATE assessment SET band = 'clear'", "DELETE FROM assessment"])
def test_a_stored_assessment_cannot_be_changed(
    client: httpx.Client, service: Service, make: SimpleNamespace, stored: Stored, statement: str
) -> None:
    """The database itself refuses."""
    client.post(URL, files={"declaration": make.declaration()})
    with (
        pytest.raises(sa.exc.IntegrityError, match="append-only"),
        service.assessments.engine.begin() as connection,
    ):
        connection.execute(sa.text(statement))
    assert stored()[0] == 1


def test_a_wrong_or_missing_password_is_refused(address: str, make: SimpleNamespace) -> None:
    """The answer says how to sign in and not which part was wrong."""
    for auth in (None, (make.name, "wrong"), ("nobody", make.password)):
        answer = httpx.get(f"{address}{URL}/x", auth=auth)
        assert_problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Basic")
    for header in ("Basic !!!", "Bearer abc", "Basic " + base64.b64encode(b"no colon").decode()):
        assert_problem(httpx.get(f"{address}{URL}/x", headers={"Authorization": header}), 401)
