"""What officers look up, over a live server with really trained models and the tiny world's goods."""

from __future__ import annotations

import datetime as dt
import gc
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import sqlalchemy as sa

from customs.readers import declarations, trade
from customs.world import World
from portcullis.consignment import Consignment, Upload
from portcullis.insight.looks import edition
from portcullis.insight.models import tabular_of, xray_of
from portcullis.insight.similar import Of
from portcullis.judge import judge_all
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account, Role
from portcullis.store.casework import Decided, Decision, Found, Result
from portcullis.store.intake import store
from portcullis.store.scan_looks import ScanLooks, scan_look
from xray_encoder.look import look_at
from xray_encoder.measure import areal_density_map
from xray_encoder.reading import read_scan_files

KCS = (
    "Declaration ID,Date,Office ID,Importer ID,HS6 Code,Country of Departure,Country of Origin,Net Mass,"
    "Item Price,Fraud,Critical Fraud\n"
)


@dataclass(frozen=True)
class Desk:
    """A live server with four consignments of one item: undervalued, good, `case`, and a later one."""

    service: Service
    url: str
    case: str
    undervalued: str
    good: str
    later: str
    importer: str
    hsk: str
    date: dt.date
    scan: Path


@pytest.fixture(scope="module")
def models(quick_models: Path) -> Models:
    """The trained scorers."""
    return Models.find(quick_models)


@pytest.fixture(scope="module")
def desk(
    models: Models, tiny_world: Path, tmp_path_factory: pytest.TempPathFactory, make: SimpleNamespace
) -> Iterator[Desk]:
    """The server; trade of seafood and three declarations with outcomes are imported."""
    service = Service.open(Settings(data=tmp_path_factory.mktemp("insight"), language="en"), models)
    officer = service.login.add(make.name, make.password, Role.INSPECTOR)
    service.login.add("broker", make.password, Role.BROKER)
    world = World.open(tiny_world)
    scanned = [
        (d, scan)
        for d, scan, _ in world.cases("past")
        if scan is not None and d.lines[0].hsk.digits.startswith("03")
    ]
    declared, scan = scanned[0]
    _, other = scanned[1]
    ids = [
        _assess(service, officer, declared, "P-1", -30, other),
        _assess(service, officer, declared, "P-2", -10, scan),
        _assess(service, officer, declared, "C-1", 0, scan),
        _assess(service, officer, declared, "F-1", 10, scan),
    ]
    service.work(ids[0], Decided(decision=Decision.INSPECT, reason="risk"), officer)
    service.work(ids[0], Found(result=Result.DISCREPANCY, reason="undervaluation"), officer)
    service.work(ids[1], Found(result=Result.AS_DECLARED, reason="goods_match"), officer)
    hs6, importer = declared.lines[0].hsk.digits[:6], declared.importer
    rows = [
        f"K1,2001-04-30,20,{importer},{hs6},RU,CN,10,5000,1,2",
        f"K2,2001-05-30,20,{importer},{hs6},RU,CN,10,5000,0,0",
        f"K3,2035-05-30,20,{importer},{hs6},RU,CN,10,5000,1,2",
    ]
    data = (KCS + "\n".join(rows)).encode()
    read = declarations.read(data, today=dt.date(2040, 1, 1))
    engine = service.assessments.engine
    store(engine, "declarations", read, file="kcs.csv", data=data)
    seafood = world.path("official/seafood_trade.csv")
    store(engine, "trade", trade.read(seafood), file="trade.csv", data=seafood.read_bytes())
    with make.running(service) as url:
        yield Desk(
            service,
            url,
            ids[2],
            ids[0],
            ids[1],
            ids[3],
            importer,
            declared.lines[0].hsk.digits,
            declared.date,
            scan,
        )
    service.close()


def _assess(service: Service, officer: Account, declared: Any, name: str, days: int, scan: Path) -> str:
    raw = json.loads(declared.to_json()) | {"id": name, "date": str(declared.date + dt.timedelta(days=days))}
    upload = Upload(json.dumps(raw).encode(), ((scan.name, scan.read_bytes()),))
    return service.assess(upload, officer).id


