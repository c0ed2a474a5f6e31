"""Evidence bundles: complete, the same twice, and proof against every change."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portcullis.bundle import container
from portcullis.bundle.check import Found, check
from portcullis.consignment import Upload
from portcullis.identity.secret import public_pem
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Role
from portcullis.store.audit import Act, Head
from portcullis.store.casework import Assigned, Decided, Decision, Noted, Result
from portcullis.store.casework import Found as Outcome
from portcullis.store.images import LostImage

NEEDED = (container.MANIFEST, container.SIGNATURE, container.KEY, container.ROW, container.DECLARATION)
NEEDED += (container.REPORT, container.ENTRIES)


class Made(SimpleNamespace):
    """A bundle with all that it was made from, too much to be printed."""

    def __repr__(self) -> str:
        return "the bundle"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, by_hand: Any, make: SimpleNamespace) -> SimpleNamespace:
    """A case with everything, its bundle, and what was written down before its export."""
    folder = tmp_path_factory.mktemp("bundled")
    service = Service.open(Settings(data=folder / "data", language="en"), by_hand)
    kim = service.accounts.add("kim", "x", Role.INSPECTOR)
    service.audit.add(*(Act("kim", "login", "kim", {"i": i}) for i in range(3)))
    upload = Upload(
        make.declaration(line={"value": {"amount": "40000", "currency": "USD"}}),
        (("새우 <b>.png", make.scan()),),
        make.photo(),
    )
    case = service.assess(upload, kim)
    other = service.assess(Upload(make.declaration(id="D2")), kim)
    service.work(case.id, Assigned(assignee=kim), kim)
    service.work(case.id, Decided(decision=Decision.INSPECT, reason="risk", note="<script>"), kim)
    service.work(other.id, Noted(text="of another case"), kim)
    service.work(case.id, Noted(text="새우가 아님"), kim)
    service.work(case.id, Outcome(result=Result.DISCREPANCY, reason="undervaluation"), kim)
    head = service.audit.head()
    path = folder / "case.zip"
    with path.open("wb") as file:
        service.bundle(case.id, "kim", file)
    yield Made(
        service=service,
        case=case,
        other=other,
        head=head,
        path=path,
        data=path.read_bytes(),
        key=service.audit.public_key,
        upload=upload,
    )
    service.accounts.engine.dispose()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Sequence[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    container.write(out, files)
    return out.getvalue()


def checked(tmp_path: Path, data: bytes, *arguments: Any) -> Found:
    path = tmp_path / "it.zip"
    path.write_bytes(data)
    return check(path, *arguments)


def test_a_bundle_holds_all_of_a_case_and_nothing_of_another(made: SimpleNamespace) -> None:
    """The files as they were uploaded, the report to be read in both languages, the log's entries."""
    files = members(made.data)
    assert files["scan/1-b_.png"] == made.upload.scan[0][1]
    assert files["photo.png"] == made.upload.photo
    assert json.loads(files["declaration.json"])["id"] == "D000123"
    assert {f"casework/{kind}.jsonl" for kind in container.CASEWORK} <= set(files)
    entries = [json.loads(line) for line in files["audit.jsonl"].splitlines()]
    actions = ["assess", "assignment", "decision", "note", "outcome", "export"]
    assert [entry["action"] for entry in entries] == actions
    assert made.other.id.encode() not in b"".join(files.values())
    assert b"of another case" not in made.data
    korean, english = files["report.ko.html"].decode(), files["report.en.html"].decode()
    assert "확인할 사항" in korean
    assert "What to look for" in english
    assert "&lt;script&gt;" in english
    assert "<script" not in english
    assert json.loads(files["versions.json"])["tabular"]["version"] == "tabular@byhand"


def test_an_untouched_bundle_is_verified_in_every_point(made: SimpleNamespace) -> None:
    """With the agency's key and a head from before, nothing stays open."""
    found = check(made.path, made.key, made.head)
    assert (found.faults, found.not_verified) == ([], [])
    assert len(found.verified) >= 8


