"""Image files in a folder, in memory, on an S3 server: put whole, read as they were, swept when left over."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from customs.errors import CustomsError
from portcullis.consignment import Upload
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account, Role
from portcullis.store.engine import open_store, writing
from portcullis.store.images import Images, LostImage, name_of
from portcullis.store.metadata import whole
from portcullis.store.places import open_place
from portcullis.store.sweeping import inspect, sweep

HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an S3 server of our own."""
    pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture(params=["folder", "file", "memory", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty place of each kind."""
    name = os.urandom(6).hex()
    if request.param == "folder":
        yield str(tmp_path / "images")
    elif request.param == "file":
        yield f"file://{tmp_path}/images"
    elif request.param == "memory":
        yield f"memory://{name}/images"
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        import s3fs

        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir(f"bucket{name}")
        yield f"s3://bucket{name}/a/prefix"
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.dispose()


def test_files_are_kept_under_their_digest_and_read_back(place: str, engine: sa.Engine) -> None:
    """The same contents once; nothing where nothing was given."""
    images = Images(place)
    assert images.names() == []
    with writing(engine) as connection, images.putting(connection, b"one", None, b"two", b"one") as names:
        pass
    assert names == (name_of(b"one"), None, name_of(b"two"), name_of(b"one"))
    assert images.names() == sorted({name for name in names if name})
    assert images.read(name_of(b"two")) == b"two"
    assert images.has(name_of(b"two"))
    assert not images.has(name_of(b"three"))
    again = Images(place)
    assert not again.add(b"one")
    assert again.add(b"three")
    assert len(images.names()) == 3


def test_what_fails_takes_its_new_files_out_and_leaves_the_old_ones(place: str, engine: sa.Engine) -> None:
    """A file that was there before belongs to another row."""
    images = Images(place)
    images.add(b"old")

    def fail() -> None:
        with writing(engine) as connection, images.putting(connection, b"old", b"new"):
            assert len(images.names()) == 2
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert images.names() == [name_of(b"old")]


def test_a_file_that_is_missing_or_another_is_never_given_out(place: str) -> None:
    """Nor is anything read by a name that is no digest."""
    images = Images(place)
    images.add(b"whole")
    name = name_of(b"whole")
    images.remove(name)
    images.remove(name)
    with pytest.raises(LostImage, match="missing"):
        images.read(name)
    images.place.put(f"{name[:2]}/{name}", b"another")
    with pytest.raises(LostImage, match="was changed"):
        images.read(name)
    for wrong in ("../../etc/passwd", "", name.upper(), name + "\n"):
        with pytest.raises(LostImage, match="not the name"):
            images.read(wrong)


def test_a_service_keeps_its_images_there(
    place: str, tmp_path: Path, by_hand: Any, make: SimpleNamespace, engine: sa.Engine
) -> None:
    """From upload to picture."""
    service = Service.open(Settings(data=tmp_path / "data", images=place), by_hand)
    kim = service.accounts.add("kim", "x", Role.INSPECTOR)
    found = service.assess(Upload(make.declaration(), (("s.png", make.scan()),), make.photo()), kim)
    assert len(service.images.names()) == 3
    assert service.heatmap_picture(found.id).startswith(b"\x89PNG")
    assert service.photo_picture(found.id).startswith(b"\x89PNG")
    checked = inspect(service.accounts.engine, service.images)
    assert (checked.images, checked.faults, checked.orphans) == (3, [], [])
    service.images.add(b"left over")
    soon = dt.datetime.now(dt.UTC) + HOUR / 2
    late = dt.datetime.now(dt.UTC) + 2 * HOUR
    assert inspect(service.accounts.engine, service.images).orphans == [name_of(b"left over")]
    assert sweep(service.accounts.engine, service.images, now=soon) == ([], 0)
    assert sweep(service.accounts.engine, service.images, now=late, dry_run=True)[0]
    assert sweep(service.accounts.engine, service.images, now=late) == ([name_of(b"left over")], 0)
    checked = inspect(service.accounts.engine, service.images)
    assert (checked.images, checked.faults, checked.orphans) == (3, [], [])
    service.accounts.engine.dispose()


def test_a_file_in_a_folder_is_on_disk_before_its_name_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contents first, then the name, then the folder that holds it: a power cut leaves all or nothing."""
    done: list[str] = []
    sync, move = os.fsync, os.replace

    def synced(handle: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")
        sync(handle)

    def moved(source: Any, target: Any) -> None:
        done.append("name")
        move(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", moved)
    Images(tmp_path / "images").add(b"x")
    assert done == ["folder", "file", "name", "folder"]


def test_a_write_that_breaks_off_leaves_no_name_and_its_rest_is_swept(
    tmp_path: Path, engine: sa.Engine
) -> None:
    """By kill -9 in the middle of writing."""
    code = (
        "import os, signal, sys\n"
        "from portcullis.store.images import Images\n"
        "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL) if os.path.isfile("
        "os.readlink(f'/proc/self/fd/{handle}')) else None\n"
        "Images(sys.argv[1]).add(b'x' * 100_000)"
    )
    folder = tmp_path / "images"
    killed = subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
    assert killed.returncode == -9
    images = Images(folder)
    assert images.names() == []
    (rest,) = folder.glob("*/.*")
    assert sweep(engine, images) == ([], 0)
    os.utime(rest, (0, 0))
    assert sweep(engine, images) == ([], 1)
    assert list(folder.glob("*/.*")) == []


def test_an_orphan_that_is_uploaded_again_is_not_swept(
    service: Service, account: Account, make: SimpleNamespace
) -> None:
    """Its row may not be there yet when the sweep looks; that somebody put it again is seen."""
    photo = make.photo()
    service.images.add(photo)
    (file,) = Path(service.settings.images).glob("*/*")
    os.utime(file, (0, 0))
    assert sweep(service.accounts.engine, service.images, dry_run=True)[0] == [file.name]
    assert not service.images.add(photo)
    assert sweep(service.accounts.engine, service.images) == ([], 0)
    os.utime(file, (0, 0))
    service.assess(Upload(make.declaration(), photo=photo), account)
    os.utime(file, (0, 0))
    assert sweep(service.accounts.engine, service.images) == ([], 0)


def test_uploads_of_one_file_at_once_on_postgresql_lose_it_to_no_failed_one(
    postgres_url: str, tmp_path: Path
) -> None:
    """Who fails takes out what they put; who relied on it meanwhile must have waited and put it anew."""
    engine = open_store(postgres_url)
    images = Images(tmp_path / "images")

    def upload(number: int) -> str | None:
        try:
            with writing(engine) as connection, images.putting(connection, b"the same") as names:
                time.sleep(0.01)
                if number % 2:
                    raise RuntimeError
                connection.execute(sa.text("SELECT 1"))
            return names[0]
        except RuntimeError:
            return None

    with ThreadPoolExecutor(8) as pool:
        for name in pool.map(upload, range(24)):
            assert name is None or images.read(name) == b"the same"
    assert images.read(name_of(b"the same")) == b"the same"
    engine.dispose()


def test_the_commands_say_what_is_wrong_and_sweep_what_is_left(
    service: Service,
    account: Account,
    make: SimpleNamespace,
    command: Callable[..., tuple[int, str, str]],
) -> None:
    """Exit code 1 where a file is missing; what nothing names is no fault."""
    service.assess(Upload(make.declaration(), photo=make.photo()), account)
    (file,) = Path(service.settings.images).glob("*/*")
    service.images.add(b"left over")
    code, said, _ = command("images", "check")
    assert code == 0
    assert "1 files that nothing names" in said
    os.utime(next(p for p in Path(service.settings.images).glob("*/*") if p != file), (0, 0))
    code, said, _ = command("images", "sweep", "--dry-run")
    assert "1 files would be removed" in said
    code, said, _ = command("images", "sweep")
    assert (code, said.splitlines()) == (0, [name_of(b"left over"), "1 files removed"])
    shutil.move(file, file.with_name("kept"))
    code, said, _ = command("images", "check", "--json")
    assert code == 1
    assert "missing" in json.loads(said)["faults"][0]


def test_every_column_that_could_name_an_image_says_whether_it_does() -> None:
    """One that does not would lose its files to the next sweep, and to every backup."""
    names = {"name", "declaration_id", "reference", "key", "hash", "previous", "sha256", "body_sha256"}
    names |= {"secret_hash", "token_hash", "digest"}
    unsaid = {
        f"{table.name}.{column.name}"
        for table in whole().tables.values()
        for column in table.columns
        if isinstance(column.type, sa.String) and column.type.length == 64 and not column.info.get("image")
        if column.name not in names
    }
    assert unsaid == set()


@pytest.mark.parametrize("url", ["nosuch://bucket", "abfs-x://y"])
def test_a_place_that_nobody_knows_is_refused_with_a_remedy(url: str) -> None:
    """At the start, not at the first upload."""
    with pytest.raises(CustomsError, match="images"):
        open_place(url)
