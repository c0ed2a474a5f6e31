"""From official files to a panel and to the module: the command, and freight and macro beside a series."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from customs.errors import InvalidConfig, UnreadableFile
from tabular_ae.countries import code_of
from tabular_ae.data import read_macro, read_panel, read_series
from tabular_ae.panel_maker import make_panel
from tabular_ae.routes import KG_PER_2TEU, read_rates
from tabular_ae.rows import month_number

NAN = float("nan")

TRADE = (
    "기준년월,국가코드,HSK품목코드,수출입구분코드,당월수출입중량(킬로그램),당월수출입미화금액(달러),국가명\n"
    "202401,ES,303670000,I,100,1000,스페인\n"
    "202401,FR,303670000,I,300,1500,프랑스\n"
    "202401,FR,303670000,E,300,1500,프랑스\n"
    "202402,US,303670000,I,50,700,미국\n"
    "202402,RU,303670000,I,60,600,러시아\n"
    "202402,VN,1605100000,I,0,0,베트남\n"
)
FREIGHT = "기간,미국서부,미국동부,유럽연합\n2024-01,2000,3000,1000\n2024-02,2000,4000,1250\n"
MACRO = (
    "년월,두바이유,원/달러 환율,소비자물가지수,농산물및석유류제외지수,생산자물가지수(총지수)\n"
    "2024-01,80,1300,110,100,120\n"
    "2024-02,81,1310,,102,121\n"
)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Small files in the official form and encoding."""
    found = {}
    for name, text in (("trade", TRADE), ("freight", FREIGHT), ("macro", MACRO)):
        found[name] = tmp_path / f"{name}.csv"
        found[name].write_bytes(text.encode("cp949"))
    return found


def test_the_official_files_become_the_proposals_panel(files: dict[str, Path]) -> None:
    """Zero, imports, partners, the union, the coasts, oil, rate and prices: all by hand."""
    made = make_panel(**files, partners=["CN", "JP", "US", "VN", "EU"], merge=["EU"])
    first, second = made.table.to_dict("records")
    assert first == {
        "month": "2024-01",
        "hs": "0303670000",
        "country": "EU",
        "value_usd": 2500.0,
        "weight_kg": 400.0,
        "freight_krw_per_kg": 1_000_000 / KG_PER_2TEU,
        "dubai_usd_bbl": 80.0,
        "krw_per_usd": 1300.0,
        "cpi": 110.0,
        "농산물및석유류제외지수": 100.0,
        "ppi": 120.0,
    }
    assert (second["country"], second["freight_krw_per_kg"]) == ("US", 3_000_000 / KG_PER_2TEU)
    assert second["cpi"] == pytest.approx(110.0 * 1.02)
    said = str(made)
    for words in (
        "leading zero",
        "1 exports were dropped",
        "ES, FR are EU",
        "2 months of the US",
        "follow 농산물",
    ):
        assert words in said


def test_an_unknown_group_and_foreign_freight_are_clear_errors(
    files: dict[str, Path], tmp_path: Path
) -> None:
    """Dollars are not taken for won."""
    with pytest.raises(InvalidConfig, match="no group 'ASEAN'"):
        make_panel(files["trade"], merge=["ASEAN"])
    other = tmp_path / "usd.csv"
    other.write_text("month,hs,country,value_usd,weight_kg,freight_usd_per_kg\n2024-01,030367,VN,1,1,0.5\n")
    with pytest.raises(InvalidConfig, match="freight is in usd_per_kg"):
        make_panel(other)


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: object
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command line."""
    from portcullis.cli import main

    monkeypatch.setattr(sys, "argv", ["portcullis", *map(str, args)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_panel_command_writes_what_train_reads(
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The report on stdout, the panel as parquet, its freight with a unit."""
    options = [x for name, path in files.items() for x in (f"--{name}", path)]
    code, out, err = run(
        monkeypatch,
        capsys,
        "panel",
        *options,
        "--merge",
        "eu",
        "--out",
        tmp_path / "new" / "p.parquet",
        "--json",
    )
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["rows"], len(report["files"])) == (3, 3)
    read = read_panel([tmp_path / "new" / "p.parquet"])
    assert (len(read.rows), read.freight_unit) == (3, "krw_per_kg")
    code, _, err = run(
        monkeypatch, capsys, "panel", *options, "--partners", "KR", "--out", tmp_path / "q.parquet"
    )
    assert code == 2
    assert err.startswith("portcullis: partners: no row is of KR — choose from ")


