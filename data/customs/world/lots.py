"""Lots: one purchase that fills several containers, packed by the same hands in the same week."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from customs.world.consignment import Consignment
from customs.world.people import container_number


def sibling(first: Consignment, index: int, rng: np.random.Generator) -> Consignment:
    """Another container of the same purchase: papers alike but for its number and its weight."""
    packages = max(round(first.packages * float(np.exp(0.01 * rng.standard_normal()))), 1)
    each = first.kg / first.packages
    kg = min(packages * each * float(np.exp(0.003 * rng.standard_normal())), first.goods.capacity_kg)
    if first.goods.bulk:
        packages = first.packages
        kg = min(first.kg * float(np.exp(0.01 * rng.standard_normal())), first.goods.capacity_kg)
    kg = round(kg, 1)
    share = kg / first.kg
    return dataclasses.replace(
        first,
        index=index,
        kg=kg,
        packages=packages,
        gross_kg=kg,
        net_kg=round(kg * (1 - first.goods.packing_share), 1),
        value=first.value * share,
        freight=first.freight * share,
        container=container_number(rng),
    )


def numbered(consignments: Iterable[Consignment]) -> list[Consignment]:
    """The consignments, those of one lot with its number.

    A lot is what one importer bought of one item in one country and had shipped in one month, if that filled
    more than one container.
    """
    every = list(consignments)
    groups: dict[tuple[str, str, str, int], list[int]] = defaultdict(list)
    for at, c in enumerate(every):
        if c.container is not None:
            groups[c.importer.name, c.goods.hsk.digits, c.origin, c.month].append(at)
    number = 0
    for members in groups.values():
        if len(members) > 1:
            number += 1
            for at in members:
                every[at] = dataclasses.replace(every[at], lot=number)
    return every
