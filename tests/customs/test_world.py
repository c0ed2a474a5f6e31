"""The synthetic world: the same bytes from the same seed, and every part agreeing with every other."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from customs.case import Case
from customs.declaration import Declaration
from customs.errors import CustomsError
from customs.physics.attenuation import MATERIALS
from customs.physics.container import CONTAINERS
from customs.physics.packing.templates import cargo
from customs.picture import decode_picture, read_photo
from customs.world import SIZES, World, is_world, make_world
from customs.world.consignment import Consignment, consign
from customs.world.economy import MONTHS, Economy, make_economy, month_label
from customs.world.frauds import KINDS, plant
from customs.world.goods import Item, catalogue
from customs.world.habits import habit, load_of
from customs.world.make import CUTOFF_MONTH
from customs.world.people import People, check_digit, make_people
from customs.world.photos import draw_photo
from customs.world.texts import describe


@pytest.fixture(scope="module")
def world(tiny_world: Path) -> World:
    """The tiny world, opened."""
    return World.open(tiny_world)


@pytest.fixture(scope="module")
def guilty_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Another tiny world, in which two of five declarations under review are frauds."""
    folder = tmp_path_factory.mktemp("guilty") / "w"
    make_world(folder, seed=11, size="tiny", fraud_share=0.4)
    return World.open(folder)


@pytest.fixture(scope="module")
def economy() -> Economy:
    """Prices of all goods."""
    return make_economy(catalogue().items, np.random.default_rng(1))


@pytest.fixture(scope="module")
def people() -> People:
    """Importers of all goods."""
    return make_people(catalogue().items, np.random.default_rng(2))


def _consign(economy: Economy, people: People, index: int, draw: int) -> Consignment:
    item = catalogue().items[index]
    return consign(
        item,
        range(CUTOFF_MONTH, MONTHS),
        economy,
        np.random.default_rng([index, draw]),
        index=0,
        importers=people.of[item.hsk.digits],
        scan_share=1.0,
        photo_share=1.0,
        force_scan=True,
    )


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(
    tmp_path: Path, tiny_world: Path, guilty_world: World
) -> None:
    """Every file, pictures included."""
    make_world(tmp_path / "again", seed=7, size="tiny")
    again, first, other = _hashes(tmp_path / "again"), _hashes(tiny_world), _hashes(guilty_world.folder)
    assert again == first
    assert other["series.csv"] != first["series.csv"]
    assert other["declarations.jsonl"] != first["declarations.jsonl"]


def test_there_are_forty_items_over_six_chapters_and_seafood_leads() -> None:
    """What the issue asks for."""
    items = catalogue().items
    chapters = Counter(item.hsk.digits[:2] for item in items)
    assert len(items) >= 40
    assert len(chapters) >= 6
    assert chapters.most_common(1)[0][0] == "03"
    assert len({item.hsk for item in items}) == len(items)
    assert {"0202", "0207", "0805", "0901", "1202", "1701", "2304", "4011", "5201"} <= {
        i.hsk.digits[:4] for i in items
    }


@pytest.mark.eval_data
def test_every_code_is_in_the_official_table(eval_data: Path) -> None:
    """Real codes, though the wording is ours."""
    with (eval_data / "nomenclature" / "kcs_hsk_2025.csv").open(encoding="utf-8-sig", newline="") as file:
        official = {row["HS부호"] for row in csv.DictReader(file)}
    assert {item.hsk.digits for item in catalogue().items} <= official


@pytest.mark.parametrize("item", catalogue().items, ids=lambda item: item.hsk.digits)
def test_an_item_is_complete(item: Item) -> None:
    """Known material and container, shares that sum to one, words in both languages, a load that fits."""
    assert item.material in MATERIALS
    assert sum(item.origins.values()) == pytest.approx(1.0, abs=0.011)
    assert item.names_en
    assert item.names_ko
    assert all(any("가" <= c <= "힣" for c in name) for name in item.names_ko)
    assert 0 < item.capacity_kg <= CONTAINERS[item.container].payload_kg
    assert item.hsk.digits[:2] in catalogue().parents
    assert item.hsk.digits[:4] in catalogue().parents


