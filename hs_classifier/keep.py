"""The voices written into an artefact and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from customs.hs import HsCode
from hs_classifier.codes import CodeTree
from hs_classifier.retrieve import RulingIndex
from hs_classifier.terms import Term, TermIndex
from hs_classifier.voices import Voices

if TYPE_CHECKING:
    from torch import nn

    from customs.artefact import Artefact, ArtefactWriter
    from hs_classifier.model import HsConfig
    from hs_classifier.photo.voice import PhotoVoice


def save_voices(writer: ArtefactWriter, voices: Voices) -> None:
    """Write every part; those that a configuration leaves out leave no file."""
    writer.document("codes", [code.digits for code in voices.tree.leaves])
    writer.tensors("index", voices.index.arrays())
    writer.columns("precedents", voices.index.columns())
    writer.tensors("bag", _state(voices.bag))
    writer.tensors("terms", {"idf": voices.terms.idf})
    writer.columns(
        "terms",
        {"text": [t.text for t in voices.terms.terms], "code": [t.code.digits for t in voices.terms.terms]},
    )
    if voices.network is not None and voices.vocabulary is not None:
        writer.tensors("network", _state(voices.network))
        writer.columns("vocabulary", {"word": list(voices.vocabulary.known)})
    if voices.transformer is not None:
        voices.transformer.save_into(writer)


def open_voices(artefact: Artefact, config: HsConfig, device: str) -> Voices:
    """The inverse of `save_voices`."""
    from hs_classifier.bag import BagClassifier
    from hs_classifier.embed import Vocabulary
    from hs_classifier.model import BlstmClassifier
    from hs_classifier.transformer import TransformerBranch

    tree = CodeTree(HsCode(digits) for digits in artefact.document("codes"))
    terms = artefact.columns("terms")
    named = [Term(text, HsCode(code)) for text, code in zip(terms["text"], terms["code"], strict=True)]
    bag = BagClassifier(config, len(tree))
    _load(bag, artefact, "bag")
    vocabulary = network = None
    if config.asks_blstm:
        words = artefact.columns("vocabulary")["word"]
        vocabulary = Vocabulary(words, min_n=config.min_n, max_n=config.max_n, buckets=config.buckets)
        network = BlstmClassifier(config, vocabulary.rows, len(tree))
        _load(network, artefact, "network")
        network.to(device)
    return Voices(
        config=config,
        tree=tree,
        index=RulingIndex.restore(artefact.tensors("index"), artefact.columns("precedents")),
        bag=bag,
        terms=TermIndex(named, artefact.tensors("terms")["idf"], tree),
        vocabulary=vocabulary,
        network=network,
        transformer=None
        if config.transformer is None
        else TransformerBranch.open_from(artefact, device=device),
        device=device,
    )


def save_photos(writer: ArtefactWriter, voice: PhotoVoice | None) -> None:
    """Write what photos say, where photos were trained on."""
    if voice is not None:
        writer.tensors("photos", voice.branch.tensors())
        writer.document("photos", {"weight": voice.weight, "branch": voice.branch.facts()})


def open_photos(artefact: Artefact, device: str) -> PhotoVoice | None:
    """The inverse of `save_photos`."""
    if not artefact.has("photos"):
        return None
    from hs_classifier.photo.branch import PhotoBranch
    from hs_classifier.photo.voice import PhotoVoice

    facts = artefact.document("photos")
    branch = PhotoBranch.restore(artefact.tensors("photos"), facts["branch"], device)
    return PhotoVoice(branch, facts["weight"])


def _state(module: nn.Module) -> dict:
    return {name: value.detach().cpu().numpy() for name, value in module.state_dict().items()}


def _load(module: nn.Module, artefact: Artefact, name: str) -> None:
    import torch

    module.load_state_dict({k: torch.from_numpy(v) for k, v in artefact.tensors(name).items()})
    module.eval()
