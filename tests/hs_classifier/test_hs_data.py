"""Reading texts and splitting them."""

from __future__ import annotations

from pathlib import Path

import pytest

from customs.errors import CustomsError, InvalidConfig
from customs.hs import HsCode
from hs_classifier.data import Corpus, Sample, read_corpus, split
from hs_classifier.text import Goods, head
from hs_classifier.train import train

HSK = """HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명,수량단위코드,중량단위코드
0303,20220101,99991231,냉동 어류,"Fish, frozen",,
030367,20220101,99991231,명태,Alaska pollock,,
0303670000,20220101,99991231,기타,Other,U,KG
9999000000,20220101,99991231,기타,Other,U,KG
"""


def test_csv_and_json_lines_are_read_alike(tmp_path: Path) -> None:
    """Rows without ten digits or without words are left out and counted."""
    table = tmp_path / "a.csv"
    table.write_text("hsk,name,description\n0303670000,pollock,frozen\n030367,pollock,\n0303670000,123,\n")
    lines = tmp_path / "b.jsonl"
    lines.write_text(
        '{"hsk": "0303670000", "product_name": "명태", "description": "냉동"}\n', encoding="utf-8"
    )
    corpus = read_corpus([table, lines])
    assert corpus.samples == (
        Sample(Goods("pollock", "frozen"), HsCode("0303670000")),
        Sample(Goods("명태", "냉동"), HsCode("0303670000")),
    )
    assert corpus.left_out["rows_without_ten_digits"] == 1
    assert corpus.left_out["rows_without_words"] == 1


def test_official_wording_carries_its_parents_names(tmp_path: Path) -> None:
    """A leaf called "other" without named parents says nothing and is left out."""
    table = tmp_path / "hsk.csv"
    table.write_text(HSK, encoding="utf-8")
    names = tmp_path / "a.csv"
    names.write_text("hsk,name\n4011100000,tyres\n")
    wording = [s for s in read_corpus([names], table).samples if s.source == "wording"]
    assert [(s.code.digits, s.goods.name) for s in wording] == [
        ("0303670000", "냉동 어류 ; 명태 ; 기타"),
        ("0303670000", "Fish, frozen ; Alaska pollock ; Other"),
    ]


def test_rulings_of_one_name_stay_on_one_side(corpus: Corpus) -> None:
    """A later ruling is never the twin of an earlier one."""
    parts = split(corpus.samples, share=0.2, seed=0)
    heads = [{head(corpus.samples[i].goods.short) for i in part} for part in (parts.train, parts.held)]
    assert not heads[0] & heads[1]
    assert len(parts.train) + len(parts.held) == len(corpus.samples)
    assert abs(len(parts.held) - 0.2 * len(corpus.samples)) < 10


def test_full_rulings_are_held_out_first_but_only_half_of_the_quota(corpus: Corpus) -> None:
    """They alone tell what a description is worth; the rest of the quota is bare names."""
    mixed = [
        Sample(Goods(s.goods.name, "frozen, in cartons of 20 kg" if i % 10 == 0 else ""), s.code)
        for i, s in enumerate(corpus.samples)
    ]
    parts = split(mixed, share=0.1, seed=0)
    described = [bool(mixed[i].goods.description) for i in parts.held]
    assert 0.4 < sum(described) / len(described) < 0.6


def test_wording_is_never_held_out(corpus: Corpus) -> None:
    """Declarations are, where there are any, and rulings then are not."""
    mixed = [
        Sample(s.goods, s.code, ("declared", "ruling", "wording")[i % 3])
        for i, s in enumerate(corpus.samples)
    ]
    parts = split(mixed, share=0.1, seed=0)
    assert {s.source for s in [mixed[i] for i in parts.held]} == {"declared"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "hsk,name\n", "columns hsk and name|no row"),
        ("a.csv", "code2,label\n1,2\n", "a.csv"),
        ("a.csv", "hsk,name\n0303670000,pollock\n", "too few"),
        ("a.csv", "", "empty"),
    ],
)
def test_unusable_data_is_one_clear_error(tmp_path: Path, name: str, content: str, message: str) -> None:
    """It says what is wrong, and no model is written."""
    (tmp_path / name).write_text(content)
    with pytest.raises(CustomsError, match=message):
        train([tmp_path / name], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_world_is_refused(tmp_path: Path) -> None:
    """Not searched for files."""
    with pytest.raises(CustomsError, match="not a world"):
        read_corpus([tmp_path])


def test_an_unknown_setting_is_refused(corpus_csv: Path, tmp_path: Path) -> None:
    """With the settings that exist."""
    with pytest.raises(InvalidConfig, match="choose from"):
        train([corpus_csv], tmp_path / "out", overrides={"hiden": "3"})
