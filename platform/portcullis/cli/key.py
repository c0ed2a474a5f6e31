"""`portcullis key`: API keys for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from portcullis.cli.user import Json, Store, opened

if TYPE_CHECKING:
    from portcullis.identity.keys import ApiKey

key = typer.Typer(help="API keys of accounts.", no_args_is_help=True)


@key.command("add")
def add(
    account: Annotated[str, typer.Argument(help="Name of the account that the key acts for.")],
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scope: Annotated[list[str], typer.Option(help="A permission such as cases.read; give one or more.")],
    days: Annotated[int, typer.Option(help="How long it lasts, 1 to 366 days.")] = 90,
    store: Store = None,
) -> None:
    """Make an API key and print it; nobody can read it again."""
    from customs.errors import InvalidValue
    from portcullis.identity.permissions import Permission
    from portcullis.store.audit import SYSTEM

    known = {p.value for p in Permission}
    if unknown := sorted(set(scope) - known):
        raise InvalidValue(
            f"got {', '.join(unknown)}", field="scope", remedy=f"choose from {', '.join(sorted(known))}"
        )
    scopes = frozenset(Permission(s) for s in scope)
    with opened(store) as registry:
        _, text = registry.keys.add(registry.accounts.named(account), name, scopes, days, by=SYSTEM)
    print(text)


@key.command("list")
def list_(
    account: Annotated[str | None, typer.Argument(help="Name of an account; all if none is given.")] = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """API keys, also those that have ended."""
    from dataclasses import asdict

    from portcullis.cli.console import print_json

    with opened(store) as registry:
        owner = None if account is None else registry.accounts.named(account)
        found: list[ApiKey] = []
        while page := registry.keys.page(owner, found[-1].id if found else "", 500):
            found += page
        now = registry.accounts.now()
    if json:
        print_json(
            [
                {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in asdict(one).items()}
                for one in found
            ]
        )
        return
    for one in found:
        state = "revoked" if one.revoked_at else "expired" if one.expires_at <= now else "good"
        print(
            f"{one.id}  {one.account:<20} {one.name:<24} {state:<8} until {one.expires_at:%Y-%m-%d}  "
            f"{','.join(one.scopes)}"
        )


@key.command("revoke")
def revoke(
    id: Annotated[str, typer.Argument(help="The key's id, as `list` shows it.")], store: Store = None
) -> None:
    """End an API key at once and for good."""
    from customs.errors import InvalidValue
    from portcullis.store.audit import SYSTEM

    with opened(store) as registry:
        found = registry.keys.get(id)
        if found is None:
            raise InvalidValue(f"there is no key {id!r}", field="id", remedy="see `portcullis key list`")
        registry.keys.revoke(found, by=SYSTEM)
    print(f"revoked {id}")
