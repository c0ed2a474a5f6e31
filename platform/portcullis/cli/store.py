"""`portcullis store`: the schema of the store."""

from __future__ import annotations

from typing import Annotated

import typer

store = typer.Typer(help="The schema of the store.", no_args_is_help=True)
Url = Annotated[str | None, typer.Option("--store", help="Database URL; the configured store by default.")]


@store.command("upgrade")
def upgrade(url: Url = None) -> None:
    """Make the store, or bring it to the newest schema; all of it or nothing. Back up before."""
    from portcullis.settings import Settings
    from portcullis.store.engine import open_store, revision_of

    engine = open_store(url or Settings.read().store_url)
    with engine.connect() as connection:
        print(f"{engine.url.render_as_string(hide_password=True)} has schema {revision_of(connection)}")
    engine.dispose()


@store.command("downgrade")
def downgrade(
    revision: Annotated[str, typer.Argument(help="Schema to go back to, such as 0005.")],
    url: Url = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the schema back for an older version; what only newer tables hold is lost."""
    from customs.errors import InvalidConfig
    from portcullis.settings import Settings
    from portcullis.store.engine import downgrade as go_back
    from portcullis.store.engine import open_engine, revision_of, revisions

    if revision not in revisions():
        raise InvalidConfig(
            f"there is no schema {revision!r}",
            field="revision",
            remedy=f"give one of {', '.join(revisions())}",
        )
    engine = open_engine(url or Settings.read().store_url)
    where = engine.url.render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            found = revision_of(connection)
        if found is None or found < revision:
            raise InvalidConfig(
                f"{where} has schema {found}", field="revision", remedy="use `portcullis store upgrade`"
            )
        if not yes:
            typer.confirm(f"Take {where} from schema {found} back to {revision}?", abort=True, err=True)
        go_back(engine, revision)
    finally:
        engine.dispose()
    print(f"{where} has schema {revision}")


@store.callback()
def schema() -> None:
    """The schema of the store."""
