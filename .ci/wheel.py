"""Is everything in the wheel that belongs there, and nothing else?  wheel.py FILE.whl"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# folder of a package here, and where it lies in the wheel
PACKAGES = {
    "data/customs": "customs",
    "tabular_ae": "tabular_ae",
    "xray_encoder": "xray_encoder",
    "hs_classifier": "hs_classifier",
    "fusion": "fusion",
    "platform/portcullis": "portcullis",
}


def main() -> int:
    """Compare the wheel with the files that git knows."""
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    listed = subprocess.run(
        [shutil.which("git") or "git", "ls-files", "-z", *PACKAGES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = set()
    for path in filter(None, listed.stdout.split("\0")):
        folder = next(folder for folder in PACKAGES if path.startswith(f"{folder}/"))
        wanted.add(PACKAGES[folder] + path.removeprefix(folder))
    wanted = {name for name in wanted if not name.startswith("portcullis/web/assets/")}  # sources of scripts
    built = {name for name in inside if name.startswith("portcullis/web/static/built/")}
    if "portcullis/web/static/built/manifest.json" not in built:
        print("the scripts of the pages are missing from the wheel")
        return 1
    inside -= built
    for name in sorted(wanted - inside):
        print(f"{name} is missing from the wheel")
    for name in sorted(inside - wanted):
        print(f"{name} is in the wheel, but git does not know it")
    print(f"{len(inside)} files in the wheel, and {len(built)} built scripts and sheets")
    return 0 if inside == wanted else 1


if __name__ == "__main__":
    sys.exit(main())
