"""`portcullis check`: is this installation fit to run?"""

from __future__ import annotations

from typing import Annotated

import typer


def check(
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    table: Annotated[bool, typer.Option("--settings", help="Only print all settings there are.")] = False,
) -> None:
    """Look at settings, store, models, images, secrets, clocks and disks; nothing is changed.

    Every problem is one line on stderr with its remedy, and makes the exit code 2.
    """
    import sys

    from portcullis.checking import check as findings
    from portcullis.cli.console import print_json
    from portcullis.settings import Settings, as_table

    if table:
        print(as_table())
        return
    found = []
    for finding in findings(Settings.read()):
        found.append(finding)
        if not json:
            print(f"{'--' if finding.problems else 'ok'}  {finding.part:<14}  {finding.found}")
        for problem in finding.problems:
            print(f"portcullis: {problem}", file=sys.stderr)
    if json:
        print_json(
            [{"part": f.part, "found": f.found, "problems": [str(p) for p in f.problems]} for f in found]
        )
    if any(finding.problems for finding in found):
        raise typer.Exit(2)
