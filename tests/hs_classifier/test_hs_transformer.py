"""The transformer branch on encoders made here: trained, kept, read again, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from customs.artefact import ArtefactWriter, open_artefact
from customs.errors import DamagedArtefact, InvalidConfig
from hs_classifier.codes import CodeTree
from hs_classifier.data import Corpus
from hs_classifier.encoder import TransformerConfig
from hs_classifier.transformer import TransformerBranch, TransformerClassifier

SMALL: dict[str, Any] = {
    "width": 16,
    "layers": 1,
    "heads": 2,
    "max_tokens": 24,
    "vocabulary": 400,
    "batch": 32,
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever asks for a host fails the test; the hub's client is told that it is offline."""
    from huggingface_hub import constants

    asked: list[object] = []

    def refused(*host: object, **options: object) -> None:
        asked.append(host)
        raise OSError("no network in tests")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    yield
    assert not asked


@pytest.fixture(scope="module")
def tree(corpus: Corpus) -> CodeTree:
    """Of the eight codes."""
    return CodeTree(s.code for s in corpus.samples)


@pytest.fixture(scope="module")
def examples(corpus: Corpus, tree: CodeTree) -> tuple[list[str], np.ndarray]:
    """240 texts and their leaves."""
    samples = corpus.samples[:240]
    leaves = [tree.find(s.code) for s in samples]
    return [s.goods.full for s in samples], np.array(leaves, dtype=np.int64)


@pytest.fixture(scope="module")
def folder(examples: tuple[list[str], np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT as a user would have it on disk: config, weights and tokenizer."""
    from transformers import PreTrainedTokenizerFast

    from hs_classifier.encoder import make_encoder

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder, tokenizer, _ = make_encoder(examples[0], TransformerConfig(**SMALL))
    path = tmp_path_factory.mktemp("encoder") / "tiny-bert"
    encoder.save_pretrained(path)  # type: ignore[operator]
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]").save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def branch(examples: tuple[list[str], np.ndarray], tree: CodeTree) -> TransformerBranch:
    """From scratch, trained until it knows the eight codes."""
    config = TransformerConfig(**SMALL, epochs=12, encoder_rate=5e-3, head_rate=1e-2)
    return TransformerBranch.fit(*examples, tree, config, seed=1)


def copy(folder: Path, to: Path, **changed: object) -> Path:
    """The encoder's folder with other values in its config.json."""
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_text(encoding="utf-8"))
    (to / "config.json").write_text(json.dumps({**config, **changed}), encoding="utf-8")
    return to


def test_from_scratch_it_learns_names_in_two_languages(branch: TransformerBranch, tree: CodeTree) -> None:
    """Probabilities add up to one, and goods that it was shown come first."""
    asked = ["frozen alaska pollock", "승용차용 고무 타이어", "roasted coffee beans", ""]
    found = branch.log_probabilities(asked)
    assert found.shape == (4, len(tree))
    assert found.dtype == np.float64
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1.0)
    best = [tree.leaves[i].digits for i in found[:3].argmax(axis=1)]
    assert best == ["0303670000", "4011100000", "0901210000"]


def test_the_order_and_company_of_texts_do_not_matter(branch: TransformerBranch) -> None:
    """Rows come back in the order asked, whatever lengths stand beside them."""
    asked = ["frozen shrimp peeled " * 5, "커피", "laptop computer", "냉동 연어 lot 7", ""]
    together = branch.log_probabilities(asked)
    alone = np.concatenate([branch.log_probabilities([text]) for text in asked])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.ptp(together, axis=0).max() > 0.1
    assert branch.log_probabilities([]).shape == (0, together.shape[1])


def test_one_seed_gives_the_same_branch_and_another_seed_another(
    examples: tuple[list[str], np.ndarray], tree: CodeTree
) -> None:
    """And nobody's random numbers are touched by training."""
    config = TransformerConfig(**SMALL, epochs=1)
    before = torch.random.get_rng_state()
    first, again, other = (
        TransformerBranch.fit(*examples, tree, config, seed=s).tensors() for s in (4, 4, 5)
    )
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["head.weight"], other["head.weight"])


