"""The desks of brokers, over one service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from portcullis.broking.dossier_desk import DossierDesk
from portcullis.broking.list_desk import ListDesk
from portcullis.broking.suggesting import Suggesting

if TYPE_CHECKING:
    from portcullis.service import Service


@dataclass(frozen=True)
class Broking:
    """Suggestions, lists of goods, dossiers."""

    suggesting: Suggesting
    lists: ListDesk
    dossiers: DossierDesk

    @classmethod
    def over(cls, service: Service) -> Self:
        """Over the store and the models of a service."""
        suggesting = Suggesting(service.batcher)
        return cls(suggesting, ListDesk.over(service, suggesting), DossierDesk.over(service, suggesting))
