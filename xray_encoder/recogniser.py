"""Which code a scan resembles, of all codes known: a forest over the packing features and the backbone.

Both learn from all folds but one, so that every clean scan can be judged by a pair that never saw it; a new
scan is judged by the mean of all pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from customs.progress import Progress, silent
from xray_encoder.forest import Forest
from xray_encoder.learn import learn, pretrain
from xray_encoder.model import Backbone, XrayConfig, as_input

_FLOOR = 1e-3  # probability: a forest of few trees cannot rule anything out
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pair:
    """One fold's forest and backbone; `backbone` None where the configuration has none."""

    forest: Forest
    backbone: Backbone | None

    def __call__(self, x: npt.NDArray, crop: npt.NDArray[np.float32], device: str = "cpu") -> Vector:
        """Log probability of each code, up to a constant: (codes,); crop: see `model.crops`."""
        trees = np.log(self.forest(x) + _FLOOR)
        if self.backbone is None:
            return np.asarray(trees)
        self.backbone.eval()
        with torch.inference_mode():
            logits = self.backbone(as_input(torch.from_numpy(crop)[None]).to(device))[0].cpu()
        return np.asarray((trees + torch.log_softmax(logits.double(), 0).numpy()) / 2)


@dataclass(frozen=True, eq=False)
class Recogniser:
    """codes: known, sorted; pairs: one for each fold; temperature: of held-out scans, see `ranking`."""

    kinds: tuple[str, ...]
    codes: tuple[str, ...]
    pairs: tuple[Pair, ...]
    temperature: float = 1.0

    @classmethod
    def fit(
        cls,
        x: npt.NDArray,
        a: npt.NDArray[np.float32],
        codes: Sequence[str],
        kinds: Sequence[str],
        folds: Sequence[Sequence[int]],
        config: XrayConfig,
        *,
        unlabelled: npt.NDArray[np.float32] | None = None,
        seed: int = 0,
        device: str = "cpu",
        progress: Progress = silent,
    ) -> Recogniser:
        """x (scans, features) and a (scans, 2, rows, columns) of every scan; each fold is left out once."""
        known = sorted(set(codes))
        at = {code: i for i, code in enumerate(known)}
        pairs = []
        for n, fold in enumerate(folds):
            rest = np.setdiff1d(np.arange(len(x)), fold)
            forest = _aligned(
                Forest.fit(x[rest], [codes[i] for i in rest], trees=config.trees, seed=seed + n), known
            )
            backbone = None
            if config.backbone and config.epochs > 0:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(seed + n)
                    backbone = Backbone(config, len(known)).to(device)
                seen = a[rest] if unlabelled is None else np.concatenate([a[rest], unlabelled])
                pretrain(backbone, seen, seed=seed + n, device=device, progress=progress)
                learn(
                    backbone,
                    a[rest],
                    [at[codes[i]] for i in rest],
                    seed=seed + n,
                    device=device,
                    progress=progress,
                )
            pairs.append(Pair(forest, backbone))
        return cls(tuple(sorted(set(kinds))), tuple(known), tuple(pairs))

    def __call__(self, x: npt.NDArray, crop: npt.NDArray[np.float32], device: str = "cpu") -> Vector:
        """Mean over the pairs of the log probability of each code: (codes,)."""
        return np.asarray(np.mean([pair(x, crop, device) for pair in self.pairs], axis=0))

    def held_out(
        self,
        x: npt.NDArray,
        a: npt.NDArray[np.float32],
        codes: Sequence[str],
        folds: Sequence[Sequence[int]],
        device: str = "cpu",
    ) -> Vector:
        """Log probabilities (scans, codes) of each scan by the pair that never saw it.

        NaN where that pair never saw the scan's code either: it could not have known it.
        """
        out = np.full((len(x), len(self.codes)), np.nan)
        for pair, fold in zip(self.pairs, folds, strict=True):
            left = set(fold)
            seen = {code for i, code in enumerate(codes) if i not in left}
            for i in fold:
                if codes[i] in seen:
                    out[i] = pair(x[i], a[i], device)
        return out

    def ranking(self, logs: Vector) -> tuple[tuple[str, float], ...]:
        """Headings by probability, best first; the likeliest code speaks for its heading."""
        best: dict[str, float] = {}
        for code, value in zip(self.codes, logs, strict=True):
            best[code[:4]] = max(best.get(code[:4], -np.inf), float(value))
        score = np.asarray(list(best.values())) / self.temperature
        weight = np.exp(score - score.max())
        weight /= weight.sum()
        names = list(best)
        return tuple((names[i], float(weight[i])) for i in np.argsort(-weight, kind="stable"))

    def gap(self, logs: Vector, declared: str, group: str) -> float:
        """By how much the likeliest other heading is likelier than the declared group's likeliest code."""
        own = max(float(v) for c, v in zip(self.codes, logs, strict=True) if c.startswith(group))
        rival = max(
            (
                float(v)
                for c, v in zip(self.codes, logs, strict=True)
                if not c.startswith(group) and c[:4] != declared[:4]
            ),
            default=own,
        )
        return rival - own

    def tensors(self) -> dict[str, npt.NDArray]:
        """For the artefact."""
        out: dict[str, npt.NDArray] = {}
        for n, pair in enumerate(self.pairs):
            out |= {f"{n}/forest/{name}": value for name, value in pair.forest.tensors().items()}
            if pair.backbone is not None:
                state = pair.backbone.state_dict()
                out |= {f"{n}/backbone/{name}": v.detach().cpu().numpy() for name, v in state.items()}
        return out

    def about(self) -> dict[str, Any]:
        """What is not an array."""
        return {
            "kinds": list(self.kinds),
            "codes": list(self.codes),
            "pairs": len(self.pairs),
            "temperature": self.temperature,
            "backbone": any(pair.backbone is not None for pair in self.pairs),
        }

    @classmethod
    def read(
        cls, tensors: Mapping[str, npt.NDArray], about: Mapping[str, Any], config: XrayConfig
    ) -> Recogniser:
        """Restore exactly."""
        pairs = []
        for n in range(about["pairs"]):
            forest = Forest.read(_under(tensors, f"{n}/forest/"), {"codes": about["codes"]})
            backbone = None
            if about["backbone"]:
                import dataclasses

                backbone = Backbone(dataclasses.replace(config, weights=""), len(about["codes"]))
                state = _under(tensors, f"{n}/backbone/")
                backbone.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
                backbone.eval()
            pairs.append(Pair(forest, backbone))
        return cls(tuple(about["kinds"]), tuple(about["codes"]), tuple(pairs), about["temperature"])


