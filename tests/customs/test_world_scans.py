"""The world's scans: habits, lots, gates, and frauds that only a scan shows, each with its place."""

from __future__ import annotations

import csv
import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from customs.errors import CustomsError
from customs.physics.container import CONTAINERS, PITCH_M
from customs.physics.load import Room
from customs.physics.packing.planted import DoubleFloor, picture_box
from customs.physics.packing.templates import TEMPLATES, loaded
from customs.physics.raysum import RaySum
from customs.picture import decode_picture
from customs.world import SIZES, Thing, World, make_world
from customs.world.consignment import Consignment, Inside, consign
from customs.world.economy import MONTHS, Economy, make_economy
from customs.world.frauds import KINDS
from customs.world.gates import Gate, make_gates
from customs.world.goods import Item, catalogue
from customs.world.habits import IN_ROWS, habit, load_of, packer, rows_deep, template_of, visible_packages
from customs.world.kin import KinGenerator
from customs.world.lots import numbered, sibling
from customs.world.make import CUTOFF_MONTH
from customs.world.people import SEAPORTS, People, make_people
from customs.world.pictures import Passage, Streams, goods_of, passages, take
from customs.world.scan_frauds import SCAN_KINDS, plant, suits

ITEMS = {item.hsk.digits: item for item in catalogue().items}
STREAMS = Streams(seed=3, scans=6, habits=8, lots=10)
MACKEREL, SHRIMP, POLLOCK, MEAL = "0303540000", "0306179091", "0303670000", "2304000000"


@pytest.fixture(scope="module")
def economy() -> Economy:
    """Prices of all goods."""
    return make_economy(catalogue().items, np.random.default_rng(1))


@pytest.fixture(scope="module")
def people() -> People:
    """Importers of all goods."""
    return make_people(catalogue().items, np.random.default_rng(2))


