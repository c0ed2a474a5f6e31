"""All commands in one place."""

from __future__ import annotations

import sys

import typer

from portcullis.cli import train

app = typer.Typer(
    name="portcullis",
    help="Customs risk from declaration, text, photo and X-ray.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("train")(train.train)


def main() -> None:
    """Run the command line; bad input is one clear line and exit code 2."""
    from customs.errors import CustomsError

    try:
        app()
    except CustomsError as error:
        for problem in error.problems:
            print(f"portcullis: {problem}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