def test_declarations_are_read_back_and_split_by_the_cutoff(world: World) -> None:
    """The past ends where the review begins."""
    past, review = world.declarations("past"), world.declarations("review")
    assert len(past) + len(review) == len(world.declarations())
    assert max(d.date for d in past) < world.cutoff <= min(d.date for d in review)
    assert [d.id for d in world.declarations()] == sorted(d.id for d in world.declarations())
    assert all(Declaration.from_json(d.to_json()) == d for d in past[:20])


def test_every_item_has_scans_to_learn_from(world: World) -> None:
    """At least four past scans for each item."""
    seen = Counter(d.lines[0].hsk.digits for d, scan, _ in world.cases("past") if scan)
    assert set(seen) == {d.lines[0].hsk.digits for d in world.declarations("past")}
    assert min(seen.values()) >= 4


def test_scans_are_two_sixteen_bit_pages_that_say_how_they_were_taken(world: World) -> None:
    """Readable by the product's own decoder, named by the declared code, only for containers."""
    import tifffile

    for declaration, scan, photo in world.cases("review"):
        if photo:
            assert read_photo(photo.read_bytes()).pixels.shape == (128, 128, 3)
        if not scan:
            continue
        assert declaration.container is not None
        assert scan.name == f"{declaration.lines[0].hsk.digits}_{declaration.id}.tif"
        pages = decode_picture(scan.read_bytes(), field="scan")
        assert len(pages) == 2
        assert pages[0].dtype == np.uint16
        assert pages[0].shape == pages[1].shape
        assert np.median(pages[0][:2]) > 64_000  # air above the roof
        with tifffile.TiffFile(scan) as file:
            note = json.loads(file.pages[0].description)
        assert note["energies"] == ["6MV", "9MV"]
        assert note["pixel_pitch_m"] == [0.02, 0.02]


def test_container_numbers_have_their_check_digit(world: World) -> None:
    """ISO 6346; the standard's own example is CSQU3054383."""
    assert check_digit("CSQU305438") == 3
    numbers = [d.container for d in world.declarations() if d.container]
    assert numbers
    assert all(check_digit(number[:10]) == int(number[10]) for number in numbers)


@pytest.mark.parametrize("index", range(0, len(catalogue().items), 4))
def test_the_weight_in_the_declaration_is_the_weight_in_the_scan(
    economy: Economy, people: People, index: int
) -> None:
    """Honest lines: drawn goods weigh the declared gross weight to 1 %, within the container's limit."""
    honest = _consign(economy, people, index, 3)
    rng = np.random.default_rng(5)
    load = load_of(honest.inside, habit(honest, 0, 8), rng)
    drawn = cargo(honest.goods.packing, load, honest.goods.container, rng).mass_kg()
    declared = honest.declaration("D1").gross_kg
    assert drawn == pytest.approx(float(declared), rel=0.01)
    assert drawn <= CONTAINERS[honest.goods.container].payload_kg * 1.01


def test_a_scan_on_disk_weighs_what_its_declaration_says(world: World) -> None:
    """From grey levels back to kilograms: the cargo of thin loads, whose light still counts, within 5 %."""
    from customs.physics.beam import transmission
    from customs.physics.container import shell

    item = next(i for i in catalogue().core.items if i.hsk.digits == "4011101000")
    grid = CONTAINERS[item.container].grid
    empty = sum(p.sum() for p in shell(item.container).planes.values()) * (grid.pitch * 100) ** 2 / 1000
    levels = np.geomspace(1e-3, 400, 4000)
    dark = -np.log(transmission({item.material: levels}, "9MV"))
    inside = (grid.y > 0.25) & (grid.y < 3.2)
    walls = (
        sum(p[inside].sum() for p in shell(item.container).planes.values()) * (grid.pitch * 100) ** 2 / 1000
    )
    found = []
    for declaration, scan, _ in world.cases("past"):
        if scan and declaration.lines[0].hsk == item.hsk:
            plane = decode_picture(scan.read_bytes(), field="scan")[1][inside].astype(float) / 65535
            areal = np.interp(-np.log(np.clip(plane, 1e-5, None)), dark, levels)
            kg = areal.sum() * (grid.pitch * 100) ** 2 / 1000 - walls
            found.append(kg / float(declaration.gross_kg))
    assert empty > walls > 0
    assert len(found) >= 4
    assert np.median(found) == pytest.approx(0.94, abs=0.06)  # the lowest rows are left out


