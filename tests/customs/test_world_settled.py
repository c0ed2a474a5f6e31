"""Worlds with a settled period: inspected declarations between the past and the review, outcomes known."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from customs.declaration import Declaration
from customs.readers import rates, rulings
from customs.world import SIZES, World, make
from customs.world.consignment import consign
from customs.world.economy import make_economy
from customs.world.frauds import KINDS, PAPER_KINDS, QUEUE_KINDS, plant, suits
from customs.world.goods import catalogue
from customs.world.people import make_people

Maker = Callable[..., World]


@pytest.fixture(scope="module")
def world(settled_world: Path) -> World:
    return World.open(settled_world)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    """Worlds of papers only, made in a third of a second."""
    plain = dataclasses.replace(
        SIZES["tiny"], past=2, review=3, scan_share=0.0, always_scanned=0, photo_share=0.0
    )

    def made(**changes: object) -> World:
        monkeypatch.setattr(make, "SIZES", {"bare": dataclasses.replace(plain, **changes)})  # type: ignore[arg-type]
        folder = tmp_path / f"w{len(list(tmp_path.iterdir()))}"
        make.make_world(folder, seed=9, size="bare")
        return World.open(folder)

    return made


def content(declarations: list[Declaration]) -> list[str]:
    """Declarations without their running numbers."""
    return sorted(d.model_copy(update={"id": "D"}).to_json() for d in declarations)


def test_the_periods_follow_each_other_by_date(world: World) -> None:
    """Half a year is settled; all declarations are in one of the three."""
    past, settled, review = (world.declarations(period) for period in ("past", "settled", "review"))
    assert (len(past), len(settled), len(review)) == (18, 126, 36)
    assert len(world.declarations()) == 18 + 126 + 36
    assert max(d.date for d in past) < world.cutoff <= min(d.date for d in settled)
    assert max(d.date for d in settled) < world.review_from <= min(d.date for d in review)
    assert len({(d.date.year, d.date.month) for d in settled}) == 6
    assert [d.id for d, _, _ in world.cases("settled")] == [d.id for d in settled]


def test_what_is_settled_was_inspected_and_the_outcome_is_the_truth(world: World) -> None:
    """Nothing else has an outcome; each came three days after the declaration."""
    outcomes, truth = world.outcomes(), world.truth()
    settled = {d.id: d.date for d in world.declarations("settled")}
    assert set(outcomes) == set(settled)
    for number, outcome in outcomes.items():
        assert outcome.fraud == (number in truth)
        assert outcome.inspected_on == settled[number] + dt.timedelta(days=3)
        assert outcome.reason.split("+")[0] == truth.get(number, "")
    assert sum(o.fraud for o in outcomes.values()) == round(0.2 * 126)


def test_frauds_lie_in_what_is_settled_and_in_the_review(world: World) -> None:
    """Of every kind, that of plain misclassification among them; the past is clean."""
    guilty = set(world.truth())
    review = {d.id for d in world.declarations("review")}
    assert not guilty & {d.id for d in world.declarations("past")}
    assert len(guilty & review) == round(0.2 * 36)
    assert set(QUEUE_KINDS) == {*KINDS, "misclassified"}
    # what needs a scan may find none among so few
    assert {"misclassified", "swapped_code", "under_invoicing", "inflated_freight"} <= set(
        world.truth().values()
    )


def test_a_truth_names_every_fraud_and_the_code_of_the_goods(world: World) -> None:
    with world.path("truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_id = {d.id: d for d in world.declarations()}
    wrong = [row for row in rows if row["fraud"] == "misclassified"]
    assert wrong
    for row in wrong:
        declared = by_id[row["declaration_id"]].lines[0].hsk.digits
        assert declared[:4] != row["true_hsk"][:4]


def test_a_settled_period_leaves_all_other_declarations_as_they_are(bare: Maker) -> None:
    """However long it is: only running numbers change. Nor does it change the past of a world without one."""
    few, many = bare(settled=1), bare(settled=4)
    for period in ("past", "review"):
        assert content(few.declarations(period)) == content(many.declarations(period))  # type: ignore[arg-type]
    assert len(many.declarations("settled")) == 4 * len(few.declarations("settled"))
    assert set(content(few.declarations("settled"))) != set(content(many.declarations("settled")))
    assert content(bare(settled=0).declarations("past")) == content(few.declarations("past"))


def test_a_world_without_a_settled_period_goes_from_the_past_into_the_review(bare: Maker) -> None:
    world = bare(settled=0)
    assert world.review_from == world.cutoff
    assert world.declarations("settled") == []
    assert world.outcomes() == {}


def test_a_world_written_before_there_were_outcomes_still_opens(bare: Maker, tmp_path: Path) -> None:
    """It has none."""
    old = tmp_path / "old"
    shutil.copytree(bare(settled=0).folder, old)
    (old / "outcomes.csv").unlink()
    about = json.loads((old / "world.json").read_text(encoding="utf-8"))
    del about["review_from"]
    (old / "world.json").write_text(json.dumps(about), encoding="utf-8")
    world = World.open(old)
    assert world.outcomes() == {}
    assert world.review_from == world.cutoff
    assert world.declarations("review")


def test_misclassified_goods_are_named_as_what_they_are_under_a_code_that_is_taxed_less() -> None:
    """The plainest fraud of all: text, value and freight tell the truth, the code does not."""
    items = catalogue().items
    economy = make_economy(items, np.random.default_rng(1))
    people = make_people(items, np.random.default_rng(2))
    done = 0
    for index, item in enumerate(items):
        clean = consign(
            item,
            range(40, 48),
            economy,
            np.random.default_rng([3, index]),
            index=index,
            importers=people.of[item.hsk.digits],
            scan_share=0.0,
            photo_share=0.0,
        )
        if not suits("misclassified", clean, items):
            assert all(
                other.duty >= item.duty or other.container != item.container
                for other in items
                if other.hsk.digits[:4] != item.hsk.digits[:4]
            )
            continue
        guilty, planted = plant(clean, "misclassified", items, economy, np.random.default_rng(index))
        assert guilty.declared.hsk.digits[:4] != item.hsk.digits[:4]
        assert guilty.declared.duty < item.duty
        assert guilty.declared.container == item.container
        assert dataclasses.replace(guilty, declared=clean.declared) == clean
        before, after = (c.declaration("D1").lines[0] for c in (clean, guilty))
        assert (after.name, after.description, after.value, after.freight, after.net_kg) == (
            before.name,
            before.description,
            before.value,
            before.freight,
            before.net_kg,
        )
        assert after.hsk != before.hsk
        assert [(p.fraud, p.true_hsk) for p in planted] == [("misclassified", item.hsk.digits)]
        done += 1
    assert done > len(items) / 2


def test_a_queue_is_of_twenty_thousand_with_two_frauds_in_a_hundred() -> None:
    """As the size says: nobody makes it here."""
    size, items = SIZES["queue"], len(catalogue().items)
    assert 20_000 <= items * size.review < 20_100
    scanned = 0.9 * size.scan_share  # most come by sea
    assert 0.018 < size.fraud_share + size.scan_fraud_share * scanned < 0.022
    assert len(size.kinds) + len(size.scan_kinds) == 10


def test_papers_under_review_change_nothing_else(bare: Maker) -> None:
    """More of them, in the months under review, with frauds that papers can show, and without pictures."""
    without, busy = bare(settled=2), bare(settled=2, papers=5, paper_share=0.2)
    for period in ("past", "settled"):
        assert content(without.declarations(period)) == content(busy.declarations(period))
    few, many = content(without.declarations("review")), content(busy.declarations("review"))
    assert len(many) - len(few) == 5 * 18
    assert set(few) <= set(many)
    attached = busy.attachments()
    more = [d for d in busy.declarations("review") if d.model_copy(update={"id": "D"}).to_json() not in few]
    assert all(attached[d.id] == (None, None) for d in more)
    truth = busy.truth()
    planted = [truth[d.id] for d in more if d.id in truth]
    assert len(planted) == round(0.2 * 5 * 18)
    assert set(planted) == set(PAPER_KINDS)


def test_every_item_has_a_base_rate_and_its_rulings_have_a_reference(bare: Maker) -> None:
    """As official files have them; rulings are older than what is judged by them."""
    made = bare()
    duty = rates.read(made.path("official/rates.csv")).table
    ruled = rulings.read(made.path("texts.csv")).table
    assert set(duty["digits"]) == set(ruled["hs"]) == {i.hsk.digits for i in catalogue().core.items}
    assert set(duty["kind"]) == {"A"}
    assert ruled["reference"].is_unique
    assert max(ruled["date"]) < made.cutoff
