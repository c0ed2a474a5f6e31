"""Codes from the store: imported, searched, shown, browsed and mapped, on the command line and by the API."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from customs.errors import InvalidValue
from portcullis.codes import CodeDesk, NoTable
from portcullis.service import NotFound, Service
from portcullis.store import official, open_store
from portcullis.store.intake import store
from portcullis.store.tariff import Tariff

FILES = {
    "hsk": "HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명,수량단위코드,중량단위코드\n"
    "03061710,20170101,20251231,새우살,Peeled shrimps,,\n"
    "0306171090,20120101,20251231,기타,Other,,KG\n"
    "0306179091,20220101,20251231,흰다리새우,White leg shrimp,U,KG\n"
    "0306179099,20220101,20251231,기타,Other,,KG\n",
    "international": "section,hscode,description,parent,level\nI,03,Fish,TOTAL,2\nI,0306,Crustaceans,03,4\n",
    "concordance": "개정전(HSK 2017),개정후(HSK 2022)\n0306179000,0306179091\nex 0306179000,0306179099\n",
    "rates": "품목번호,관세율구분,관세율,단위당세액,적용국가구분,용도세율구분,적용개시일,적용만료일\n"
    "0306179091,A,20,,1,,20220101,99991231\n"
    "0306179091,FVN1,0,,2,,20220101,20241231\n"
    "0306179091,C,,1500.50,1,,20220101,99991231\n",
}
READERS = {"international": "hsk"}
Run = Callable[..., tuple[int, str, str]]


def fill(url_or_engine: str | sa.Engine, *names: str) -> None:
    """Import some of the files."""
    import importlib

    engine = open_store(url_or_engine) if isinstance(url_or_engine, str) else url_or_engine
    for name in names:
        kind = READERS.get(name, name)
        data = FILES[name].encode()
        read = importlib.import_module(f"customs.readers.{kind}").read(data)
        store(engine, kind, read, file=f"{name}.csv", data=data)
    if isinstance(url_or_engine, str):
        engine.dispose()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, stdout and stderr of a command."""
    from portcullis.cli import main

    def call(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["portcullis", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


@pytest.mark.parametrize("kind", ["concordance", "rates"])
def test_both_new_kinds_are_stored_once_however_often_they_are_imported(
    kind: str, url: str, tmp_path: Path, run: Run
) -> None:
    """From a file in the encoding of the customs service; nothing of a wrong file is stored."""
    file = tmp_path / f"{kind}.csv"
    file.write_bytes(FILES[kind].encode("cp949"))
    rows = FILES[kind].count("\n") - 1
    for new in (rows, 0):
        code, out, _ = run("import", kind, str(file), "--store", url, "--json")
        answer = json.loads(out)
        assert (code, answer["stored"], answer["new"], answer["refused"]) == (0, rows, new, 0)
    file.write_text("a,b\n1,2\n")
    code, _, err = run("import", kind, str(file), "--store", url)
    assert code == 2
    assert err.count("\n") == 1
    assert "--map" in err
    engine = open_store(url)
    with engine.connect() as connection:
        stored = connection.scalar(sa.select(sa.func.count()).select_from(official.TABLES[kind]))
    engine.dispose()
    assert stored == rows


def test_a_rate_that_became_an_amount_is_replaced_whole(url: str) -> None:
    """Else the old percentage would stand beside the new amount."""
    fill(url, "rates")
    engine = open_store(url)
    from customs.readers import rates

    header = FILES["rates"].partition("\n")[0]
    data = f"{header}\n0306179091,A,,900,1,,20220101,99991231\n".encode()
    store(engine, "rates", rates.read(data), file="r.csv", data=data)
    found = Tariff(engine).rates("0306179091", dt.date(2025, 1, 1))
    engine.dispose()
    assert found is not None
    assert [(r.kind, r.percent, r.amount) for r in found] == [
        ("A", None, Decimal(900)),
        ("C", None, Decimal("1500.50")),
    ]


def test_the_store_answers_with_one_tree_of_both_tables(url: str) -> None:
    """Days without a limit come back as none, and a later import is seen."""
    fill(url, "hsk")
    engine = open_store(url)
    tariff = Tariff(engine)
    first = tariff.table()
    assert first is not None
    assert tariff.table() is first
    assert [e.en for e in first.path("0306171090")] == ["", "", "", "Peeled shrimps", "Other"]
    fill(engine, "international")
    second = tariff.table()
    engine.dispose()
    assert second is not None
    assert [e.en for e in second.path("0306171090")][:3] == ["Fish", "Crustaceans", ""]
    assert second.versions("0306")[0].valid_from is None
    assert second.versions("0306")[0].valid_to is None
    assert second.last_day == dt.date(2025, 12, 31)
    assert second.versions("0306179091")[0].quantity_unit == "U"


def test_without_imports_the_store_says_that_it_does_not_know(url: str) -> None:
    """Three different things: no table, no concordance, no rates."""
    engine = open_store(url)
    tariff = Tariff(engine)
    assert tariff.table() is None
    assert tariff.concordance() is None
    assert tariff.rates("0306179091", dt.date(2025, 1, 1)) is None
    desk = CodeDesk.of_store(tariff)
    for ask in (lambda: desk.search("fish"), desk.browse, lambda: desk.show("03", on=dt.date(2025, 1, 1))):
        with pytest.raises(NoTable, match="portcullis import hsk"):
            ask()
    fill(engine, "hsk")
    shown = desk.show("0306179091", on=dt.date(2025, 1, 1))
    engine.dispose()
    assert shown["rates"] == {"imported": False, "rates": []}
    assert shown["mapping"]["status"] == "no_table"


def test_one_code_is_shown_with_all_that_is_known_of_it(url: str) -> None:
    """Rates of the day only; exact amounts; the children of a group."""
    fill(url, *FILES)
    engine = open_store(url)
    desk = CodeDesk.of_store(Tariff(engine))
    shown = desk.show("0306.17-9091", on=dt.date(2025, 6, 1))
    assert [e["code"] for e in shown["path"]] == ["03", "0306", "030617", "0306179091"]
    assert shown["validity"]["status"] == "valid"
    assert (shown["quantity_unit"], shown["weight_unit"]) == ("U", "KG")
    assert [(r["kind"], r["rate"]) for r in shown["rates"]["rates"]] == [
        ("A", "20 %"),
        ("C", "1,500.50 KRW per unit"),
    ]
    assert shown["mapping"]["status"] == "not_listed"
    earlier = desk.show("0306179091", on=dt.date(2024, 6, 1), language="ko")
    assert [r["name"] for r in earlier["rates"]["rates"]][-1] == "한·베트남 FTA"
    group = desk.show("030617", on=dt.date(2026, 6, 1))
    assert [e["code"] for e in group["children"]] == ["03061710", "0306179091", "0306179099"]
    assert group["validity"]["status"] == "after_table"
    assert group["table_ends"] == "2025-12-31"
    engine.dispose()


def test_a_code_of_an_older_edition_is_shown_with_what_became_of_it(url: str) -> None:
    """The table does not have it, and says so."""
    fill(url, *FILES)
    engine = open_store(url)
    desk = CodeDesk.of_store(Tariff(engine))
    shown = desk.show("0306179000", on=dt.date(2025, 6, 1))
    mapped = desk.mapping("0306179000", dt.date(2019, 1, 1))
    engine.dispose()
    assert (shown["listed"], shown["validity"]["status"]) == (False, "unknown")
    assert shown["mapping"]["status"] == "split"
    assert mapped == shown["mapping"]
    assert [(t["code"], t["ko"], t["partly"]) for t in mapped["targets"]] == [
        ("0306179091", "흰다리새우", False),
        ("0306179099", "기타", True),
    ]


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("0306179999", NotFound, "030617"),
        ("306179091", NotFound, "0306179091"),
        ("0306179", NotFound, "search for 0306179"),
        ("8471", NotFound, "chapter 84"),
        ("7700", NotFound, "chapter 77"),
        ("3", InvalidValue, "2 to 10 digits"),
        ("shrimp", InvalidValue, "2 to 10 digits"),
    ],
)
def test_what_the_table_does_not_have_is_said_with_the_next_step(
    url: str, code: str, error: type[Exception], said: str
) -> None:
    """Never the code that may have been meant in its place."""
    fill(url, *FILES)
    engine = open_store(url)
    with pytest.raises(error, match=said):
        CodeDesk.of_store(Tariff(engine)).show(code, on=dt.date(2025, 1, 1))
    engine.dispose()