def plain(tmp_path: Path, header: str = "", cells: str = "") -> Path:
    """A series of three countries over two months."""
    rows = [f"2024-0{m},030367,{c},10,2{cells}" for m in (1, 2) for c in ("SPAIN", "US", "CHILE")]
    path = tmp_path / "plain.csv"
    path.write_text(f"month,hs,country,value_usd,weight_kg{header}\n" + "\n".join(rows) + "\n")
    return path


def test_a_series_file_gets_freight_and_macro_when_read(files: dict[str, Path], tmp_path: Path) -> None:
    """By route and month, for learning and for scoring alike; without them it is as before."""
    path = plain(tmp_path)
    panel = read_panel([path], freight=files["freight"], macro=files["macro"])
    want = [40.0, 100.0, NAN, 50.0, 120.0, NAN]
    np.testing.assert_allclose(panel.rows.freight, want)
    assert panel.freight_unit == "krw_per_kg"
    assert panel.krw_per_usd == {month_number("2024-01"): 1300.0, month_number("2024-02"): 1310.0}
    assert panel.macro is not None
    assert panel.macro.known("dubai_usd_bbl")[month_number("2024-02")] == 81.0
    assert "plain.csv: 4 rows got their route's freight" in panel.notes
    np.testing.assert_allclose(read_series(path, freight=files["freight"]).rows.freight, want)
    bare = read_panel([path])
    assert (bare.freight_unit, bare.macro, bare.krw_per_usd, bare.notes) == (None, None, {}, ())
    assert np.isnan(bare.rows.freight).all()


@pytest.mark.parametrize(
    ("header", "words"), [(",freight", "without a unit"), (",freight_usd_per_kg", "in usd_per_kg")]
)
def test_freight_in_another_unit_is_never_mixed_with_the_routes(
    header: str, words: str, files: dict[str, Path], tmp_path: Path
) -> None:
    """One clear error instead."""
    with pytest.raises(InvalidConfig, match=words):
        read_panel([plain(tmp_path, header, ",0.5")], freight=files["freight"])


def test_own_freight_in_the_same_unit_stays(files: dict[str, Path], tmp_path: Path) -> None:
    """The routes fill only what is empty."""
    path = plain(tmp_path, ",freight_krw_per_kg", ",7")
    path.write_text(path.read_text().replace("US,10,2,7", "US,10,2,"))
    np.testing.assert_allclose(
        read_panel([path], freight=files["freight"]).rows.freight, [7, 100, 7, 7, 120, 7]
    )


def test_routes_that_no_row_takes_leave_the_panel_without_freight(
    files: dict[str, Path], tmp_path: Path
) -> None:
    """No unit is claimed for nothing."""
    path = tmp_path / "far.csv"
    path.write_text("month,hs,country,value_usd,weight_kg\n2024-01,030367,CHILE,1,1\n")
    assert read_panel([path], freight=files["freight"]).freight_unit is None


def test_a_world_brings_its_own_macro_and_a_named_file_goes_first(
    tiny_world: Path, files: dict[str, Path]
) -> None:
    """All its figures, not the exchange rate alone."""
    world = read_panel([tiny_world])
    assert world.macro is not None
    assert {"dubai_usd_bbl", "krw_per_usd", "cpi", "ppi"} <= set(world.macro.names)
    month = month_number("2024-01")
    assert world.krw_per_usd[month] != 1300.0
    both = read_panel([tiny_world], macro=files["macro"])
    assert both.krw_per_usd[month] == 1300.0
    assert both.krw_per_usd[month - 1] == world.krw_per_usd[month - 1]


