"""Search among past scans: exact, filtered, bounded, and the same after saving."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from customs.artefact import ArtefactWriter, open_artefact
from customs.errors import InvalidValue
from customs.hs import HsCode
from xray_encoder.search import Bank, Entry
from xray_encoder.spread import Spread

CODES = ("0303130000", "0303540000", "0207141010", "4011101000")


def goods(n: int, seed: int = 0, d: int = 12) -> tuple[np.ndarray, list[Entry]]:
    """n scans of four goods: the first features tell them apart, the last three are loud noise."""
    rng = np.random.default_rng(seed)
    code = rng.integers(len(CODES), size=n)
    x = rng.normal(size=(n, d))
    x[:, 0] += 9.0 * (code % 2)
    x[:, 1] += 9.0 * (code // 2)
    x[:, -3:] *= 40.0
    entries = [
        Entry(
            f"D{i:05d}",
            CODES[code[i]],
            importer="rare" if i in (3, n - 2) else f"importer {i % 3}",
            lot=f"lot {i // 4}" if i % 2 else "",
            kind="8-bit" if i % 5 == 0 else "16-bit",
            date=f"2024-{1 + i % 12:02d}-01",
        )
        for i in range(n)
    ]
    return x, entries


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank.fit(*goods(600))


def test_a_reference_is_nearest_to_itself_and_alike_to_one(bank: Bank) -> None:
    x, entries = goods(600)
    first, second = bank.nearest(x[17], 2)
    assert (first.id, first.code, first.importer) == (entries[17].id, entries[17].code, entries[17].importer)
    assert first.distance < 1e-3 < second.distance
    assert first.similarity == pytest.approx(1.0, abs=1e-5)
    assert 0.0 < second.similarity < 1.0


def test_neighbours_are_those_of_a_plain_search_in_order(bank: Bank) -> None:
    """Against every distance worked out in double precision."""
    query = goods(9, seed=5)[0]
    for one in query:
        d = np.sqrt(((bank.vectors.astype(np.float64) - bank.spread(one)) ** 2).sum(axis=1))
        found = bank.nearest(one, 20)
        assert [n.id for n in found] == [str(bank.ids[i]) for i in np.argsort(d, kind="stable")[:20]]
        np.testing.assert_allclose([n.distance for n in found], np.sort(d)[:20], rtol=1e-9)


def test_loud_features_that_tell_nothing_do_not_decide(bank: Bank) -> None:
    """Neighbours of new scans hold the same goods, which raw distance does not find."""
    x, entries = goods(200, seed=3)
    known, of = goods(600)
    ours = np.mean([bank.nearest(v)[0].code == e.code for v, e in zip(x, entries, strict=True)])
    raw = np.mean(
        [
            of[int(((known - v) ** 2).sum(axis=1).argmin())].code == e.code
            for v, e in zip(x, entries, strict=True)
        ]
    )
    assert ours > 0.97
    assert raw < ours - 0.05


def test_filters_keep_only_what_they_name(bank: Bank) -> None:
    x, entries = goods(600)
    by_id = {e.id: e for e in entries}
    assert {n.code[:4] for n in bank.nearest(x[0], 50, hs="03.03")} == {"0303"}
    assert {n.code for n in bank.nearest(x[0], 50, hs=HsCode("0303540000"))} == {"0303540000"}
    assert sorted(n.id for n in bank.nearest(x[0], 50, importer="rare")) == ["D00003", "D00598"]
    assert sorted(n.id for n in bank.nearest(x[0], 50, lot="lot 2")) == ["D00009", "D00011"]
    assert {by_id[n.id].kind for n in bank.nearest(x[0], 50, kind="8-bit")} == {"8-bit"}
    both = bank.nearest(x[0], 500, hs="0207", importer="importer 1")
    wanted = [e for e in entries if e.code.startswith("0207") and e.importer == "importer 1"]
    assert sorted(n.id for n in both) == [e.id for e in wanted]
    assert bank.nearest(x[0], importer="nobody") == []
    assert bank.nearest(x[0], hs="99") == []


def test_what_is_excluded_is_never_answered(bank: Bank) -> None:
    x, _ = goods(600)
    usual = bank.nearest(x[5], 40)
    rest = bank.nearest(x[5], 10, exclude={n.id for n in usual[:30]})
    assert [n.id for n in rest] == [n.id for n in usual[30:]]


def test_a_decided_scan_can_be_found_and_replaces_its_older_self(bank: Bank) -> None:
    x, entries = goods(2, seed=9)
    new = [dataclasses.replace(entries[0], id="N1", importer="newcomer"), Entry("D00007", CODES[1])]
    larger = bank.added(x, new)
    assert len(larger) == len(bank) + 1, "D00007 was known"
    assert larger.nearest(x[0], 1, importer="newcomer")[0].id == "N1"
    assert larger.nearest(x[1], 1)[0].id == "D00007"
    assert bank.nearest(x[0], 1, importer="newcomer") == [], "the old bank stays as it was"


def test_saved_and_read_it_answers_the_same(bank: Bank, tmp_path: Path) -> None:
    with ArtefactWriter(tmp_path / "m", kind="xray", config={}) as writer:
        writer.tensors("bank", bank.tensors())
        writer.columns("bank_entries", bank.columns())
        writer.document("bank_about", bank.about())
    artefact = open_artefact(tmp_path / "m")
    again = Bank.read(
        artefact.tensors("bank"), artefact.document("bank_about"), artefact.columns("bank_entries")
    )
    for one in goods(5, seed=4)[0]:
        assert again.nearest(one, 7, hs="03") == bank.nearest(one, 7, hs="03")


def test_a_full_bank_keeps_rare_codes_the_newest_and_the_most_varied() -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(size=(400, 5)), rng.normal(5.0, 1.0, size=(6, 5))])
    x[0] = 30.0  # old and unlike all others
    entries = [Entry(f"A{i}", CODES[0], date=f"20{10 + i // 40}-01-01") for i in range(400)]
    entries += [Entry(f"B{i}", CODES[1], date="2001-01-01") for i in range(6)]
    small = Bank.fit(x, entries, cap=50)
    assert len(small) == 45
    kept = set(small.ids.tolist())
    assert {f"B{i}" for i in range(6)} <= kept
    assert {f"A{i}" for i in range(381, 400)} <= kept
    assert "A0" in kept
    assert kept == set(Bank.fit(x, entries, cap=50).ids.tolist()), "always the same ones"
    grown = small
    for i in range(20):
        grown = grown.added(x[:1], [Entry(f"C{i}", CODES[0], date="2024-01-01")])
        assert len(grown) <= 50


def test_memory_is_stated_and_bounded() -> None:
    """Per reference, whatever the width of the features."""
    x, entries = goods(600, d=200)
    bank = Bank.fit(x, entries)
    assert bank.vectors.shape == (600, 32)
    assert 600 * 4 * 32 < bank.nbytes < 600 * 250


def test_one_scan_of_each_code_is_enough() -> None:
    """Nothing tells then how scans of one code differ; distances are those of all scans."""
    bank = Bank.fit(np.eye(4), [Entry(str(i), code) for i, code in enumerate(CODES)])
    assert [n.id for n in bank.nearest(np.eye(4)[2], 1)] == ["2"]


def test_a_spread_says_how_groups_differ() -> None:
    """Two of twelve features tell the goods apart: two directions stand out, the others hold one unit."""
    x, entries = goods(2_000)
    spread = Spread.fit(x, [e.code for e in entries], shrinkage=0.0)
    assert (spread.between[:2] > 5).all()
    assert (spread.between[2:] < 0.2).all()
    y = spread(x)
    one = y[[e.code == CODES[0] for e in entries]]
    np.testing.assert_allclose(one.std(axis=0), 1.0, atol=0.15)
    np.testing.assert_array_equal(spread(x[3]), y[3])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda b: b.nearest(np.zeros(5)), "features: feature vectors of shape"),
        (lambda b: b.nearest(np.full(12, np.nan)), "not a number"),
        (lambda b: b.nearest(np.zeros((2, 12))), "one scan at a time"),
        (lambda b: b.nearest(np.zeros(12), 0), "k: got 0"),
        (lambda b: b.nearest(np.zeros(12), hs="fish"), "hs: 'fish' is not an HS code"),
        (lambda b: b.added(np.zeros((1, 3)), [Entry("x", "01")]), "feature vectors of shape"),
        (lambda b: b.added(np.zeros((2, 12)), [Entry("x", "01")]), "entries: 2 feature vectors"),
        (lambda b: b.added(np.zeros((2, 12)), [Entry("x", "01"), Entry("x", "01")]), "occurs twice"),
        (lambda b: Bank.fit(np.zeros((2, 12)), [Entry("x", "01"), Entry("y", "01")], cap=0), "cap: got"),
        (lambda b: Bank.fit(np.zeros((0, 12)), []), "features of shape"),
    ],
)
def test_what_cannot_be_searched_is_refused(bank: Bank, call, said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        call(bank)
