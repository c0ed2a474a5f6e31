"""A transformer branch: any text encoder that `transformers` reads, pooled, with a softmax over codes.

A trained branch carries encoder, tokenizer and head, so that its artefact is loaded without folder and
network.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from customs.config import make_config
from customs.errors import CustomsError, DamagedArtefact
from customs.progress import Progress, silent
from hs_classifier.codes import Array, CodeTree
from hs_classifier.encoder import SCRATCH, TransformerConfig, first_line, load_encoder, make_encoder, quiet
from hs_classifier.network import Runs, path_loss

if TYPE_CHECKING:
    from customs.artefact import Artefact, ArtefactWriter

# Texts a forward pass answers at once.
_CHUNK = 64


class TransformerClassifier(nn.Module):
    """Logits over ten-digit codes: encoder, pooling over tokens, dropout, one linear layer."""

    def __init__(self, config: TransformerConfig, encoder: nn.Module, codes: int) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(int(encoder.config.hidden_size), codes)  # type: ignore[union-attr, arg-type]

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(texts, longest) token ids and which of them are text, to (texts, width)."""
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state  # (texts, longest, width)
        if self.config.pooling == "first":
            return states[:, 0]
        share = mask[:, :, None].to(states.dtype)  # (texts, longest, 1)
        return (states * share).sum(dim=1) / share.sum(dim=1)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(texts, codes) logits."""
        return self.head(self.dropout(self.pooled(ids, mask)))


class TransformerBranch:
    """A trained classifier with its tokenizer."""

    def __init__(
        self,
        config: TransformerConfig,
        model: TransformerClassifier,
        tokenizer: Any,
        pad: int,
        device: str = "cpu",
    ) -> None:
        self.config = config
        self.model = model.to(device).eval()
        self.tokenizer = tokenizer  # a `tokenizers.Tokenizer`
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(config.max_tokens)
        self.pad = pad
        self.device = device

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        targets: npt.NDArray[np.int64],
        tree: CodeTree,
        config: TransformerConfig,
        *,
        seed: int,
        device: str = "cpu",
        progress: Progress = silent,
    ) -> Self:
        """Train on texts and their leaves of the tree.

        Loss and pace are the BLSTM's: −log p at 2, 4, 6 and 10 digits under `level_weights`; a short warm-up,
        then rates that fall to zero. Raises `InvalidConfig` with the field `config.transformer.…` where the
        encoder cannot be had or cannot be used.
        """
        rng = np.random.default_rng(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder, tokenizer, pad = (
                make_encoder(texts, config) if config.name_or_path == SCRATCH else load_encoder(config)
            )
            model = TransformerClassifier(config, encoder, len(tree))
            branch = cls(config, model, tokenizer, pad, device)
            tokens = branch._tokens(texts)
            # a fixed encoder says the same in every epoch: asked once, (texts, width)
            features = None if config.tune else branch._features(tokens, progress)
            model.encoder.requires_grad_(config.tune)
            model.train()
            optimiser = torch.optim.AdamW(_groups(model, config))
            runs = Runs.of(tree)
            # a small corpus takes smaller batches, so that an epoch still has about a hundred steps
            size = min(config.batch, max(16, len(texts) // 100))
            steps = config.epochs * -(-len(texts) // size)
            step = 0
            for _ in range(config.epochs):
                for rows in _batches(tokens, size, rng):
                    pace = min((step + 1) / (0.1 * steps + 1), (steps - step) / steps)
                    for group in optimiser.param_groups:
                        group["lr"] = group["rate"] * pace
                    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.bf16):
                        if features is None:
                            logits = model(*branch._padded([tokens[i] for i in rows]))
                        else:
                            logits = model.head(model.dropout(features[torch.from_numpy(rows).to(device)]))
                    loss = path_loss(logits.float(), targets[rows], runs, config.level_weights)
                    optimiser.zero_grad()
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                    optimiser.step()
                    step += 1
                    progress("training the transformer", step, steps)
        model.eval()
        return branch

    def log_probabilities(self, texts: Sequence[str]) -> Array:
        """(texts, leaves) log-probabilities; an empty text is answered too."""
        found = np.empty((len(texts), self.model.head.out_features))
        with torch.inference_mode():
            for rows, pooled in self._chunks(self._tokens(texts)):
                logits = self.model.head(pooled)
                found[rows] = functional.log_softmax(logits.double(), dim=1).cpu().numpy()
        return found

    # -- files -------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, npt.NDArray]:
        """All weights, for `ArtefactWriter.tensors`."""
        return {name: value.detach().cpu().numpy() for name, value in self.model.state_dict().items()}

    def document(self) -> dict[str, Any]:
        """What the weights belong to, for `ArtefactWriter.document`: settings, encoder, tokenizer."""
        shape = self.model.encoder.config.to_dict()  # type: ignore[union-attr, operator]
        # where it came from is in the settings; code of its own is never run
        kept = {key: value for key, value in shape.items() if key not in ("_name_or_path", "auto_map")}
        return {
            "config": dataclasses.asdict(self.config),
            "encoder": json.loads(json.dumps(kept, default=str)),
            "tokenizer": json.loads(self.tokenizer.to_str()),
            "pad": self.pad,
        }

    def save_into(self, writer: ArtefactWriter, name: str = "transformer") -> None:
        """Add the files of the branch to an artefact."""
        writer.tensors(name, self.tensors())
        writer.document(name, self.document())

    @classmethod
    def open_from(cls, artefact: Artefact, name: str = "transformer", device: str = "cpu") -> Self:
        """Read what `save_into` wrote, without folder and network."""
        return cls.restore(artefact.tensors(name), artefact.document(name), device)

    @classmethod
    def restore(
        cls, tensors: Mapping[str, npt.NDArray], document: Mapping[str, Any], device: str = "cpu"
    ) -> Self:
        """The inverse of `tensors` and `document`; `DamagedArtefact` if they do not belong together."""
        from tokenizers import Tokenizer
        from transformers import AutoConfig, AutoModel

        try:
            config = make_config(TransformerConfig, document["config"])
            with quiet(), torch.random.fork_rng(devices=[]):  # the weights drawn here are overwritten
                encoder = AutoModel.from_config(AutoConfig.for_model(**document["encoder"]))
            model = TransformerClassifier(config, encoder, len(tensors["head.weight"]))
            model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
            tokenizer = Tokenizer.from_str(json.dumps(document["tokenizer"], ensure_ascii=False))
            return cls(config, model, tokenizer, int(document["pad"]), device)
        except CustomsError:
            raise
        except Exception as error:  # of three libraries, which promise no kind
            raise DamagedArtefact(
                f"the transformer cannot be put together: {first_line(error)}",
                field="model",
                remedy="train the model again with the libraries that are installed",
            ) from None

    # -- texts to numbers --------------------------------------------------------------------------

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, at least one."""
        return [encoding.ids or [self.pad] for encoding in self.tokenizer.encode_batch(list(texts))]

    def _padded(self, tokens: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
        """(texts, longest) ids and mask."""
        lengths = torch.tensor([len(ids) for ids in tokens])
        mask = (torch.arange(int(lengths.max()))[None, :] < lengths[:, None]).long()
        ids = torch.full(mask.shape, self.pad)
        ids[mask.bool()] = torch.tensor([i for one in tokens for i in one])
        return ids.to(self.device), mask.to(self.device)

    def _chunks(self, tokens: Sequence[list[int]]) -> Iterator[tuple[npt.NDArray[np.int64], Tensor]]:
        """Rows and their (rows, width), texts of like length together, so that little is padded."""
        order = np.argsort([len(ids) for ids in tokens], kind="stable")
        for begin in range(0, len(order), _CHUNK):
            rows = order[begin : begin + _CHUNK]
            yield rows, self.model.pooled(*self._padded([tokens[i] for i in rows]))

    @torch.no_grad()
    def _features(self, tokens: Sequence[list[int]], progress: Progress) -> Tensor:
        """(texts, width) of the encoder as it is."""
        found = torch.empty((len(tokens), self.model.head.in_features), device=self.device)
        done = 0
        for rows, pooled in self._chunks(tokens):
            found[torch.from_numpy(rows).to(self.device)] = pooled
            done += len(rows)
            progress("reading texts", done, len(tokens))
        return found


# -- training ---------------------------------------------------------------------------------------


def _groups(model: TransformerClassifier, config: TransformerConfig) -> list[dict[str, Any]]:
    """Parameters with their rates; biases and norms do not decay."""
    groups = []
    for part, rate in ((model.encoder, config.rate), (model.head, config.head_rate)):
        tuned = [p for p in part.parameters() if p.requires_grad]
        for decays in (True, False):
            chosen = [p for p in tuned if (p.ndim > 1) == decays]
            decay = config.weight_decay if decays else 0.0
            groups.append({"params": chosen, "rate": rate, "lr": rate, "weight_decay": decay})
    return [group for group in groups if group["params"]]


def _batches(tokens: Sequence[list[int]], size: int, rng: np.random.Generator) -> list[npt.NDArray[np.int64]]:
    """All rows in random batches of texts of like length, blurred so that the company changes."""
    lengths = np.array([len(ids) for ids in tokens])
    order = np.argsort(lengths * rng.uniform(0.8, 1.25, len(lengths)), kind="stable")
    batches = [order[begin : begin + size] for begin in range(0, len(order), size)]
    return [batches[i] for i in rng.permutation(len(batches))]
