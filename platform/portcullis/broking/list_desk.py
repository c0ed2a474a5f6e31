"""Lists of goods: handed in as CSV, given codes row by row between requests, handed back with them."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from customs.errors import CustomsError
from customs.sentences import Language
from portcullis.broking.goods_file import GoodsFile
from portcullis.broking.suggesting import Suggesting
from portcullis.jobs.board import plain_name
from portcullis.service import NotFound
from portcullis.store.accounts import Account
from portcullis.store.goods_lists import GoodsList, GoodsLists

if TYPE_CHECKING:
    from portcullis.service import Service

MOST_OPEN = 10  # lists of one account that have not ended


@dataclass(frozen=True)
class ListDesk:
    """What people do with lists; each account sees its own."""

    lists: GoodsLists
    suggesting: Suggesting
    woken: threading.Event = field(default_factory=threading.Event)  # there may be work

    @classmethod
    def over(cls, service: Service, suggesting: Suggesting) -> Self:
        """Over a service."""
        audit = service.audit
        lease = dt.timedelta(seconds=service.settings.lease_seconds)
        return cls(GoodsLists(audit.engine, service.images, audit, lease, audit.now), suggesting)

    def add(self, data: bytes, account: Account, *, name: str, language: Language) -> GoodsList:
        """Check a file and keep it as a draft; on any error nothing is stored."""
        if self.lists.open(account) >= MOST_OPEN:
            raise CustomsError(
                f"{MOST_OPEN} of your lists have not ended",
                field="file",
                remedy="wait for one to end, or cancel one",
            )
        items = GoodsFile(data).count()
        return self.lists.add(
            data, account, name=plain_name(name) or "goods.csv", items=items, language=language
        )

    def get(self, list_id: str, account: Account) -> GoodsList:
        """One list of an account."""
        found = self.lists.get(list_id, account)
        if found is None:
            raise NotFound(f"there is no list {list_id!r} of yours", field="id", remedy="check the address")
        return found

    def file(self, found: GoodsList) -> GoodsFile:
        """The file of a list."""
        return GoodsFile(self.lists.images.read(found.file))

    def start(self, found: GoodsList, account: Account, *, text: str, description: str | None) -> None:
        """Give codes to the rows of a draft; its columns must be there."""
        file = self.file(found)
        file.column(text, "text_column")
        if description:
            file.column(description, "description_column")
            if description == text:
                raise CustomsError(
                    f"{text!r} is named twice", field="description_column", remedy="choose another, or none"
                )
        self.lists.start(found.id, account, text=text, description=description or None)
        self.woken.set()

    def pause(self, found: GoodsList, account: Account) -> None:
        """Stop after the rows at hand."""
        self.lists.pause(found.id, account)

    def resume(self, found: GoodsList, account: Account) -> None:
        """Go on where it was paused or failed."""
        self.lists.resume(found.id, account)
        self.woken.set()

    def cancel(self, found: GoodsList, account: Account) -> None:
        """Stop for good; what is answered stays."""
        self.lists.cancel(found.id, account)
