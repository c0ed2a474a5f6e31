"""The product's photo branch: Fisher vectors with a linear classifier, blended with a small network.

Codes are those of the photos it was trained on, at the digits that the data give. Probabilities are
calibrated on photos held out; `novelty` says whether a photo is like any that was seen at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from customs.case import Photo
from customs.config import make_config
from customs.errors import InvalidValue
from customs.hs import HsCode
from customs.progress import Progress, silent
from hs_classifier.photo.familiar import Familiar
from hs_classifier.photo.fisher import Features, FisherCoder, principal_axes
from hs_classifier.photo.linear import Array, SoftmaxLine
from hs_classifier.photo.networks import PhotoConfig, PhotoNetwork
from hs_classifier.photo.pixels import Pixels, decode
from hs_classifier.photo.reading import PhotoSample
from hs_classifier.photo.splitting import hold_out
from hs_classifier.photo.training import fit_photo_network, network_log_probabilities

# Working size of photos, in pixels; also the largest side at which Fisher vectors read patches.
SIDE = 128
# Photos that the principal axes are found on, at most.
_ENOUGH = 4000
# Photos for each Gaussian of a mixture, at least.
_PHOTOS_A_GAUSSIAN = 16
# Photos encoded at once: their Fisher vectors take about 30 MB.
_CHUNK = 512


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What the branch says of photos that it learned nothing from, for calibrating what builds on it.

    rows: their numbers in the samples given. Temperature and blend were set on `tuned` of them.
    """

    rows: npt.NDArray[np.int64]
    log_probabilities: Array  # (n, codes)
    novelty: Array  # (n,)
    tuned: npt.NDArray[np.bool_]
    voices: Mapping[str, Array]  # (n, codes) of each voice, its own temperature set, and of the blend


