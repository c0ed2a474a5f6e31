"""Makes the whole world from one seed: same seed, same bytes."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from customs.errors import InvalidValue
from customs.progress import Progress, silent
from customs.world import frauds, photos, pictures, tables
from customs.world.consignment import Consignment, consign
from customs.world.economy import MONTHS, Economy, make_economy, month_label
from customs.world.goods import Item, catalogue
from customs.world.opened import FORMAT, is_world
from customs.world.people import People, make_people

CUTOFF_MONTH = 48  # months before it are the past
# What each random stream is for; a stream never depends on how much another one drew.
_ECONOMY, _PEOPLE, _SERIES, _TEXTS, _TRADE, _FRAUDS, _SCANS, _PHOTOS = range(8)


@dataclass(frozen=True)
class Size:
    """How much of everything, for each item; `core_only` leaves out all but a few items."""

    core_only: bool
    past: int
    review: int
    scan_share: float
    always_scanned: int
    photo_share: float
    texts: int


SIZES = {
    "tiny": Size(
        core_only=True, past=6, review=2, scan_share=0.2, always_scanned=4, photo_share=0.5, texts=6
    ),
    "small": Size(
        core_only=False, past=9, review=2, scan_share=0.25, always_scanned=4, photo_share=0.4, texts=16
    ),
    "demo": Size(
        core_only=False, past=20, review=4, scan_share=0.28, always_scanned=5, photo_share=0.5, texts=40
    ),
    "large": Size(
        core_only=False, past=120, review=25, scan_share=0.5, always_scanned=12, photo_share=0.5, texts=120
    ),
}


def make_world(
    folder: Path, *, seed: int = 0, size: str = "demo", fraud_share: float = 0.12, progress: Progress = silent
) -> dict[str, Any]:
    """Write a world to `folder` and answer its counts.

    A folder that holds anything but a world is refused; an older world is replaced in one move.
    """
    folder = Path(folder)
    if size not in SIZES:
        raise InvalidValue(
            f"there is no size {size!r}", field="size", remedy=f"choose from {', '.join(SIZES)}"
        )
    if not 0 <= fraud_share <= 0.5:
        raise InvalidValue(f"got {fraud_share}", field="fraud_share", remedy="give a share from 0 to 0.5")
    if seed < 0:
        raise InvalidValue(f"got {seed}", field="seed", remedy="give a whole number of zero or more")
    if folder.exists() and not is_world(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidValue(
            f"{folder} holds other files", field="out", remedy="name a new folder or an older world"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        counts = _fill(room, seed, size, fraud_share, progress)
        room.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(room, folder)
    except BaseException:
        shutil.rmtree(room, ignore_errors=True)
        raise
    return counts


def _fill(room: Path, seed: int, name: str, fraud_share: float, progress: Progress) -> dict[str, Any]:
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
    counts["texts"] = tables.write_texts(room / "texts.csv", goods.items, size.texts, _rng(seed, _TEXTS))
    progress("prices and people", 3, 4)
    past, review = _trade(goods.items, size, economy, people, seed)
    review, planted = _plant(review, goods.items, economy, fraud_share, _rng(seed, _FRAUDS))
    everything = sorted(past + review, key=lambda c: (c.date, c.index))
    progress("prices and people", 4, 4)
    rows, truth = _write_declarations(room, everything, planted)
    scans = _write_pictures(room, everything, rows, seed, progress)
    tables.write_csv(room / "attachments.csv", ("declaration_id", "scan", "photo"), rows)
    tables.write_csv(room / "truth.csv", ("declaration_id", "line", "fraud", "true_hsk", "detail"), truth)
    counts |= {"past": len(past), "review": len(review), "frauds": len(truth), "scans": scans}
    counts["fraudulent_declarations"] = len(planted)
    counts["photos"] = sum(bool(row[2]) for row in rows)
    tables.write_json(
        room / "world.json",
        {
            "format": FORMAT,
            "seed": seed,
            "size": name,
            "fraud_share": fraud_share,
            "start": month_label(0),
            "months": MONTHS,
            "cutoff": f"{month_label(CUTOFF_MONTH)}-01",
            "counts": counts,
        },
    )
    return counts


def _trade(
    items: tuple[Item, ...], size: Size, economy: Economy, people: People, seed: int
) -> tuple[list[Consignment], list[Consignment]]:
    past: list[Consignment] = []
    review: list[Consignment] = []
    index = 0
    for item in items:
        for number in range(size.past + size.review):
            before = number < size.past
            made = consign(
                item,
                range(0, CUTOFF_MONTH) if before else range(CUTOFF_MONTH, MONTHS),
                economy,
                _rng(seed, _TRADE, index),
                index=index,
                importers=people.of[item.hsk.digits],
                scan_share=size.scan_share,
                photo_share=size.photo_share,
                force_scan=before and number < size.always_scanned,
            )
            (past if before else review).append(made)
            index += 1
    return past, review


def _plant(
    review: list[Consignment],
    items: tuple[Item, ...],
    economy: Economy,
    share: float,
    rng: np.random.Generator,
) -> tuple[list[Consignment], dict[int, list[frauds.Planted]]]:
    """Turn a share of the review into frauds, the kinds in turn, each where something could tell it."""
    review = list(review)
    order = [int(n) for n in rng.permutation(len(review))]
    planted: dict[int, list[frauds.Planted]] = {}
    for turn in range(round(share * len(review))):
        kind = frauds.KINDS[turn % len(frauds.KINDS)]
        suited = [n for n in order if frauds.suits(kind, review[n], items)]
        pick = (suited or order)[0]
        if not suited:
            kind = "under_invoicing"
        order.remove(pick)
        review[pick], planted[review[pick].index] = frauds.plant(review[pick], kind, items, economy, rng)
    return review, planted


def _write_declarations(
    room: Path, everything: list[Consignment], planted: dict[int, list[frauds.Planted]]
) -> tuple[list[list[str]], list[tuple[str, int, str, str, str]]]:
    lines, rows, truth = [], [], []
    for number, c in enumerate(everything, start=1):
        declaration = c.declaration(f"D{number:06d}")
        lines.append(declaration.to_json())
        stem = f"{c.declared.hsk.digits}_{declaration.id}"
        rows.append(
            [
                declaration.id,
                f"scans/{stem}.tif" if c.has_scan else "",
                f"photos/{stem}.png" if c.has_photo else "",
            ]
        )
        truth += [(declaration.id, 1, p.fraud, p.true_hsk, p.detail) for p in planted.get(c.index, [])]
    (room / "declarations.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return rows, truth


def _write_pictures(
    room: Path, everything: list[Consignment], rows: list[list[str]], seed: int, progress: Progress
) -> int:
    scans = [(c, row[1]) for c, row in zip(everything, rows, strict=True) if row[1]]
    shots = [(c, row[2]) for c, row in zip(everything, rows, strict=True) if row[2]]
    for done, (c, path) in enumerate(scans, start=1):
        pictures.write_scan(room / path, pictures.scan(c, _rng(seed, _SCANS, c.index)))
        progress("scans", done, len(scans))
    for done, (c, path) in enumerate(shots, start=1):
        photos.write_photo(room / path, photos.draw_photo(c.goods, _rng(seed, _PHOTOS, c.index)))
        progress("photos", done, len(shots))
    return len(scans)


def _rng(seed: int, *stream: int) -> np.random.Generator:
    return np.random.default_rng([seed, *stream])