@pytest.fixture(scope="module")
def planted_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A tiny world with something planted in every scanned and otherwise clean declaration under review."""
    folder = tmp_path_factory.mktemp("planted") / "w"
    make_world(folder, seed=5, size="tiny", fraud_share=0.0, scan_fraud_share=1.0)
    return World.open(folder)


def _consign(economy: Economy, people: People, code: str, draw: int, importer: int = 0) -> Consignment:
    return consign(
        ITEMS[code],
        range(CUTOFF_MONTH, MONTHS),
        economy,
        np.random.default_rng([int(code), draw]),
        index=draw,
        importers=people.of[code][importer : importer + 1],
        scan_share=1.0,
        photo_share=0.0,
        force_scan=True,
    )


def _goods(c: Consignment) -> np.ndarray:
    return np.asarray(sum(goods_of(c, STREAMS).goods.planes.values()))


def _planted(economy: Economy, people: People, kind: str, draw: int) -> tuple[Consignment, Consignment]:
    """A clean consignment of goods that suit the kind, and the guilty one."""
    items = catalogue().items
    code = MEAL if kind == "void" else MACKEREL
    clean = _consign(economy, people, code, draw)
    assert suits(kind, clean, items)
    return clean, plant(clean, kind, items, np.random.default_rng([4, draw]))[0]


def _under_a_floor(c: Consignment, material: str) -> bool:
    return any(isinstance(thing, DoubleFloor) and thing.material == material for thing in c.planted)


@pytest.mark.parametrize("kind", SCAN_KINDS)
def test_the_papers_stay_but_for_the_packages_where_these_are_the_lie(
    economy: Economy, people: People, kind: str
) -> None:
    """What is declared is what was bought; only what travels differs."""
    clean, guilty = _planted(economy, people, kind, 1)
    same = dataclasses.replace(guilty, packages=clean.packages)
    assert same.declaration("D1") == clean.declaration("D1")
    assert (guilty.packages != clean.packages) == (kind == "wrong_packages")
    assert guilty.planted or guilty.travels is not None
    assert guilty.goods == clean.goods  # the photo shows what was bought


@pytest.mark.parametrize("kind", SCAN_KINDS)
@pytest.mark.parametrize("draw", range(3))
def test_what_is_planted_changes_the_mass_in_the_picture_as_the_truth_says(
    economy: Economy, people: People, kind: str, draw: int
) -> None:
    """Kilograms added and missing; other goods weigh what was declared, to what fits."""
    clean, guilty = _planted(economy, people, kind, draw)
    if guilty.inside.kg == 0:
        assert kind == "partial_load"
        return
    before, found = goods_of(clean, STREAMS).goods.mass_kg(), goods_of(guilty, STREAMS)
    after = found.goods.mass_kg()
    assert before == pytest.approx(clean.kg, rel=1e-3)
    assert after == pytest.approx(guilty.inside.kg + found.added_kg - found.removed_kg, rel=1e-3)
    share = (after - before) / before
    match kind:
        case "inserted_object":
            assert found.added_kg > 0
            assert abs(share) < 0.05
        case "double_floor":
            assert 100 < after - before < 3001
        case "void":
            assert -0.25 < share < -0.001
        case "partial_load":
            assert -0.75 < share < -0.25
        case "short_weight":
            assert -0.41 < share < -0.14
        case "wrong_packages":
            assert share == pytest.approx(0, abs=1e-3)
        case "swapped_goods":
            assert guilty.inside.goods.packing != clean.goods.packing
            assert guilty.inside.goods.container == clean.goods.container
            assert share < 0.01


@pytest.mark.parametrize("kind", ["inserted_object", "void", "double_floor", "partial_load"])
@pytest.mark.parametrize("doors_left", [False, True])
def test_the_box_in_the_truth_holds_what_was_planted(
    economy: Economy, people: People, kind: str, doors_left: bool
) -> None:
    """The same load packed with and without: nearly all of the change lies in the box, which is tight."""
    drawn = (_planted(economy, people, kind, n) for n in range(40))
    clean, guilty = next((c, g) for c, g in drawn if g.planted and not _under_a_floor(g, "cellulose"))
    container, tilt = clean.goods.container, 0.06
    found = goods_of(guilty, STREAMS)
    grid = CONTAINERS[container].grid
    top, left, bottom, right = picture_box(container, found.boxes[0], doors_left, tilt)
    alike = [np.random.default_rng(1), np.random.default_rng(1)]
    planes = [
        loaded(goods_of(c, STREAMS).goods, container, rng, doors_left=doors_left, tilt=tilt)
        for c, rng in zip((clean, guilty), alike, strict=True)
    ]
    names = planes[0].keys() | planes[1].keys()
    empty = np.zeros(grid.shape)
    if kind == "double_floor":  # the goods stand on it, so that all of them move: the layer alone
        assert isinstance(guilty.planted[0], DoubleFloor)
        names = {guilty.planted[0].material}
    change = np.asarray(sum(np.abs(planes[1].get(n, empty) - planes[0].get(n, empty)) for n in names))
    assert change[top:bottom, left:right].sum() > 0.97 * change.sum() > 0
    rows, columns = np.nonzero(change > 0.05 * change.max())
    if kind == "partial_load":  # goods may end before the doors and below the roof
        assert columns.max() + 1 - columns.min() > 0.8 * (right - left)
    else:
        assert abs(columns.min() - left) <= 3
        assert abs(columns.max() + 1 - right) <= 3
        assert rows.max() + 1 - rows.min() > 0.5 * (bottom - top)


def test_the_world_writes_every_kind_with_its_place(planted_world: World) -> None:
    """truth.csv has the kinds in turn, planted.csv the things and their boxes inside the pictures."""
    with planted_world.path("truth.csv").open(encoding="utf-8", newline="") as file:
        truth = {row["declaration_id"]: row for row in csv.DictReader(file)}
    scanned = {d.id: scan for d, scan, _ in planted_world.cases("review") if scan}
    things = planted_world.planted()
    assert set(truth) == set(scanned) == set(things)
    assert {row["fraud"] for row in truth.values()} >= set(SCAN_KINDS[: len(truth)])
    for number, (thing,) in things.items():
        assert thing.fraud == truth[number]["fraud"]
        placed = thing.fraud in ("inserted_object", "void", "double_floor")
        assert (thing.box is not None) >= placed
        if thing.box is None:
            continue
        height, width = decode_picture(scanned[number].read_bytes(), field="scan")[0].shape
        top, left, bottom, right = thing.box
        assert 0 <= top < bottom <= height
        assert 0 <= left < right <= width
        assert thing.litres is not None
        assert thing.litres > 4.9
        if thing.fraud == "inserted_object":
            assert thing.litres < 60.1
            assert thing.kg is not None
            assert 0.8 < thing.kg / thing.litres < 9.1


def test_a_thing_reads_back_as_written() -> None:
    """Also without a place or weight."""
    for thing in (
        Thing("inserted_object", "lead", 60.5, 8.0, (3, 4, 9, 12)),
        Thing("wrong_packages"),
    ):
        from customs.world.things import COLUMNS

        row = dict(zip(COLUMNS, map(str, thing.row("D1")), strict=True))
        assert Thing.of_row(row) == thing


def test_declarations_do_not_depend_on_what_scans_show(tmp_path: Path) -> None:
    """With and without scan frauds: the same series, texts, papers, but for the packages of some."""
    for name, share in (("a", 0.0), ("b", 1.0)):
        make_world(tmp_path / name, seed=7, size="tiny", scan_fraud_share=share)
    for same in ("series.csv", "texts.csv", "hsk.csv"):
        assert (tmp_path / "a" / same).read_bytes() == (tmp_path / "b" / same).read_bytes()
    a, b = World.open(tmp_path / "a"), World.open(tmp_path / "b")
    with b.path("truth.csv").open(encoding="utf-8", newline="") as file:
        recounted = {
            row["declaration_id"] for row in csv.DictReader(file) if row["fraud"] == "wrong_packages"
        }
    for one, other in zip(a.declarations(), b.declarations(), strict=True):
        assert (one == other) == (one.id not in recounted)
    assert {Path(p).name for _, _, p in a.cases() if p} == {Path(p).name for _, _, p in b.cases() if p}


def test_tiny_worlds_have_none_of_them_unless_asked(tiny_world: Path) -> None:
    """Other modules' tests count on the six kinds."""
    with (tiny_world / "truth.csv").open(encoding="utf-8", newline="") as file:
        assert {row["fraud"] for row in csv.DictReader(file)} <= set(KINDS)
    assert SIZES["tiny"].vendor_share == 0


