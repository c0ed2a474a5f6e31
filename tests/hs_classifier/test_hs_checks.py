"""The four checks of a scorer that was taught with photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from customs import Case, Declaration, Evidence, Photo
from customs.hs import HsCode
from customs.picture import read_photo
from customs.sentences import render
from customs.world import World
from hs_classifier.checks import CHECKS, JOINT, PHOTO, TEXT, VAGUE, Oddness
from hs_classifier.scorer import HsScorer
from hs_classifier.text import Goods
from hs_classifier.train import train

QUICK = {"embedding_dim": "16", "buckets": "2000", "embedding_epochs": "1", "hidden": "16", "epochs": "2"}
Photographed = list[tuple[Declaration, Photo]]


@pytest.fixture(scope="module")
def taught(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> HsScorer:
    """A scorer of the tiny world, saved and loaded."""
    folder = tmp_path_factory.mktemp("hs") / "model"
    train([tiny_world], folder, overrides=QUICK, seed=1)
    return HsScorer.load(folder)


@pytest.fixture(scope="module")
def photographed(tiny_world: Path) -> Photographed:
    """Consignments of one line under review that came with a photo."""
    return [
        (declaration, read_photo(photo.read_bytes(), photo.name))
        for declaration, _, photo in World.open(tiny_world).cases("review")
        if photo is not None and len(declaration.lines) == 1
    ]


def by_check(row: list[Evidence]) -> dict[str, Evidence]:
    return {e.check: e for e in row}


def declared_as(declaration: Declaration, digits: str) -> Declaration:
    (line,) = declaration.lines
    return declaration.model_copy(update={"lines": (line.model_copy(update={"hsk": HsCode(digits)}),)})


def test_a_photo_and_a_text_each_speak_and_so_do_both(taught: HsScorer, photographed: Photographed) -> None:
    """Most photos of the world are of goods that photos were trained on."""
    cases = [Case.of(d, photos=(p,))[0] for d, p in photographed]
    rows = [by_check(row) for row in taught.score(cases)]
    assert [tuple(row) for row in rows] == [CHECKS] * len(cases)
    spoke = [row for row in rows if not row[PHOTO].abstained]
    assert len(spoke) >= 0.5 * len(rows)
    assert all(not row[JOINT].abstained for row in spoke if not row[TEXT].abstained)
    for row in rows:
        for check in CHECKS:
            assert render(row[check].message, "ko")
            assert render(row[check].message, "en")


def test_goods_under_a_foreign_code_look_odder_than_under_their_own(
    taught: HsScorer, photographed: Photographed
) -> None:
    """On average over photos, for the photo alone and for photo and text together."""
    codes = [code.digits for code in taught.suggester.photos.codes if code.level == 10]  # type: ignore[union-attr]
    gains: dict[str, list[float]] = {PHOTO: [], JOINT: []}
    for declaration, photo in photographed:
        own = declaration.lines[0].hsk.digits
        foreign = next(c for c in codes if c[:2] != own[:2])
        right, wrong = (
            by_check(taught.score(Case.of(d, photos=(photo,)))[0])
            for d in (declaration, declared_as(declaration, foreign))
        )
        for check, found in gains.items():
            a, b = right[check].surprise, wrong[check].surprise
            if a is not None and b is not None:
                found.append(b - a)
    assert min(map(len, gains.values())) >= 5
    assert np.mean(gains[PHOTO]) > 0.3
    assert np.mean(gains[JOINT]) > 0.3


def test_without_a_photo_the_photo_is_silent_and_the_text_is_not(
    taught: HsScorer, photographed: Photographed
) -> None:
    """Silence has its reason."""
    row = by_check(taught.score(Case.of(photographed[0][0]))[0])
    assert row[PHOTO].message.id == row[JOINT].message.id == "hs.photo.no_photo"
    assert not row[TEXT].abstained


def test_a_photo_alone_is_suggested_for(taught: HsScorer, photographed: Photographed) -> None:
    """Goods without a word; and a word beside the photo is heard too."""
    photos = [(p,) for _, p in photographed]
    alone = taught.suggester([Goods("")] * len(photos), photos=photos)
    right = [
        d.lines[0].hsk in {a.hs for a in found.levels.get(10, ())}
        for (d, _), found in zip(photographed, alone, strict=True)
    ]
    assert np.mean(right) >= 0.3
    assert all(found.rulings == () for found in alone)
    (silent,) = taught.suggester([Goods("")])
    assert silent.refused is not None


def test_words_that_fit_any_goods_are_refused_with_questions(taught: HsScorer) -> None:
    """Even by a model that was taught too few names to count; the check then abstains."""
    for text in ("parts", "sample", "gift", "부품", "견본"):
        (found,) = taught.suggest([text])
        assert found.refused is not None, text
        assert 1 <= len(found.refused.questions) <= 3
    assert VAGUE not in taught.conformals


def test_a_probability_that_is_as_good_as_certain_is_not_odd() -> None:
    """Whether a code has .95 or .99 says nothing about the goods."""
    code = HsCode("0303")
    assert Oddness.of(code, 0.95).score == Oddness.of(code, 0.99).score < Oddness.of(code, 0.8).score