def test_without_a_key_of_the_agency_it_says_so_and_how_to_get_one(made: SimpleNamespace) -> None:
    """Anybody can sign something of their own."""
    found = check(made.path)
    assert found.faults == []
    assert any("audit key" in text for text in found.not_verified)
    assert any("--head" in text for text in found.not_verified)


def test_the_same_state_gives_the_same_bytes(made: SimpleNamespace) -> None:
    """Only the entry about an export makes the next one another."""
    first, second = io.BytesIO(), io.BytesIO()
    made.service.bundles.write(made.case.id, first)
    made.service.bundles.write(made.case.id, second)
    assert first.getvalue() == second.getvalue() == made.data


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_single_flipped_bit_anywhere_is_found(
    made: SimpleNamespace, tmp_path: Path, place: float, bit: int
) -> None:
    """In a file, in a header, in the directory of the ZIP."""
    data = bytearray(made.data)
    data[int(place * len(data))] ^= 1 << bit
    assert checked(tmp_path, bytes(data)).faults


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.floats(0, 1, exclude_max=True), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7)
)
def test_a_flipped_bit_in_any_file_of_a_well_made_zip_is_found(
    made: SimpleNamespace, tmp_path: Path, which: float, place: float, bit: int
) -> None:
    """As somebody would do it who packs the ZIP anew."""
    files = members(made.data)
    names = sorted(name for name in files if files[name])
    name = names[int(which * len(names))]
    content = bytearray(files[name])
    content[int(place * len(content))] ^= 1 << bit
    files[name] = bytes(content)
    assert checked(tmp_path, packed(list(files.items()))).faults


def test_a_bundle_cut_off_at_any_length_is_refused(made: SimpleNamespace, tmp_path: Path) -> None:
    """As a download that broke off."""
    for share in (0, 0.1, 0.5, 0.9):
        assert checked(tmp_path, made.data[: int(len(made.data) * share)]).faults
    assert checked(tmp_path, made.data[:-1]).faults
    assert checked(tmp_path, made.data + b"\0").faults


def test_files_taken_out_put_in_renamed_or_moved_are_found(made: SimpleNamespace, tmp_path: Path) -> None:
    """Each by what happened."""
    files = list(members(made.data).items())
    for index, (name, _) in enumerate(files):
        assert checked(tmp_path, packed(files[:index] + files[index + 1 :])).faults, name
    renamed = [("scan/2-b_.png" if n == "scan/1-b_.png" else n, c) for n, c in files]
    added = [*files, ("scan/2-x.png", b"x")]
    moved = [*files[:3], files[4], files[3], *files[5:]]
    for changed in (renamed, added, moved, files[::-1]):
        assert checked(tmp_path, packed(changed)).faults
    assert checked(tmp_path, packed(files)).faults == []


def resigned(made: SimpleNamespace, changes: dict[str, bytes], service: Service | None = None) -> bytes:
    """Files changed and the manifest signed anew, as an insider with the key could."""
    import hashlib

    signer = (service or made.service).audit.key
    files = {**members(made.data), **changes}
    manifest = json.loads(files[container.MANIFEST])
    manifest["files"] = [
        {"name": n, "sha256": hashlib.sha256(files[n]).hexdigest(), "size": len(files[n])}
        for n in files
        if n not in (container.MANIFEST, container.SIGNATURE)
    ]
    files[container.MANIFEST] = json.dumps(manifest).encode()
    signature = signer.sign(container.SIGNED + files[container.MANIFEST])
    files[container.SIGNATURE] = signature.hex().encode()
    return packed([(name, files[name]) for name in container.in_order(files)])