def test_a_wrong_share_is_refused(tmp_path: Path) -> None:
    """The error names the argument."""
    with pytest.raises(CustomsError) as caught:
        make_world(tmp_path / "w", size="tiny", scan_fraud_share=1.5)
    assert caught.value.problems[0].field == "scan_fraud_share"


def test_containers_of_a_lot_are_packed_nearly_alike(economy: Economy, people: People) -> None:
    """Closer to each other than to others of the same importer, which are closer than another importer's."""
    gaps: dict[str, list[float]] = {"lot": [], "importer": [], "other": []}
    for draw in range(6):
        first = _consign(economy, people, SHRIMP, draw)
        pair = numbered([first, sibling(first, 1000 + draw, np.random.default_rng(draw))])
        assert pair[0].lot == pair[1].lot == 1
        alone = dataclasses.replace(first, index=2000 + draw)
        theirs = dataclasses.replace(first, index=3000 + draw, importer=people.of[SHRIMP][1])
        shown = _goods(pair[0])
        for name, other in (("lot", pair[1]), ("importer", alone), ("other", theirs)):
            gaps[name].append(float(np.abs(_goods(other) - shown).sum() / shown.sum()))
    assert np.mean(gaps["lot"]) < 0.7 * np.mean(gaps["importer"])
    assert np.mean(gaps["importer"]) < 0.95 * np.mean(gaps["other"])
    assert min(gaps["lot"]) > 0.001  # alike, not copied


