"""`portcullis models`: list sets of models, and choose which one answers and which one shadows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from portcullis.settings import Settings
    from portcullis.store.model_choices import ModelChoices

models = typer.Typer(help="List sets of models, choose the live one and the shadow.", no_args_is_help=True)
Folder = Annotated[Path | None, typer.Option("--models", help="Folder of model folders.")]
Store = Annotated[str | None, typer.Option(help="Database URL.")]


@models.command("list")
def list_(
    folder: Folder = None,
    store: Store = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every set with its models' versions, the live one and the shadow marked."""
    from portcullis.cli.console import print_json
    from portcullis.model_sets import DEFAULT, described, names
    from portcullis.store.model_choices import Part

    with _choices(folder, store) as (settings, choices):
        live, shadow = (choices.current(part) for part in (Part.LIVE, Part.SHADOW))
    chosen = {
        "live": DEFAULT if live is None else live.name,
        "shadow": None if shadow is None else shadow.name,
    }
    sets = [described(settings.models, name) for name in names(settings.models)]
    if json:
        found = [
            {
                "name": one.name,
                "problem": one.problem,
                "models": [{"kind": c.kind, "version": c.version, "figures": c.figures} for c in one.cards],
            }
            for one in sets
        ]
        print_json({**chosen, "sets": found})
        return
    for one in sets:
        marks = [part for part, name in chosen.items() if name == one.name]
        print(one.name, *(f"({mark})" for mark in marks))
        print("  ", one.problem or "  ".join(card.version for card in one.cards))


@models.command("live")
def live(
    name: Annotated[str, typer.Argument(help="The set that is to answer.")],
    folder: Folder = None,
    store: Store = None,
) -> None:
    """Let a set answer from now on: its files are verified, and a running service follows within seconds."""
    from portcullis.store.model_choices import Part

    _choose(Part.LIVE, name, folder, store)


@models.command("shadow")
def shadow(
    name: Annotated[str | None, typer.Argument(help="The set that is to be asked beside.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Have nothing shadow any more.")] = False,
    folder: Folder = None,
    store: Store = None,
) -> None:
    """Have every assessment scored by a set beside, which decides nothing."""
    from customs.errors import InvalidValue
    from portcullis.store.model_choices import Part

    if (name is None) != none:
        raise InvalidValue("give the name of a set or --none", field="name")
    _choose(Part.SHADOW, name, folder, store)


def _choose(part: str, name: str | None, folder: Path | None, store: str | None) -> None:
    from portcullis.model_sets import verified
    from portcullis.store.model_choices import Part

    with _choices(folder, store) as (settings, choices):
        versions = {} if name is None else verified(settings.models, name)
        choices.choose(Part(part), name, versions)
    print(f"{part}: {name or 'none'}", *versions.values())


@contextmanager
def _choices(folder: Path | None, store: str | None) -> Iterator[tuple[Settings, ModelChoices]]:
    """The settings and the store's choices."""
    from dataclasses import replace

    from portcullis.identity import read_secret
    from portcullis.identity.secret import signing_key
    from portcullis.service import utc_now
    from portcullis.settings import Settings
    from portcullis.store.alerts import Alerts
    from portcullis.store.audit import Audit
    from portcullis.store.engine import open_store
    from portcullis.store.model_choices import ModelChoices

    given = {"models": folder, "store_url": store}
    settings = replace(Settings.read(), **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    engine = open_store(settings.store_url)
    try:
        audit = Audit(engine, signing_key(read_secret(settings.data)), utc_now)
        audit.require_ours(settings.data)
        yield settings, ModelChoices(engine, audit, Alerts(engine, utc_now), utc_now)
    finally:
        engine.dispose()