@pytest.fixture
def client(desk: Desk, make: SimpleNamespace) -> Iterator[httpx.Client]:
    """A real HTTP client of an inspector."""
    with httpx.Client(base_url=desk.url, auth=(make.name, make.password), timeout=30) as made:
        yield made


def ok(client: httpx.Client, path: str, **params: Any) -> Any:
    """The answer of a request that must succeed."""
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


# -- series ------------------------------------------------------------------------------------------


def test_an_imported_series_has_the_band_that_the_model_gives_it(client: httpx.Client, desk: Desk) -> None:
    """Month by month the same as scoring the imported rows at once."""
    from tabular_ae.rows import month_text

    known = ok(client, "/v1/series/items", hs=desk.hsk)["items"][0]
    assert known["source"] == "imported"
    found = ok(client, "/v1/series", hs=known["hs"], country=known["country"])
    assert (found["source"], found["match"], found["item"], found["unit"]) == (
        *("imported", "exact", known["hs"]),
        "USD/kg",
    )
    assert found["model"] == desk.service.models.versions["tabular"]
    assert (found["first"], found["last"]) == (known["first"], known["last"])
    months = found["months"]
    assert 12 < len(months) == min(known["months"], len(months)) <= 60
    for month in months:
        assert month["unit_value"] == pytest.approx(month["value_usd"] / month["weight_kg"])
    scorer = tabular_of(desk.service.models)
    assert scorer is not None
    rows = scorer.history.rows
    rows = rows.take((rows.hs == known["hs"]) & (rows.country == known["country"]))
    told = dict(zip(map(month_text, rows.month.tolist()), range(len(rows)), strict=True))
    columns = scorer.score_panel(rows)
    compared = 0
    for month in months:
        if month["expected_low"] is not None and month["month"] in told:
            at = told[month["month"]]
            assert month["expected_low"] < month["expected_high"]
            assert month["expected_low"] == pytest.approx(columns["expected_low"][at], rel=0.02)
            compared += 1
    assert compared > 12


def test_where_nothing_is_imported_the_models_own_history_stands_in_and_says_so(
    client: httpx.Client, desk: Desk
) -> None:
    """Exactly as it would score its own months."""
    scorer = tabular_of(desk.service.models)
    assert scorer is not None
    hs, country = next(pair for pair in scorer.history.pairs if pair[0].startswith("02"))
    found = ok(client, "/v1/series", hs=hs, country=country)
    assert found["source"] == "model"
    rows = scorer.history.rows
    rows = rows.take((rows.hs == hs) & (rows.country == country))
    rows = rows.take(np.argsort(rows.month))
    columns = scorer.score_panel(rows)
    size = len(found["months"])
    assert [m["unit_value"] for m in found["months"]] == pytest.approx(rows.unit_value[-size:].tolist())
    for name in ("expected_low", "expected_high", "p_value", "surprise"):
        told = [np.nan if m[name] is None else m[name] for m in found["months"]]
        assert told == pytest.approx(columns[name][-size:].tolist(), nan_ok=True, rel=1e-6), name
    assert [m["flagged"] for m in found["months"]] == columns["flagged"][-size:].tolist()


def test_a_shorter_code_adds_up_what_lies_below_it(client: httpx.Client, desk: Desk) -> None:
    """Value and weight of every code below, by month."""
    parts = ok(client, "/v1/series/items", hs=desk.hsk[:4], limit=500)["items"]
    country = parts[0]["country"]
    wanted = [one["hs"] for one in parts if one["country"] == country]
    found = ok(client, "/v1/series", hs=desk.hsk[:4], country=country)
    assert found["match"] == "finer"
    last = found["months"][-1]
    one_month = {"from": last["month"], "to": last["month"]}
    each = [ok(client, "/v1/series", hs=hs, country=country, **one_month)["months"] for hs in wanted]
    assert last["value_usd"] == pytest.approx(sum(m["value_usd"] for months in each for m in months))


