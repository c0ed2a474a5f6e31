"""Backup and restore: one moment of a busy store, all of it or nothing, into either database."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from customs.errors import CustomsError
from portcullis.consignment import Upload
from portcullis.identity.secret import signing_key
from portcullis.planning import Wish
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account
from portcullis.store.accounts import account as account_table
from portcullis.store.audit import Head, head_of
from portcullis.store.backup import MANIFEST, SECRET
from portcullis.store.backup import make as back_up
from portcullis.store.casework import Decided, Decision, Noted
from portcullis.store.dumping import lines_of, tables_of
from portcullis.store.engine import open_engine, open_store, snapshot, writing
from portcullis.store.images import Images
from portcullis.store.queue import Filter
from portcullis.store.restoring import restore
from portcullis.store.vouching import Tally, check


@pytest.fixture
def worked(service: Service, account: Account, make: SimpleNamespace) -> Service:
    """A service with two cases, images and casework."""
    first = service.assess(Upload(make.declaration(), (("s.png", make.scan()),), make.photo()), account)
    service.assess(Upload(make.declaration(id="D2", importer="새우 \U0001f990 'x' \\")), account, key="k")
    service.work(first.id, Decided(decision=Decision.INSPECT, reason="risk", note="bay\n4"), account)
    service.work(first.id, Noted(text="새우가 아님"), account)
    service.views.save(account, "베트남 새우", "origin=VN", shared=True, is_default=True)
    plan = service.planning.plan(Filter(), Wish(budget="1"))
    service.planning.publish(
        Filter(), Wish(budget="1"), account, query="", fingerprint=plan.fingerprint, key="k"
    )
    return service


def backed_up(service: Service, path: Path, **options: Any) -> Path:
    with path.open("wb") as file:
        back_up(file, service.accounts.engine, service.images, service.audit.key, **options)
    return path


def rows(url: str) -> dict[str, list[bytes]]:
    """All rows of all tables."""
    engine = open_engine(url)
    with snapshot(engine) as connection:
        found = {t.name: sorted(lines_of(connection, t)) for t in tables_of(connection)}
    engine.dispose()
    return found


def files_in(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def elsewhere(tmp_path: Path, store_url: str) -> SimpleNamespace:
    """An empty database of each kind, and an empty folder for images."""
    url = store_url.replace("/store.db", "/other/store.db")
    return SimpleNamespace(url=url, images=Images(tmp_path / "other" / "images"), folder=tmp_path / "other")


def test_what_was_backed_up_comes_back_into_either_database_row_by_row(
    worked: Service, elsewhere: SimpleNamespace, tmp_path: Path
) -> None:
    """And the service goes on from there: counters, chain, images."""
    path = backed_up(worked, tmp_path / "a.backup")
    restored = restore(path, elsewhere.url, elsewhere.images)
    assert restored.head == worked.audit.head()
    found = rows(elsewhere.url)
    assert found == rows(worked.settings.store_url)
    assert {"selection", "selection_case", "saved_view", "queue"} <= {
        name for name, kept in found.items() if kept
    }
    assert elsewhere.images.names() == worked.images.names()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "secret").write_bytes((worked.settings.data / "secret").read_bytes())
    settings = Settings(
        data=tmp_path / "new", store_url=elsewhere.url, images=str(elsewhere.folder / "images")
    )
    again = Service.open(settings, worked.models)
    kim = again.accounts.by_name("kim")
    assert kim is not None
    case = again.queue.get(again.audit.page(0, 1)[0].subject)
    assert case is not None
    again.work(case.id, Noted(text="after the restore"), kim)
    again.accounts.add("lee", "x", kim.role)
    with snapshot(again.accounts.engine) as connection:
        assert list(check(connection, again.audit.public_key, Tally(), images=again.images)) == []
    again.accounts.engine.dispose()


def test_it_comes_back_from_postgresql_into_sqlite(
    postgres_url: str, tmp_path: Path, by_hand: Any, make: SimpleNamespace
) -> None:
    """From a server that lives in another time zone."""

    service = Service.open(Settings(data=tmp_path / "pg", store_url=postgres_url), by_hand)
    row = {"name": "kim", "password_hash": "x", "role": "inspector", "created_at": service.audit.now()}
    with writing(service.audit.engine) as connection:  # unlogged: the log begins with the work
        connection.execute(account_table.insert().values(row))
    kim = service.accounts.named("kim")
    service.assess(Upload(make.declaration(), photo=make.photo()), kim)
    path = backed_up(service, tmp_path / "a.backup")
    url = f"sqlite:///{tmp_path}/back/store.db"
    restore(path, url, Images(tmp_path / "back" / "images"))
    assert rows(url) == rows(postgres_url)
    service.accounts.engine.dispose()


def test_a_backup_of_a_busy_store_is_one_moment_of_it(
    worked: Service, account: Account, make: SimpleNamespace, tmp_path: Path
) -> None:
    """Four threads write all the while; all that was acknowledged before is in it, nothing is torn."""
    stop, acknowledged = threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            found = worked.assess(Upload(make.declaration(), photo=make.photo()), account)
            worked.work(found.id, Noted(text="x"), account)
            acknowledged.append(found.id)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        while len(acknowledged) < 10:
            stop.wait(0.01)
        before = list(acknowledged)
        path = backed_up(worked, tmp_path / "a.backup")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    url = f"sqlite:///{tmp_path}/other/store.db"
    restored = restore(path, url, Images(tmp_path / "other" / "images"))
    engine = open_store(url)
    with snapshot(engine) as connection:
        assert head_of(connection) == restored.head
        there = set(connection.scalars(sa.text("SELECT id FROM assessment")))
    engine.dispose()
    assert set(before) <= there
    assert len(there) <= len(acknowledged) + 2 + 4
    newest = worked.audit.head()
    assert newest is not None
    assert restored.head.number < newest.number


def test_a_store_that_is_not_empty_is_left_alone(
    worked: Service, elsewhere: SimpleNamespace, tmp_path: Path
) -> None:
    """One row is enough."""
    path = backed_up(worked, tmp_path / "a.backup")
    restore(path, elsewhere.url, elsewhere.images)
    before = rows(elsewhere.url)
    with pytest.raises(CustomsError, match="not empty"):
        restore(path, elsewhere.url, elsewhere.images)
    assert rows(elsewhere.url) == before


def test_an_empty_store_of_the_same_version_is_taken(
    worked: Service, elsewhere: SimpleNamespace, tmp_path: Path
) -> None:
    """Somebody may have started the server once."""
    open_store(elsewhere.url).dispose()
    path = backed_up(worked, tmp_path / "a.backup")
    assert restore(path, elsewhere.url, elsewhere.images).rows > 10


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :]


def test_a_damaged_backup_is_refused_and_leaves_nothing(worked: Service, tmp_path: Path) -> None:
    """A bit flipped in the middle of any member, a tail cut off: no row, no file, no database."""
    path = backed_up(worked, tmp_path / "a.backup")
    data = path.read_bytes()
    damaged = [data[: len(data) // 2], data[:-30], b""]
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name, extra = struct.unpack_from("<2H", data, member.header_offset + 26)
            begin = member.header_offset + 30 + name + extra
            if member.file_size:
                damaged.append(flipped(data, begin + member.compress_size // 2))
    assert len(damaged) > 12
    for number, content in enumerate(damaged):
        folder = tmp_path / f"other{number}"
        path.write_bytes(content)
        with pytest.raises(CustomsError, match="damaged"):
            restore(path, f"sqlite:///{folder}/store.db", Images(folder / "images"))
        assert not folder.exists() or files_in(folder) == []


def test_a_bit_flipped_anywhere_in_a_backup_never_changes_what_comes_back(
    worked: Service, tmp_path: Path
) -> None:
    """It is refused, or lies in a field of the ZIP that says nothing about contents."""
    path = backed_up(worked, tmp_path / "a.backup")
    data, before = path.read_bytes(), rows(worked.settings.store_url)
    for number in range(8):
        url = f"sqlite:///{tmp_path}/other{number}/store.db"
        path.write_bytes(flipped(data, number * len(data) // 8 + 5))
        with suppress(CustomsError):
            restore(path, url, Images(tmp_path / "images"))
            assert rows(url) == before


def rewritten(path: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """A backup with one member changed, and the ZIP around it well made."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.namelist():
            content = old.read(member)
            new.writestr(member, change(content) if member == name else content)
    changed = path.with_name("changed.backup")
    changed.write_bytes(out.getvalue())
    return changed


