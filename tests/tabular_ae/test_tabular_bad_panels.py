"""Bad panels through the real command line: a report or one clear error, never a traceback."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

QUICK = [
    word
    for key in ("epochs=1", "hidden=4", "rounds=5", "scale_rounds=3", "odd_rounds=5")
    for word in ("--set", key)
]
Change = Callable[[pd.DataFrame], pd.DataFrame]


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: object
) -> tuple[int, str]:
    """Exit code, and stdout of a success or stderr of a failure."""
    from portcullis.cli import main

    monkeypatch.setattr(sys, "argv", ["portcullis", *map(str, args)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    code = int(ended.value.code or 0)
    return code, said.out if code == 0 else said.err


def write(table: pd.DataFrame, path: Path) -> Path:
    """As CSV or parquet, by the suffix; a column of mixed types is text, as parquet has no such thing."""
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        mixed = [name for name in table if len(set(map(type, table[name]))) > 1]
        table.astype(dict.fromkeys(mixed, str)).to_parquet(path, index=False)
    return path


def put(column: str, value: object, rows: int = 7) -> Change:
    """The first rows of a column hold `value`."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        values = table[column].astype(object).tolist()
        return table.assign(**{column: [value] * rows + values[rows:]})

    return change


def repeated(table: pd.DataFrame) -> pd.DataFrame:
    """Seven rows twice, the second time at another price."""
    return pd.concat([table, table.head(7).assign(value_usd=1.0)], ignore_index=True)


# Seven rows of these are refused for the reason; the others are learned from and scored.
SOME = {
    "duplicate rows": (repeated, "repeats an earlier one"),
    "zero weight": (put("weight_kg", 0), "weight_kg: it is zero"),
    "negative weight": (put("weight_kg", -3), "weight_kg: it is negative"),
    "negative value": (put("value_usd", -3), "value_usd: it is negative"),
    "future month": (put("month", "2999-01"), "in the future"),
    "month 13": (put("month", "2022-13"), "no such month"),
    "month of the middle ages": (put("month", "1066-10"), "no such month"),
    "month in words": (put("month", "soon"), "not a month"),
    "price in words": (put("value_usd", "dear"), "not a number"),
    "no number": (put("value_usd", float("nan")), "a number is missing"),
    "infinity": (put("weight_kg", float("inf")), "not a number"),
    "no finite number": (put("value_usd", "1e999"), "too large"),
    "more than the world trades": (put("weight_kg", 1e300), "too large to be real"),
    "less than a milligram": (put("weight_kg", 1e-300), "too small to be real"),
    "freight beyond all money": (put("freight_krw_per_kg", 1e300), "too large to be real"),
    "code in words": (put("hs", "fish"), "not an HS code"),
    "half a code": (put("hs", "3036"[:3]), "3 digits"),
    "no country": (put("country", ""), "country: it is empty"),
    "endless country": (put("country", "x" * 500), "at most 100"),
}
ALL = {
    "no weights": lambda t: t.assign(weight_kg=0),
    "all in the future": lambda t: t.assign(month="2999-01"),
    "prices in words": lambda t: t.assign(value_usd="dear"),
    "prices true": lambda t: t.assign(value_usd=True),
    "codes rounded": lambda t: t.assign(hs="3.0367E+08"),
}


