"""Which texts are too vague, how many clear ones are refused with them, and what is asked."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest

from customs.errors import InvalidValue
from customs.hs import HsCode
from customs.sentences import LANGUAGES, catalogue, placeholders, render
from hs_classifier.text import Goods
from hs_classifier.vagueness import questions
from hs_classifier.vagueness.invented import Inventor
from hs_classifier.vagueness.knowledge import WordKnowledge
from hs_classifier.vagueness.lexicon import Lexicon, stem, tokens
from hs_classifier.vagueness.model import VagueModel
from hs_classifier.vagueness.questions import explain
from hs_classifier.vagueness.text import plain, says_nothing

FORMS = ("hydraulic", "frozen", "knitted", "sintered", "refined", "냉동", "정제", "주조")
NOUNS = {
    "0303670000": ("alaska pollock fillet", "명태 필레"),
    "4011100000": ("radial tyre for passenger car", "승용차용 래디얼 타이어"),
    "8413501000": ("reciprocating slurry pump", "왕복식 슬러리 펌프"),
    "2905110000": ("methanol of industrial grade", "공업용 메탄올"),
    "6110201000": ("cotton pullover for men", "남성용 면제 풀오버"),
}


def names(n: int, seed: int) -> tuple[list[str], list[HsCode]]:
    """Made-up ruling names: form, goods and a model number; the first segments differ."""
    rng = random.Random(seed)
    texts, codes = [], []
    for i in range(n):
        digits = list(NOUNS)[i % len(NOUNS)]
        noun = NOUNS[digits][rng.random() < 0.3]
        model = f"{rng.choice('ABCDEFGH')}{rng.choice('KLMN')}{rng.randrange(10**4)}"
        texts.append(f"{rng.choice(FORMS).title()} {noun.upper()} {model}")
        codes.append(HsCode(digits))
    return texts, codes


@pytest.fixture(scope="module")
def model() -> VagueModel:
    """Fitted once on two thousand made-up names."""
    return VagueModel.fit(*names(2000, 1), [("쌀 ; 찹쌀", HsCode("1006301000"))], seed=3, invented=3000)


@pytest.mark.parametrize(
    "text",
    ["parts", "sample", "gift", "Spare parts for machine", "free gift", "black, XL", "goods as per invoice",
     "부품", "견본", "선물", "잡화", "샘플 (무상)", "girls_clothing", "[ab-12-c] p", "{{title}}",
     "12345", "?!"],
)  # fmt: skip
def test_empty_words_are_refused_with_at_most_three_questions(model: VagueModel, text: str) -> None:
    """In both languages, whatever signs are around them."""
    (refusal,) = model.refusals([Goods(text)])
    assert refusal is not None
    assert 1 <= len(refusal.questions) <= questions.MAX_QUESTIONS
    for language in LANGUAGES:
        for message in (refusal.reason, *refusal.questions):
            assert render(message, language)


def test_new_clear_names_are_refused_about_as_often_as_promised(model: VagueModel) -> None:
    """The level is a share of clear names; twice the level would be a broken promise."""
    fresh, _ = names(1500, 99)
    refused = np.mean(model.p_values(fresh) <= model.level)
    assert refused <= 2 * model.level


def test_vague_texts_of_another_seed_are_mostly_refused(model: VagueModel) -> None:
    """They are made of the same lists, so this only says that something was learnt."""
    texts = Inventor(np.random.default_rng(77)).vague(500)
    assert np.mean(model.p_values(texts) <= model.level) > 0.8


def test_a_clear_description_makes_up_for_a_vague_name(model: VagueModel) -> None:
    """Nor does a description that is vague as well help."""
    clear = Goods("parts", "hydraulic reciprocating slurry pump, cast, with radial tyre for passenger car")
    assert model.refusals([clear, Goods("parts", "for my sister")])[0] is None
    assert model.refusals([Goods("parts", "gift for her")])[0] is not None
    assert model.refusals([Goods("", "sample")])[0] is not None


def test_signs_and_case_do_not_count(model: VagueModel) -> None:
    """Collections of rulings differ in the signs and capitals they keep."""
    one, other = model.score(["Frozen-dried Pollock, AB-12.5", "frozendried pollock ab125"])
    assert one == other


def test_a_text_scores_the_same_alone_and_in_a_batch(model: VagueModel) -> None:
    """The order of a bulk file must not decide."""
    texts = [*names(40, 5)[0], "parts", "lux glow serum", "🙂", "茶"]
    np.testing.assert_array_equal(model.score(texts), [model.score([t])[0] for t in texts])


def test_official_names_and_unknown_scripts_are_not_called_vague(model: VagueModel) -> None:
    """One syllable can name goods; what is not understood is not thereby vague."""
    assert (model.p_values(["쌀", "찹쌀", "茶", "生魚片"]) > model.level).all()


def test_an_empty_word_stays_refused_even_where_the_tariff_says_it() -> None:
    """`Parts` is the wording of a hundred subheadings and says nothing by itself."""
    texts, codes = names(600, 2)
    model = VagueModel.fit(texts, codes, [("pumps ; parts", HsCode("8413910000"))], seed=0, invented=900)
    assert model.p_values(["parts"])[0] <= model.level < model.p_values(["pumps"])[0]


def test_the_model_comes_back_from_an_artefact_as_it_was(model: VagueModel) -> None:
    """Arrays and JSON hold all of it."""
    again = VagueModel.restore(model.arrays(), json.loads(json.dumps(model.facts())))
    texts = [*names(50, 8)[0], "parts", "쌀", "blue gift box", "kolvarex"]
    np.testing.assert_array_equal(again.score(texts), model.score(texts))
    assert again.level == model.level
    np.testing.assert_array_equal(again.p_values(texts), model.p_values(texts))


def test_the_same_seed_learns_the_same() -> None:
    texts, codes = names(400, 4)
    one, two = (VagueModel.fit(texts, codes, seed=9, invented=600) for _ in range(2))
    np.testing.assert_array_equal(one.weights, two.weights)
    np.testing.assert_array_equal(one.clear, two.clear)


def test_a_users_own_vague_texts_are_learnt() -> None:
    """What a customs office calls vague need not be in the lists."""
    texts, codes = names(600, 4)
    own = [f"quux zorb {i}" for i in range(40)]
    plainly = VagueModel.fit(texts, codes, seed=9, invented=900)
    taught = VagueModel.fit(texts, codes, seed=9, invented=900, own=own)
    asked = ["quux zorb 77"]
    assert taught.score(asked)[0] > plainly.score(asked)[0]
    assert taught.p_values(asked)[0] <= taught.level


def test_too_few_names_are_an_error_with_a_remedy() -> None:
    texts, codes = names(60, 4)
    with pytest.raises(InvalidValue, match="at least 200 names"):
        VagueModel.fit(texts, codes, seed=0)


@pytest.mark.parametrize(
    ("text", "kind", "asked"),
    [
        ("parts", "general", "machine"),
        ("자동차 부품", "general", "machine"),
        ("women top", "garment", "knit"),
        ("shoes", "garment", "sole"),
        ("bracket", "machine_part", "machine"),
        ("food supplement", "general", "state"),
        ("glow serum", "beauty", "body"),
        ("100% cotton", "material", "form"),
        ("black, xl", "look", "name"),
        ("AB-1234", "number", "name"),
        ("kolvarex", "brand", "name"),
        ("dream big little one", "slogan", "name"),
        ("delivery charge", "service", "contents"),
        ("documents", "document", "contents"),
        ("잡동사니", "mixed", "contents"),
        ("å¡èº«æ»´", "broken", "name"),
        ("2 boxes", "packaging", "contents"),
    ],
)
def test_the_reason_and_the_first_question_fit_the_words(text: str, kind: str, asked: str) -> None:
    reason, first = explain(plain(text))
    assert reason.id == f"hs.vague.{kind}"
    assert first[0].id == f"hs.ask.{asked}"


def test_what_the_text_says_is_not_asked() -> None:
    """A wearer and a fibre that are given leave only the way of making."""
    _, asked = explain(plain("women's cotton top"))
    assert [m.id for m in asked] == ["hs.ask.knit", "hs.ask.name"]


def test_the_words_quoted_are_those_that_are_empty() -> None:
    """A phrase is quoted whole, and the noun before its complement."""
    assert explain(plain("Goods as per invoice"))[0].params == {"word": "as per invoice"}
    assert explain(plain("spare parts for machine"))[0].params == {"word": "parts"}


def test_every_reason_and_question_has_its_sentence() -> None:
    """With the same values in both languages; only the kinds that quote a word take one."""
    kinds = {name.removeprefix("hs.vague.") for name in catalogue() if name.startswith("hs.vague.")}
    asked = {q for order in questions._ASKED.values() for q in order}
    assert asked <= {n.removeprefix("hs.ask.") for n in catalogue() if n.startswith("hs.ask.")}
    quoting = {k for k in kinds if placeholders(catalogue()[f"hs.vague.{k}"]["en"])}
    assert kinds - quoting == {"broken", "number", "brand", "material", "look", "slogan"}
    for text in Inventor(np.random.default_rng(5)).vague(400, korean=0.3):
        reason, _ = explain(plain(text))
        assert set(reason.params) == placeholders(catalogue()[reason.id]["ko"])


def test_chocolate_is_a_colour_only_beside_a_size() -> None:
    assert says_nothing("chocolate, one size")
    assert not says_nothing("chocolate")


def test_lists_hold_words_that_can_be_met() -> None:
    """Each entry is found again as written, so that none is dead."""
    lexicon = Lexicon.read()
    for (kind, _), entries in lexicon.lists.items():
        for entry in entries:
            found = tokens(plain(entry))
            assert not found or kind in lexicon.tags(found)[0], (kind, entry)
    for family in lexicon.families.values():
        assert family == {stem(word) for word in family}


def test_a_word_that_stands_under_one_heading_narrows_more_than_one_under_all() -> None:
    codes = [HsCode(d) for d in ("0303670000", "4011100000", "8413501000", "2905110000")] * 5
    texts = [f"assembly {'pollock' if c.digits[:2] == '03' else 'other'}" for c in codes]
    knowledge = WordKnowledge.learn(texts, codes)
    assert knowledge.narrows["pollock"] > knowledge.narrows["assembly"] + 0.5
    assert knowledge.common("assembly pollock")
    assert not knowledge.common("tyre")


def test_real_vague_parcels_are_told_from_real_ruling_names(eval_data: Path) -> None:
    """On a part of the real names, so with less power than after training on all of them."""
    with (eval_data / "hs" / "clip_names.csv").open(encoding="utf-8-sig") as file:
        rows = [(r["name"], HsCode(r["hsk"])) for r in csv.DictReader(file)]
    random.Random(0).shuffle(rows)
    kept, fresh = rows[:6000], rows[6000:9000]
    model = VagueModel.fit([n for n, _ in kept], [c for _, c in kept], seed=0, invented=6000)
    with (eval_data / "hs" / "uk_parcels" / "vague_terms.csv").open(encoding="utf-8") as file:
        vague = [row[0] for row in csv.reader(file) if row]
    assert np.mean(model.p_values([n for n, _ in fresh]) <= model.level) <= 0.04
    assert np.mean(model.p_values(vague) <= model.level) >= 0.5