def test_a_local_folder_is_tuned_or_kept_as_it_came(
    folder: Path, examples: tuple[list[str], np.ndarray], tree: CodeTree
) -> None:
    """A fixed encoder keeps the folder's weights to the last bit while its head learns; a tuned one moves."""
    from safetensors.numpy import load_file

    came = load_file(folder / "model.safetensors")
    word = "embeddings.word_embeddings.weight"
    fixed, tuned = (
        TransformerBranch.fit(
            *examples,
            tree,
            TransformerConfig(str(folder), tune, max_tokens=24, epochs=20, head_rate=0.1),
            seed=2,
        )
        for tune in (False, True)
    )
    kept = {name.removeprefix("encoder."): value for name, value in fixed.tensors().items()}
    assert all(np.array_equal(kept[name], value) for name, value in came.items())
    assert not np.array_equal(tuned.tensors()[f"encoder.{word}"], came[word])
    for one in (fixed, tuned):
        right = one.log_probabilities(examples[0]).argmax(axis=1) == examples[1]
        assert right.mean() > 0.5  # eight codes: an eighth by chance


def test_pooling_takes_the_first_token_or_the_mean_of_all_that_are_text(
    branch: TransformerBranch,
) -> None:
    """Padding has no part in it."""
    ids, mask = branch._padded([[1, 40, 41, 42, 2], [1, 50, 2]])
    with torch.inference_mode():
        alone = branch.model.encoder(input_ids=ids[1:, :3]).last_hidden_state[0]  # (tokens, width)
        found = {}
        for pooling in ("mean", "first"):
            config = dataclasses.replace(branch.config, pooling=pooling)
            model = TransformerClassifier(config, branch.model.encoder, 8)
            found[pooling] = model.pooled(ids, mask)[1]
    torch.testing.assert_close(found["mean"], alone.mean(dim=0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found["first"], alone[0], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(found["mean"], found["first"], atol=1e-2)


def test_fewer_epochs_know_less(branch: TransformerBranch, examples: Any, tree: CodeTree) -> None:
    """The loop does learn: one slow epoch is further from the truth than twelve."""
    hasty = TransformerBranch.fit(*examples, tree, TransformerConfig(**SMALL, epochs=1), seed=1)
    rows = np.arange(len(examples[1]))
    long, short = (b.log_probabilities(examples[0])[rows, examples[1]].mean() for b in (branch, hasty))
    assert long > short + 0.5


def test_progress_counts_every_step(examples: tuple[list[str], np.ndarray], tree: CodeTree) -> None:
    """Of the reading where the encoder is fixed, and of the training."""
    told: list[tuple[str, int, int]] = []
    config = TransformerConfig(**{**SMALL, "batch": 16}, epochs=2, tune=False)
    TransformerBranch.fit(
        *examples, tree, config, seed=0, progress=lambda stage, done, total: told.append((stage, done, total))
    )
    assert [t for t in told if t[0] == "reading texts"][-1] == ("reading texts", 240, 240)
    assert [t[1:] for t in told if t[0] == "training the transformer"] == [(i + 1, 30) for i in range(30)]


def test_an_artefact_needs_neither_folder_nor_network(
    folder: Path, examples: tuple[list[str], np.ndarray], tree: CodeTree, tmp_path: Path
) -> None:
    """The folder is deleted, and what was saved says the same to the last digit."""
    mine = copy(folder, tmp_path / "mine")
    config = TransformerConfig(str(mine), epochs=1, max_tokens=24)
    trained = TransformerBranch.fit(*examples, tree, config, seed=3)
    shutil.rmtree(mine)
    with ArtefactWriter(tmp_path / "model", kind="hs", config={}) as writer:
        trained.save_into(writer)
    again = TransformerBranch.open_from(open_artefact(tmp_path / "model"))
    assert again.config == config
    asked = ["frozen pacific salmon", "냉동 새우 한빛", "🐟 ъъъ"]
    np.testing.assert_array_equal(again.log_probabilities(asked), trained.log_probabilities(asked))
    assert again.document() == trained.document()
    assert "_name_or_path" not in again.document()["encoder"]


@pytest.mark.parametrize("spoilt", ["a weight", "the encoder", "the tokenizer"])
def test_files_that_do_not_belong_together_are_refused(branch: TransformerBranch, spoilt: str) -> None:
    """With one error of ours, whichever library noticed."""
    tensors, document = branch.tensors(), branch.document()
    if spoilt == "a weight":
        del tensors["encoder.embeddings.word_embeddings.weight"]
    elif spoilt == "the encoder":
        document["encoder"] = {**document["encoder"], "hidden_size": 32}
    else:
        document["tokenizer"] = {"model": "unheard of"}
    with pytest.raises(
        DamagedArtefact, match=r"the transformer cannot be put together: .+ — train the model"
    ):
        TransformerBranch.restore(tensors, document)


def test_a_hub_name_without_a_network_is_the_users_error(examples: Any, tree: CodeTree) -> None:
    """It names the key and what to give instead."""
    with pytest.raises(InvalidConfig, match=r"config\.transformer\.name_or_path: .+ — give a local folder"):
        TransformerBranch.fit(*examples, tree, TransformerConfig("nobody/no-such-encoder"), seed=0)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("missing", "is not a folder"),
        ("empty", "cannot be loaded"),
        ("pickle only", "cannot be loaded: .*safetensors"),
        ("own code", "cannot be loaded"),
        ("cut weights", "cannot be loaded"),
        ("other weights", "lacks 16 weights, such as encoder.layer.1"),
        ("no tokenizer", "cannot be loaded"),
        ("large tokenizer", "fewer vectors than its tokenizer has tokens"),
    ],
)
def test_an_unusable_folder_is_one_clear_error(folder: Path, tmp_path: Path, case: str, said: str) -> None:
    """Never a stack of another library's, never unpickled, never code that came along."""
    from hs_classifier.encoder import load_encoder

    path = tmp_path / "encoder"
    if case == "empty":
        path.mkdir()
    elif case != "missing":
        copy(folder, path)
    weights = path / "model.safetensors"
    if case == "pickle only":
        weights.rename(path / "pytorch_model.bin")
    elif case == "cut weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif case == "no tokenizer":
        (path / "tokenizer.json").unlink()
    elif case in ("own code", "other weights", "large tokenizer"):
        shutil.rmtree(path)
        changed: dict[str, dict[str, Any]] = {
            "own code": {
                "model_type": "mine",
                "auto_map": {"AutoModel": "mine.Model", "AutoConfig": "mine.C"},
            },
            "other weights": {"num_hidden_layers": 2},
        }
        copy(folder, path, **changed.get(case, {}))
        (path / "mine.py").write_text("raise SystemExit('code of a model was run')", encoding="utf-8")
    if case == "large tokenizer":
        from transformers import AutoTokenizer

        reader = AutoTokenizer.from_pretrained(path)
        reader.add_tokens([f"brand{i}" for i in range(50)])
        reader.save_pretrained(path)
    with pytest.raises(InvalidConfig, match=said) as raised:
        load_encoder(TransformerConfig(str(path), max_tokens=24))
    problem = raised.value.problems[0]
    assert problem.field == "config.transformer.name_or_path"
    assert problem.remedy is not None
    assert problem.remedy.startswith("give a local folder")
    assert "\n" not in problem.problem


