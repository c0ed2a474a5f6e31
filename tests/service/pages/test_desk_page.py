"""The desk without a browser: the sample that our own physics draws, and what its form offers."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import httpx
import pytest

from customs.declaration import Declaration
from portcullis.consignment import Consignment
from portcullis.web.desk.choices import countries, currencies, units
from portcullis.web.desk.sample import SCAN_NAME, Sample

Stored = Callable[[], tuple[int, list[str]]]


@pytest.fixture
def inspector(address: str, make: SimpleNamespace) -> Iterator[httpx.Client]:
    """A client that signed in."""
    headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    with httpx.Client(base_url=address, headers=headers, follow_redirects=True, timeout=30) as client:
        client.post("/login", data={"name": make.name, "password": make.password})
        yield client


def test_the_sample_is_a_whole_consignment_with_a_scan_of_two_energies() -> None:
    """It reads like any other; the scanner's pixels are known, so that it can be weighed."""
    consignment = Consignment.read(Sample.drawn().upload)
    scan = consignment.scan
    assert scan is not None
    assert scan.energies == ("6MV", "9MV")
    assert scan.bit_depth == 16
    assert scan.pixel_pitch_m is not None
    assert consignment.declaration.lines[0].packages is not None


def test_the_sample_weighs_what_its_papers_say_and_something_in_it_is_denser() -> None:
    """So a trained model finds the weight in order and the box in the load odd."""
    import numpy as np

    from xray_encoder.measure import areal_density_map

    scan = Consignment.read(Sample.drawn().upload).scan
    assert scan is not None
    areal = areal_density_map(scan).areal
    rows, columns = areal.shape
    load = areal[rows // 3 : 4 * rows // 5, columns // 8 : 7 * columns // 8]
    assert np.quantile(load, 0.999) > 1.3 * np.median(load)


def test_the_sample_is_the_same_wherever_it_is_drawn() -> None:
    """A form that is sent twice counts once, also by two workers."""
    from portcullis.web.desk import sample

    assert sample._scan() == Sample.drawn().scan


def test_without_scripts_the_sample_is_judged_by_one_button(inspector: httpx.Client, stored: Stored) -> None:
    """Twice the same form is one assessment."""
    once = re.search(r'name="once" value="(\w+)"', inspector.get("/desk").text)
    assert once is not None
    pages = [inspector.post("/desk/sample", data={"once": once[1]}) for _ in range(2)]
    assert {page.url.path for page in pages} == {pages[0].url.path}
    assert pages[0].url.path.startswith("/assessments/")
    assert stored()[0] == 1


def test_the_sample_can_be_fetched_by_whoever_may_hand_in(inspector: httpx.Client) -> None:
    """The form's script loads both parts; they are what the button would have judged."""
    paper = inspector.get("/desk/sample/declaration.json")
    assert Declaration.from_json(paper.content).id in SCAN_NAME
    scan = inspector.get("/desk/sample/scan.tif")
    assert scan.headers["content-type"] == "image/tiff"
    assert scan.content == Sample.drawn().scan
    assert httpx.get(str(scan.url)).status_code == 303


@pytest.mark.parametrize(("language", "first", "name"), [("ko", "가", "베트남"), ("en", "A", "Vietnam")])
def test_the_form_offers_all_countries_by_their_names(
    inspector: httpx.Client, language: str, first: str, name: str
) -> None:
    """In the language of the page, in its order; the other language's name can be typed as well."""
    text = inspector.get("/desk", params={"lang": language}).text
    listed = text[text.index('<template id="countries">') :]
    listed = listed[: listed.index("</template>")]
    names = re.findall(r'<option value="(\w\w)" data-other="([^"]+)">([^<]+)<', listed)
    assert len(names) > 240
    assert names[0][2].startswith(first)
    assert ("VN", {"ko": "Vietnam", "en": "베트남"}[language], name) in names


def test_whatever_the_lists_offer_a_declaration_may_say(make: SimpleNamespace) -> None:
    """Every country and currency is one that the declaration takes; units are short enough."""
    from customs.units import Country, Money

    for language in ("ko", "en"):
        for country in countries(language):  # type: ignore[arg-type]
            assert Country(country.code)
        for currency in currencies(language):  # type: ignore[arg-type]
            assert Money.of("1", currency.code)
        assert all(len(unit.code) <= 16 for unit in units(language))  # type: ignore[arg-type]
    assert [each.code for each in currencies("ko")][:2] == ["USD", "KRW"]
    codes = [each.code for each in currencies("en")]
    assert len(codes) == len(set(codes))


def test_the_declaration_of_the_sample_is_text_that_people_read(inspector: httpx.Client) -> None:
    """Indented, in UTF-8, the same with every request."""
    found = inspector.get("/desk/sample/declaration.json")
    assert "\n" in found.text
    assert "냉동 새우살" in found.text
    assert json.loads(found.text) == json.load(io.BytesIO(found.content))