@pytest.mark.parametrize(
    ("member", "old", "new", "said"),
    [
        ("tables/account.jsonl", b'"inspector"', b'"admin"', "rows of account were changed"),
        (MANIFEST, b'"number":7', b'"number":6', "not as it was signed"),
        ("images.txt", b"\n", b"\n\n", "list of images was changed"),
    ],
)
def test_a_backup_that_somebody_changed_is_refused(
    worked: Service,
    elsewhere: SimpleNamespace,
    tmp_path: Path,
    member: str,
    old: bytes,
    new: bytes,
    said: str,
) -> None:
    """Above all one that would make somebody an administrator."""
    path = backed_up(worked, tmp_path / "a.backup")
    changed = rewritten(path, member, lambda content: content.replace(old, new, 1))
    assert changed.read_bytes() != path.read_bytes()
    with pytest.raises(CustomsError, match=said):
        restore(changed, elsewhere.url, elsewhere.images)
    engine = open_engine(elsewhere.url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
    assert elsewhere.images.names() == []


def test_a_backup_of_a_store_whose_log_was_changed_is_not_restored(worked: Service, tmp_path: Path) -> None:
    """What is wrong shows at the restore at the latest."""
    with writing(worked.accounts.engine) as connection:
        connection.exec_driver_sql("DROP TRIGGER note_no_update")
        connection.exec_driver_sql("UPDATE note SET text = 'y'")
    path = backed_up(worked, tmp_path / "a.backup")
    with pytest.raises(CustomsError, match="is not what it vouches for"):
        restore(path, f"sqlite:///{tmp_path}/other/store.db", Images(tmp_path / "other" / "images"))
    assert files_in(tmp_path / "other") == []


def test_a_backup_of_another_installation_is_refused_where_the_key_is_known(
    worked: Service, tmp_path: Path
) -> None:
    """Signed well, but by somebody else."""
    path = backed_up(worked, tmp_path / "a.backup")
    with pytest.raises(CustomsError, match="another installation"):
        restore(
            path,
            f"sqlite:///{tmp_path}/other/store.db",
            Images(tmp_path / "other" / "images"),
            trusted=signing_key(b"other").public_key(),
        )


def test_a_later_backup_leaves_out_the_images_of_an_earlier_one(
    worked: Service, account: Account, make: SimpleNamespace, tmp_path: Path
) -> None:
    """It comes back with the earlier one beside it, or where the files are already in place."""
    first = backed_up(worked, tmp_path / "1.backup")
    worked.assess(Upload(make.declaration(), (("s.png", make.scan(rows=80)),)), account)
    second = backed_up(worked, tmp_path / "2.backup", earlier=first)
    with zipfile.ZipFile(second) as archive:
        assert sum(name.startswith("images/") for name in archive.namelist()) == 1
    url, images = f"sqlite:///{tmp_path}/other/store.db", Images(tmp_path / "other" / "images")
    with pytest.raises(CustomsError, match="--base"):
        restore(second, url, images)
    assert files_in(tmp_path / "other") == []
    assert restore(second, url, images, bases=[first]).images == len(worked.images.names())
    rowless = backed_up(worked, tmp_path / "3.backup", with_images=False)
    third = f"sqlite:///{tmp_path}/third/store.db"
    assert restore(rowless, third, images).images_missing == 0
    fourth = f"sqlite:///{tmp_path}/fourth/store.db"
    lost = restore(rowless, fourth, Images(tmp_path / "none"), without_images=True)
    assert (lost.images, lost.images_missing) == (0, len(worked.images.names()))


def test_the_commands_carry_a_store_with_its_secret_to_another_machine(
    worked: Service,
    command: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The secret only when asked for, and never readable without its passphrase."""
    words = tmp_path / "words"
    words.write_text("a long passphrase\n")
    out = tmp_path / "a.backup"
    options = ("--with-secret", "--passphrase-file", str(words))
    before = worked.audit.head()
    code, said, _ = command("backup", "--out", str(out), *options)
    assert code == 0
    assert f"head {before}" in said
    (taken,) = worked.audit.about("a.backup")
    assert (taken.action, taken.values["secret"], taken.values["head"]) == ("backup", True, str(before))
    secret = (worked.settings.data / "secret").read_bytes()
    with zipfile.ZipFile(out) as archive:
        assert all(secret not in archive.read(name) for name in archive.namelist())
        assert SECRET in archive.namelist()
    new = tmp_path / "machine"
    monkeypatch.setenv("PORTCULLIS_DATA", str(new))
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase")
    code, _, told = command("restore", str(out), "--passphrase-file", str(wrong))
    assert code == 2
    assert "passphrase" in told
    assert not new.exists() or files_in(new) == []
    code, said, _ = command("restore", str(out), "--passphrase-file", str(words))
    assert code == 0
    assert f"intact up to head {before}" in said
    assert (new / "secret").read_bytes() == secret
    assert (new / "secret").stat().st_mode & 0o077 == 0
    assert command("audit", "verify", "--images")[0] == 0
    code, said, _ = command("backup", "--out", str(tmp_path / "b.backup"))
    assert "the secret is not in it" in said
    monkeypatch.setenv("PORTCULLIS_DATA", str(tmp_path / "third"))
    code, said, _ = command("restore", str(tmp_path / "b.backup"))
    assert code == 0
    assert "put the old installation's secret" in said


def test_a_restore_that_is_killed_leaves_an_empty_store(worked: Service, tmp_path: Path) -> None:
    """Rows count all at once, at the end."""
    path = backed_up(worked, tmp_path / "a.backup")
    code = (
        "import os, sys\n"
        "from portcullis.store import restoring\n"
        "from portcullis.store.images import Images\n"
        "restoring.check = lambda *a, **k: os.kill(os.getpid(), 9)\n"
        "restoring.restore(sys.argv[1], sys.argv[2], Images(sys.argv[3]))"
    )
    url, folder = f"sqlite:///{tmp_path}/other/store.db", tmp_path / "other" / "images"
    killed = subprocess.run([sys.executable, "-c", code, str(path), url, str(folder)], check=False)
    assert killed.returncode == -9
    engine = open_engine(url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
    assert restore(path, url, Images(folder)).rows > 10


def test_what_is_in_a_backup_can_be_read_without_the_platform(worked: Service, tmp_path: Path) -> None:
    """A ZIP with a line of JSON for each row."""
    path = backed_up(worked, tmp_path / "a.backup")
    with zipfile.ZipFile(path) as archive:
        found = [json.loads(line) for line in archive.read("tables/note.jsonl").splitlines()]
        manifest = json.loads(archive.read(MANIFEST))
    assert [row["text"] for row in found] == ["새우가 아님"]
    assert Head(**manifest["head"]) == worked.audit.head()
