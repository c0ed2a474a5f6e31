"""The command line; each command has a file of its own and imports what is heavy only when it runs."""

from portcullis.cli.app import main

__all__ = ["main"]
