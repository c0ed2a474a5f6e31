"""One part of the bench in a process of its own, so that nobody's memory hides another's.

    python -m xray_encoder.contenders FOLDER NAME

FOLDER holds what `write_plan` and `write_pictures` wrote; the answer goes into FOLDER/NAME.json.
"""

from __future__ import annotations

import dataclasses
import importlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from customs.apart import peak_bytes
from customs.errors import CustomsError, InvalidValue

if TYPE_CHECKING:
    from customs.case import Case
    from customs.declaration import Declaration
    from customs.scan import Scan
    from xray_encoder.scorer import XrayScorer
    from xray_encoder.search import Entry

OURS, ASKING = "portcullis", "portcullis asked"
PATCHCORE = "PatchCore"
SEARCH, SIMULATOR = "search", "simulator"
NAMES = (OURS, PATCHCORE, SEARCH, SIMULATOR)
SHAPE = (800, 2000)  # rows, columns of the pictures that are asked about
_FACES = "pictures"


@dataclass(frozen=True)
class Plan:
    """What every part is given.

    data: worlds and folders of scans; pictures: how many are asked about; rows: references to search in;
    seconds: for which the simulator runs; overrides: `key=value` over our configuration.
    """

    data: Sequence[str]
    seed: int = 0
    pictures: int = 24
    rows: int = 100_000
    seconds: float = 5.0
    threads: int = 1
    overrides: Mapping[str, str] = dataclasses.field(default_factory=dict)


# -- what they share -------------------------------------------------------------------------------


def write_plan(folder: Path, plan: Plan) -> None:
    """Keep the plan for the parts."""
    (folder / "plan.json").write_text(json.dumps(dataclasses.asdict(plan)), encoding="utf-8")


def write_pictures(folder: Path, plan: Plan, world: Path) -> int:
    """Keep scans under review of a world as pictures of `SHAPE`; how many there are."""
    from customs.world import World
    from xray_encoder.reading import read_scan

    (folder / _FACES).mkdir()
    rng = np.random.default_rng(plan.seed)
    count = 0
    for declaration, path, _ in World.open(world).cases("review"):
        if path is None or count == plan.pictures:
            continue
        scan = read_scan(Path(path).read_bytes(), name=Path(path).name)
        stem = folder / _FACES / f"{count:04d}"
        stem.with_suffix(".tif").write_bytes(enlarged(scan, SHAPE, rng))
        stem.with_suffix(".json").write_text(declaration.model_dump_json(), encoding="utf-8")
        count += 1
    if not count:
        raise InvalidValue(
            f"{world.name} has no scan under review", field="data", remedy="give a world made with scans"
        )
    return count


def enlarged(scan: Scan, shape: tuple[int, int], rng: np.random.Generator) -> bytes:
    """The same scan as a TIFF of another size: a page of 16 bits for each energy, with noise of its own."""
    import tifffile
    from scipy import ndimage

    rows, columns = scan.height, scan.width
    pitch = scan.pixel_pitch_m or (0.02, 0.02)
    note = {
        "energies": list(scan.energies),
        "pixel_pitch_m": [pitch[0] * rows / shape[0], pitch[1] * columns / shape[1]],
        "scanner": scan.scanner,
        "view": scan.view,
    }
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for number, plane in enumerate(scan.transmission):
            large = ndimage.zoom(plane, (shape[0] / rows, shape[1] / columns), order=1)
            large += np.sqrt(np.maximum(large, 0) / 2.5e5) * rng.standard_normal(large.shape)
            writer.write(
                np.clip(np.rint(large * 65535.0), 0, 65535).astype(np.uint16),
                photometric="minisblack",
                description=json.dumps(note) if number == 0 else "",
                metadata=None,
                software="",
                contiguous=False,
            )
    return file.getvalue()


def _plan(folder: Path) -> Plan:
    return Plan(**json.loads((folder / "plan.json").read_text(encoding="utf-8")))


def _pictures(folder: Path) -> list[tuple[bytes, Declaration]]:
    from customs.declaration import Declaration

    return [
        (path.read_bytes(), Declaration.model_validate_json(path.with_suffix(".json").read_bytes()))
        for path in sorted((folder / _FACES).glob("*.tif"))
    ]


def _case(declaration: Declaration, scan: Scan) -> Case:
    from customs.case import Case
    from xray_encoder.data import main_line

    return Case.of(declaration, scan=scan)[main_line(declaration.lines) or 0]


# -- ours ------------------------------------------------------------------------------------------


def _train(folder: Path, plan: Plan) -> dict[str, Any]:
    """Train on the data and write the model."""
    from xray_encoder.train import train

    _import_all()
    start = time.perf_counter()
    figures = train([Path(p) for p in plan.data], folder / "model", overrides=plan.overrides, seed=plan.seed)
    seconds = time.perf_counter() - start
    size = sum(f.stat().st_size for f in (folder / "model").iterdir())
    return {
        "settings": ", ".join(f"{k}={v}" for k, v in plan.overrides.items()) or "default configuration",
        "scans": figures["scans"],
        "fit_seconds": seconds,
        "fit_peak_mb": peak_bytes() / 2**20,
        "artefact_mb": size / 2**20,
    }


