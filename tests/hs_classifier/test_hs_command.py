"""`portcullis suggest` and its stream of lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from customs.errors import CustomsError
from hs_classifier import bulk
from hs_classifier.scorer import HsScorer
from portcullis.cli.app import app

run = CliRunner().invoke


@pytest.fixture(scope="module")
def model(scorer: HsScorer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hs-model") / "model"
    scorer.save(folder)
    return folder


def test_a_text_is_answered_on_standard_output(model: Path) -> None:
    """One JSON line with the four levels."""
    result = run(app, ["suggest", "--model", str(model), "--text", "냉동 명태", "--top", "2"])
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    answer = json.loads(line)
    assert list(answer) == ["row", "levels", "set", "rulings", "official", "separates", "refused"]
    assert list(answer["levels"]) == ["2", "4", "6", "10"]
    assert answer["levels"]["10"][0]["code"] == "0303670000"
    assert 1 <= len(answer["levels"]["10"]) <= 2
    assert answer["refused"] is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_a_file_is_answered_in_its_order_and_faulty_lines_are_named(
    model: Path, tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In chunks smaller than the file; a short line does not stop the work."""
    monkeypatch.setattr(bulk, "CHUNK", 2)
    table = tmp_path / "in.csv"
    rows = ["id,품명", "1,냉동 새우", "2", '3,"roasted coffee, beans"', "4,", "5,커피 생두"]
    table.write_text("\n".join(rows), encoding=encoding)
    out = tmp_path / "out.jsonl"
    arguments = [
        "suggest",
        "--model",
        str(model),
        "--input",
        str(table),
        "--text-column",
        "품명",
        "--out",
        str(out),
    ]
    result = run(app, arguments)
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [a["row"] for a in answers] == [0, 1, 2, 3, 4]
    best = [a["levels"]["10"][0]["code"] if a["levels"] else None for a in answers]
    assert best == ["0306171090", None, "0901210000", None, "0901110000"]
    assert "Line 3" in answers[1]["refused"]["reason"]
    assert answers[3]["refused"]["questions"]


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        (b"a,b\n1,2\n", "c", "no column 'c'"),
        (b"", "a", "empty"),
        (b"PK\x03\x04\0\0", "a", "not text"),
    ],
)
def test_an_unusable_file_is_one_clear_error(
    tmp_path: Path, content: bytes, column: str, message: str
) -> None:
    """Before anything is answered."""
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    with pytest.raises(CustomsError, match=message):
        bulk.rows_of_csv(path, column)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--text", "a", "--input", "b.csv", "--text-column", "c"], ["--input", "b.csv"]],
)
def test_contradicting_options_are_refused(model: Path, arguments: list[str]) -> None:
    """Either a text, or a file with its column."""
    result = run(app, ["suggest", "--model", str(model), *arguments])
    assert isinstance(result.exception, CustomsError)


def test_a_photo_that_is_no_picture_is_named_and_the_other_lines_are_answered(
    model: Path, tmp_path: Path
) -> None:
    """A PDF called .jpg, a photo that is missing, and a good one; paths are relative to the list."""
    (tmp_path / "a.jpg").write_bytes(b"%PDF-1.7 not a picture")
    Image.new("RGB", (64, 48), (200, 120, 90)).save(tmp_path / "b.png")
    table = tmp_path / "in.csv"
    table.write_text(
        "name,photo\nfrozen shrimp,a.jpg\nfrozen shrimp,b.png\nfrozen shrimp,c.png\nfrozen shrimp,\n"
    )
    out = tmp_path / "out.jsonl"
    arguments = ["--input", str(table), "--text-column", "name", "--photo-column", "photo", "--out", str(out)]
    result = run(app, ["suggest", "--model", str(model), *arguments])
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    refused = [None if a["refused"] is None else a["refused"]["reason"] for a in answers]
    assert refused[1] is refused[3] is None
    assert "a.jpg" in str(refused[0])
    assert "c.png" in str(refused[2])
    assert answers[1]["levels"]["10"][0]["code"] == "0306171090"


@pytest.mark.parametrize(
    ("text", "answered"),
    [
        ("", False),
        ("🚢🚢🚢", False),
        ("<script>alert(1)</script>", True),
        ("frozen 냉동 shrimp 새우 🦐", True),
        ("frozen shrimp " * 80_000, True),
    ],
)
def test_odd_texts_have_a_defined_answer(scorer: HsScorer, text: str, answered: bool) -> None:
    """Empty, emoji alone, markup, mixed scripts, a megabyte: codes, or a refusal with questions."""
    (found,) = scorer.suggest([text])
    if found.refused is None:
        assert answered
        assert found.levels[10]
    else:
        assert found.refused.questions
    if "shrimp" in text:
        assert found.levels[10][0].hs is not None
        assert found.levels[10][0].hs.digits == "0306171090"
