"""What pages load: small, compressed, kept by browsers as long as it is true, and all of it there."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from portcullis.web.built import BUILT, STATIC, script, script_sheets, sheet
from portcullis.web.renderer import TEMPLATES

BUDGET = 900_000  # bytes of all scripts together, as they travel
_LOADED = re.compile(r"""(script|script_sheets|sheet)\(['"]([\w-]+)['"]\)""")


def loaded() -> list[tuple[str, str]]:
    """Kind and name of all that the templates load."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.rglob("*.html")))
    return sorted({pair for text in texts for pair in _LOADED.findall(text)})


def file_of(address: str) -> Path:
    """Where an address under /static lies."""
    return STATIC / urlsplit(address).path.removeprefix("/static/")


def test_all_scripts_together_are_small() -> None:
    """Everything that the manifest names, each file once, as a browser fetches it."""
    manifest = json.loads((BUILT / "manifest.json").read_text(encoding="utf-8"))
    files = {entry["file"] for entry in manifest.values() if entry["file"].endswith(".js")}
    files |= {file for entry in manifest.values() for file in entry.get("assets", ()) if file.endswith(".js")}
    assert files == {str(path.relative_to(BUILT)) for path in BUILT.rglob("*.js")}
    sizes = {file: len(gzip.compress((BUILT / file).read_bytes(), 9)) for file in files}
    assert sum(sizes.values()) < BUDGET, sizes


@pytest.mark.parametrize(("kind", "name"), loaded(), ids="-".join)
def test_what_a_template_loads_is_there(kind: str, name: str) -> None:
    """A name without a folder of scripts or a sheet would be found by a visitor only."""
    found = {"script": lambda: (script(name),), "sheet": lambda: (sheet(name),)}
    addresses = found.get(kind, lambda: script_sheets(name))()
    assert addresses or kind == "script_sheets"
    for address in addresses:
        assert file_of(address).stat().st_size > 0


def test_the_templates_load_scripts_and_sheets() -> None:
    """Else the tests above would hold for nothing."""
    assert {("script", "shell"), ("sheet", "base")} <= set(loaded())


@pytest.mark.parametrize("file", [sheet("base"), script("shell")], ids=["sheet", "script"])
def test_texts_travel_compressed_where_the_browser_takes_it(address: str, file: str) -> None:
    """The same bytes in the end; both forms have tags of their own and are kept for ever."""
    with httpx.Client(base_url=address) as client:
        plain = client.get(file, headers={"Accept-Encoding": "identity"})
        packed = client.get(file, headers={"Accept-Encoding": "gzip, br"})
        again = client.get(file, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]})
        head = client.head(file, headers={"Accept-Encoding": "gzip"})
    assert plain.content == packed.content == file_of(file).read_bytes()
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 0.5 * int(plain.headers["content-length"])
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["content-type"] == plain.headers["content-type"]
    for answer in (plain, packed, again):
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (again.status_code, again.content) == (304, b"")
    assert head.headers["content-length"] == packed.headers["content-length"]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/static/css/base.css", "public, max-age=3600"),
        ("/static/icon.svg", "public, max-age=3600"),
        ("/static/built/gone-12345678.js", "no-store"),
        ("/static/css/gone.css?123", "no-store"),
    ],
)
def test_nobody_keeps_what_may_change_or_is_missing(address: str, path: str, kept: str) -> None:
    """A script that another version has would be missed for a year."""
    answer = httpx.get(address + path)
    assert answer.headers["cache-control"] == kept
    assert answer.status_code == (404 if kept == "no-store" else 200)
