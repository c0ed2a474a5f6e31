"""Who may do what: one table of roles and permissions; what it does not name is refused."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from portcullis.store.accounts import Role


class Permission(StrEnum):
    """One thing that a route needs; an API key's scopes are some of these."""

    ASSESS = "cases.assess"  # hand in a consignment
    READ_CASES = "cases.read"  # the queue, reports, pictures, past cases, bundles
    WORK_CASES = "cases.work"  # decide, record outcomes, write notes, assign
    RUN_BATCHES = "batches.run"
    READ_ALERTS = "alerts.read"
    SUGGEST_CODES = "codes.suggest"
    READ_CODES = "codes.read"
    READ_SERIES = "series.read"
    READ_MODELS = "models.read"
    SWITCH_MODELS = "models.switch"
    WRITE_POLICIES = "policies.write"  # say what counts as remarkable
    IMPORT_DATA = "data.import"  # put official files into the store
    MANAGE_ACCOUNTS = "accounts.manage"
    MANAGE_WEBHOOKS = "webhooks.manage"
    READ_AUDIT = "audit.read"
    READ_METRICS = "metrics.read"
    OWN_ACCOUNT = "account.own"  # one's own password and API keys


_EVERYBODY = frozenset(
    {Permission.READ_CODES, Permission.SUGGEST_CODES, Permission.READ_SERIES, Permission.OWN_ACCOUNT}
)
_CASES = frozenset({Permission.ASSESS, Permission.READ_CASES, Permission.WORK_CASES, Permission.READ_ALERTS})
# Whoever runs the platform does not decide about goods, and whoever decides does not switch models. A policy
# says which goods are looked at, so it is the analysts'; official figures come in by who runs the platform.
PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.INSPECTOR: _EVERYBODY | _CASES,
        Role.BROKER: _EVERYBODY,
        Role.ANALYST: _EVERYBODY
        | _CASES
        | {
            Permission.RUN_BATCHES,
            Permission.READ_MODELS,
            Permission.WRITE_POLICIES,
            Permission.READ_AUDIT,
        },
        Role.ADMIN: _EVERYBODY
        | {
            Permission.READ_ALERTS,  # of models and webhooks: each alert needs what its subject needs
            Permission.READ_MODELS,
            Permission.SWITCH_MODELS,
            Permission.IMPORT_DATA,
            Permission.MANAGE_ACCOUNTS,
            Permission.MANAGE_WEBHOOKS,
            Permission.READ_AUDIT,
            Permission.READ_METRICS,
        },
    }
)
