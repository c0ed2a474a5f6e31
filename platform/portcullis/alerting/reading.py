"""Who may read which alerts: an alert needs the permission that reading its subject needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from portcullis.identity.permissions import Permission
from portcullis.store.alerts import AlertKind

NEEDS: Mapping[AlertKind, Permission] = MappingProxyType(
    {
        AlertKind.ASSESSED: Permission.READ_CASES,
        AlertKind.DECIDED: Permission.READ_CASES,
        AlertKind.OUTCOME: Permission.READ_CASES,
        AlertKind.ASSIGNED: Permission.READ_CASES,
        AlertKind.BATCH_FINISHED: Permission.RUN_BATCHES,
        AlertKind.MODEL_SWITCHED: Permission.READ_MODELS,
        AlertKind.MODEL_SHADOWED: Permission.READ_MODELS,
        AlertKind.WEBHOOK_OFF: Permission.MANAGE_WEBHOOKS,
        AlertKind.WEBHOOK_TEST: Permission.MANAGE_WEBHOOKS,
    }
)


def readable(
    permissions: Collection[Permission], asked: Collection[AlertKind] | None = None
) -> frozenset[AlertKind]:
    """The kinds that somebody may read, of those that they asked for."""
    return frozenset(
        kind
        for kind, permission in NEEDS.items()
        if permission in permissions and (not asked or kind in asked)
    )
