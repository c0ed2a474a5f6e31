"""`portcullis import`: into the store in one transaction, twice without harm, with a report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from customs.errors import UnreadableFile
from customs.readers import declarations, rulings
from portcullis.store import intake, official, open_store

HSK = (
    "HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명,수량단위코드,중량단위코드\n"
    "0303670000,20220101,20251231,명태,Alaska Pollack,,KG\n"
    "0303670001,20220230,20251231,명태,Alaska Pollack,,KG\n"
)
FILES = {
    "hsk": HSK,
    "trade": "month,hs,country,value_usd,weight_kg,freight_krw_per_kg\n"
    "2024-04,303670000,RU,1,2,3\n2024-04,x,RU,1,2,\n",
    "freight": "기간,중국\n2024-04,712\n2024-05,x\n",
    "macro": "month,oil,krw\n2024-04,80,1300\n2024-05,,1310\n2024-06,x,1\n",
    "declarations": "Declaration ID,Date,Country of Origin,Importer ID,HS6 Code,Net Mass,Item Price,Fraud\n"
    "1,2024-04-30,NA,I1,030367,5,6.10,1\n2,2024-04-31,NA,I1,030367,5,6.10,1\n",
    "rulings": "hsk,name\n0303670000,명태\n0303670000,명태\n12,x\n",
}
STORED = {"hsk": 1, "trade": 1, "freight": 1, "macro": 3, "declarations": 1, "rulings": 1}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: str
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    from portcullis.cli import main

    monkeypatch.setattr(sys, "argv", ["portcullis", "import", *args])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def rows(url: str, kind: str) -> list[dict]:
    engine = open_store(url)
    with engine.connect() as connection:
        found = [dict(row._mapping) for row in connection.execute(sa.select(official.TABLES[kind]))]
    engine.dispose()
    return found


@pytest.mark.parametrize("kind", FILES)
def test_each_kind_is_stored_once_however_often_it_is_imported(
    kind: str,
    store_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The report names the refused row each time; the second import adds nothing."""
    file = tmp_path / f"{kind}.csv"
    file.write_bytes(FILES[kind].encode("cp949"))
    for new in (STORED[kind], 0):
        code, out, _ = run(monkeypatch, capsys, kind, str(file), "--store", store_url, "--json")
        answer = json.loads(out)
        assert code == 0
        assert (answer["stored"], answer["new"], answer["refused"]) == (STORED[kind], new, 1)
        assert answer["remarks"][-1]["refused"] is True
    assert len(rows(store_url, kind)) == STORED[kind]


def test_what_is_stored_is_what_was_read(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Codes whole, money exact, the unit kept, Namibia no missing value, and the import on record."""
    for kind, text in FILES.items():
        (tmp_path / f"{kind}.csv").write_text(text, encoding="utf-8")
        code, out, _ = run(monkeypatch, capsys, kind, str(tmp_path / f"{kind}.csv"), "--store", store_url)
        assert code == 0
        assert "refused line" in out
    trade, declared = rows(store_url, "trade")[0], rows(store_url, "declarations")[0]
    assert (trade["hs"], trade["flow"], trade["freight"], trade["freight_unit"]) == (
        "0303670000",
        "I",
        3.0,
        "krw_per_kg",
    )
    assert (declared["origin"], declared["value"], declared["fraud"]) == ("NA", "6.10", 1)
    assert rows(store_url, "freight")[0]["krw_per_2teu"] == 712_000
    assert {(r["month"], r["series"]) for r in rows(store_url, "macro")} == {
        ("2024-04", "oil"),
        ("2024-04", "krw"),
        ("2024-05", "krw"),
    }
    engine = open_store(store_url)
    with engine.connect() as connection:
        made = connection.execute(sa.select(official.imports).order_by(official.imports.c.id)).all()
    engine.dispose()
    assert [m.kind for m in made] == list(FILES)
    assert made[0].rows_refused == 1
    assert trade["import_id"] == made[1].id


@pytest.mark.parametrize(
    ("kind", "data", "extra", "said"),
    [
        ("hsk", b"", [], "is empty"),
        ("hsk", b"\x89PNG....", [], "a PNG picture"),
        ("trade", b"month,hs\n2024-04,0303\n", [], "--map country=THEIRS"),
        ("trade", b"month,hs,country,value_usd,weight_kg\n2024-04,x,RU,1,2\n", [], "no row of"),
        ("freight", FILES["freight"].encode(), ["--map", "month=x"], "--map is for"),
        ("trade", FILES["trade"].encode(), ["--map", "price=x"], "no column 'price'"),
        ("hsk", HSK.encode(), ["--store", "nonsense"], "not a database URL"),
    ],
)
def test_a_bad_file_is_one_line_and_exit_code_two_and_nothing_is_stored(
    kind: str,
    data: bytes,
    extra: list[str],
    said: str,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was wrong and the remedy, on stderr."""
    file = tmp_path / "file.csv"
    file.write_bytes(data)
    code, out, err = run(monkeypatch, capsys, kind, str(file), "--store", url, *extra)
    assert code == 2
    assert out == ""
    assert said in err
    assert len([line for line in err.splitlines() if line.startswith("portcullis: ")]) == 1
    assert rows(url, kind) == []


def test_an_import_that_breaks_half_way_leaves_nothing(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two chunks fails; neither it nor the first nor the record of the import stays."""
    monkeypatch.setattr(intake, "CHUNK", 2)
    data = "hsk,name\n" + "".join(f"030367000{i},명태\n" for i in range(4))
    engine = open_store(store_url)

    def fail(stage: str, done: int, total: int) -> None:
        if done == total:
            raise ConnectionError

    read = rulings.read(data.encode())
    with pytest.raises(ConnectionError):
        intake.store(engine, "rulings", read, file="r.csv", data=b"", progress=fail)
    with engine.connect() as connection:
        assert connection.execute(sa.select(official.imports)).all() == []
    engine.dispose()
    assert rows(store_url, "rulings") == []


def test_a_later_file_renews_values_and_keeps_what_it_lacks(store_url: str) -> None:
    """The same declarations without labels do not wipe the labels."""
    engine = open_store(store_url)
    for text in (
        FILES["declarations"],
        FILES["declarations"].replace(",Fraud", "").replace("6.10,1", "7.00"),
    ):
        intake.store(
            engine, "declarations", declarations.read(text.encode()), file="d.csv", data=text.encode()
        )
    engine.dispose()
    (row,) = rows(store_url, "declarations")
    assert (row["value"], row["fraud"], row["import_id"]) == ("7.00", 1, 2)


def test_a_file_of_which_no_row_could_be_read_is_an_error(url: str) -> None:
    """Better than an import of nothing that looks like a success."""
    engine = open_store(url)
    with pytest.raises(UnreadableFile, match="most often: hs: it is not an HS code"):
        intake.store(engine, "rulings", rulings.read(b"hsk,name\nx,y\n"), file="r.csv", data=b"")
    engine.dispose()


def test_a_workbook_is_imported_like_a_csv(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """XLSX keeps numbers as numbers; codes regain their zero."""
    frame = pd.DataFrame(
        {"월": ["2024-04"], "hs": [303670000], "country": ["RU"], "value_usd": [1], "weight_kg": [2]}
    )
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    code, out, _ = run(
        monkeypatch, capsys, "trade", str(tmp_path / "t.xlsx"), "--map", "month=월", "--store", url, "--json"
    )
    assert code == 0
    assert json.loads(out)["repaired"] == 1
    assert rows(url, "trade")[0]["hs"] == "0303670000"