def best_temperature(recogniser: Recogniser, logs: Vector, codes: Sequence[str]) -> float:
    """The temperature under which held-out scans find their true heading likeliest; NaN are left out."""
    spoke = [i for i in range(len(logs)) if np.isfinite(logs[i]).all()]
    headings = sorted({code[:4] for code in recogniser.codes})
    columns = [[k for k, code in enumerate(recogniser.codes) if code[:4] == h] for h in headings]
    best = np.stack([logs[spoke][:, c].max(axis=1) for c in columns], axis=1)
    truth = [headings.index(codes[i][:4]) for i in spoke]
    found, value = 1.0, -np.inf
    for temperature in np.geomspace(0.25, 4.0, 25):
        scaled = best / temperature
        total = float((scaled[np.arange(len(spoke)), truth] - np.logaddexp.reduce(scaled, axis=1)).sum())
        if total > value:
            found, value = float(temperature), total
    return found


def _aligned(forest: Forest, known: Sequence[str]) -> Forest:
    """The same forest with a column for every known code; a code that the fold lacked has none."""
    import dataclasses

    share = np.zeros((len(forest.share), len(known)), dtype=np.float16)
    share[:, [list(known).index(code) for code in forest.codes]] = forest.share
    return dataclasses.replace(forest, codes=tuple(known), share=share)


def _under(tensors: Mapping[str, npt.NDArray], prefix: str) -> dict[str, npt.NDArray]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