def test_what_the_log_vouches_for_cannot_be_exchanged_even_under_a_good_signature(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    """Report, declaration, files and casework each have to fit the entries; entries have to fit the chain."""
    files = members(made.data)
    out = io.BytesIO()
    made.service.bundles.write(made.other.id, out)
    others = members(out.getvalue())
    row = json.loads(files[container.ROW])
    entries = files[container.ENTRIES].splitlines(keepends=True)
    swaps = {
        "report and declaration are not those": {container.ROW: others[container.ROW]},
        "report.json is not what": {container.REPORT: others[container.REPORT]},
        "declaration.json is not what": {container.DECLARATION: others[container.DECLARATION]},
        "are not those that the audit log": {container.ROW: json.dumps({**row, "account_id": 7}).encode()},
        "not the files that the report was made from": {"photo.png": files["scan/1-b_.png"]},
        "casework/decision.jsonl is not": {"casework/decision.jsonl": b""},
        "casework/note.jsonl is not": {"casework/note.jsonl": others["casework/note.jsonl"]},
        "it is about another case": {
            container.ENTRIES: others[container.ENTRIES].splitlines(keepends=True)[-1] + b"".join(entries)
        },
        "0 entries say that": {container.ENTRIES: b"".join(entries[1:])},
        "it stands in the wrong place": {container.ENTRIES: b"".join(entries[::-1])},
        "does not reach": {container.LINKS: files[container.LINKS][65:]},
        "the chain does not lead": {
            container.LINKS: files[container.LINKS][:-65] + b"0" * 64 + b"\n",
            container.ENTRIES: b"".join(entries[:-1]),
        },
    }
    for said, changes in swaps.items():
        found = checked(tmp_path, resigned(made, changes), made.key)
        assert any(said in fault for fault in found.faults), (said, found.faults)


def test_a_bundle_of_another_installation_is_found_by_the_key(
    made: SimpleNamespace, tmp_path: Path, service: Service, make: SimpleNamespace
) -> None:
    """Whole bundles, and single entries in one that is ours."""
    kim = service.accounts.by_name("kim")
    assert kim is not None
    theirs = service.assess(Upload(make.declaration()), kim)
    out = io.BytesIO()
    service.bundle(theirs.id, "kim", out)
    assert checked(tmp_path, out.getvalue()).faults == []
    found = checked(tmp_path, out.getvalue(), made.key)
    assert any("another installation" in fault for fault in found.faults)
    entries = members(out.getvalue())[container.ENTRIES]
    found = checked(tmp_path, resigned(made, {container.ENTRIES: entries}), made.key)
    assert any("signature is not of this installation" in fault for fault in found.faults)


def test_a_head_that_is_not_of_this_chain_or_cannot_be_compared_is_a_fault(made: SimpleNamespace) -> None:
    """Whoever gives a head wants to know."""
    assert check(made.path, made.key, Head(made.head.number, "0" * 64)).faults
    assert any("cannot be compared" in f for f in check(made.path, made.key, Head(1, "0" * 64)).faults)
    assert any("cannot be compared" in f for f in check(made.path, made.key, Head(999, "0" * 64)).faults)


def test_without_links_it_says_what_stays_open(
    made: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case that is years older than its export."""
    monkeypatch.setattr(container, "MAX_LINKS", 2)
    out = io.BytesIO()
    made.service.bundles.write(made.case.id, out)
    found = checked(tmp_path, out.getvalue(), made.key)
    assert found.faults == []
    assert any("one chain" in text for text in found.not_verified)
    assert checked(tmp_path, out.getvalue(), made.key, made.head).faults


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "bytes"),
        (b"no zip at all, but long enough to be read as one", "no ZIP"),
        (zipped(), "missing"),
        (zipped(("../../etc/passwd", b"x")), "which no bundle does"),
        (zipped(("/etc/passwd", b"x")), "which no bundle does"),
        (zipped(("scan/1-../x", b"x")), "which no bundle does"),
        (zipped(("manifest.json", b"0" * 10_000_000), method=zipfile.ZIP_DEFLATED), "compressed"),
        (zipped(*((f"scan/{i}-x", b"") for i in range(1000))), "lists 1,000 files"),
        (zipped(*((name, b"[" * 100_000) for name in NEEDED)), "holds no key"),
    ],
)
def test_a_hostile_zip_is_refused_quickly(tmp_path: Path, data: bytes, said: str) -> None:
    """Bombs, paths that lead out, deep nesting, too many names: one sentence each."""
    (fault,) = checked(tmp_path, data).faults
    assert said in fault


def test_deeply_nested_json_under_a_good_signature_is_a_fault_and_no_crash(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    """As an insider could make it."""
    for name in (container.ROW, container.REPORT, container.ENTRIES):
        assert checked(tmp_path, resigned(made, {name: b"[" * 200_000}), made.key).faults


def test_the_api_gives_the_bundle_to_those_who_may_read_cases_and_writes_it_down(
    service: Service, client: httpx.Client, make: SimpleNamespace, tmp_path: Path
) -> None:
    """Each export is an entry of the log, and the newest one in its bundle."""
    files = {"declaration": make.declaration(), "scan": ("s.png", make.scan()), "photo": make.photo()}
    case = client.post("/v1/assessments", files=files).json()["id"]
    answer = client.get(f"/v1/assessments/{case}/bundle")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert case in answer.headers["content-disposition"]
    assert checked(tmp_path, answer.content, service.audit.public_key).faults == []
    last = service.audit.about(case)[-1]
    assert (last.action, last.actor) == ("export", make.name)
    assert client.get("/v1/assessments/nothing/bundle").status_code == 404
    service.login.add("bo", make.password, Role.BROKER)
    refused = client.get(f"/v1/assessments/{case}/bundle", auth=("bo", make.password))
    assert refused.status_code == 403
    assert len(service.audit.about(case)) == 2


def test_a_lost_image_is_our_fault_and_not_a_smaller_bundle(
    service: Service, client: httpx.Client, make: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    """500 and a line in the log; the wrong picture is never shown."""
    case = client.post("/v1/assessments", files={"declaration": make.declaration(), "photo": make.photo()})
    (file,) = Path(service.settings.images).glob("*/*")
    file.write_bytes(b"another")
    href = case.json()["photo"]["href"]
    for address in (href, f"/v1/assessments/{case.json()['id']}/bundle"):
        assert client.get(address).status_code == 500
    with pytest.raises(LostImage, match="was changed"):
        service.images.read(file.name)
    file.unlink()
    assert client.get(href).status_code == 500
    with pytest.raises(LostImage, match="missing"):
        service.images.read(file.name)
    assert "LostImage" in caplog.text


def test_a_bundle_is_checked_by_the_command_without_torch_or_a_store(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    """In an empty folder, by a fresh process."""
    key = tmp_path / "key.pem"
    key.write_text(public_pem(made.key))
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr))\n"
        f"sys.argv = ['portcullis', 'audit', 'verify-bundle', {str(made.path)!r}, '--key', {str(key)!r}, "
        f"'--head', '{made.head}', '--json']\n"
        "from portcullis.cli import main\nmain()"
    ).replace("\\\n", "\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["faults"] == []
    assert not {"torch", "pandas", "fastapi"} & set(done.stderr.split())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["key.pem"]


def test_the_commands_write_and_check_a_bundle(
    service: Service,
    make: SimpleNamespace,
    command: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
) -> None:
    """Exit code 1 and a line for each fault."""
    kim = service.accounts.by_name(make.name)
    assert kim is not None
    case = service.assess(Upload(make.declaration()), kim)
    out = tmp_path / "out" / "case.zip"
    assert command("bundle", case.id, "--out", str(out))[0] == 0
    code, said, _ = command("audit", "verify-bundle", str(out))
    assert code == 0
    assert "NOT verified: whose key" in said
    data = bytearray(out.read_bytes())
    data[len(data) // 2] ^= 1
    out.write_bytes(data)
    code, said, _ = command("audit", "verify-bundle", str(out))
    assert code == 1
    assert "FAULT: " in said
    code, _, told = command("bundle", "nothing", "--out", str(tmp_path / "none.zip"))
    assert code == 2
    assert "there is no assessment" in told
    assert not (tmp_path / "none.zip").exists()
    code, said, _ = command("audit", "verify-bundle", str(tmp_path / "none.zip"))
    assert code == 1