def test_unit_values_follow_the_series_of_their_month(world: World) -> None:
    """A clean declaration lies near its code's, country's and month's value per kilogram."""
    with world.path("series.csv").open(encoding="utf-8", newline="") as file:
        series = {
            (r["month"], r["hs"], r["country"]): float(r["value_usd"]) / float(r["weight_kg"])
            for r in csv.DictReader(file)
        }
    gaps = []
    for declaration in world.declarations("past"):
        line = declaration.lines[0]
        key = (f"{declaration.date:%Y-%m}", line.hsk.digits, declaration.origin.code)
        if key in series:
            gaps.append(np.log(float(line.value) / float(line.net_kg) / series[key]))
    assert len(gaps) > 50
    assert abs(np.median(gaps)) < 0.05
    assert 0.04 < np.std(gaps) < 0.25


def test_the_series_have_sixty_months_and_some_gaps(world: World) -> None:
    """2020-05 to 2025-04, three countries for most items, months missing here and there."""
    with world.path("series.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    months = sorted({r["month"] for r in rows})
    assert (months[0], months[-1], len(months)) == ("2020-05", "2025-04", 60)
    pairs = Counter((r["hs"], r["country"]) for r in rows)
    assert 0.75 < len(rows) / (60 * len(pairs)) < 1.0
    assert month_label(CUTOFF_MONTH) == f"{world.cutoff:%Y-%m}"


def test_light_months_are_noisier_than_heavy_ones(economy: Economy, tmp_path: Path) -> None:
    """The spread of unit values around the price shrinks with weight."""
    from customs.world.tables import write_series

    (tmp_path / "official").mkdir()
    write_series(tmp_path, catalogue().items, economy, np.random.default_rng(3))
    light, heavy = [], []
    with (tmp_path / "series.csv").open(encoding="utf-8", newline="") as file:
        labels = {month_label(n): n for n in range(MONTHS)}
        for r in csv.DictReader(file):
            price = economy.price[r["hs"]][r["country"]][labels[r["month"]]]
            gap = np.log(float(r["value_usd"]) / float(r["weight_kg"]) / price)
            (light if float(r["weight_kg"]) < 2_000 else heavy).append(gap)
    assert np.std(light) > 1.5 * np.std(heavy)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fraud_changes_what_it_says_and_nothing_else(economy: Economy, people: People, kind: str) -> None:
    """The papers lie about one thing; what is in the box stays, but for hidden goods."""
    clean = _consign(economy, people, 7, 1)
    guilty, done = plant(clean, kind, catalogue().items, economy, np.random.default_rng(6))
    assert done[0].fraud == kind
    assert done[0].true_hsk == clean.goods.hsk.digits == guilty.goods.hsk.digits
    assert guilty.kg == clean.kg
    value, freight = guilty.value / clean.value, guilty.freight / clean.freight
    match kind:
        case "under_invoicing":
            assert 0.29 < value < 0.66
            assert guilty.gross_kg == clean.gross_kg
        case "wrong_code":
            assert guilty.declared.hsk != clean.goods.hsk
            assert guilty.declared.price < clean.goods.price or guilty.declared.duty < clean.goods.duty
            assert guilty.gross_kg == clean.gross_kg
        case "swapped_code":
            assert guilty.declared.hsk != clean.goods.hsk
            assert guilty.declared.hsk.digits[:2] == clean.goods.hsk.digits[:2]
            assert not 0.5 < guilty.declared.price / clean.goods.price < 2.0
            assert guilty.wording != clean.wording
            assert (value, freight, guilty.net_kg) == (1, 1, clean.net_kg)
        case "hidden_goods":
            assert guilty.hidden is not None
            assert guilty.hidden.kg >= 350
            assert (value, freight) == (1, 1)
        case "wrong_weight":
            assert 0.49 < guilty.gross_kg / clean.gross_kg < 0.76
            assert value == pytest.approx(guilty.gross_kg / clean.gross_kg, rel=0.01)
        case _:
            assert 2.6 < freight < 3.4
            assert value == 1


def test_frauds_lie_in_the_review_only_and_the_truth_names_them(guilty_world: World) -> None:
    """Every kind occurs; each row of the truth is a declaration under review."""
    review = {d.id for d in guilty_world.declarations("review")}
    with guilty_world.path("truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    guilty = {r["declaration_id"] for r in rows}
    assert guilty <= review
    assert {r["fraud"] for r in rows} == set(KINDS)
    assert len(guilty) == round(0.4 * len(review))
    scanned = {d.id for d, scan, _ in guilty_world.cases("review") if scan}
    assert {r["declaration_id"] for r in rows if r["fraud"] == "hidden_goods"} <= scanned


def test_texts_vary_and_cover_every_item_in_both_languages(world: World) -> None:
    """No name occurs twice for an item, and no declared name is only copied from the rulings."""
    with world.path("texts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    per_item = Counter(r["hsk"] for r in rows)
    assert min(per_item.values()) == SIZES["tiny"].texts
    korean = sum(any("가" <= c <= "힣" for c in r["name"]) for r in rows) / len(rows)
    assert 0.3 < korean < 0.9
    assert len({(r["hsk"], r["name"]) for r in rows}) == len(rows)
    known = {r["name"] for r in rows}
    declared = [d.lines[0].name for d in world.declarations()]
    assert sum(name not in known for name in declared) > len(declared) / 2


def test_larger_worlds_have_a_dozen_texts_for_every_item() -> None:
    """The generators do not run dry at sixteen; the demo asks for forty."""
    for item in catalogue().items:
        rng = np.random.default_rng(int(item.hsk.digits))
        assert len({describe(item, rng).name for _ in range(240)}) >= 40, item.hsk


def test_the_official_forms_are_read_by_the_product(world: World) -> None:
    """CP949 trade with a lost leading zero, freight, macro and code table: nothing refused."""
    from customs.readers import freight, hsk, macro, series, trade

    seafood = trade.read(world.path("official/seafood_trade.csv"))
    assert world.path("official/seafood_trade.csv").read_bytes().decode("cp949").startswith("기준년월")
    assert set(seafood.table["hs"].str[:2]) <= {"03", "16"}
    for found in (
        seafood,
        freight.read(world.path("official/sea_freight.csv")),
        macro.read(world.path("official/macro.csv")),
        hsk.read(world.path("hsk.csv")),
        series.read(world.path("series.csv")),
    ):
        assert len(found.table) > 0
        assert found.report.rows_refused == 0, found.report


def test_photos_of_one_item_differ_and_of_two_items_differ_more() -> None:
    """A drawing varies with its seed, and tells its goods."""
    items = {item.hsk.digits: item for item in catalogue().items}
    orange, tyre = items["0805100000"], items["4011101000"]
    pixels = [
        np.asarray(draw_photo(item, np.random.default_rng(n)), dtype=float)[32:96, 32:96].mean((0, 1))
        for item in (orange, tyre)
        for n in range(4)
    ]
    within = np.linalg.norm(pixels[0] - pixels[1])
    between = np.linalg.norm(np.mean(pixels[:4], axis=0) - np.mean(pixels[4:], axis=0))
    assert within > 0
    assert between > 2 * within


def test_cases_are_built_from_a_world(world: World) -> None:
    """Declaration and photo go into the shared types without conversion."""
    declaration, _, photo = next(c for c in world.cases() if c[2])
    case = Case.of(declaration, photos=(read_photo(photo.read_bytes()),) if photo else ())[0]
    assert case.subject == f"{declaration.id}/1"
    assert case.photos


@pytest.mark.parametrize(
    ("kwargs", "field"),
    [({"size": "enormous"}, "size"), ({"fraud_share": 0.9}, "fraud_share"), ({"seed": -1}, "seed")],
)
def test_a_wrong_argument_is_refused_before_anything_is_written(
    tmp_path: Path, kwargs: dict[str, object], field: str
) -> None:
    """The error names the argument."""
    with pytest.raises(CustomsError) as caught:
        make_world(tmp_path / "w", **{"size": "tiny", **kwargs})  # type: ignore[arg-type]
    assert caught.value.problems[0].field == field
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_files_is_never_overwritten(tmp_path: Path) -> None:
    """Only an older world is replaced."""
    (tmp_path / "mine.txt").write_text("keep me", encoding="utf-8")
    with pytest.raises(CustomsError, match="other files"):
        make_world(tmp_path, seed=1, size="tiny")
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "keep me"
    assert not is_world(tmp_path)
    with pytest.raises(CustomsError, match="not a world"):
        World.open(tmp_path)