class PhotoBranch:
    """Calibrated codes for photos."""

    def __init__(
        self,
        config: PhotoConfig,
        codes: tuple[HsCode, ...],
        *,
        coder: FisherCoder | None,
        centre: Features | None,
        axes: Features | None,
        line: SoftmaxLine | None,
        network: PhotoNetwork | None,
        network_weight: float,
        temperature: float,
        familiar: Familiar | None,
        usual: Array,
        figures: Mapping[str, float] | None = None,
        held: HeldOut | None = None,
        device: str = "cpu",
    ) -> None:
        self.config, self.codes, self.device = config, codes, device
        self.coder, self.centre, self.axes, self.line = coder, centre, axes, line
        self.network, self.network_weight, self.temperature = network, network_weight, temperature
        self.familiar, self.usual = familiar, usual
        self.figures = dict(figures or {})
        self.held = held

    @classmethod
    def fit(
        cls,
        samples: Sequence[PhotoSample],
        config: PhotoConfig | None = None,
        *,
        held: Sequence[int] | None = None,
        seed: int = 0,
        device: str = "cpu",
        progress: Progress = silent,
    ) -> Self:
        """Train on photos with their codes.

        held: numbers of the samples to hold out; otherwise a share is drawn by group.
        `InvalidValue` for fewer than two codes or ten photos, `UnreadableFile` naming a broken photo.
        """
        config = config or PhotoConfig()
        codes = tuple(sorted({s.code for s in samples}))
        if len(codes) < 2 or len(samples) < 10:
            raise InvalidValue(
                f"{len(samples)} photos of {len(codes)} codes are too few to learn from",
                field="photos",
                remedy="give at least ten photos of two codes",
            )
        targets = np.array([codes.index(s.code) for s in samples], dtype=np.int64)
        out = hold_out(samples, config.holdout, seed=seed) if held is None else np.sort(np.array(held))
        kept = np.setdiff1d(np.arange(len(samples)), out)
        pixels = decode([s.photo for s in samples], SIDE, progress)

        coder, centre, axes, described = _look(pixels, kept, config, seed, progress)
        branch = cls(
            config,
            codes,
            coder=coder,
            centre=centre,
            axes=axes,
            line=None,
            network=None,
            network_weight=0.0,
            temperature=1.0,
            familiar=None,
            usual=np.empty(0),
            device=device,
        )
        if config.network and (coder is None or len(kept) >= config.network_from):
            branch.network = fit_photo_network(
                pixels[kept],
                targets[kept],
                len(codes),
                config,
                seed=seed,
                device=device,
                progress=progress,
            )
        rest = np.setdiff1d(np.arange(len(samples)), _some(kept, seed)) if coder is not None else None
        features = branch._features(pixels if rest is None else pixels[rest])
        if coder is not None:
            assert rest is not None
            assert described is not None
            # most photos were encoded to find the axes; each is encoded once
            together = np.empty((len(samples), features.shape[1]), dtype=np.float32)
            together[rest], together[_some(kept, seed)] = features, described
            features = together
            branch.line = SoftmaxLine.fit(features[kept], targets[kept], len(codes), config.penalty)
        branch.familiar = Familiar.fit(features[kept], targets[kept])
        branch._tune(pixels[out], features[out], targets[out], out)
        return branch

    def log_probabilities(self, photos: Sequence[Path | Photo]) -> Array:
        """(n, codes) calibrated log-probabilities."""
        return self.look(photos)[0]

    def novelty(self, photos: Sequence[Path | Photo]) -> Array:
        """(n,) from 0 to 1: the share of photos held out that were more like the training photos.

        Near 1 the photo is like nothing seen, and its probabilities mean nothing.
        """
        return self.look(photos)[1]

    def look(self, photos: Sequence[Path | Photo]) -> tuple[Array, Array]:
        """`log_probabilities` and `novelty` in one pass."""
        spoken, strange = [np.empty((0, len(self.codes)))], [np.empty(0)]
        for begin in range(0, len(photos), _CHUNK):
            pixels = decode(photos[begin : begin + _CHUNK], SIDE)
            features = self._features(pixels)
            spoken.append(self._blend(self._voices(pixels, features), self.network_weight, self.temperature))
            strange.append(self._strange(features))
        return np.concatenate(spoken), np.concatenate(strange)

    def _voices(self, pixels: Pixels, features: Features) -> dict[str, Array]:
        found: dict[str, Array] = {}
        if self.line is not None:
            found["fisher"] = self.line(features)
        if self.network is not None:
            found["network"] = network_log_probabilities(self.network, pixels, self.device)
        return found

    @staticmethod
    def _blend(voices: dict[str, Array], weight: float, temperature: float) -> Array:
        """Log-linear: the voices' log-probabilities are averaged, sharpened and normalised."""
        shares = {"fisher": 1 - weight, "network": weight} if len(voices) == 2 else dict.fromkeys(voices, 1.0)
        logits = sum((shares[name] * said for name, said in voices.items()), start=np.zeros(1)) / temperature
        logits = logits - logits.max(axis=1, keepdims=True)
        return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))

    def _features(self, pixels: Pixels) -> Features:
        """(n, components), on which the linear classifier and novelty work."""
        found: list[Features] = []
        for begin in range(0, len(pixels), _CHUNK):
            part = pixels[begin : begin + _CHUNK]
            if self.coder is not None:
                assert self.centre is not None
                assert self.axes is not None
                found.append(_along(self.coder(part) - self.centre, self.axes))
            else:
                assert self.network is not None
                found.append(_network_features(self.network, part, self.device))
        return np.concatenate(found)

    def _strange(self, features: Features) -> Array:
        assert self.familiar is not None
        return np.searchsorted(self.usual, self.familiar.distance(features)) / (len(self.usual) + 1)

    def _tune(
        self,
        pixels: Pixels,
        features: Features,
        targets: npt.NDArray[np.int64],
        rows: npt.NDArray[np.int64],
    ) -> None:
        """Set the blend and the temperature on half of what was held out; report on the other half."""
        voices = self._voices(pixels, features)
        tuned = np.arange(len(rows)) % 2 == 0

        def fitted(voices: dict[str, Array], weights: Sequence[float]) -> tuple[float, float]:
            """Weight and temperature that make the truths likeliest."""
            best = (np.inf, 0.0, 1.0)
            for weight in weights:
                for temperature in np.geomspace(0.3, 3.0, 24).tolist():
                    said = self._blend(voices, weight, temperature)[tuned]
                    loss = -float(said[np.arange(len(said)), targets[tuned]].mean())
                    best = min(best, (loss, weight, temperature))
            return best[1:]

        weights = np.linspace(0, 1, 11).tolist() if len(voices) == 2 else [0.0]
        self.network_weight, self.temperature = fitted(voices, weights)
        assert self.familiar is not None
        self.usual = np.sort(self.familiar.distance(features))
        log_p = self._blend(voices, self.network_weight, self.temperature)
        alone = {
            name: self._blend({name: said}, 0.0, fitted({name: said}, [0.0])[1])
            for name, said in voices.items()
        }
        said_by = {**alone, "blend": log_p}
        self.held = HeldOut(rows, log_p, self._strange(features), tuned, said_by)
        self.figures = {"photos_held_out": float(len(rows)), "network_weight": self.network_weight}
        for name, said in said_by.items():
            right = said[~tuned].argmax(axis=1) == targets[~tuned]
            self.figures[f"held_out.{name}.top1"] = round(float(right.mean()), 4)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Everything fitted, for `ArtefactWriter.tensors`."""
        assert self.familiar is not None
        found: dict[str, npt.NDArray[Any]] = {"usual": self.usual}
        found |= {"familiar.whitening": self.familiar.whitening, "familiar.means": self.familiar.means}
        if self.coder is not None and self.line is not None:
            assert self.centre is not None
            assert self.axes is not None
            found |= {f"coder.{name}": value for name, value in self.coder.tensors().items()}
            found |= {"centre": self.centre, "axes": self.axes.astype(np.float16)}
            found |= {"line.weight": self.line.weight, "line.bias": self.line.bias}
        if self.network is not None:
            state = self.network.state_dict()
            found |= {f"network.{name}": value.cpu().numpy() for name, value in state.items()}
        return found

    def facts(self) -> dict[str, Any]:
        """Everything else, for `ArtefactWriter.document`."""
        return {
            "config": dataclasses.asdict(self.config),
            "codes": [code.digits for code in self.codes],
            "network_weight": self.network_weight,
            "temperature": self.temperature,
            "figures": self.figures,
        }

    @classmethod
    def restore(
        cls, tensors: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any], device: str = "cpu"
    ) -> Self:
        """The branch whose `tensors` and `facts` these are; `held` is not kept."""
        import torch

        config = make_config(PhotoConfig, facts["config"])
        codes = tuple(HsCode(digits) for digits in facts["codes"])

        def under(prefix: str) -> dict[str, npt.NDArray[Any]]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        network = None
        if state := under("network."):
            network = PhotoNetwork(dataclasses.replace(config, pretrained="none"), len(codes))
            network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
            network.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        coder = under("coder.")
        return cls(
            config,
            codes,
            coder=FisherCoder.restore(coder) if coder else None,
            centre=tensors.get("centre"),
            axes=tensors["axes"].astype(np.float32) if coder else None,
            line=SoftmaxLine(tensors["line.weight"], tensors["line.bias"]) if coder else None,
            network=network,
            network_weight=facts["network_weight"],
            temperature=facts["temperature"],
            familiar=Familiar(tensors["familiar.whitening"], tensors["familiar.means"]),
            usual=tensors["usual"],
            figures=facts["figures"],
            device=device,
        )


def _look(
    pixels: Pixels, kept: npt.NDArray[np.int64], config: PhotoConfig, seed: int, progress: Progress
) -> tuple[FisherCoder | None, Features | None, Features | None, Features | None]:
    """The coder, the mean and principal axes of its vectors, and the photos that these were found on.

    Axes are scaled so that photos have a length of about one, and as coarse as they will be stored.
    """
    if config.gaussians == 0:
        if not config.network:
            raise InvalidValue(
                "neither Fisher vectors nor a network is asked for",
                field="config.gaussians",
                remedy="set gaussians to 64, or network to small",
            )
        return None, None, None, None
    # few photos do not fill many Gaussians
    gaussians = min(config.gaussians, max(len(kept) // _PHOTOS_A_GAUSSIAN, 4))
    coder = FisherCoder.fit(pixels[kept], gaussians, seed=seed, progress=progress)
    some = _some(kept, seed)
    vectors = np.empty((len(some), coder.width), dtype=np.float32)
    for i in range(0, len(some), _CHUNK):
        vectors[i : i + _CHUNK] = coder(pixels[some[i : i + _CHUNK]])
        progress("describing photos", min(i + _CHUNK, len(some)), len(some))
    centre, axes = principal_axes(vectors, config.components, seed=seed)
    axes /= np.float32(np.sqrt((((vectors - centre) @ axes) ** 2).sum(axis=1).mean()))
    axes = axes.astype(np.float16).astype(np.float32)
    return coder, centre, axes, _along(vectors - centre, axes)


def _network_features(network: PhotoNetwork, pixels: Pixels, device: str) -> Features:
    import torch

    from hs_classifier.photo.augment import plain

    with torch.inference_mode():
        parts = [
            network.features(plain(pixels[i : i + 64], network.config.side, device)).cpu().numpy()
            for i in range(0, len(pixels), 64)
        ]
    return np.concatenate(parts)


def _some(rows: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    return np.sort(np.random.default_rng(seed).permutation(rows)[:_ENOUGH])


def _along(vectors: Features, axes: Features) -> Features:
    return (vectors @ axes).astype(np.float32, copy=False)
