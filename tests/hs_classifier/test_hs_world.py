"""Training on a world: its rulings, its past declarations, its table of codes."""

from __future__ import annotations

from pathlib import Path

from customs import Case
from customs.world import World
from hs_classifier.scorer import HsScorer
from hs_classifier.train import train

QUICK = {"embedding_dim": "16", "buckets": "2000", "embedding_epochs": "1", "hidden": "16", "epochs": "2"}


def test_a_world_trains_a_scorer_that_speaks_about_its_declarations(tiny_world: Path, tmp_path: Path) -> None:
    """Declarations under review are scored; nearly all of their texts are known goods."""
    figures = train([tiny_world], tmp_path / "hs", overrides=QUICK, seed=1)
    assert figures["texts_held_out"] >= 20
    scorer = HsScorer.load(tmp_path / "hs")
    cases = [case for d in World.open(tiny_world).declarations("review") for case in Case.of(d)]
    answers = scorer.score(cases)
    assert len(answers) == len(cases) > 0
    spoken = [e for (e, *_) in answers if not e.abstained]
    assert len(spoken) >= 0.95 * len(cases)
    agreed = [e for e in spoken if e.message.id == "hs.text.agrees"]
    assert len(agreed) >= 0.6 * len(spoken)


def test_training_on_a_world_never_opens_its_truth(tiny_world: Path, tmp_path: Path) -> None:
    """The same model comes out of a world whose truth is gone."""
    import shutil

    from customs import open_artefact

    blind = tmp_path / "blind"
    shutil.copytree(tiny_world, blind)
    (blind / "truth.csv").unlink()
    for folder, out in ((tiny_world, "a"), (blind, "b")):
        train([folder], tmp_path / out, overrides=QUICK, seed=1)
    a, b = (open_artefact(tmp_path / out) for out in ("a", "b"))
    assert a.manifest["fingerprint"] == b.manifest["fingerprint"]
