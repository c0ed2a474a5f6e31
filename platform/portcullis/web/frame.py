"""What surrounds every page: who looks at it, in which language and theme, and where they may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal
from urllib.parse import urlencode

from customs.sentences import Language
from portcullis.identity.permissions import PERMISSIONS, Permission
from portcullis.store.accounts import Account, Role

Theme = Literal["light", "dark", "system"]


@dataclass(frozen=True)
class Place:
    """One entry of the menu. name: a key of `place_words` in `_words.html`; key: `g` and this goes there."""

    name: str
    href: str
    key: str
    permission: Permission


PLACES: tuple[Place, ...] = (
    Place("desk", "/desk", "d", Permission.ASSESS),
    Place("queue", "/queue", "q", Permission.READ_CASES),
    Place("codes", "/codes", "c", Permission.SUGGEST_CODES),
    Place("alerts", "/alerts", "a", Permission.READ_ALERTS),
    Place("outcomes", "/outcomes", "o", Permission.READ_CASES),
    Place("quality", "/quality", "u", Permission.READ_MODELS),
    Place("replay", "/replay", "r", Permission.RUN_BATCHES),
    Place("admin", "/admin", "m", Permission.READ_MODELS),
)
HOMES: Mapping[Role, str] = MappingProxyType(
    {Role.INSPECTOR: "/desk", Role.BROKER: "/codes", Role.ANALYST: "/queue", Role.ADMIN: "/admin"}
)


@dataclass(frozen=True)
class Frame:
    """Who looks at a page, and how.

    here, query: path of the page and what was asked for with it; account: None before the login.
    """

    language: Language
    here: str
    query: tuple[tuple[str, str], ...] = ()
    theme: Theme = "system"
    account: Account | None = None

    @property
    def who(self) -> Account:
        """The account of a page that is for nobody else."""
        assert self.account is not None, "this page asks for an account"
        return self.account

    @property
    def places(self) -> tuple[Place, ...]:
        """The menu of this role."""
        if self.account is None:
            return ()
        return tuple(p for p in PLACES if self.may(p.permission))

    def may(self, permission: Permission | str) -> bool:
        """Whether the visitor may do this; templates give its name, such as `cases.work`."""
        return self.account is not None and Permission(permission) in PERMISSIONS[self.account.role]

    def said_in(self, language: Language) -> str:
        """The address of this same page in a language."""
        kept = [(name, value) for name, value in self.query if name != "lang"]
        return "?" + urlencode([*kept, ("lang", language)])

    def is_at(self, place: Place) -> bool:
        """Whether the page is this place or lies below it."""
        return self.here == place.href or self.here.startswith(f"{place.href}/")


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a piece of a page is given that is fetched by itself; its fields are what its template uses."""

    template: ClassVar[str]
    language: Language


@dataclass(frozen=True, kw_only=True)
class Page:
    """What every whole page is given; a page's fields are exactly the names that its template uses."""

    template: ClassVar[str]
    frame: Frame
