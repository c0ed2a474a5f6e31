"""`portcullis user`: the accounts of a store."""

from __future__ import annotations

from typing import Annotated

import typer

user = typer.Typer(help="Accounts of the store.", no_args_is_help=True)


@user.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name to sign in with.")],
    role: Annotated[str, typer.Option(help="inspector, broker, analyst or admin.")] = "inspector",
    store: Annotated[str | None, typer.Option(help="Database URL.")] = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="Ask for the password.")] = False,
) -> None:
    """Add an account. Its password is asked for with --prompt, else made up and printed once."""
    import secrets

    from customs.errors import InvalidValue
    from portcullis.identity import Login
    from portcullis.service import utc_now
    from portcullis.settings import Settings
    from portcullis.store.accounts import Accounts, Role
    from portcullis.store.engine import open_store

    if role not in list(Role):
        raise InvalidValue(f"got {role!r}", field="role", remedy=f"give one of {', '.join(Role)}")
    password = (
        typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        if prompt
        else secrets.token_urlsafe(12)
    )
    Login(Accounts(open_store(store or Settings.read().store_url), utc_now)).add(name, password, Role(role))
    print(f"added {name} ({role})" + ("" if prompt else f", password {password}"))


@user.callback()
def accounts() -> None:
    """Accounts of the store."""