def test_a_macro_file_without_a_usable_month_is_one_clear_error(tmp_path: Path) -> None:
    """Nothing to join."""
    path = tmp_path / "m.csv"
    path.write_text("month,oil\nsoon,1\n")
    with pytest.raises(UnreadableFile, match="no usable month"):
        read_macro(path)


@pytest.mark.parametrize("verb", ["train", "score"])
def test_the_commands_pass_freight_and_macro_on_only_when_given(
    verb: str,
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The module's function gets both as keywords."""
    import tabular_ae.panel_file
    import tabular_ae.train

    seen: list[dict] = []

    def fake(*args: object, **options: object) -> dict:
        seen.append(options)
        return {"rows": 1, "scored": 1, "flagged": 0, "reasons": {}}

    monkeypatch.setattr(tabular_ae.train, "train", fake)
    monkeypatch.setattr(tabular_ae.panel_file, "score_file", fake)
    base = [verb, "tabular", "--data", "x.csv", "--out", tmp_path / "o"]
    base += ["--model", "m"] if verb == "score" else []
    assert run(monkeypatch, capsys, *base)[0] == 0
    given = ["--freight", files["freight"], "--macro", files["macro"]]
    assert run(monkeypatch, capsys, *base, *given)[0] == 0
    assert not {"freight", "macro"} & seen[0].keys()
    assert (seen[1]["freight"], seen[1]["macro"]) == (files["freight"], files["macro"])


def test_freight_and_macro_are_for_tabular_alone(
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Elsewhere they would be ignored."""
    base = ["train", "hs", "--data", "x.csv", "--out", tmp_path / "o"]
    code, _, err = run(monkeypatch, capsys, *base, "--macro", files["macro"])
    assert (code, err) == (2, "portcullis: macro: --macro is for tabular — leave it out\n")


@pytest.mark.eval_data
def test_the_real_us_panel_gets_the_real_routes_and_figures(eval_data: Path) -> None:
    """Every Census name of 145 is a country; both files of the routes say the same."""
    trade = eval_data / "trade/us_seafood_imports.parquet"
    monthly = eval_data / "trade/macro_monthly.csv"
    published = eval_data / "trade/kcs_sea_freight_thousand_krw_per_2teu.csv"
    labels = pd.read_parquet(trade, columns=["country"])["country"].unique()
    assert [label for label in labels if code_of(label) is None] == []
    assert len({code_of(label) for label in labels}) == len(labels) == 145
    pd.testing.assert_frame_equal(read_rates(published)[0], read_rates(monthly)[0])
    panel = read_panel([trade], {"hs": "hs6"}, freight=published, macro=monthly)
    with_freight = np.isfinite(panel.rows.freight)
    assert with_freight.sum() == 5_347
    assert panel.rows.month[with_freight].min() == month_number("2019-01")
    assert 10 < np.median(panel.rows.freight[with_freight]) < 200
    assert panel.macro is not None
    assert len(panel.macro.known("cpi")) == 137


@pytest.mark.eval_data
def test_the_real_members_merge_without_losing_a_dollar(eval_data: Path) -> None:
    """24 members by February 2020, 23 after."""
    trade = eval_data / "trade/us_seafood_imports.parquet"
    made = make_panel(trade, columns={"hs": "hs6"}, merge=["EU"])
    raw = pd.read_parquet(trade)
    assert made.table["value_usd"].sum() == raw["value_usd"].sum()
    assert not made.table.duplicated(["month", "hs", "country"]).any()
    assert made.table.loc[made.table["country"] == "GB", "month"].min() == "2020-02"