def test_months_are_bounded(client: httpx.Client, desk: Desk) -> None:
    """From and to count, both included; too many, none and backwards are refused in words."""
    known = ok(client, "/v1/series/items", hs=desk.hsk, limit=1)["items"][0]
    asked = {"hs": known["hs"], "country": known["country"]}
    last = known["last"]
    assert [
        m["month"] for m in ok(client, "/v1/series", **asked, **{"from": last, "to": last})["months"]
    ] == [last]
    for wrong in (
        {"from": "2024-05", "to": "2024-04"},
        {"from": "1980-01", "to": "2024-04"},
        {"from": "2024-13"},
        {"to": "24-01"},
    ):
        assert client.get("/v1/series", params=asked | wrong).status_code == 422, wrong
    unknown = client.get("/v1/series", params={"hs": "9999999999", "country": "VN"})
    assert unknown.status_code == 404
    assert "import trade" in unknown.json()["problems"][0]["remedy"]


def test_the_series_of_a_case_carry_its_declared_unit_value(client: httpx.Client, desk: Desk) -> None:
    """With what the report said of it; nothing after its own month is shown unless asked for."""
    report = ok(client, f"/v1/assessments/{desk.case}")["report"]
    evidence = next(e for e in report["evidence"] if e["check"] == "price.unit_value")
    found = ok(client, f"/v1/assessments/{desk.case}/series")
    (line,) = found["items"]
    assert (found["lines"], line["line"], line["hs"]) == (1, 1, desk.hsk)
    point = line["declared"]
    assert point["month"] == f"{desk.date:%Y-%m}"
    assert (point["unit_value"], point["p_value"]) == (evidence["observed"], evidence["p_value"])
    assert [point["expected_low"], point["expected_high"]] == evidence["expected"]
    assert max(m["month"] for m in line["series"]["months"]) <= point["month"]
    assert client.get(f"/v1/assessments/{desk.case}/series?line=2").status_code == 404


# -- earlier cases and routes ------------------------------------------------------------------------


def test_earlier_cases_of_an_item_come_with_what_was_found(client: httpx.Client, desk: Desk) -> None:
    """The later case and this one are not among them; causes are counted."""
    found = ok(client, f"/v1/assessments/{desk.case}/past")
    assert (found["match"], found["value"]) == ("hsk", desk.hsk)
    good, undervalued = found["items"]
    assert (good["id"], undervalued["id"]) == (desk.good, desk.undervalued)
    assert good["outcome"]["result"] == "as_declared"
    assert undervalued["decision"]["decision"] == "inspect"
    assert undervalued["outcome"]["reason"]["code"] == "undervaluation"
    assert {undervalued["outcome"]["reason"]["en"], undervalued["outcome"]["reason"]["ko"]} > {
        "Undervaluation"
    }
    assert undervalued["unit_value"] > 0
    counts = found["counts"]
    assert (counts["cases"], counts["inspected"], counts["discrepancies"]) == (2, 2, 1)
    assert [(c["reason"]["code"], c["count"]) for c in counts["causes"]] == [("undervaluation", 1)]
    assert len(ok(client, f"/v1/assessments/{desk.case}/past", limit=1)["items"]) == 1


def test_without_the_same_ten_digits_the_same_six_are_looked_up_and_it_says_so(
    client: httpx.Client, desk: Desk
) -> None:
    """The first case has no earlier one of its own code, but imported ones of its subheading."""
    found = ok(client, f"/v1/assessments/{desk.undervalued}/past")
    assert (found["match"], found["value"]) == ("hs6", desk.hsk[:6])
    assert [(one["source"], one["declaration_id"]) for one in found["items"]] == [
        ("import", "K2"),
        ("import", "K1"),
    ]
    assert [one["outcome"]["result"] for one in found["items"]] == ["as_declared", "discrepancy"]
    assert found["items"][0]["unit_value"] == 500
    assert found["items"][0]["unit"] == "KRW/kg"
    assert [c["reason"]["code"] for c in found["counts"]["causes"]] == ["imported_critical"]


