"""The checks of trade series: their names, their models, and how much each counts in the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from customs.calibrate import Conformal
from customs.hs import HsCode
from tabular_ae.freight import FreightModel
from tabular_ae.oil import OilModel
from tabular_ae.other_codes import OtherCodesModel
from tabular_ae.price import PriceModel
from tabular_ae.volume import VolumeModel

PRICE, CODE = "price.unit_value", "price.for_this_code"
FREIGHT, OIL = "freight.per_kg", "freight.vs_oil"
VOLUME = "volume.surge"
CHECKS = (PRICE, CODE, FREIGHT, OIL, VOLUME)
# What a row's price and freight say counts. Another code's price is mostly the same fact seen again, oil says
# of a route what the route says of itself, and a large month alone is trade and no offence.
WEIGHTS = {PRICE: 1.0, CODE: 0.02, FREIGHT: 0.1, OIL: 0.02, VOLUME: 0.01}
# Freight goes by the country of departure, everything else by that of origin.
BY_ROUTE = (FREIGHT, OIL)


@dataclass(frozen=True, eq=False)
class Models:
    """One model for each check; None where the data did not suffice, and the check abstains."""

    price: PriceModel
    code: OtherCodesModel | None = None
    freight: FreightModel | None = None
    oil: OilModel | None = None
    volume: VolumeModel | None = None

    @property
    def by_check(self) -> dict[str, Any]:
        """Models by the name of their check, those that are there."""
        all_ = {
            PRICE: self.price,
            CODE: self.code,
            FREIGHT: self.freight,
            OIL: self.oil,
            VOLUME: self.volume,
        }
        return {check: model for check, model in all_.items() if model is not None}


@dataclass(frozen=True)
class Calibrations:
    """Clean scores of one check: of months of a series, and of single declared lines."""

    months: Conformal
    lines: Conformal | None = None

    def of(self, *, consignment: bool) -> Conformal:
        """The clean scores to compare with."""
        return self.lines if consignment and self.lines is not None else self.months


def line_chain(hs: str) -> tuple[str, ...]:
    """Reference groups of a declared code, most specific first."""
    return HsCode(hs).backoff() if hs else ("all",)


def panel_chain(hs: str) -> tuple[str, ...]:
    """Groups of a code as panels write it; one of an odd length is read at the level above.

    >>> panel_chain("03036")
    ('0303', '03', 'all')
    """
    return HsCode(hs[: len(hs) - len(hs) % 2]).backoff()
