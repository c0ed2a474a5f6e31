"""The glossary of trade words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from customs.hs import HsCode
from hs_classifier.codes import CodeTree
from hs_classifier.terms import FOLDER, Term, TermIndex, pieces, read_glossary

TREE = CodeTree(HsCode(d) for d in ("0303670000", "0304750000", "4011100000", "9017303000"))
TERMS = (
    Term("digital caliper", HsCode("9017")),
    Term("캘리퍼", HsCode("9017303000")),
    Term("passenger car tyre", HsCode("401110")),
    Term("fish", HsCode("0303")),
    Term("spaceship", HsCode("8802")),
)


@pytest.fixture(scope="module")
def index() -> TermIndex:
    return TermIndex.build(TERMS, ["frozen fish", "fish fillet", "rubber tyre", "steel fish hook"], TREE)


def test_every_line_of_the_glossary_is_read_and_of_four_six_or_ten_digits() -> None:
    """A line of three fields; a term is cleaned and stands once under a code."""
    terms = read_glossary()
    lines = [
        line
        for path in FOLDER.glob("*.tsv")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert len({t.code for t in terms}) == len(lines) == len({line.split("\t")[0] for line in lines})
    assert {t.code.level for t in terms} == {4, 6, 10}
    assert len(set(terms)) == len(terms)
    assert len({t.code.chapter for t in terms}) >= 96


@pytest.mark.eval_data
def test_every_code_of_the_glossary_is_in_the_official_table(eval_data: Path) -> None:
    """None was invented."""
    from hs_classifier.official.table import CodeTable

    table = CodeTable.read(eval_data / "nomenclature" / "kcs_hsk_2025.csv")
    assert [t.code.digits for t in read_glossary() if t.code.digits not in table] == []


def test_a_term_that_is_all_there_names_its_code(index: TermIndex) -> None:
    """At the level it names, whatever else the text says and in whatever form the word stands."""
    found = index(["bd-dc075p digital calipers, 0-75 mm", "디지털 캘리퍼", "nothing of the kind"])
    heading, leaf = TREE.find(HsCode("9017")), TREE.find(HsCode("9017303000"))
    assert found[4][0, heading] > 0
    assert found[10][1, leaf] > 0
    assert all(np.count_nonzero(found[level][2]) == 0 for level in (4, 6, 10))


def test_half_a_term_says_less_than_all_of_it(index: TermIndex) -> None:
    """And a word that many texts have says less than a rare one."""
    node = TREE.find(HsCode("401110"))
    whole, part = index(["tyre for a passenger car", "tyre for a car"])[6][:, node]
    assert whole > part > 0
    fish = index(["fish"])[4][0, TREE.find(HsCode("0303"))]
    assert 0 < fish < whole


def test_terms_of_codes_that_are_not_in_the_tree_are_left_out(index: TermIndex) -> None:
    """They could not be suggested."""
    assert "spaceship" not in {t.text for t in index.terms}


def test_pieces_forget_plurals_and_split_korean_into_syllable_pairs() -> None:
    """So that a compound meets its parts."""
    assert pieces("batteries") == pieces("battery")
    assert pieces("냉동새우") >= pieces("새우")
    assert pieces("") == set()
