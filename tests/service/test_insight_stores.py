"""Looking things up is the same on every database, and needs no trained model where none has a part in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest

from customs.errors import InvalidValue
from customs.readers import declarations, trade
from customs.units import Country
from portcullis.consignment import Upload
from portcullis.insight.countries import place
from portcullis.insight.kept import Kept
from portcullis.insight.past import By
from portcullis.insight.route import distance_km
from portcullis.models import Models
from portcullis.service import NotFound, Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account, Role
from portcullis.store.casework import Found, Result
from portcullis.store.intake import store
from portcullis.store.scan_looks import ScanLook, ScanLooks
from portcullis.store.trade import Trade

TRADE = """month,hs,country,value_usd,weight_kg,freight_usd_per_kg
2024-01,0306171090,VN,800,100,0.5
2024-02,0306171090,VN,1800,200,
2024-02,0306179090,VN,200,100,0.2
2024-02,0306171090,EC,700,100,
2024-03,030389,CN,90,30,
"""
KCS = (
    "Declaration ID,Date,Mode of Transport,Importer ID,HS10 Code,Country of Departure,Country of Origin,"
    "Countries of Transit,Net Mass,Item Price,Fraud,Critical Fraud\n"
    "K1,2024-05-01,10,한빛수산 Hanbit Seafood,0306171090,VN,VN,,10,5000,1,0\n"
    "K2,2024-05-02,10,other,0306171090,SG,VN,HK,10,5000,0,0\n"
    "K3,2024-05-03,40,other,0306171090,VN,VN,,10,5000,,\n"
    "K4,2024-05-04,10,other,0306171090,VN,VN,,0,5000,1,2\n"
    "D7,2024-06-01,10,other,0306171090,VN,VN,,10,5000,1,2\n"
    "K9,2025-04-30,10,other,0306171090,VN,VN,,10,5000,1,2\n"
)


@contextmanager
def opened(settings: Settings, models: Models, make: SimpleNamespace) -> Iterator[Service]:
    """A service with an inspector, imported trade and imported declarations."""
    service = Service.open(settings, models)
    service.login.add(make.name, make.password, Role.INSPECTOR)
    engine = service.assessments.engine
    for kind, read, text in (("trade", trade.read, TRADE), ("declarations", declarations.read, KCS)):
        store(engine, kind, read(text.encode()), file=f"{kind}.csv", data=text.encode())
    yield service
    service.close()


@pytest.fixture
def desk(store_url: str, tmp_path: Path, by_hand: Models, make: SimpleNamespace) -> Iterator[Service]:
    """On either database."""
    with opened(Settings(data=tmp_path, store_url=store_url, language="en"), by_hand, make) as service:
        yield service


@pytest.fixture
def local(tmp_path: Path, by_hand: Models, make: SimpleNamespace) -> Iterator[Service]:
    """On SQLite, for what is no question of the database."""
    with opened(Settings(data=tmp_path, language="en"), by_hand, make) as service:
        yield service


def inspector(service: Service) -> Account:
    """Somebody who works on cases."""
    found = service.accounts.by_name("kim")
    assert found is not None
    return found


def test_trade_is_read_back_by_item_whatever_the_length_of_its_code(local: Service) -> None:
    """Exact, a shorter code where only that is known, or the sum of the codes below; no model, no band."""
    series = local.insight.series
    exact = series.series("0306171090", "VN")
    assert (exact.match, exact.source, exact.model, exact.freight_unit) == (
        "exact",
        "imported",
        None,
        "usd_per_kg",
    )
    assert [(m.month, m.unit_value, m.freight) for m in exact.months] == [
        ("2024-01", 8.0, 0.5),
        ("2024-02", 9.0, None),
    ]
    assert exact.months[0].expected_low is None
    coarser = series.series("0303892000", "CN")
    assert (coarser.item, coarser.match, coarser.months[0].unit_value) == ("030389", "coarser", 3.0)
    finer = series.series("030617", "VN")
    assert (finer.item, finer.match) == ("030617", "finer")
    assert [(m.value_usd, m.weight_kg) for m in finer.months] == [(800, 100), (2000, 300)]
    assert finer.months[1].freight == pytest.approx(0.2)  # of the part whose freight is known
    with pytest.raises(NotFound):
        series.series("0306171090", "US")
    with pytest.raises(InvalidValue):
        series.series("0306171090", "VN", "2024-02", "2024-01")


def test_what_is_known_is_listed_by_prefix_and_country(desk: Service) -> None:
    """In order, and bounded; new imports are seen at once."""
    series = desk.insight.series
    found, more = series.known("0306", None, 2)
    assert ([(one.hs, one.country) for one in found], more) == (
        [("0306171090", "EC"), ("0306171090", "VN")],
        True,
    )
    found, more = series.known("", "VN", 10)
    assert ([(one.hs, one.months, one.first, one.last) for one in found], more) == (
        [("0306171090", 2, "2024-01", "2024-02"), ("0306179090", 1, "2024-02", "2024-02")],
        False,
    )
    later = TRADE + "2024-04,0306171090,VN,5000,500,\n"
    store(desk.assessments.engine, "trade", trade.read(later.encode()), file="t.csv", data=later.encode())
    assert series.series("0306171090", "VN").last == "2024-04"
    rows = Trade(desk.assessments.engine)
    assert {row.hs for row in rows.below("0306")} == {"0306171090", "0306179090"}
    assert {row.hs for row in rows.below("03")} == {"0306171090", "0306179090", "030389"}
    assert rows.below("99") == []


def test_past_cases_are_older_of_both_sources_and_counted_once(desk: Service, make: SimpleNamespace) -> None:
    """An imported one that was assessed here is the assessment; none of the same day or later counts."""
    kim = inspector(desk)
    first = desk.assess(Upload(make.declaration(id="D7", date="2024-06-01")), kim)
    desk.work(first.id, Found(result=Result.DISCREPANCY, reason="wrong_quantity"), kim)
    desk.work(first.id, Found(result=Result.DISCREPANCY, reason="undervaluation"), kim)
    same_day = desk.assess(Upload(make.declaration(id="D8", date="2025-04-30")), kim)
    mine = desk.assess(Upload(make.declaration(id="D9", date="2025-04-30")), kim)
    again = desk.assess(Upload(make.declaration(id="D9", date="2025-04-30", office="020")), kim)
    desk.assess(Upload(make.declaration(id="D10", date="2025-05-01")), kim)
    for case in (mine, again):
        found = desk.insight.past.cases(case, By.ITEM)
        assert [(one.source, one.declaration_id) for one in found.lines] == [
            ("assessment", "D8"),
            ("assessment", "D7"),
            ("import", "K4"),
            ("import", "K3"),
            ("import", "K2"),
            ("import", "K1"),
        ]
    assert found.lines[1].outcome is not None
    assert found.lines[1].outcome.reason == "undervaluation"  # the latest counts
    assert [one.unit_value for one in found.lines] == [8.0, 8.0, None, 500.0, 500.0, 500.0]
    assert (found.counts.cases, found.counts.inspected, found.counts.discrepancies) == (6, 4, 3)
    assert dict(found.counts.causes) == {"undervaluation": 1, "imported": 1, "imported_critical": 1}
    importer = desk.insight.past.cases(mine, By.IMPORTER)
    assert [one.declaration_id for one in importer.lines] == ["D8", "D7", "K1"]
    assert desk.insight.past.cases(same_day, By.ITEM).counts.cases == 5
    with pytest.raises(NotFound):
        desk.insight.past.cases(mine, By.ITEM, line=2)


def test_a_way_through_other_countries_is_named_measured_and_compared(
    local: Service, make: SimpleNamespace
) -> None:
    """Facts, no accusation: from elsewhere, over which countries, how long, how rare."""
    kim = inspector(local)
    body = make.declaration(departure="NL", transit=["SG", "HK"], mode="air")
    case = local.assess(Upload(body), kim)
    kept = local.assessment(case.id).declaration
    assert [str(country) for country in kept.transit or ()] == ["SG", "HK"]
    route = local.insight.route.route(case, "en")
    assert [(leg.start, leg.end) for leg in route.legs] == [
        ("VN", "NL"),
        ("NL", "SG"),
        ("SG", "HK"),
        ("HK", "KR"),
    ]
    assert route.way_km is not None
    assert route.direct_km is not None
    assert route.way_km > 3 * route.direct_km
    assert [fact.id for fact in route.facts] == [
        *("route.from_elsewhere", "route.transit", "route.detour"),
        *("route.container_not_by_sea", "route.new"),
    ]
    usual = route.usual
    assert (usual.cases, usual.known, usual.same_route, usual.same_origin, usual.same_mode) == (5, 5, 0, 5, 1)
    assert [(one.origin, one.departure, one.count) for one in usual.routes] == [
        ("VN", "VN", 4),
        ("VN", "SG", 1),
    ]
    plain = local.insight.route.route(local.assess(Upload(make.declaration(id="D2", transit=[])), kim), "ko")
    assert [fact.id for fact in plain.facts] == [
        "route.no_departure",
        "route.no_transit",
        "route.not_compared",
    ]
    by_land = make.declaration(id="D3", origin="KR", departure="KR", mode="rail")
    facts = local.insight.route.route(local.assess(Upload(by_land), kim), "en").facts
    assert {"route.returned", "route.no_land_link"} <= {fact.id for fact in facts}


def test_looks_of_scans_are_kept_found_and_replaced(desk: Service, make: SimpleNamespace) -> None:
    """Byte for byte; those of another edition are not compared, and those that lack count as missing."""
    kim = inspector(desk)
    upload = Upload(make.declaration(), (("s.png", make.scan()),))
    case = desk.assess(upload, kim).id
    looks = ScanLooks(desk.assessments.engine)
    assert looks.missing("one", 5) == (1, [case])
    numbers = np.arange(6, dtype=np.float32) / 7
    looks.keep(case, ScanLook("one", "16-bit", "0306171090", numbers))
    looks.keep(case, ScanLook("two", "16-bit", "0306171090", numbers + 1))
    assert looks.get(case, "one") is None
    found = looks.get(case, "two")
    assert found is not None
    assert found.numbers.tolist() == (numbers + 1).tolist()
    last, (stored,) = looks.after(0, "two")
    assert (stored.assessment_id, stored.importer) == (case, "한빛수산 Hanbit Seafood")
    assert stored.date == dt.date(2025, 4, 30)
    assert looks.after(last + 1000, "two") == (last + 1000, [])
    assert looks.missing("two", 5) == (0, [])
    looks.keep(case, ScanLook("two", "", "", np.zeros(0, dtype=np.float32)))
    assert looks.missing("two", 5) == (0, [])
    assert looks.get(case, "two") is None


def test_without_an_x_ray_model_scans_can_be_viewed_but_not_compared(
    local: Service, make: SimpleNamespace
) -> None:
    """The card says why there is nothing to expect; the search is a 503 in the one error shape."""
    kim = inspector(local)
    case = local.assess(Upload(make.declaration(), (("s.png", make.scan()),)), kim).id
    bare = local.assess(Upload(make.declaration(id="D5")), kim).id
    with (
        make.running(local) as url,
        httpx.Client(base_url=url, auth=(make.name, make.password), timeout=30) as client,
    ):
        about = client.get(f"/v1/assessments/{case}/scan/planes").json()
        assert (about["rows"], about["columns"], about["pixel_pitch_m"]) == (60, 200, None)
        plane = client.get(about["planes"][0]["href"])
        assert np.frombuffer(plane.content, "<u2").reshape(60, 200)[30, 100] == pytest.approx(15_000, abs=1)
        said = client.get(f"/v1/assessments/{case}/expected-density").json()
        assert (said["said"]["id"], said["declared"], said["model"]) == ("density.not_asked", None, None)
        answer = client.get(f"/v1/assessments/{case}/similar-scans")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        for part in ("scan/planes", "scan/planes/0", "scan/density", "expected-density", "similar-scans"):
            assert client.get(f"/v1/assessments/{bare}/{part}").status_code == 404, part


def test_every_country_has_two_names_and_a_place_near_its_neighbours() -> None:
    """Degrees are in range, and known distances come out about right."""
    from customs.units import _iso_countries

    for code in _iso_countries():
        found = place(Country(code).code)
        assert found.ko != code, code
        assert found.en != code, code
        assert found.latitude is not None
        assert found.longitude is not None
        assert -90 <= found.latitude <= 90, code
        assert -180 <= found.longitude <= 180, code
    assert any("가" <= letter <= "힣" for letter in place("XI").ko)
    for a, b, km in (
        ("KR", "JP", 900),
        ("KR", "CN", 2100),
        ("KR", "US", 10_500),
        ("FR", "DE", 750),
        ("NZ", "AU", 3700),
    ):
        found_km = distance_km(place(a), place(b))
        assert found_km == pytest.approx(km, rel=0.15), (a, b)
    assert distance_km(place("KR"), place("nowhere")) is None


def test_answers_are_kept_until_there_is_no_more_room() -> None:
    """The least recently asked for goes first; one larger than the room is kept alone."""
    made: list[str] = []

    def make(key: str, size: int) -> bytes:
        made.append(key)
        return bytes(size)

    kept: Kept[bytes] = Kept(10, len)
    for key, size in (("a", 4), ("b", 4), ("a", 4), ("c", 4), ("a", 4), ("b", 4), ("d", 99), ("d", 99)):
        kept.get(key, lambda key=key, size=size: make(key, size))  # type: ignore[misc]
    assert made == ["a", "b", "c", "b", "d"]