def test_earlier_cases_of_an_importer_are_of_both_sources(client: httpx.Client, desk: Desk) -> None:
    """Whatever the goods; what is declared later is never among them."""
    found = ok(client, f"/v1/assessments/{desk.case}/past", by="importer")
    assert found["value"] == desk.importer
    assert [one["declaration_id"] for one in found["items"]] == ["P-2", "P-1", "K2", "K1"]
    assert found["counts"]["cases"] == 4
    assert found["counts"]["discrepancies"] == 2


def test_a_route_has_places_and_is_compared_with_earlier_ones(client: httpx.Client, desk: Desk) -> None:
    """Both earlier cases came the same way."""
    found = ok(client, f"/v1/assessments/{desk.case}/route", lang="ko")
    declared = ok(client, f"/v1/assessments/{desk.case}")["declaration"]
    assert found["origin"]["code"] == declared["origin"]
    assert found["destination"] == {
        **{"code": "KR", "ko": "대한민국", "en": "South Korea"},
        **{"latitude": 36.4, "longitude": 127.8},
    }
    assert found["transit"] is None
    assert found["way_km"] == found["direct_km"] == sum(leg["km"] for leg in found["legs"])
    usual = found["usual"]
    assert (usual["match"], usual["cases"], usual["same_route"], usual["share"]) == ("hsk", 2, 2, 1.0)
    assert [fact["id"] for fact in found["facts"]] == ["route.from_origin", "route.usual"]
    assert found["origin"]["ko"] in found["facts"][0]["sentence"]
    first = ok(client, f"/v1/assessments/{desk.undervalued}/route")["usual"]
    assert (first["match"], first["known"], first["same_route"]) == ("hs6", 2, 0)
    assert first["routes"] == [{"origin": "CN", "departure": "RU", "count": 2, "share": 1.0}]


# -- scans -------------------------------------------------------------------------------------------


def test_a_viewer_gets_the_transmission_of_every_plane(client: httpx.Client, desk: Desk) -> None:
    """All sixteen bits, as the reader read them, with size, energies and pitch."""
    scan = read_scan_files([desk.scan])
    about = ok(client, f"/v1/assessments/{desk.case}/scan/planes")
    assert (about["rows"], about["columns"]) == (scan.height, scan.width)
    assert [p["energy"] for p in about["planes"]] == list(scan.energies)
    assert tuple(about["pixel_pitch_m"]) == scan.pixel_pitch_m
    top, left, bottom, right = about["cargo"]
    assert 0 <= top < bottom <= scan.height
    assert 0 <= left < right <= scan.width
    for plane in about["planes"]:
        answer = client.get(plane["href"])
        assert answer.headers["x-type"] == "uint16"
        shape = int(answer.headers["x-rows"]), int(answer.headers["x-columns"])
        values = np.frombuffer(answer.content, dtype="<u2").reshape(shape)
        seen = values * float(answer.headers["x-step"])
        truth = np.clip(scan.transmission[plane["number"]], 0, 1)
        assert np.abs(seen - truth).max() <= 0.51 / 65535
        assert answer.headers["x-box"] == f"0,0,{scan.height},{scan.width}"


def test_numbers_are_compressed_where_that_is_taken_and_not_sent_twice(
    client: httpx.Client, desk: Desk
) -> None:
    """The tag is that of the bytes sent; a client that has them gets 304 and no body."""
    path = f"/v1/assessments/{desk.case}/scan/planes/0"
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) == len(plain.content)
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "immutable" in packed.headers["cache-control"]
    again = client.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", packed.headers["etag"])
    refused = client.get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers
    other = client.get(path, headers={"If-None-Match": '"another"'})
    assert other.status_code == 200


