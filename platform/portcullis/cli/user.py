"""`portcullis user`: the accounts of a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from portcullis.identity import Registry

user = typer.Typer(help="Accounts of the store.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the account.")]
Store = Annotated[str | None, typer.Option(help="Database URL.")]
Prompt = Annotated[bool, typer.Option("--prompt", help="Ask for the password.")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


@user.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name to sign in with.")],
    role: Annotated[str, typer.Option(help="inspector, broker, analyst or admin.")] = "inspector",
    store: Store = None,
    prompt: Prompt = False,
) -> None:
    """Add an account. Its password is asked for with --prompt, else made up and printed once."""
    from portcullis.store.accounts import Role

    wanted = Role(_role(role))
    password = _new_password(prompt)
    with opened(store) as registry:
        registry.login.add(name, password, wanted)
    print(f"added {name} ({role})" + ("" if prompt else f", password {password}"))


@user.command("password")
def password(name: Name, store: Store = None, prompt: Prompt = False) -> None:
    """Give an account a new password, as `add` does; logins with the old one end."""
    new = _new_password(prompt)
    with opened(store) as registry:
        registry.accounts.set_password(name, registry.login.hashed(new))
    print(f"changed {name}" + ("" if prompt else f", password {new}"))


@user.command("list")
def list_(store: Store = None, json: Json = False) -> None:
    """All accounts, by name."""
    from portcullis.cli.console import print_json

    with opened(store) as registry:
        rows: list[dict[str, Any]] = []
        while page := registry.accounts.page(rows[-1]["name"] if rows else "", 500):
            rows += [_row(account) for account in page]
    if json:
        print_json(rows)
        return
    for row in rows:
        state = "active" if row["active"] else "disabled"
        print(f"{row['name']:<24} {row['role']:<10} {state:<9} {row['sign_in']:<9} {row['created_at'][:10]}")


@user.command("disable")
def disable(name: Name, store: Store = None) -> None:
    """Let nobody in with this account: its logins end, its API keys and its password are refused."""
    with opened(store) as registry:
        registry.accounts.change(name, active=False)
    print(f"disabled {name}")


@user.command("enable")
def enable(name: Name, store: Store = None) -> None:
    """Let an account in again."""
    with opened(store) as registry:
        registry.accounts.change(name, active=True)
    print(f"enabled {name}")


@user.command("role")
def role_(
    name: Name,
    role: Annotated[str, typer.Argument(help="inspector, broker, analyst or admin.")],
    store: Store = None,
) -> None:
    """Give an account another role; it counts at once."""
    from portcullis.store.accounts import Role

    wanted = Role(_role(role))
    with opened(store) as registry:
        registry.accounts.change(name, role=wanted)
    print(f"{name} is {role} now")


@contextmanager
def opened(store: str | None) -> Iterator[Registry]:
    """The accounts of a store, opened for a command that may write to its audit log.

    Entries are signed with the secret in the data folder. If that is not the one which signed the log so far,
    the command would break the log: an `InvalidConfig`.
    """
    from dataclasses import replace

    from portcullis.identity import Registry, read_secret
    from portcullis.identity.secret import signing_key
    from portcullis.service import utc_now
    from portcullis.settings import Settings
    from portcullis.store.audit import Audit
    from portcullis.store.engine import open_store

    settings = Settings.read()
    settings = settings if store is None else replace(settings, store_url=store)
    engine = open_store(settings.store_url)
    try:
        secret = read_secret(settings.data)
        audit = Audit(engine, signing_key(secret), utc_now)
        audit.require_ours(settings.data)
        yield Registry.open(engine, settings, audit, secret, utc_now)
    finally:
        engine.dispose()


def _role(role: str) -> str:
    from customs.errors import InvalidValue
    from portcullis.store.accounts import Role

    if role not in list(Role):
        raise InvalidValue(f"got {role!r}", field="role", remedy=f"give one of {', '.join(Role)}")
    return role


def _row(account: Any) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role.value,
        "active": account.active,
        "sign_in": "password" if account.has_password else "provider",
        "created_at": account.created_at.isoformat(),
    }


def _new_password(prompt: bool) -> str:
    import secrets

    if prompt:
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return secrets.token_urlsafe(12)


@user.callback()
def accounts() -> None:
    """Accounts of the store."""