def _ask(folder: Path, plan: Plan) -> dict[str, Any]:
    """Read the model in a fresh process and judge pictures from bytes to evidence, and each stage alone."""
    from xray_encoder.look import look_at
    from xray_encoder.reading import find_container, read_scan
    from xray_encoder.scorer import XrayScorer

    start = time.perf_counter()
    scorer = XrayScorer.load(folder / "model")
    load_seconds = time.perf_counter() - start
    pictures = _pictures(folder)
    whole, read, crop, look, judge = ([] for _ in range(5))
    spoke = 0
    _judge(scorer, *pictures[0])  # what loads itself on first use belongs to no picture
    cpu = time.process_time()
    for data, declaration in pictures:
        seconds, evidence = _timed(_judge, scorer, data, declaration)
        whole.append(seconds)
        spoke += sum(e.p_value is not None for e in evidence)
    cpu = time.process_time() - cpu
    for data, declaration in pictures:
        seconds, scan = _timed(read_scan, data)
        read.append(seconds)
        crop.append(_timed(find_container, scan)[0])
        look.append(_timed(look_at, scan)[0])
        judge.append(_timed(scorer.score, [_case(declaration, scan)])[0])
    patches: Any = getattr(scorer.parts, "patches", None)
    return {
        **_speed(whole),
        "stages_ms": {
            "read": _median_ms(read),
            "container": _median_ms(crop),
            "measures": max(_median_ms(look) - _median_ms(crop), 0.0),
            "checks": max(_median_ms(judge) - _median_ms(look), 0.0),
        },
        "cpu_ms": cpu / len(pictures) * 1e3,  # of all cores together: what a busy machine does not change
        "load_seconds": load_seconds,
        "evidence_per_scan": spoke / len(pictures),
        "peak_mb": peak_bytes() / 2**20,
        "patch_bank_mb": _megabytes(patches.tensors()) if hasattr(patches, "tensors") else None,
    }


def _judge(scorer: XrayScorer, data: bytes, declaration: Declaration) -> Sequence[Any]:
    from xray_encoder.reading import read_scan

    return scorer.score([_case(declaration, read_scan(data))])[0]


# -- beside ----------------------------------------------------------------------------------------


def _patchcore(folder: Path, plan: Plan) -> dict[str, Any]:
    """Fit PatchCore on the same references; then the same pictures from bytes to a score and a map."""
    from xray_encoder.data import find_examples
    from xray_encoder.holdout import Reference
    from xray_encoder.look import look_at
    from xray_encoder.reading import read_scan
    from xray_encoder.rivals.cnn import EPOCHS, PlainCnn
    from xray_encoder.rivals.patches import PatchCore

    _import_all()
    epochs = int(plan.overrides.get("epochs", EPOCHS))
    start = time.perf_counter()
    references = [
        Reference(look_at(e.read()), e.code, e.gross_kg) for e in find_examples([Path(p) for p in plan.data])
    ]
    network = PlainCnn.fit(references, plan.seed, epochs=epochs)
    rival = PatchCore.fit(references, plan.seed, network=network)
    seconds = time.perf_counter() - start
    kept = [m for m in rival.memories.values() if hasattr(m, "numel")]

    def judge(data: bytes, declaration: Declaration) -> float:
        case = _case(declaration, read_scan(data))
        assert case.scan is not None
        return rival.inserted(look_at(case.scan), case.declared.digits if case.declared else "")[0]

    pictures = _pictures(folder)
    judge(*pictures[0])
    whole, alone = [], []
    for data, declaration in pictures:
        whole.append(_timed(judge, data, declaration)[0])
        look, code = look_at(read_scan(data)), _case(declaration, read_scan(data)).declared
        alone.append(_timed(rival.inserted, look, code.digits if code else "")[0])
    return {
        "settings": f"{rival.engine}, {network.backbone}, our reading and crop",
        "scans": len(references),
        "fit_seconds": seconds,
        **_speed(whole),
        "model_ms": _median_ms(alone),
        "patch_bank_mb": sum(m.numel() * m.element_size() for m in kept) / 2**20,
        "peak_mb": peak_bytes() / 2**20,
    }


