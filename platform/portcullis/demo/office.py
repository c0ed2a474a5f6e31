"""Who works in the demonstration's office: the four logins and colleagues whom only the history names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from portcullis.service import Service
from portcullis.store.accounts import NO_PASSWORD, Account, Role

# Nobody can sign in as these.
COLLEAGUES: Mapping[str, Role] = MappingProxyType(
    {
        "kim.seoyeon": Role.INSPECTOR,
        "park.jiho": Role.INSPECTOR,
        "lee.minjun": Role.INSPECTOR,
        "choi.yujin": Role.ANALYST,
    }
)


@dataclass(frozen=True)
class Office:
    """The officers by what they do."""

    inspectors: tuple[Account, ...]
    analysts: tuple[Account, ...]

    @classmethod
    def of(cls, service: Service) -> Office:
        """Take in the colleagues who are not there yet."""
        for name, role in COLLEAGUES.items():
            if service.accounts.by_name(name) is None:
                service.accounts.add(name, NO_PASSWORD, role)
        names = {role: [role.value, *(n for n, r in COLLEAGUES.items() if r is role)] for role in Role}
        return cls(
            tuple(service.accounts.named(name) for name in names[Role.INSPECTOR]),
            tuple(service.accounts.named(name) for name in names[Role.ANALYST]),
        )