@pytest.mark.parametrize("layer", ["areal", "bound", "steel"])
def test_density_is_what_the_encoder_measures(client: httpx.Client, desk: Desk, layer: str) -> None:
    """Every pixel, within half a step."""
    found = areal_density_map(read_scan_files([desk.scan]))
    truth = {"areal": found.areal, "bound": found.bound, "steel": found.heavy}[layer]
    answer = client.get(f"/v1/assessments/{desk.case}/scan/density", params={"layer": layer})
    kind, step = answer.headers["x-type"], float(answer.headers["x-step"])
    values = np.frombuffer(answer.content, dtype=np.dtype(kind).newbyteorder("<")).reshape(truth.shape)
    assert np.abs(values * step - truth).max() <= 0.51 * step


def test_the_heat_map_is_given_as_values_over_its_box(client: httpx.Client, desk: Desk) -> None:
    """Those that were stored, and a 404 where nothing odd was drawn."""
    found = desk.service.assessment(desk.case)
    answer = client.get(f"/v1/assessments/{desk.case}/heatmap/values")
    assert found.heatmap is not None
    assert answer.headers["x-box"] == ",".join(map(str, found.heatmap_box or ()))
    assert answer.headers["x-type"] == "uint8"
    size = int(answer.headers["x-rows"]) * int(answer.headers["x-columns"])
    assert len(answer.content) == size > 16
    assert client.get(f"/v1/assessments/{desk.case}/scan/planes/9").status_code == 404
    assert client.get(f"/v1/assessments/{desk.case}/scan/planes/16").status_code == 422
    assert client.get(f"/v1/assessments/{desk.case}/scan/material").status_code == 404
    assert client.get("/v1/assessments/0123456789abcdef/scan/planes").status_code == 404


def test_expected_density_is_that_of_the_report_and_names_what_else_fits(
    client: httpx.Client, desk: Desk
) -> None:
    """What the model knows of the declared code stands beside it."""
    report = ok(client, f"/v1/assessments/{desk.case}")["report"]
    evidence = next(e for e in report["evidence"] if e["check"] == "xray.density")
    found = ok(client, f"/v1/assessments/{desk.case}/expected-density")
    assert (found["line"], found["hs"], found["unit"]) == (1, desk.hsk, "g/cm²")
    assert (found["observed"], found["expected"]) == (evidence["observed"], evidence["expected"])
    assert found["said"]["sentence"] == evidence["message"]["sentence"]
    typical = found["declared"]
    assert desk.hsk.startswith(typical["group"])
    assert 0 < typical["low"] < typical["typical"] < typical["high"]
    assert [one["hs"] for one in found["likely"]] == [a["hs"] for a in evidence["alternatives"]]
    assert found["model"] == desk.service.models.versions["xray"]


def test_the_same_scan_in_an_earlier_case_is_the_nearest(client: httpx.Client, desk: Desk) -> None:
    """The later case with the very same scan is not told of; neither is the case itself."""
    path = f"/v1/assessments/{desk.case}/similar-scans"
    found = ok(client, path, of="any", limit=50)
    assert (found["waiting"], found["kind"]) == (0, "16-bit")
    nearest = found["items"][0]
    assert (nearest["source"], nearest["id"]) == ("assessment", desk.good)
    assert nearest["distance"] == pytest.approx(0, abs=1e-2)
    assert nearest["similarity"] == pytest.approx(1, abs=1e-3)
    assert nearest["outcome"]["result"] == "as_declared"
    assert client.get(nearest["scan"]).headers["content-type"] == "image/png"
    ids = {one["id"] for one in found["items"]}
    assert not ids & {desk.later, desk.case}
    distances = [one["distance"] for one in found["items"]]
    assert distances == sorted(distances)
    assert {one["source"] for one in found["items"]} == {"assessment", "reference"}