def test_a_lot_is_one_importers_purchase_of_a_month(economy: Economy, people: People) -> None:
    """Another importer, origin or month is another lot; a single container is none."""
    first = _consign(economy, people, MACKEREL, 0)
    others = [
        sibling(first, 1, np.random.default_rng(1)),
        dataclasses.replace(first, index=2, month=first.month + 1),
        dataclasses.replace(first, index=3, importer=people.of[MACKEREL][1]),
        dataclasses.replace(first, index=4, container=None),
    ]
    assert [c.lot for c in numbered([first, *others])] == [1, 1, None, None, None]
    assert others[0].container != first.container
    assert others[0].kg == pytest.approx(first.kg, rel=0.06)
    assert others[0].value / others[0].net_kg == pytest.approx(first.value / first.net_kg, rel=1e-3)


def test_the_world_tells_its_lots(planted_world: World) -> None:
    """Each has two or more containers of one importer and code; a wrong code cannot be among them here."""
    lots = planted_world.lots()
    by_id = {d.id: d for d in planted_world.declarations()}
    members = Counter(lots.values())
    assert all(count >= 2 for count in members.values())
    for lot in members:
        same = [by_id[number] for number, of in lots.items() if of == lot]
        assert len({(d.importer, d.lines[0].hsk, d.origin, f"{d.date:%Y-%m}") for d in same}) == 1


@pytest.mark.parametrize(
    "item",
    [i for i in catalogue().items if i.packing in IN_ROWS - {"bales"}][::4],
    ids=lambda i: i.hsk.digits,
)
def test_the_packages_in_sight_times_the_rows_are_the_packages_declared(
    economy: Economy, people: People, item: Item
) -> None:
    """The silhouette has room for as many packages as stand in front, to a twelfth."""
    found = []
    for draw in range(3):
        c = _consign(economy, people, item.hsk.digits, draw)
        habits = habit(c, 3, 8)
        rng = packer(c, habits, (3, 6, draw), None)
        load = load_of(c.inside, habits, rng)
        box = CONTAINERS[item.container]
        rays = RaySum(box.grid_at(0.01))
        TEMPLATES[template_of(item, habits)](rays, load, Room.of(box).without_doors(load), rng)
        plane = np.asarray(sum(rays.gather().planes.values()))
        solid = plane > 0.35 * np.median(plane[plane > 0.1 * plane.max()])
        cells = solid.sum() * 1e-4 / load.size[0] / load.size[1]
        visible = visible_packages(c.inside, habits)
        assert visible is not None
        assert 0 <= visible * rows_deep(item) - c.packages < rows_deep(item)
        found.append(cells / visible)
    assert np.mean(found) == pytest.approx(1.0, abs=0.085)


