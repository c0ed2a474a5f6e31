"""The scripts and style sheets that a page loads, by the names that their build gave them."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from customs.errors import CustomsError

STATIC = Path(__file__).with_name("static")
BUILT = STATIC / "built"


class NotBuilt(CustomsError):
    """The scripts were not built when Portcullis was installed."""

    def __init__(self) -> None:
        super().__init__(
            "the scripts of the pages are not built", field="web", remedy="run: make assets (or install anew)"
        )


@cache
def sheet(name: str) -> str:
    """Address of one of our own style sheets; it changes with its contents."""
    digest = hashlib.sha256((STATIC / "css" / f"{name}.css").read_bytes()).hexdigest()
    return f"/static/css/{name}.css?{digest[:12]}"


def script(name: str) -> str:
    """Address of a script: of the folder `assets/src/NAME`."""
    return f"/static/built/{_entry(name)['file']}"


def script_sheets(name: str) -> tuple[str, ...]:
    """Addresses of the style sheets that a script brings with it, from the libraries that it uses."""
    manifest, found = _manifest(), dict[str, None]()
    waiting = [f"src/{name}/index.ts"]
    seen: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key in seen:
            continue
        seen.add(key)
        found |= dict.fromkeys(manifest[key].get("css", ()))
        waiting += manifest[key].get("imports", ())
    return tuple(f"/static/built/{file}" for file in found)


def require_built() -> None:
    """Refuse to start without scripts: pages that do nothing are worse than none.

    Raises:
        NotBuilt: they are missing.
    """
    _entry("shell")


def _entry(name: str) -> dict[str, Any]:
    found: dict[str, Any] | None = _manifest().get(f"src/{name}/index.ts")
    if found is None:
        raise NotBuilt
    return found


@cache
def _read(changed: int) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((BUILT / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def _manifest() -> dict[str, Any]:
    try:
        changed = (BUILT / "manifest.json").stat().st_mtime_ns
    except FileNotFoundError:
        raise NotBuilt from None
    return _read(changed)