def test_the_command_line_prints_what_a_broker_reads(url: str, run: Run) -> None:
    """Search, show, browse and map, each on the imported tables."""
    fill(url, *FILES)
    code, out, _ = run("codes", "search", "새우살", "--store", url)
    assert code == 0
    assert "0306.17.10    «새우살» / Peeled shrimps" in out
    assert "in Fish > Crustaceans > 0306.17" in out
    _, out, _ = run("codes", "show", "0306179091", "--on", "2025-06-01", "--store", url)
    assert "valid on 2025-06-01 (2022-01-01 to 2025-12-31)" in out
    assert "20 %" in out
    assert "base rate" in out
    _, out, _ = run("codes", "browse", "0306", "--store", url)
    assert "0306.17" in out
    assert "(+3)" in out
    _, out, _ = run("codes", "map", "0306179000", "--from", "2017", "--store", url)
    assert "흰다리새우" in out
    assert "[in part]" in out


def test_a_file_will_do_in_place_of_the_store(tmp_path: Path, run: Run) -> None:
    """Without rates and concordance, which it says."""
    file = tmp_path / "hsk.csv"
    file.write_text(FILES["hsk"], encoding="utf-8")
    code, out, _ = run("codes", "show", "0306179091", "--nomenclature", str(file))
    assert code == 0
    assert "portcullis import rates" in out
    code, out, _ = run("codes", "map", "0306179000", "--nomenclature", str(file), "--json")
    assert json.loads(out)["status"] == "no_table"
    assert code == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["show", "0306179999"], "code"),
        (["show", "12345678901"], "2 to 10 digits"),
        (["search", "🐟"], "query"),
        (["search", "fish", "--limit", "0"], "limit"),
        (["map", "0306179000", "--from", "2018"], "edition"),
        (["map", "03"], "hs"),
        (["browse", "0399"], "code"),
        (["search", "fish", "--nomenclature", "x.csv"], "--nomenclature"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(url: str, run: Run, args: list[str], said: str) -> None:
    """With what to do."""
    fill(url, *FILES)
    code, out, err = run("codes", *args, "--store", url)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err


@pytest.fixture
def codes_client(client: httpx.Client, service: Service) -> httpx.Client:
    """A client of a service whose store has all tables."""
    fill(service.accounts.engine, *FILES)
    return client


def test_codes_are_searched_by_the_api(codes_client: httpx.Client) -> None:
    """By words and by digits, on a day, with marks where the words stand."""
    body = codes_client.get("/v1/hs", params={"query": "shrimp", "on": "2025-01-01"}).json()
    assert [hit["code"] for hit in body["hits"]] == ["03061710", "0306179091"]
    hit = body["hits"][0]
    begin, end = hit["marks"]["en"][0]
    assert hit["en"][begin:end] == "shrimp"
    assert hit["validity"]["status"] == "valid"
    body = codes_client.get("/v1/hs", params={"query": "0306.179", "limit": 1}).json()
    assert (body["digits"], body["total"], len(body["hits"])) == ("0306179", 2, 1)
    assert "7 digits" in body["note"]
    assert "7자리" in codes_client.get("/v1/hs", params={"query": "0306179", "lang": "ko"}).json()["note"]


def test_one_code_is_read_by_the_api(codes_client: httpx.Client) -> None:
    """Path, validity, rates, mapping and children; sentences in the language asked for."""
    body = codes_client.get("/v1/hs/0306.17-9091", params={"on": "2025-06-01", "lang": "ko"}).json()
    assert body["code"] == "0306179091"
    assert [entry["code"] for entry in body["path"]] == ["03", "0306", "030617", "0306179091"]
    assert "유효" in body["validity"]["sentence"]
    assert [rate["percent"] for rate in body["rates"]["rates"]] == ["20", None]
    assert body["children"] == []
    old = codes_client.get("/v1/hs/0306179000", params={"edition": "2017"}).json()
    assert [target["code"] for target in old["mapping"]["targets"]] == ["0306179091", "0306179099"]


@pytest.mark.parametrize(
    ("path", "params", "status", "field"),
    [
        ("/v1/hs", {}, 422, "query.query"),
        ("/v1/hs", {"query": ""}, 422, "query"),
        ("/v1/hs", {"query": "x" * 5000}, 422, "query.query"),
        ("/v1/hs", {"query": "fish", "on": "2025-02-30"}, 422, "query.on"),
        ("/v1/hs", {"query": "fish", "limit": 0}, 422, "query.limit"),
        ("/v1/hs/0306179999", {}, 404, "code"),
        ("/v1/hs/suggestions", {}, 422, "code"),
        ("/v1/hs/0306", {"edition": "2018"}, 422, "edition"),
    ],
)
def test_errors_of_the_api_have_the_one_shape(
    codes_client: httpx.Client, path: str, params: dict[str, Any], status: int, field: str
) -> None:
    """With field and remedy."""
    answer = codes_client.get(path, params=params)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    (problem,) = answer.json()["problems"]
    assert problem["field"] == field
    assert problem["remedy"]


def test_without_a_table_the_api_is_not_ready_for_codes(client: httpx.Client, address: str) -> None:
    """503 and how to import one, to whoever may ask; strangers are refused first."""
    for path in ("/v1/hs?query=fish", "/v1/hs/0306"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "portcullis import hsk" in answer.json()["problems"][0]["remedy"]
        assert httpx.get(address + path).status_code == 401


def test_the_openapi_document_describes_codes_wholly(address: str) -> None:
    """Both routes with their answers and errors."""
    document = httpx.get(address + "/openapi.json").json()
    for path, schema in (("/v1/hs", "CodesFound"), ("/v1/hs/{code}", "CodeDocument")):
        answers = document["paths"][path]["get"]["responses"]
        assert answers["200"]["content"]["application/json"]["schema"]["$ref"].endswith(f"/{schema}")
        assert {"401", "422", "503"} <= set(answers)
        assert {"basic": []} in document["paths"][path]["get"]["security"]
