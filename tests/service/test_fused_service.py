"""A service with a trained fusion: reports, their page and answer, and the replay of what it stored."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pandas as pd
import pytest

from customs.declaration import Declaration
from customs.errors import InvalidValue
from fusion import Policy
from fusion.data import Cases
from fusion.joint import Joint
from fusion.keeping import load
from fusion.made_up import write_declarations
from fusion.model import Fusion, FusionConfig
from fusion.train import train
from portcullis.consignment import Consignment, Upload
from portcullis.fusing.past import past_cases
from portcullis.judge import judge
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account

QUICK = {"rounds": "20", "patience": "5", "models": "1", "leaves": "7", "learning_rate": "0.2"}


@pytest.fixture(scope="module")
def calibrated() -> Fusion:
    """Of the two checks that speak here, on 400 clean cases of which half were scanned."""
    rng = np.random.default_rng(0)
    surprise = rng.exponential(1 / np.log(10), size=(400, 2))
    surprise[::2, 1] = np.nan
    clean = Cases(pd.DataFrame({"row": range(400)}), CHECKS, 10.0**-surprise, surprise)
    return Fusion(FusionConfig(), Joint.fit(clean, Policy.default()), version="fusion@test")


CHECKS = ("price.unit_value", "xray.packing")


@pytest.fixture
def fused(service: Service, by_hand: Models, calibrated: Fusion, clock: object) -> Iterator[Service]:
    """The service with that fusion loaded."""
    models = dataclasses.replace(by_hand, fusion=calibrated)
    opened = Service.open(service.settings, models, now=clock)  # type: ignore[arg-type]
    yield opened
    opened.accounts.engine.dispose()


def test_a_report_is_calibrated_and_weighs_what_the_scan_points_to(
    fused: Service, account: Account, make: SimpleNamespace
) -> None:
    """Stored and read back whole: every model was asked again as if tyres had been declared."""
    kept = fused.assess(Upload(make.declaration(), (("s.png", make.scan()),)), account)
    report = fused.assessment(kept.id).report
    assert report.reference is not None
    assert report.reference.group == "price.unit_value,xray.packing"
    assert report.goods is not None
    assert {s.source for s in report.goods.stances} == {"scan", "price"}
    assert report.chance is None
    assert "fusion@test" in report.versions["fusion"]
    bare = fused.assess(Upload(make.declaration()), account).report
    assert bare.goods is None
    assert bare.reference is not None
    assert bare.reference.size == 400


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            (
                "What the goods most likely are",
                "The scan does not fit the declared code",
                "Compared with 200 clean consignments",
            ),
        ),
        ("ko", ("실제 물품으로 유력한 품목", "X-ray 영상은 신고된", "정상 화물 200건과")),
    ],
)
def test_the_page_says_what_the_goods_may_be_and_what_the_risk_was_compared_with(
    fused: Service, account: Account, make: SimpleNamespace, language: str, words: tuple[str, ...]
) -> None:
    with (
        make.running(fused) as address,
        httpx.Client(base_url=address, auth=(make.name, make.password), timeout=30) as client,
    ):
        parts = {"declaration": make.declaration(), "scan": ("s.png", make.scan())}
        answer = client.post("/v1/assessments", files=parts, headers={"Accept-Language": language})
        assert answer.status_code == 201
        body = answer.json()["report"]
        form = {"name": make.name, "password": make.password}
        browser = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        client.post("/login", data=form, headers=browser)
        page = client.get(f"/assessments/{answer.json()['id']}?lang={language}", headers=browser)
    assert body["reference"] == {"group": "price.unit_value,xray.packing", "size": 200}
    assert [s["source"] for s in body["goods"]["stances"]] == ["scan", "price"]
    assert all(s["sentence"]["sentence"] in page.text for s in body["goods"]["stances"])
    for part in words:
        assert part in page.text


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head that learned from made-up declarations with outcomes."""
    folder = tmp_path_factory.mktemp("head")
    write_declarations(folder / "d.csv", 3_000, seed=1)
    train([folder / "d.csv"], folder / "fusion", overrides=QUICK)
    return folder / "fusion"


def test_each_line_has_the_chance_that_its_own_attributes_give(
    plain: Path, by_hand: Models, make: SimpleNamespace
) -> None:
    """The declaration's is that anything is found in any of them."""
    from customs.readers.declarations import table_of
    from fusion.head.attributes import attributes

    raw = json.loads(make.declaration())
    line = raw["lines"][0]
    other = {**line, "hsk": "8703809000", "value": {"amount": "900", "currency": "USD"}, "duty_rate": 8.0}
    raw["lines"] = [line, other]
    upload = Upload(json.dumps(raw).encode())
    models = dataclasses.replace(by_hand, fusion=load(plain))
    report = judge(Consignment.read(upload), models, Policy.default()).report
    head = load(plain).head
    assert head is not None
    rows = attributes(table_of([Declaration.from_dict(raw)]))
    expected = head.chances(head.raw(rows, head.features(rows)))
    assert [each.chance for each in report.lines] == pytest.approx(expected.tolist())
    assert expected[0] != expected[1]
    assert report.chance == pytest.approx(1 - np.prod(1 - expected))


@pytest.fixture
def here(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands look at the service's store."""
    monkeypatch.setenv("PORTCULLIS_DATA", str(service.settings.data))
    assert Settings.read().store_url == service.settings.store_url


@pytest.mark.usefixtures("here")
def test_what_was_assessed_can_be_replayed_from_the_store(
    service: Service,
    account: Account,
    make: SimpleNamespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Line by line, with the evidence of that time, under a policy that looks closer."""
    from portcullis.cli import main

    raw = json.loads(make.declaration(id="D9", date="2025-04-29"))
    line = raw["lines"][0]
    raw["lines"] = [line, {**line, "value": {"amount": "165000", "currency": "USD"}}]
    two = service.assess(Upload(json.dumps(raw).encode()), account)
    odd = service.assess(
        Upload(make.declaration(line={"value": "90000 USD"}), (("s.png", make.scan()),)), account
    )
    cases = past_cases(None)
    assert cases.table["subject"].tolist() == ["D9/1", "D9/2", "D000123/1"]
    assert cases.checks == CHECKS
    assert np.isfinite(cases.surprise).tolist() == [[True, False], [True, False], [True, True]]
    of_lines = [line.evidence for line in (*two.report.lines, odd.report)]
    assert [cases.evidence_of(n) for n in range(3)] == of_lines
    assert of_lines[0] != of_lines[1]
    assert np.isnan(cases.outcome).all()

    text = (Path(sys.modules["fusion"].__file__ or "").parent / "policy.toml").read_text(encoding="utf-8")
    (tmp_path / "strict.toml").write_text(text.replace("watch = 1.3", "watch = 0.000001"), encoding="utf-8")
    words = ["replay", "--against-policy", str(tmp_path / "strict.toml"), "--until", "2025-04-29", "--json"]
    monkeypatch.setattr(sys, "argv", ["portcullis", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    answer = json.loads(capsys.readouterr().out)
    assert (answer["cases"], answer["moved"]) == (2, 2)
    assert [(c["from"], c["to"], c["cases"]) for c in answer["counts"]] == [("clear", "watch", 2)]


@pytest.mark.usefixtures("here")
def test_an_empty_store_has_nothing_to_replay() -> None:
    """With what to do instead."""
    with pytest.raises(InvalidValue, match="--data"):
        past_cases(None)