@pytest.fixture(scope="module")
def model(panel_file: Path, quick: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy artefact."""
    from tabular_ae.train import train

    out = tmp_path_factory.mktemp("bad") / "model"
    train([panel_file], out, overrides=quick)
    return out


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """The command line in this process."""
    return lambda *args: run(monkeypatch, capsys, *args)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", SOME)
def test_bad_rows_are_answered_with_their_reason(
    name: str, suffix: str, command: Callable, model: Path, panel_table: pd.DataFrame, tmp_path: Path
) -> None:
    """Scoring keeps a place for each row: the bad ones without a score, the others as ever."""
    change, reason = SOME[name]
    data = write(change(panel_table), tmp_path / f"p{suffix}")
    code, said = command(
        "score", "tabular", "--model", model, "--data", data, "--out", tmp_path / "s.parquet", "--json"
    )
    assert code == 0, said
    out = pd.read_parquet(tmp_path / "s.parquet")
    assert len(out) == json.loads(said)["rows"] == len(change(panel_table))
    bad = out["reason"].fillna("").str.contains(reason, regex=False)
    assert bad.sum() == 7
    assert out.loc[bad, "p_value"].isna().all()
    assert out.loc[~bad, "p_value"].notna().mean() > 0.9


@pytest.mark.parametrize("name", list(SOME)[:6])
def test_training_leaves_bad_rows_out_and_counts_them(
    name: str, command: Callable, panel_table: pd.DataFrame, tmp_path: Path
) -> None:
    """The rest is learned from."""
    data = write(SOME[name][0](panel_table), tmp_path / "p.parquet")
    code, said = command("train", "tabular", "--data", data, "--out", tmp_path / "m", *QUICK, "--json")
    assert code == 0, said
    figures = json.loads(said)
    assert figures["refused_rows"] == 7
    assert figures["rows"] == len(SOME[name][0](panel_table)) - 7


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", ALL)
def test_a_panel_without_one_good_row_cannot_be_learned_from_but_is_answered(
    name: str, suffix: str, command: Callable, model: Path, panel_table: pd.DataFrame, tmp_path: Path
) -> None:
    """Training says the most common reason; scoring gives each row its own."""
    data = write(ALL[name](panel_table), tmp_path / f"p{suffix}")
    code, said = command("train", "tabular", "--data", data, "--out", tmp_path / "m", *QUICK)
    one_clear_error(code, said, "data")
    assert "no usable row; most often: " in said
    code, said = command(
        "score", "tabular", "--model", model, "--data", data, "--out", tmp_path / "s.parquet", "--json"
    )
    assert (code, json.loads(said)["scored"]) == (0, 0)
    assert pd.read_parquet(tmp_path / "s.parquet")["reason"].notna().all()


GARBAGE = {
    "empty": (b"", "file"),
    "blank": (b"\n \n", "file"),
    "header alone": (b"month,hs,country,value_usd,weight_kg\n", "file"),
    "noise": (np.random.default_rng(0).bytes(100_000), "file"),
    "text noise": (np.random.default_rng(0).integers(33, 127, 100_000, dtype=np.uint8).tobytes(), None),
    "one long line": (b"a" * 200_000, None),
    "commas": (b"," * 20_000, None),
    "broken parquet": (b"PAR1" + b"\x00" * 500 + b"PAR1", "file"),
    "broken workbook": (b"PK\x03\x04" + b"\x00" * 500, "file"),
    "unknown columns": (b"ym,tariff,land,usd,kg\n2024-01,030367,VN,1,1\n", "month"),
    "a column missing": (b"month,hs,country,value_usd\n2024-01,030367,VN,1\n", "weight_kg"),
    "an open quote": (b'month,hs,country,value_usd,weight_kg\n2024-01,030367,"VN,1,1\n', "file"),
}


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("verb", ["train", "score", "panel"])
def test_garbage_is_one_clear_error(
    verb: str, name: str, command: Callable, model: Path, tmp_path: Path
) -> None:
    """Whatever the command: one line with the field and what to do, and nothing written."""
    data, field = GARBAGE[name]
    (tmp_path / "g.csv").write_bytes(data)
    arguments = {
        "train": ("train", "tabular", "--data", tmp_path / "g.csv"),
        "score": ("score", "tabular", "--model", model, "--data", tmp_path / "g.csv"),
        "panel": ("panel", "--trade", tmp_path / "g.csv"),
    }[verb]
    code, said = command(*arguments, "--out", tmp_path / "out")
    one_clear_error(code, said, field)
    assert not (tmp_path / "out").exists()


def one_clear_error(code: int, said: str, field: str | None) -> None:
    """Exit code 2 and one line: the field, the problem, the remedy."""
    assert code == 2, said
    (line,) = [line for line in said.splitlines() if line.startswith("portcullis: ")]
    assert "Traceback" not in said
    assert " — " in line
    assert field is None or line.startswith(f"portcullis: {field}: ")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t[t["month"] == "2021-05"], "over 1 months"),
        (lambda t: t.head(40), "40 rows"),
        (lambda t: t.assign(country=[f"L{i}" for i in range(len(t))]), ""),
    ],
)
def test_series_too_short_to_learn_from_are_one_clear_error_or_a_model(
    change: Change, words: str, command: Callable, panel_table: pd.DataFrame, tmp_path: Path
) -> None:
    """One month, a few rows, or every series a single month."""
    data = write(change(panel_table), tmp_path / "p.csv")
    code, said = command("train", "tabular", "--data", data, "--out", tmp_path / "m", *QUICK, "--json")
    if words or code:
        one_clear_error(code, said, "data")
        assert words in said
    else:
        assert json.loads(said)["series"] == len(panel_table)


def test_one_month_of_new_series_is_scored_or_says_why_not(
    command: Callable, model: Path, panel_table: pd.DataFrame, tmp_path: Path
) -> None:
    """A country never seen has no months of its own: each row still has a score or a reason."""
    new = panel_table[panel_table["month"] == "2023-06"].assign(country="NZ")
    data = write(new, tmp_path / "p.csv")
    code, said = command(
        "score", "tabular", "--model", model, "--data", data, "--out", tmp_path / "s.parquet"
    )
    assert code == 0, said
    out = pd.read_parquet(tmp_path / "s.parquet")
    assert (out["p_value"].notna() | out["reason"].notna()).all()


@pytest.mark.parametrize(("value", "weight"), [(1e14, 1e-6), (1e-6, 1e14)])
def test_absurd_amounts_are_scored_as_odd_or_not_at_all(
    value: float, weight: float, command: Callable, model: Path, panel_table: pd.DataFrame, tmp_path: Path
) -> None:
    """The ends of what is read are no reason to fail; their neighbours keep their scores."""
    table = panel_table.tail(24).reset_index(drop=True)
    table.loc[0, ["value_usd", "weight_kg"]] = (value, weight)
    data = write(table, tmp_path / "p.parquet")
    code, said = command(
        "score", "tabular", "--model", model, "--data", data, "--out", tmp_path / "s.parquet"
    )
    assert code == 0, said
    out = pd.read_parquet(tmp_path / "s.parquet")
    assert out["p_value"].notna().sum() >= 23
    assert out["reason"].notna()[0] or out["p_value"][0] < 0.05


@pytest.mark.parametrize("verb", ["train", "score", "panel"])
def test_a_file_that_is_not_there_is_one_clear_error(
    verb: str, command: Callable, model: Path, panel_file: Path, tmp_path: Path
) -> None:
    """Missing data, and a folder that is no world."""
    option = {"train": "--data", "score": "--data", "panel": "--trade"}[verb]
    rest = {"train": ("tabular",), "score": ("tabular", "--model", model), "panel": ()}[verb]
    for path in (tmp_path / "none.csv", tmp_path):
        code, said = command(verb, *rest, option, path, "--out", tmp_path / "out")
        one_clear_error(code, said, None)