def _search(folder: Path, plan: Plan) -> dict[str, Any]:
    """The nearest ten of many references: of all, of a chapter, of a large importer and of a rare one."""
    from xray_encoder.search import Bank, Neighbour

    rng = np.random.default_rng(plan.seed)
    x, entries = made_up_references(plan.rows, rng)
    start = time.perf_counter()
    bank = Bank.fit(x, entries, cap=max(plan.rows + 1, 1))
    fit_seconds = time.perf_counter() - start
    start = time.perf_counter()
    bank = bank.added(x[:1] + 0.01, [dataclasses.replace(entries[0], id="new")])
    added = time.perf_counter() - start
    asked: dict[str, dict[str, Any]] = {
        "all": {},
        "chapter": {"hs": "03"},
        "large importer": {"importer": "importer 1"},
        "rare importer": {"importer": "rare"},
        "lot": {"lot": entries[5].lot},
        "code and importer": {"hs": entries[0].code, "importer": entries[0].importer},
    }

    def ask(query: npt.NDArray, filters: Mapping[str, Any]) -> list[Neighbour]:
        return bank.nearest(query, 10, **filters)

    found = {}
    for name, filters in asked.items():
        bank.nearest(x[0], 10, **filters)
        times = [_timed(ask, x[i], filters)[0] for i in range(50)]
        answers = len(bank.nearest(x[1], 10, **filters))
        found[name] = {"p50": _median_ms(times), "p95": _quantile_ms(times, 0.95), "answers": answers}
    return {
        "references": plan.rows,
        "width": x.shape[1],
        "fit_seconds": fit_seconds,
        "add_ms": added * 1e3,
        "ms": found,
        "bank_mb": bank.nbytes / 2**20,
        "bytes_per_reference": bank.nbytes / len(bank),
    }


def made_up_references(n: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.float64], list[Entry]]:
    """Feature vectors (n, 128) of 240 codes, and whose they are: a few importers have most of them."""
    from xray_encoder.search import Entry

    codes = [f"{2 + i % 12:02d}{1 + i // 12:02d}{i % 7}0{i % 3}000" for i in range(240)]
    of = rng.integers(len(codes), size=n)
    x = rng.normal(size=(len(codes), 128))[of] + 0.4 * rng.normal(size=(n, 128))
    importer = np.minimum(rng.zipf(1.5, size=n), 5_000)
    entries = [
        Entry(
            id=f"D{i:08d}",
            code=codes[of[i]],
            importer="rare" if i % (n // 3 + 1) == 2 else f"importer {importer[i]}",
            lot=f"lot {i // 3}",
            kind="16-bit",
            date=f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}",
        )
        for i in range(n)
    ]
    return x, entries


def _simulate(folder: Path, plan: Plan) -> dict[str, Any]:
    """Two-energy scans of loaded 40-foot reefers, from goods to grey levels, a process for each thread."""
    import multiprocessing

    # a process for each thread is given one: small products shared out among threads wait for each other
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    seeds = [(plan.seconds, plan.seed + i) for i in range(plan.threads)]
    with multiprocessing.get_context("spawn").Pool(plan.threads) as pool:
        speeds = pool.starmap(_scans_per_second, seeds, chunksize=1)
    rows, columns = _simulated_shape()
    return {
        "rows": rows,
        "columns": columns,
        "processes": plan.threads,
        "per_second": float(sum(speeds)),
        "peak_mb": peak_bytes() / 2**20,
    }


def _scans_per_second(seconds: float, seed: int) -> float:
    from customs.physics.speed import scans_per_second

    return scans_per_second(seconds, seed)


def _simulated_shape() -> tuple[int, int]:
    from customs.physics import speed
    from customs.physics.container import CONTAINERS

    rows, columns = CONTAINERS["reefer40"].grid_at(speed._PITCH_M).shape
    return int(rows), int(columns)


# -- measuring -------------------------------------------------------------------------------------


def _import_all() -> None:
    """Libraries that load themselves on first use: nobody's training."""
    for library in ("pandas", "timm", "torch._dynamo"):
        importlib.import_module(library)


def _timed(work: Callable[..., Any], *given: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    done = work(*given)
    return time.perf_counter() - start, done


def _speed(seconds: Sequence[float]) -> dict[str, Any]:
    return {
        "one_ms": {"p50": _median_ms(seconds), "p95": _quantile_ms(seconds, 0.95)},
        "per_second": len(seconds) / max(sum(seconds), 1e-9),
    }


def _median_ms(seconds: Sequence[float]) -> float:
    return _quantile_ms(seconds, 0.5)


def _quantile_ms(seconds: Sequence[float], share: float) -> float:
    return float(np.quantile(seconds, share) * 1e3)


def _megabytes(arrays: Mapping[str, npt.NDArray]) -> float:
    return sum(a.nbytes for a in arrays.values()) / 2**20


PARTS: Mapping[str, Callable[[Path, Plan], dict[str, Any]]] = {
    OURS: _train,
    ASKING: _ask,
    PATCHCORE: _patchcore,
    SEARCH: _search,
    SIMULATOR: _simulate,
}


def main(folder: str, name: str) -> None:
    """Run one part and write its answer, or what is wrong with the user's input."""
    try:
        found = PARTS[name](Path(folder), _plan(Path(folder)))
    except CustomsError as error:
        found = {"problems": [dataclasses.asdict(problem) for problem in error.problems]}
    (Path(folder) / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