def test_normal_scans_of_the_same_code_leave_out_what_was_found_wrong(
    client: httpx.Client, desk: Desk
) -> None:
    """References of the model are clean; an undervalued case is not."""
    path = f"/v1/assessments/{desk.case}/similar-scans"
    every = ok(client, path, of="same_code", limit=50)
    assert every["match"] == desk.hsk
    assert all(one["code"] == desk.hsk for one in every["items"])
    assert {desk.undervalued, desk.good} <= {one["id"] for one in every["items"]}
    normal = ok(client, path, of="same_code", limit=50, normal=True)
    assert all(one["normal"] for one in normal["items"])
    assert {one["id"] for one in every["items"]} - {one["id"] for one in normal["items"]} == {
        desk.undervalued
    }
    here = ok(client, path, of="same_code", limit=1, stored=True)
    assert [one["source"] for one in here["items"]] == ["assessment"]
    mine = ok(client, path, of="importer", limit=50)
    assert mine["match"] == desk.importer
    assert all(one["importer"] == desk.importer for one in mine["items"])


def test_scans_that_were_stored_without_their_numbers_are_caught_up_with(
    desk: Desk, make: SimpleNamespace
) -> None:
    """As those from before this table; the answer is the same, and the store holds them from then on."""
    assert ScanLooks(desk.service.assessments.engine).missing(edition(), 9) == (0, [])
    before = desk.service.insight.similar.similar(desk.service.assessment(desk.case), of=Of("any"), limit=5)
    engine = desk.service.assessments.engine
    with engine.begin() as connection:
        connection.execute(scan_look.delete())
    fresh = Service.open(desk.service.settings, desk.service.models)
    try:
        after = fresh.insight.similar.similar(fresh.assessment(desk.case), of=Of("any"), limit=5)
        assert after.waiting == 0
        assert [one.id for one in after.scans] == [one.id for one in before.scans]
        with engine.connect() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(scan_look)) == 4
    finally:
        fresh.close()


def test_each_scan_of_a_batch_is_looked_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tiny_world: Path
) -> None:
    """However often the models are asked about it; a look is forgotten with its scan."""
    from xray_encoder import scorer

    seen: list[Any] = []
    monkeypatch.setattr(scorer, "look_at", lambda scan: seen.append(id(scan)) or look_at(scan))
    cases = [case for case in World.open(tiny_world).cases("past") if case[1] is not None][:2]
    read = [Consignment(declared, scan=read_scan_files([scan])) for declared, scan, _ in cases if scan]
    verdicts = judge_all(read, desk.service.models, desk.service.policy)
    assert sorted(seen) == sorted(id(one.scan) for one in read)
    looks = [verdict.look for verdict in verdicts]
    assert [None if look is None else look.code for look in looks] == [
        one.declaration.lines[0].hsk.digits for one in read
    ]
    kept = xray_of(desk.service.models)
    assert kept is not None
    before = len(kept._looks)
    del read
    gc.collect()
    assert len(kept._looks) == before - 2


def test_a_broker_reads_series_but_no_cases(desk: Desk, make: SimpleNamespace) -> None:
    """Each route has its permission."""
    with httpx.Client(base_url=desk.url, auth=("broker", make.password), timeout=30) as broker:
        assert broker.get("/v1/series/items", params={"hs": "03"}).status_code == 200
        looked_up = ("series", "past", "route", "similar-scans", "expected-density", "heatmap/values")
        for part in (*looked_up, "scan/planes", "scan/planes/0", "scan/density", "scan/material"):
            assert broker.get(f"/v1/assessments/{desk.case}/{part}").status_code == 403, part


def test_the_openapi_document_names_headers_bounds_and_errors(desk: Desk) -> None:
    """What a viewer and a fuzzer need."""
    paths = httpx.get(desk.url + "/openapi.json").json()["paths"]
    plane = paths["/v1/assessments/{assessment_id}/scan/planes/{number}"]["get"]
    assert set(plane["responses"]["200"]["content"]) == {"application/octet-stream"}
    assert {"X-Step", "X-Box", "ETag"} <= set(plane["responses"]["200"]["headers"])
    assert {"304", "401", "403", "404", "422"} <= set(plane["responses"])
    assert plane["x-permission"] == "cases.read"
    assert paths["/v1/series"]["get"]["x-permission"] == "series.read"
    names = {p["name"] for p in paths["/v1/series"]["get"]["parameters"]}
    assert names >= {"hs", "country", "from", "to"}
