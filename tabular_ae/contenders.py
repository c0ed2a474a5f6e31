"""One contender of the bench in a process of its own, so that nobody's memory hides another's.

    python -m tabular_ae.contenders FOLDER NAME

FOLDER holds what `prepare_folder` wrote; the answer goes into FOLDER/NAME.json.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from customs.apart import peak_bytes
from customs.errors import CustomsError

if TYPE_CHECKING:
    from tabular_ae.rows import Rows
    from tabular_ae.scorer import TabularScorer

T = TypeVar("T")

OURS = {"flagship": "default", "proposal-a": "proposal-a"}
PEERS = ("pyod AutoEncoder", "pyod IForest", "pyod LOF")
NAMES = (*OURS, *PEERS)
PREPARE = "prepare"
# Scoring is repeated and the fastest run counts, unless it takes so long that noise cannot matter.
_RUNS, _LONG = 3, 10.0


@dataclass(frozen=True)
class Plan:
    """What every contender is given: seed of all of them, and `key=value` over our configurations."""

    seed: int = 0
    freight_unit: str | None = None
    overrides: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Timed:
    """Seconds on the clock, and of all cores together."""

    wall: float
    cpu: float

    def speed(self, windows: int) -> dict[str, float]:
        """Windows per second in all and for each core that was busy."""
        cores = max(self.cpu / self.wall, 1.0)
        return {
            "per_second": windows / self.wall,
            "cores_used": round(cores, 2),
            "per_second_per_core": windows / self.wall / cores,
        }


# -- what they share -------------------------------------------------------------------------------


def write_rows(folder: Path, rows: Rows, plan: Plan) -> None:
    """Keep the rows and the plan for the contenders."""
    columns = {f.name: getattr(rows, f.name) for f in dataclasses.fields(rows)}
    np.savez(
        folder / "rows.npz",
        **{name: c.astype(str) if c.dtype == object else c for name, c in columns.items()},
    )
    (folder / "plan.json").write_text(json.dumps(dataclasses.asdict(plan)), encoding="utf-8")


def _read_rows(folder: Path) -> Rows:
    from tabular_ae.rows import Rows

    with np.load(folder / "rows.npz", allow_pickle=False) as held:
        columns = {name: held[name] for name in held.files}
    return Rows(**{name: c.astype(object) if c.dtype.kind == "U" else c for name, c in columns.items()})


def _plan(folder: Path) -> Plan:
    return Plan(**json.loads((folder / "plan.json").read_text(encoding="utf-8")))


def _matrix(folder: Path, name: str) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = np.load(folder / f"{name}.npy", allow_pickle=False)
    return found


def prepare_folder(folder: Path) -> dict[str, Any]:
    """Write the flagship's windows as flat matrices: `learn.npy` of the rows it learns from, `all.npy`."""
    from tabular_ae.history import History
    from tabular_ae.inputs import prepare

    rows, config = _read_rows(folder), _config("default", _plan(folder).overrides)
    history = History(rows, memory=config.memory)
    inputs = prepare(history, rows, config.window)
    # as `train.fit` splits: the last share of the months calibrates
    months = np.unique(rows.month)
    start = months[-max(1, round(config.calibration_share * len(months)))]
    learn = (rows.month < start) & np.isfinite(inputs.level) & np.isfinite(inputs.unit[:, -1])
    flat = inputs.x.reshape(len(rows), -1)  # (n, window * channels)
    np.save(folder / "all.npy", flat)
    np.save(folder / "learn.npy", flat[learn])
    return {"window": config.window, "channels": inputs.x.shape[2], "learned_from": int(learn.sum())}


# -- ours ------------------------------------------------------------------------------------------


def _config(name: str, overrides: Mapping[str, str]) -> Any:
    from tabular_ae.presets import chosen

    # of both, so that a key which only one of them has is no error
    return next(p.config for p in chosen(tuple(OURS.values()), overrides) if p.name == name)


def _ours(folder: Path, name: str) -> dict[str, Any]:
    """Fit, score the panel end to end, then let the model alone score what it was shown once more."""
    from tabular_ae.data import Panel
    from tabular_ae.train import fit

    plan, config_name = _plan(folder), OURS[name]
    config = _config(config_name, plan.overrides)
    before = _after_imports()
    panel = Panel(_read_rows(folder), plan.freight_unit)
    scorer, fitted = _timed(lambda: fit(panel, config, seed=plan.seed))
    found, whole = _fastest(lambda: scorer.score_panel(panel.rows))
    peak = peak_bytes() - before
    windows, alone = _model_alone(scorer, panel.rows)
    return {
        "settings": f"configuration {config_name}, {getattr(config, 'epochs', '?')} epochs",
        "fit_seconds": fitted.wall,
        "rows": len(panel.rows),
        "scored": int(np.isfinite(found["surprise"]).sum()),
        "trained_to": scorer.figures["trained_to"],
        "model": alone.speed(windows),
        "end_to_end": whole.speed(len(panel.rows)),
        "peak_mb": peak / 2**20,
    }