def test_goods_that_do_not_stand_in_rows_have_no_visible_count(economy: Economy, people: People) -> None:
    """A heap is not counted, nor are clothes that hang; the same clothes in cartons are."""
    heap, denim = _consign(economy, people, MEAL, 0), _consign(economy, people, "6203421000", 0)
    assert visible_packages(heap.inside, habit(heap, 3, 8)) is None
    lying, hung = (dataclasses.replace(habit(denim, 3, 8), hung=hung) for hung in (False, True))
    assert (template_of(denim.goods, lying), template_of(denim.goods, hung)) == ("garments", "clothes")
    assert visible_packages(denim.inside, lying) == -(-denim.packages // rows_deep(denim.goods))
    assert visible_packages(denim.inside, hung) is None


def test_every_office_has_gates_of_its_own() -> None:
    """Other names and settings at each, others again in another world, vendor's pictures at one office."""
    gates = make_gates(SEAPORTS, 0.1, np.random.default_rng(1))
    others = make_gates(SEAPORTS, 0.1, np.random.default_rng(2))
    every = [gate.scanner for here in gates.values() for gate in here]
    assert set(gates) == set(SEAPORTS)
    assert all(1 <= len(here) <= 2 for here in gates.values())
    assert len({s.name for s in every}) == len({s.photons for s in every}) == len(every)
    assert not {s.photons for s in every} & {g.scanner.photons for h in others.values() for g in h}
    exported = [here[0].vendor_share * SEAPORTS[office] for office, here in gates.items()]
    assert sorted(exported) == pytest.approx([0, 0, 0.1])
    alike = make_gates(SEAPORTS, 0.0, np.random.default_rng(1), one_kind=True)
    assert {(g.scanner.beams, g.scanner.pitch) for h in alike.values() for g in h} == {
        (("6MV", "9MV"), PITCH_M)
    }


def test_a_vendors_picture_is_one_grey_eight_bit_plane(
    economy: Economy, people: People, tmp_path: Path
) -> None:
    """A JPEG as large as the raw scan, darker where the goods are."""
    from customs.world.pictures import write_scan

    c = _consign(economy, people, MACKEREL, 0)
    gate = make_gates(SEAPORTS, 0.0, np.random.default_rng(1))[c.office][0]
    (way,) = passages([c], {c.office: (Gate(gate.scanner, 1.0),)}, STREAMS)
    assert way is not None
    assert (way.vendor, way.suffix) == (True, ".jpg")
    taken = take(c, way, STREAMS)
    write_scan(tmp_path / "a.jpg", taken)
    (page,) = decode_picture((tmp_path / "a.jpg").read_bytes(), field="scan")
    assert page.dtype == np.uint8
    assert page.shape == taken.planes.shape[1:]
    assert page[5].mean() > 200
    assert page[page.shape[0] // 2].mean() < 100


def test_an_empty_container_declared_full_shows_no_goods(economy: Economy, people: People) -> None:
    """What is left of the picture is the box."""
    c = dataclasses.replace(_consign(economy, people, MEAL, 0), travels=Inside(ITEMS[MEAL], 0.0, 0))
    gate = make_gates(SEAPORTS, 0.0, np.random.default_rng(1), one_kind=True)[c.office][0]
    taken = take(c, Passage(gate, False), STREAMS)
    grid = CONTAINERS["dry40"].grid
    inside = taken.planes[1][(grid.y > 0.6) & (grid.y < 1.4), 60:-60]
    assert np.median(inside) / 65535 > 0.7


def test_kin_draws_keep_their_distribution_and_agree_by_their_weight() -> None:
    """Normal, uniform, whole and chosen draws of two of one kin, and none of an array that is grain."""
    pairs = [[KinGenerator([n, which], [([99, n], 0.6)]) for which in (0, 1)] for n in range(900)]
    normal = np.array([[float(g.standard_normal()) for g in pair] for pair in pairs])
    flat = np.array([[g.uniform(2.0, 4.0) for g in pair] for pair in pairs])
    whole = np.array([[g.integers(1, 4) for g in pair] for pair in pairs])
    chosen = np.array([[g.choice([10, 20], p=[0.8, 0.2]) for g in pair] for pair in pairs])
    grain = np.array([[g.standard_normal((3, 4))[1, 2] for g in pair] for pair in pairs])
    assert normal.std() == pytest.approx(1.0, abs=0.06)
    assert np.corrcoef(normal.T)[0, 1] == pytest.approx(0.6, abs=0.08)
    assert (flat.min(), flat.max(), flat.mean()) == pytest.approx((2.0, 4.0, 3.0), abs=0.05)
    assert np.corrcoef(flat.T)[0, 1] == pytest.approx(0.36, abs=0.1)  # both must follow the kin
    assert set(whole.ravel().tolist()) == {1, 2, 3}
    assert (chosen == 10).mean() == pytest.approx(0.8, abs=0.04)
    assert abs(np.corrcoef(grain.T)[0, 1]) < 0.1


def test_arrays_of_kin_agree_although_one_is_longer() -> None:
    """Twenty stacks are packed like the first twenty of thirty."""
    a, b = (KinGenerator([which], [([5], 0.9)]) for which in (0, 1))
    short, long = a.standard_normal(20), b.standard_normal(30)
    assert np.corrcoef(short, long[:20])[0, 1] > 0.75
    assert float(a.standard_normal()) == pytest.approx(float(b.standard_normal()), abs=1.5)
