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
    from customs.errors import InvalidValue
    from portcullis.identity import Login
    from portcullis.service import utc_now
    from portcullis.settings import Settings
    from portcullis.store.accounts import Accounts, Role
    from portcullis.store.engine import open_store

    if role not in list(Role):
        raise InvalidValue(f"got {role!r}", field="role", remedy=f"give one of {', '.join(Role)}")
    password = _new_password(prompt)
    Login(Accounts(open_store(store or Settings.read().store_url), utc_now)).add(name, password, Role(role))
    print(f"added {name} ({role})" + ("" if prompt else f", password {password}"))


@user.command("password")
def change(
    name: Annotated[str, typer.Argument(help="Name of the account.")],
    store: Annotated[str | None, typer.Option(help="Database URL.")] = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="Ask for the password.")] = False,
) -> None:
    """Give an account a new password, as `add` does; logins with the old one end."""
    from portcullis.identity import Login
    from portcullis.service import utc_now
    from portcullis.settings import Settings
    from portcullis.store.accounts import Accounts
    from portcullis.store.engine import open_store

    accounts = Accounts(open_store(store or Settings.read().store_url), utc_now)
    password = _new_password(prompt)
    accounts.set_password(name, Login(accounts).hashed(password))
    print(f"changed {name}" + ("" if prompt else f", password {password}"))


def _new_password(prompt: bool) -> str:
    import secrets

    if prompt:
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return secrets.token_urlsafe(12)


@user.callback()
def accounts() -> None:
    """Accounts of the store."""
