"""Makes the whole world from one seed: same seed, same bytes."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from customs.errors import InvalidValue
from customs.progress import Progress, silent
from customs.world import frauds, lots, photos, pictures, scan_frauds, tables, things
from customs.world.consignment import Consignment, consign
from customs.world.economy import MONTHS, Economy, make_economy, month_label
from customs.world.gates import make_gates
from customs.world.goods import Item, catalogue
from customs.world.habits import habit, visible_packages, with_regular_seller
from customs.world.opened import FORMAT, is_world
from customs.world.people import SEAPORTS, People, make_people
from customs.world.sizes import SIZES, Size

CUTOFF_MONTH = 48  # months before it are the past
SETTLED_MONTHS = 6  # from then on, where a world has a settled period
# What each random stream is for; a stream never depends on how much another one drew.
_ECONOMY, _PEOPLE, _SERIES, _TEXTS, _TRADE, _FRAUDS, _SCANS, _PHOTOS = range(8)
_HABITS, _GATES, _LOTS, _SCAN_FRAUDS, _SUPPLIERS = range(8, 13)
_SETTLED_FRAUDS, _SETTLED_SCAN_FRAUDS, _PAPER_FRAUDS = range(13, 16)
Found = dict[int, list[frauds.Planted]]  # a consignment's index to what was planted in it


def make_world(
    folder: Path,
    *,
    seed: int = 0,
    size: str = "demo",
    fraud_share: float | None = None,
    scan_fraud_share: float | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write a world to `folder` and answer its counts.

    fraud_share: of the declarations under review (and of those settled); scan_fraud_share: of the scanned
    ones among those left clean, in which something is planted that only a scan shows; the size's own if not
    given.
    A folder that holds anything but a world is refused; an older world is replaced in one move.
    """
    folder = Path(folder)
    if size not in SIZES:
        raise InvalidValue(
            f"there is no size {size!r}", field="size", remedy=f"choose from {', '.join(SIZES)}"
        )
    fraudulent = SIZES[size].fraud_share if fraud_share is None else fraud_share
    if not 0 <= fraudulent <= 0.5:
        raise InvalidValue(f"got {fraudulent}", field="fraud_share", remedy="give a share from 0 to 0.5")
    only_scans = SIZES[size].scan_fraud_share if scan_fraud_share is None else scan_fraud_share
    if not 0 <= only_scans <= 1:
        raise InvalidValue(f"got {only_scans}", field="scan_fraud_share", remedy="give a share from 0 to 1")
    if seed < 0:
        raise InvalidValue(f"got {seed}", field="seed", remedy="give a whole number of zero or more")
    if folder.exists() and not is_world(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidValue(
            f"{folder} holds other files", field="out", remedy="name a new folder or an older world"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        counts = _fill(room, seed, size, (fraudulent, only_scans), progress)
        room.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(room, folder)
    except BaseException:
        shutil.rmtree(room, ignore_errors=True)
        raise
    return counts


def _fill(
    room: Path, seed: int, name: str, shares: tuple[float, float], progress: Progress
) -> dict[str, Any]:
    size = SIZES[name]
    goods = catalogue().core if size.core_only else catalogue()
    for part in ("official", "scans", "photos"):
        (room / part).mkdir()
    progress("prices and people", 0, 4)
    economy = make_economy(goods.items, _rng(seed, _ECONOMY))
    people = make_people(goods.items, _rng(seed, _PEOPLE))
    progress("prices and people", 1, 4)
    counts: dict[str, Any] = {"items": len(goods.items), "importers": len(people.importers)}
    tables.write_hsk(room / "hsk.csv", goods)
    counts["series_rows"] = tables.write_series(room, goods.items, economy, _rng(seed, _SERIES))
    progress("prices and people", 2, 4)
    tables.write_rates(room / "official" / "rates.csv", goods.items)
    counts["texts"] = tables.write_texts(room / "texts.csv", goods.items, size.texts, _rng(seed, _TEXTS))
    progress("prices and people", 3, 4)
    past, settled, review, papers = _trade(goods.items, size, economy, people, seed)
    found: Found = {}
    for several, streams in (
        (review, (_FRAUDS, _SCAN_FRAUDS)),
        (settled, (_SETTLED_FRAUDS, _SETTLED_SCAN_FRAUDS)),
    ):
        planted = _plant(several, goods.items, economy, size.kinds, shares[0], _rng(seed, streams[0]))
        found |= planted
        found |= _plant_scans(
            several, goods.items, planted, size.scan_kinds, shares[1], _rng(seed, streams[1])
        )
    found |= _plant(
        papers, goods.items, economy, frauds.PAPER_KINDS, size.paper_share, _rng(seed, _PAPER_FRAUDS)
    )
    # papers join no lot: what the others' scans show stays what it is without them
    known = lots.numbered(sorted(past + settled + review, key=_by_date))
    everything = sorted(known + papers, key=_by_date)
    progress("prices and people", 4, 4)
    numbers = [f"D{number:06d}" for number in range(1, len(everything) + 1)]
    truth = _write_declarations(room, everything, numbers, found)
    tables.write_csv(room / "truth.csv", ("declaration_id", "line", "fraud", "true_hsk", "detail"), truth)
    inspected = {c.index for c in settled}
    tables.write_csv(
        room / "outcomes.csv",
        ("declaration_id", "inspected_on", "fraud", "reason"),
        _outcomes(everything, numbers, inspected, found),
    )
    gates = make_gates(SEAPORTS, size.vendor_share, _rng(seed, _GATES), one_kind=size.one_kind)
    passages = pictures.passages(everything, gates, _streams(seed))
    rows = [
        _attachments(c, number, way, seed)
        for c, number, way in zip(everything, numbers, passages, strict=True)
    ]
    tables.write_csv(room / "attachments.csv", _ATTACHMENTS, rows)
    seen = _write_pictures(room, everything, rows, passages, found, seed, progress)
    tables.write_csv(room / "planted.csv", things.COLUMNS, seen)
    counts |= {"past": len(past), "settled": len(settled), "review": len(review), "papers": len(papers)}
    counts["frauds"] = len(truth)
    counts["fraudulent_declarations"] = len(found)
    counts["scans"], counts["photos"] = (sum(bool(row[at]) for row in rows) for at in (1, 2))
    counts["lots"] = len({c.lot for c in everything} - {None})
    tables.write_json(
        room / "world.json",
        {
            "format": FORMAT,
            "seed": seed,
            "size": name,
            "fraud_share": shares[0],
            "scan_fraud_share": shares[1],
            "start": month_label(0),
            "months": MONTHS,
            "cutoff": f"{month_label(CUTOFF_MONTH)}-01",
            "review_from": f"{month_label(_review_from(size))}-01",
            "counts": counts,
        },
    )
    return counts


def _trade(
    items: tuple[Item, ...], size: Size, economy: Economy, people: People, seed: int
) -> tuple[list[Consignment], list[Consignment], list[Consignment], list[Consignment]]:
    """Clean consignments: past, settled, under review with all that travels, under review on paper."""
    past: list[Consignment] = []
    review: list[Consignment] = []
    settled: list[Consignment] = []
    index = 0
    for item in items:
        for wanted, before in ((size.past, True), (size.review, False)):
            made = past if before else review
            several = iter(size.past_lots if before else size.review_lots)
            number = 0
            while number < wanted:
                one = consign(
                    item,
                    range(0, CUTOFF_MONTH) if before else range(_review_from(size), MONTHS),
                    economy,
                    _rng(seed, _TRADE, index),
                    index=index,
                    importers=people.of[item.hsk.digits],
                    scan_share=size.scan_share,
                    photo_share=size.photo_share,
                    force_scan=size.scanned_only or (before and number < size.always_scanned),
                )
                if size.scanned_only:
                    one = with_regular_seller(one, seed, _HABITS, _rng(seed, _SUPPLIERS, index))
                together = [one]
                for more in range(1, next(several, 1)):
                    together.append(lots.sibling(one, index + more, _rng(seed, _LOTS, 0, index + more)))
                made += together
                index += len(together)
                number += len(together)
    papers: list[Consignment] = []
    # last, so that the others are what they are in a world without these
    for made, wanted, months, scan_share, photo_share in (
        (settled, size.settled, range(CUTOFF_MONTH, _review_from(size)), size.scan_share, size.photo_share),
        (papers, size.papers, range(_review_from(size), MONTHS), 0.0, 0.0),
    ):
        for item in items:
            for _ in range(wanted):
                made.append(
                    consign(
                        item,
                        months,
                        economy,
                        _rng(seed, _TRADE, index),
                        index=index,
                        importers=people.of[item.hsk.digits],
                        scan_share=scan_share,
                        photo_share=photo_share,
                    )
                )
                index += 1
    return past, settled, review, papers


def _by_date(c: Consignment) -> tuple[dt.date, int]:
    return c.date, c.index


def _review_from(size: Size) -> int:
    """The first month under review."""
    return CUTOFF_MONTH + (SETTLED_MONTHS if size.settled else 0)


def _outcomes(
    everything: list[Consignment], numbers: list[str], inspected: set[int], found: Found
) -> list[tuple[str, str, int, str]]:
    """What inspections found, some days after the declaration."""
    rows = []
    for c, number in zip(everything, numbers, strict=True):
        if c.index in inspected:
            seen = "+".join(p.fraud for p in found.get(c.index, []))
            rows.append((number, str(c.date + dt.timedelta(days=3)), int(bool(seen)), seen))
    return rows


def _plant(
    review: list[Consignment],
    items: tuple[Item, ...],
    economy: Economy,
    kinds: tuple[str, ...],
    share: float,
    rng: np.random.Generator,
) -> Found:
    """Turn a share of the review into frauds, in place: the kinds in turn, where something could tell."""
    order = [int(n) for n in rng.permutation(len(review))]
    planted: Found = {}
    for turn in range(round(share * len(review))):
        kind = kinds[turn % len(kinds)]
        suited = [n for n in order if frauds.suits(kind, review[n], items)]
        pick = (suited or order)[0]
        if not suited:
            kind = "under_invoicing"
        order.remove(pick)
        review[pick], planted[review[pick].index] = frauds.plant(review[pick], kind, items, economy, rng)
    return planted


def _plant_scans(
    review: list[Consignment],
    items: tuple[Item, ...],
    planted: Found,
    kinds: tuple[str, ...],
    share: float,
    rng: np.random.Generator,
) -> Found:
    """Plant what only scans show in a share of the scanned and still clean, in place, the kinds in turn."""
    found: Found = {}
    clean = [n for n, c in enumerate(review) if c.has_scan and c.index not in planted]
    order = [clean[int(n)] for n in rng.permutation(len(clean))]
    for turn in range(round(share * len(clean))):
        kind = kinds[turn % len(kinds)]
        suited = [n for n in order if scan_frauds.suits(kind, review[n], items)]
        if not suited:
            kind = "short_weight"  # goes anywhere
        pick = (suited or order)[0]
        order.remove(pick)
        review[pick], done = scan_frauds.plant(review[pick], kind, items, rng)
        found[review[pick].index] = [done]
    return found


def _write_declarations(
    room: Path, everything: list[Consignment], numbers: list[str], found: Found
) -> list[tuple[str, int, str, str, str]]:
    lines, truth = [], []
    for c, number in zip(everything, numbers, strict=True):
        lines.append(c.declaration(number).to_json())
        truth += [(number, 1, p.fraud, p.true_hsk, p.detail) for p in found.get(c.index, [])]
    (room / "declarations.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return truth


_ATTACHMENTS = ("declaration_id", "scan", "photo", "lot", "visible_packages")


def _attachments(c: Consignment, number: str, way: pictures.Passage | None, seed: int) -> tuple[str, ...]:
    stem = f"{c.declared.hsk.digits}_{number}"
    visible = None if way is None else visible_packages(c.inside, habit(c, seed, _HABITS))
    return (
        number,
        f"scans/{stem}{way.suffix}" if way is not None else "",
        f"photos/{stem}.png" if c.has_photo else "",
        f"L{c.lot:04d}" if c.lot is not None else "",
        str(visible) if visible is not None else "",
    )


def _write_pictures(
    room: Path,
    everything: list[Consignment],
    rows: list[tuple[str, ...]],
    passages: list[pictures.Passage | None],
    found: Found,
    seed: int,
    progress: Progress,
) -> list[tuple[object, ...]]:
    """Scans and photos; the rows of planted.csv."""
    seen: list[tuple[object, ...]] = []
    scans = [(c, row, way) for c, row, way in zip(everything, rows, passages, strict=True) if way is not None]
    shots = [(c, row[2]) for c, row in zip(everything, rows, strict=True) if row[2]]
    for done, (c, row, way) in enumerate(scans, start=1):
        taken = pictures.take(c, way, _streams(seed))
        pictures.write_scan(room / row[1], taken)
        kinds = tuple(p.fraud for p in found.get(c.index, []))
        seen += [thing.row(row[0]) for thing in things.things_of(c, taken, kinds)]
        progress("scans", done, len(scans))
    for done, (c, path) in enumerate(shots, start=1):
        photos.write_photo(room / path, photos.draw_photo(c.goods, _rng(seed, _PHOTOS, c.index)))
        progress("photos", done, len(shots))
    return seen


def _streams(seed: int) -> pictures.Streams:
    return pictures.Streams(seed, scans=_SCANS, habits=_HABITS, lots=_LOTS)


def _rng(seed: int, *stream: int) -> np.random.Generator:
    return np.random.default_rng([seed, *stream])
