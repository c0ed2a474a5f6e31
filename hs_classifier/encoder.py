"""Where the transformer branch has its encoder from: a local folder, a hub name, or made here.

Weights are read from safetensors alone, and no code that comes with a model is run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from customs.config import make_config
from customs.errors import InvalidConfig
from hs_classifier.codes import LEVELS

if TYPE_CHECKING:
    from torch import nn

SCRATCH = "scratch"
_PAD, _BEGIN, _END = "[PAD]", "[CLS]", "[SEP]"
_GIVE = "give a local folder with config.json, tokenizer.json and model.safetensors, or 'scratch'"


@dataclass(frozen=True)
class TransformerConfig:
    """What the branch is made of and how it is trained; `HsConfig.transformer` holds one, or None."""

    name_or_path: str = SCRATCH  # a local folder, a hub name, or 'scratch'
    tune: bool = True  # False: the encoder stays as it came and only the head is trained
    pooling: Literal["mean", "first"] = "mean"
    max_tokens: int = 64
    dropout: float = 0.1
    # training
    epochs: int = 3
    batch: int = 64
    encoder_rate: float | None = None  # None: 3e-5, and 1e-3 from scratch
    head_rate: float = 1e-3
    weight_decay: float = 0.01
    level_weights: tuple[float, ...] = (0.1, 0.2, 0.2, 0.5)  # of the loss at 2, 4, 6 and 10 digits
    bf16: bool = False  # the forward pass in bfloat16, for a GPU that is short of memory
    # of an encoder from scratch
    vocabulary: int = 8_000
    width: int = 128
    layers: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        least = {
            "max_tokens": 3,
            "epochs": 1,
            "batch": 1,
            "vocabulary": 300,
            "width": 1,
            "layers": 1,
            "heads": 1,
        }
        for key, minimum in least.items():
            if getattr(self, key) < minimum:
                raise _wrong(key, f"got {getattr(self, key)}", f"give {minimum} or more")
        if not 0 <= self.dropout < 1:
            raise _wrong("dropout", f"got {self.dropout}", "give 0 or more and less than 1")
        for key in ("encoder_rate", "head_rate"):
            if getattr(self, key) is not None and not 0 < getattr(self, key) < 1:
                raise _wrong(key, f"got {getattr(self, key)}", "give more than 0 and less than 1")
        if self.width % self.heads:
            raise _wrong("heads", f"{self.width} is not a multiple of {self.heads}", "choose another number")
        if len(self.level_weights) != len(LEVELS) or sum(self.level_weights) <= 0:
            raise _wrong("level_weights", f"got {self.level_weights}", "give four weights, for 2, 4, 6, 10")

    @property
    def rate(self) -> float:
        """Learning rate of the encoder."""
        if self.encoder_rate is not None:
            return self.encoder_rate
        return 1e-3 if self.name_or_path == SCRATCH else 3e-5

    @classmethod
    def of(cls, value: Self | Mapping[str, Any] | str | None) -> Self | None:
        """From a table of a preset, or from a folder or name alone; None or "" or "none": no branch."""
        if value is None or isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls(value) if value and value.lower() != "none" else None
        if not isinstance(value, Mapping):
            raise _wrong("", f"got {value!r}", "give a folder, a hub name or a table")
        try:
            return make_config(cls, value)
        except InvalidConfig as error:
            problem = error.problems[0]
            key = str(problem.field).removeprefix("config.").removeprefix("transformer.")
            raise _wrong(key, problem.problem, problem.remedy or "") from None


def load_encoder(config: TransformerConfig) -> tuple[nn.Module, Any, int]:
    """Encoder, tokenizer and padding token of a folder or a hub name."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    name = config.name_or_path
    folder = Path(name).expanduser()
    local = folder.is_dir()
    if not local and (folder.exists() or len(folder.parts) > 2 or name.startswith((".", "/", "~"))):
        raise _wrong("name_or_path", f"{name} is not a folder", _GIVE)
    source = str(folder) if local else name
    options = {"local_files_only": local, "trust_remote_code": False}
    try:
        with quiet():
            reader = AutoTokenizer.from_pretrained(source, **options)
            encoder, info = AutoModel.from_pretrained(
                source, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **options
            )
    except Exception as error:  # transformers, its hub client and safetensors promise no kind
        raise _wrong("name_or_path", f"{name} cannot be loaded: {first_line(error)}", _GIVE) from None
    # a pooler is above what is used here, and many encoders come without
    if missing := [key for key in info["missing_keys"] if "pooler" not in key]:
        raise _wrong("name_or_path", f"{name} lacks {len(missing)} weights, such as {min(missing)}", _GIVE)
    shape = encoder.config
    width = getattr(shape, "hidden_size", None)
    if getattr(shape, "is_encoder_decoder", False) or not isinstance(width, int):
        raise _wrong("name_or_path", f"{name} is a {shape.model_type}, not a text encoder", _GIVE)
    if not getattr(reader, "is_fast", False):
        raise _wrong("name_or_path", f"the tokenizer of {name} has no tokenizer.json", _GIVE)
    if len(reader) > encoder.get_input_embeddings().weight.shape[0]:
        raise _wrong("name_or_path", f"{name} has fewer vectors than its tokenizer has tokens", _GIVE)
    limit = _longest(encoder)
    if limit is not None and config.max_tokens > limit:
        raise _wrong(
            "max_tokens",
            f"{name} reads {limit} tokens, {config.max_tokens} are asked for",
            f"give at most {limit}",
        )
    pad = reader.pad_token_id if reader.pad_token_id is not None else reader.eos_token_id
    return encoder, reader.backend_tokenizer, 0 if pad is None else int(pad)


def make_encoder(texts: Sequence[str], config: TransformerConfig) -> tuple[nn.Module, Any, int]:
    """A small encoder with weights drawn at random and a byte-pair tokenizer learnt from the texts.

    Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016), over bytes, so
    that no script is unknown to it.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import AutoModel, BertConfig

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=config.vocabulary,
            special_tokens=[_PAD, _BEGIN, _END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    ids = tokenizer.get_vocab()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_BEGIN} $A {_END}",
        special_tokens=[(token, ids[token]) for token in (_BEGIN, _END)],
    )
    shape = BertConfig(
        vocab_size=len(ids),
        hidden_size=config.width,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        intermediate_size=4 * config.width,
        max_position_embeddings=config.max_tokens,
        pad_token_id=ids[_PAD],
    )
    return AutoModel.from_config(shape), tokenizer, ids[_PAD]


def _longest(encoder: Any) -> int | None:
    """Tokens that the encoder has positions for; None if it sets no bound."""
    limit = getattr(encoder.config, "max_position_embeddings", None)
    if not limit:
        return None
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    # RoBERTa and its kin begin to count behind the padding
    return int(limit) - (0 if padding is None else int(padding) + 1)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without bars and remarks of transformers; what is wrong is raised."""
    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _wrong(key: str, problem: str, remedy: str) -> InvalidConfig:
    return InvalidConfig(problem, field=f"config.transformer.{key}".rstrip("."), remedy=remedy)


def first_line(error: Exception) -> str:
    """What an error of another library says, short enough for a sentence of ours."""
    return next(
        (line.strip()[:300] for line in str(error).splitlines() if line.strip()), type(error).__name__
    )
