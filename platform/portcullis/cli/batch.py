"""`portcullis batch`: hand in files of declarations and see what became of them, on the store directly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from portcullis.service import Service
    from portcullis.store.accounts import Account
    from portcullis.store.batches import Batch

batch = typer.Typer(help="Batches: many declarations in one file.", no_args_is_help=True)
_Store = Annotated[str | None, typer.Option(help="Database URL.")]
_Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
_WATCH_SECONDS = 1.0


@batch.command("submit")
def submit(
    file: Annotated[Path, typer.Argument(help="CSV, JSON lines, or a ZIP with a folder for each case.")],
    account: Annotated[str, typer.Option(help="Name of the account that hands it in.")],
    name: Annotated[str, typer.Option(help="What to call it; default: the file's name.")] = "",
    store: _Store = None,
    json: _Json = False,
) -> None:
    """Keep a file and its manifest in the store; workers that run on it do the rest."""
    from portcullis.cli.console import read_bytes

    data = read_bytes(file, field="file")
    with _opened(store) as service:
        who = _account(service, account)
        found = service.board.submit(data, name=name or file.name, account=who)
        _show([found], json)


@batch.command("status")
def status(
    batch_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One batch; default: all.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show progress until it has ended.")] = False,
    store: _Store = None,
    json: _Json = False,
) -> None:
    """Show how far batches are."""
    with _opened(store) as service:
        if batch_id is None:
            found, _ = service.board.batches.page(limit=50)
            _show(found, json)
            return
        if watch:
            _follow(service, batch_id)
        one = service.batch(batch_id)
        _show([one], json)
        if not json:
            for number, reason in service.board.batches.reasons(one.id):
                print(f"  chunk {number} failed: {reason}")


@batch.command("report")
def report(
    batch_id: Annotated[str, typer.Argument(metavar="ID", help="The batch.")],
    out: Annotated[Path, typer.Option(help="CSV file.")],
    store: _Store = None,
) -> None:
    """Write what became of each declaration, with problems and remedies, as CSV."""
    from portcullis.jobs.report import report_csv

    with _opened(store) as service:
        found = service.batch(batch_id)
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("w", encoding="utf-8-sig", newline="") as file:
            file.writelines(report_csv(service.board.batches.every_item(found.id)))
    print(f"wrote {out}")


@batch.command("cancel")
def cancel(
    batch_id: Annotated[str, typer.Argument(metavar="ID", help="The batch.")],
    account: Annotated[str, typer.Option(help="Name of the account that cancels it.")],
    store: _Store = None,
) -> None:
    """Do nothing more of a batch; what is done stays."""
    with _opened(store) as service:
        service.batch(batch_id)
        service.board.cancel(batch_id, _account(service, account))
        _show([service.batch(batch_id)], json=False)


@batch.command("resume")
def resume(
    batch_id: Annotated[str, typer.Argument(metavar="ID", help="The batch.")],
    account: Annotated[str, typer.Option(help="Name of the account that resumes it.")],
    store: _Store = None,
) -> None:
    """Try again all that failed in a batch that has ended."""
    with _opened(store) as service:
        service.batch(batch_id)
        service.board.resume(batch_id, _account(service, account))
        _show([service.batch(batch_id)], json=False)


@batch.callback()
def batches() -> None:
    """Batches: many declarations in one file."""


@contextmanager
def _opened(store: str | None) -> Iterator[Service]:
    """The service over the store, without models: handing in needs none."""
    from dataclasses import replace

    from portcullis.models import Models
    from portcullis.service import Service
    from portcullis.settings import Settings

    settings = Settings.read()
    service = Service.open(replace(settings, store_url=store) if store else settings, Models({}, {}))
    try:
        yield service
    finally:
        service.accounts.engine.dispose()


def _account(service: Service, name: str) -> Account:
    from customs.errors import InvalidValue
    from portcullis.identity.permissions import PERMISSIONS, Permission

    found = service.accounts.by_name(name)
    if found is None or Permission.RUN_BATCHES not in PERMISSIONS[found.role]:
        raise InvalidValue(
            f"{name!r} may not run batches", field="account", remedy="name an account that is an analyst"
        )
    return found


def _show(found: list[Batch], json: bool) -> None:
    if json:
        from dataclasses import asdict
        from datetime import datetime

        from portcullis.cli.console import print_json

        values = [asdict(one).items() for one in found]
        print_json([{k: v.isoformat() if isinstance(v, datetime) else v for k, v in b} for b in values])
        return
    for one in found:
        speed = f", {one.rate:,.1f}/s" if one.rate else ""
        ends = f", until about {one.expected_end:%H:%M:%S} UTC" if one.expected_end else ""
        print(
            f"{one.id}  {one.state.value}  {one.name}: {one.items:,} declarations, "
            f"{one.assessed:,} assessed, {one.refused:,} refused, {one.failed:,} failed{speed}{ends}"
        )


def _follow(service: Service, batch_id: str) -> None:
    """A bar until the batch has ended."""
    import time

    from portcullis.cli.console import progress_bars
    from portcullis.store.batches import BatchState

    with progress_bars() as progress:
        while True:
            one = service.batch(batch_id)
            progress("judging", one.items - one.waiting, one.items)
            if one.state in (BatchState.DONE, BatchState.CANCELLED):
                return
            time.sleep(_WATCH_SECONDS)
