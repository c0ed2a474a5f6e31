"""How dense goods of a code usually look, and which headings a density fits."""

from __future__ import annotations

import numpy as np
import pytest

from xray_encoder.weigh import Densities


@pytest.fixture(scope="module")
def densities() -> Densities:
    """Fish at 0, fruit at −1, steel at 2, each to a tenth; of tyres too few scans."""
    rng = np.random.default_rng(0)
    means = {"0303670000": 0.0, "0303540000": 0.05, "0805100000": -1.0, "7208100000": 2.0}
    values = [(code, mean + 0.1 * rng.standard_normal()) for code, mean in means.items() for _ in range(30)]
    values += [("4011100000", 0.0), ("4011100000", 0.1)]
    return Densities.fit([v for _, v in values], [c for c, _ in values])


@pytest.mark.parametrize(("seen", "heading"), [(0.0, "0303"), (-1.1, "0805"), (1.9, "7208")])
def test_a_density_fits_the_heading_whose_goods_look_like_it(
    densities: Densities, seen: float, heading: str
) -> None:
    best, *_ = densities.likely(seen, 3)
    assert best[0] == heading
    assert best[1] > 0.5


def test_the_best_headings_come_first_and_are_shares_of_all(densities: Densities) -> None:
    """As many as asked for; a heading with too few scans is none of them."""
    every = densities.likely(-0.5, 10)
    assert {heading for heading, _ in every} == {"0303", "0805", "7208"}
    shares = [share for _, share in every]
    assert sum(shares) == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)
    assert densities.likely(-0.5, 2) == every[:2]


def test_a_density_half_way_is_less_sure_than_one_that_is_usual(densities: Densities) -> None:
    assert densities.likely(-0.5, 1)[0][1] < densities.likely(-1.0, 1)[0][1]


def test_what_is_far_from_everything_fits_nothing() -> None:
    """No division by a sum of zeros; nor without anything known."""
    assert Densities({"0303": (0.0, 9)}, 0.03).likely(60.0, 3) == []
    assert Densities({}, 0.03).likely(0.0, 3) == []
