"""`portcullis webhook`: where alerts are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from portcullis.alerting.desk import WebhookDesk
    from portcullis.store.accounts import Account

webhook = typer.Typer(help="Where alerts are sent.", no_args_is_help=True)
Store = Annotated[str | None, typer.Option(help="Database URL.")]
By = Annotated[str, typer.Option(help="Name of the account that does it, for the audit log.")]
Id = Annotated[str, typer.Argument(help="Id of the webhook, as `list` prints it.")]


@webhook.command("add")
def add(
    url: Annotated[str, typer.Argument(help="Where to send.")],
    by: By,
    kind: Annotated[list[str] | None, typer.Option(help="Only alerts of this kind; repeatable.")] = None,
    lowest_band: Annotated[str | None, typer.Option(help="watch, high or critical.")] = None,
    store: Store = None,
) -> None:
    """Send alerts to a URL. Its secret is printed once: the receiver checks signatures with it."""
    from typing import cast

    from customs.errors import InvalidValue
    from fusion.policy import BANDS, Band
    from portcullis.store.alerts import AlertKind

    for unknown in set(kind or ()) - set(AlertKind):
        raise InvalidValue(f"got {unknown!r}", field="kind", remedy=f"give one of {', '.join(AlertKind)}")
    if lowest_band not in (None, *BANDS):
        raise InvalidValue(
            f"got {lowest_band!r}", field="lowest-band", remedy=f"give one of {', '.join(BANDS)}"
        )
    desk, account = _open(store, by)
    kinds = [AlertKind(name) for name in kind or ()]
    found, secret = desk.add(url, account, kinds, cast(Band | None, lowest_band))
    print(f"added {found.id}, secret {secret}")


@webhook.command("list")
def list_(store: Store = None) -> None:
    """Id, state, URL and kinds of every webhook."""
    for found in _desk(store).webhooks.all():
        state = "on" if found.active else "off"
        failing = f"{found.failures} failures in a row" if found.failures else ""
        kinds = ",".join(found.kinds) or "all"
        print("  ".join(filter(None, (found.id, state, found.url, kinds, found.lowest_band, failing))))


@webhook.command("test")
def send_test(webhook_id: Id, by: By, store: Store = None) -> None:
    """Send a test alert now; exit code 1 if the receiver does not take it."""
    from portcullis.store.deliveries import State

    desk, account = _open(store, by)
    sent = desk.test(webhook_id, account)
    if sent.state is not State.DELIVERED:
        print(f"not delivered: {sent.last_error}")
        raise typer.Exit(1)
    print(f"delivered: {sent.last_status}")


@webhook.command("disable")
def disable(webhook_id: Id, by: By, store: Store = None) -> None:
    """Switch one off; what waits for it is dropped."""
    desk, account = _open(store, by)
    desk.change(webhook_id, account, {"active": False})
    print(f"disabled {webhook_id}")


def _open(store: str | None, by: str) -> tuple[WebhookDesk, Account]:
    from customs.errors import InvalidValue
    from portcullis.service import utc_now
    from portcullis.store.accounts import Accounts

    desk = _desk(store)
    account = Accounts(desk.webhooks.engine, desk.webhooks.audit, utc_now).by_name(by)
    if account is None:
        raise InvalidValue(f"there is no account {by!r}", field="by", remedy="check the name")
    return desk, account


def _desk(store: str | None) -> WebhookDesk:
    from portcullis.alerting.desk import WebhookDesk
    from portcullis.alerting.parts import Alerting
    from portcullis.identity import read_secret
    from portcullis.identity.secret import signing_key
    from portcullis.service import utc_now
    from portcullis.settings import Settings
    from portcullis.store.audit import Audit
    from portcullis.store.engine import open_store

    settings = Settings.read()
    engine = open_store(store or settings.store_url)
    secret = read_secret(settings.data)
    audit = Audit(engine, signing_key(secret), utc_now)
    audit.require_ours(settings.data)
    return WebhookDesk(Alerting.of(engine, audit, secret, settings, utc_now))


@webhook.callback()
def webhooks() -> None:
    """Where alerts are sent."""