def _model_alone(scorer: TabularScorer, rows: Rows) -> tuple[int, Timed]:
    """Windows and the time that the model takes for them once they and their features are ready."""
    from tabular_ae.flagship import Flagship

    history, price = scorer.history.with_rows(rows), scorer.price
    if isinstance(price, Flagship):
        inputs, seen = price.see(history, rows)
        _, spent = _fastest(lambda: price.odds(price.guess(inputs, seen), rows.log_unit))
        return len(rows), spent
    return _network_alone(scorer, rows)


def _network_alone(scorer: TabularScorer, rows: Rows) -> tuple[int, Timed]:
    """The batches that `score_panel` gives the proposal's network, caught once and run again."""
    import torch

    caught: list[tuple[torch.nn.Module, tuple[Any, ...]]] = []
    networks = [m for m in vars(scorer.price).values() if isinstance(m, torch.nn.Module)]
    hooks = [m.register_forward_pre_hook(lambda m, given: caught.append((m, given))) for m in networks]
    scorer.score_panel(rows)
    for hook in hooks:
        hook.remove()

    def again() -> None:
        with torch.inference_mode():
            for network, given in caught:
                network(*given)

    _, spent = _fastest(again)
    return max((_windows(caught, m) for m in networks), default=0), spent


def _windows(caught: list[tuple[Any, tuple[Any, ...]]], network: Any) -> int:
    return sum(len(given[0]) for m, given in caught if m is network)


# -- theirs ----------------------------------------------------------------------------------------


def _peer(folder: Path, name: str) -> dict[str, Any]:
    """Fit a PyOD detector with its library's defaults, then score every window."""
    detector, settings = _detector(name, _plan(folder).seed)
    before = _after_imports()
    learn, every = _matrix(folder, "learn"), _matrix(folder, "all")
    _, fitted = _timed(lambda: detector.fit(learn))
    scores, spent = _fastest(lambda: detector.decision_function(every))
    return {
        "settings": settings,
        "fit_seconds": fitted.wall,
        "rows": len(every),
        "scored": int(np.isfinite(scores).sum()),
        "model": spent.speed(len(every)),
        "end_to_end": None,  # PyOD has no features or calibration of its own to time
        "peak_mb": (peak_bytes() - before) / 2**20,
    }


def _detector(name: str, seed: int) -> tuple[Any, str]:
    if name == "pyod AutoEncoder":
        # on the CPU as everybody here, and without its bars; all else as PyOD sets it
        auto = _pyod("auto_encoder", "AutoEncoder")(random_state=seed, device="cpu", verbose=0)
        return auto, f"defaults, {auto.epoch_num} epochs"
    if name == "pyod IForest":
        forest = _pyod("iforest", "IForest")(random_state=seed)
        return forest, f"defaults, {forest.n_estimators} trees"
    lof = _pyod("lof", "LOF")()
    return lof, f"defaults, {lof.n_neighbors} neighbours"


def _pyod(module: str, name: str) -> Any:
    """PyOD is an extra: it may be absent, also where types are checked."""
    return getattr(importlib.import_module(f"pyod.models.{module}"), name)


# -- measuring -------------------------------------------------------------------------------------


def _after_imports() -> int:
    """`peak_bytes` once the libraries are there that load themselves on first use: they are nobody's data."""
    for library in ("pandas", "torch._dynamo"):  # torch's optimisers take the second
        importlib.import_module(library)
    return peak_bytes()


def _timed(work: Callable[[], T]) -> tuple[T, Timed]:
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    return done, Timed(max(time.perf_counter() - wall, 1e-9), time.process_time() - cpu)


def _fastest(work: Callable[[], T]) -> tuple[T, Timed]:
    done, best = _timed(work)
    for _ in range(_RUNS - 1):
        if best.wall < _LONG:
            best = min(best, _timed(work)[1], key=lambda t: t.wall)
    return done, best


def measure(folder: Path, name: str) -> dict[str, Any]:
    """Run one contender, or `prepare`, in this process."""
    if name == PREPARE:
        return prepare_folder(folder)
    return _ours(folder, name) if name in OURS else _peer(folder, name)


def main(folder: str, name: str) -> None:
    """Run one contender and write its answer, or what is wrong with the user's input."""
    try:
        found = measure(Path(folder), name)
    except CustomsError as error:
        found = {"problems": [dataclasses.asdict(problem) for problem in error.problems]}
    (Path(folder) / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