def test_more_tokens_than_the_encoder_has_positions_for_are_refused(folder: Path) -> None:
    """Before training, not at the first long text."""
    from hs_classifier.encoder import load_encoder

    with pytest.raises(
        InvalidConfig, match=r"config\.transformer\.max_tokens: .* reads 24 tokens, 64 are asked"
    ):
        load_encoder(TransformerConfig(str(folder)))


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (None, None),
        ("", None),
        ("none", None),
        ("some/name", TransformerConfig("some/name")),
        ({"name_or_path": "scratch", "epochs": "2"}, TransformerConfig(epochs=2)),
        (TransformerConfig(epochs=5), TransformerConfig(epochs=5)),
    ],
)
def test_a_configuration_is_made_from_what_presets_and_commands_hold(
    given: Any, made: TransformerConfig | None
) -> None:
    """A name alone, a table, or nothing."""
    assert TransformerConfig.of(given) == made


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epoch": 1}, r"config\.transformer\.epoch: there is no key 'epoch' — choose from name_or_path"),
        ({"epochs": "many"}, r"config\.transformer\.epochs: got 'many' — give int"),
        ({"epochs": 0}, r"config\.transformer\.epochs: got 0 — give 1 or more"),
        ({"pooling": "sum"}, r"config\.transformer\.pooling: got 'sum'"),
        ({"dropout": 1.0}, r"config\.transformer\.dropout: got 1\.0"),
        ({"head_rate": 0}, r"config\.transformer\.head_rate: got 0"),
        ({"heads": 3}, r"config\.transformer\.heads: 128 is not a multiple of 3"),
        ({"level_weights": "1,1"}, r"config\.transformer\.level_weights: got"),
        (7, r"config\.transformer: got 7"),
    ],
)
def test_a_configuration_that_cannot_be_names_its_key(given: Any, said: str) -> None:
    """As everywhere in the presets."""
    with pytest.raises(InvalidConfig, match=said):
        TransformerConfig.of(given)
