"""Audit what is installed at run time: list it (CycloneDX) and look for known vulnerabilities (pip-audit).

    audit.py SITE_PACKAGES

Exit code 1 for a finding. Where no advisory can be had, as in a closed network, it says so and goes on.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SECONDS = 180


def main() -> int:
    """Run pip-audit over one environment; its answer decides, not its exit code."""
    command = [Path(sys.executable).with_name("pip-audit"), "--path", sys.argv[1], "--format", "json"]
    options = ["--progress-spinner", "off", "--timeout", "10", "--skip-editable"]
    try:
        done = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError):
        packages = []
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        print("pip-audit: no advisory source is reachable; nothing was audited")
        return 0
    found = [(package, hole) for package in audited for hole in package["vulns"]]
    for package, hole in found:
        mended = ", ".join(hole["fix_versions"]) or "no release"
        print(f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}")
    print(f"pip-audit: {len(audited)} of {len(packages)} packages audited, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
