"""The page of a case without a browser: what stands on it for each kind of consignment, and its work."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.casework import Assigned, Decided, Decision, Found, Noted, Result
from portcullis.web.case.queue_place import QueuePlace
from portcullis.web.case.ranges import RangeBar

LINE = {
    "hsk": "0306171090",
    "name": "shrimp",
    "net_kg": 20000,
    "value": {"amount": "160000", "currency": "USD"},
}
CHEAP = {**LINE, "name": "cheap shrimp", "value": {"amount": "40000", "currency": "USD"}}


@pytest.fixture
def reader(address: str, make: SimpleNamespace) -> Iterator[httpx.Client]:
    """An inspector who reads in English."""
    headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    with httpx.Client(base_url=address, headers=headers, follow_redirects=True, timeout=30) as client:
        client.post("/login?lang=en", data={"name": make.name, "password": make.password})
        client.get("/desk?lang=en")
        yield client


@pytest.fixture
def handed_in(reader: httpx.Client, make: SimpleNamespace) -> Callable[..., tuple[str, str]]:
    """Hands a consignment in; the number of its assessment, and its page."""

    def hand_in(*, scan: bool = False, **changes: Any) -> tuple[str, str]:
        parts: dict[str, Any] = {"declaration": ("d.json", make.declaration(**changes))}
        if scan:
            parts["scan"] = ("s.png", make.scan())
        page = reader.post("/desk", files=parts)
        assert page.url.path.startswith("/assessments/"), page.text
        return page.url.path.rsplit("/", 1)[1], page.text

    return hand_in


@pytest.mark.parametrize(
    ("observed", "expected", "side"),
    [
        (5.0, (6.0, 10.0), "below"),
        (6.0, (6.0, 10.0), "within"),
        (10.0, (6.0, 10.0), "within"),
        (1e12, (6.0, 10.0), "above"),
        (0.0, (0.0, 0.0), "within"),
    ],
)
def test_a_figure_and_its_range_are_drawn_within_the_drawing_and_in_order(
    observed: float, expected: tuple[float, float], side: str
) -> None:
    """However far the figure is off; a range is never too narrow to be seen."""
    bar = RangeBar.of(observed, expected)
    assert bar is not None
    assert bar.side == side
    assert 0 <= bar.left <= bar.left + bar.width <= 100
    assert 0 <= bar.mark <= 100
    assert bar.width >= 2
    assert (bar.mark < bar.left) == (side == "below")
    assert (bar.mark > bar.left + bar.width) == (side == "above")


@pytest.mark.parametrize(
    ("observed", "expected"),
    [(None, (1.0, 2.0)), (1.0, None), (math.nan, (1.0, 2.0)), (1.0, (0.0, math.inf)), (1.0, (2.0, 1.0))],
)
def test_what_cannot_be_drawn_is_not_drawn(
    observed: float | None, expected: tuple[float, float] | None
) -> None:
    assert RangeBar.of(observed, expected) is None


def test_the_page_says_what_we_do_not_know(handed_in: Callable[..., tuple[str, str]]) -> None:
    """Without a scan nothing can be expected of it, and what no model compares is said to be so."""
    _, text = handed_in()
    see = text[text.index('id="see"') : text.index('id="measured"')]
    assert "we do not know what stands in the container" in see
    assert "<svg" not in see
    measured = text[text.index('id="measured"') : text.index('id="evidence"')]
    assert measured.count("No loaded model compares this.") == 3  # weight, packages, freight
    assert "8 <small>USD/kg" in measured
    assert "within the range" in measured
    assert "No single check stands out." in text


def test_a_scan_is_held_against_what_the_declared_code_should_show(
    handed_in: Callable[..., tuple[str, str]],
) -> None:
    """The packing, what it looks like instead, and that the density is not known."""
    _, text = handed_in(scan=True)
    see = text[text.index('id="see"') : text.index('id="measured"')]
    assert "unusual" in see
    assert re.search(r"4011.*70%", see, re.S)
    assert "not known" in see
    assert "No X-ray model judged this scan" in see


def test_a_finding_says_where_on_the_scan_it_can_be_seen(handed_in: Callable[..., tuple[str, str]]) -> None:
    """A price has no place there; without a scan nothing has one."""
    _, text = handed_in(scan=True, line={"value": "40000 USD"})
    findings = re.findall(r'<li class="\w+" data-kind="([\w.]+)"( data-on-scan)?', text)
    assert findings == [("mismatch.hsk_price", ""), ("mismatch.hsk_image", " data-on-scan")]
    _, without = handed_in(line={"value": "40000 USD"})
    assert "data-on-scan" not in without


def test_of_several_lines_the_gravest_is_looked_at_first_and_any_can_be_chosen(
    reader: httpx.Client, handed_in: Callable[..., tuple[str, str]]
) -> None:
    """Findings stand under their line; the figures are those of the line that was chosen."""
    number, text = handed_in(lines=[LINE, CHEAP, LINE])
    assert re.search(r'href="\?line=2" aria-current="true"', text)
    assert re.search(r'class="of-line">Line 2 <small>cheap shrimp', text)
    evidence = text[text.index('id="evidence"') : text.index('id="declared"')]
    assert "Line 2" in evidence
    assert evidence.count('id="of-price.unit_value"') == 1
    first = reader.get(f"/assessments/{number}?line=1&from=band%3Dcritical").text
    assert re.search(r'href="\?line=1&amp;from=band%3Dcritical" aria-current="true"', first)
    measured = first[first.index('id="measured"') : first.index('id="evidence"')]
    assert "within the range" in measured
    assert "Figures of this line" in first  # of the finding, which is another line's
    assert reader.get(f"/assessments/{number}?line=7").status_code == 200
    assert reader.get(f"/assessments/{number}?line=0").status_code == 422


def test_the_page_shows_who_is_in_charge_what_was_decided_and_what_was_found(
    service: Service, reader: httpx.Client, account: Account, handed_in: Callable[..., tuple[str, str]]
) -> None:
    """The outcome takes the place of the decision: it is what counts."""
    number, text = handed_in()
    standing = text[text.index('id="standing"') : text.index("</dl>", text.index('id="standing"'))]
    assert "nobody yet" in standing
    assert "none yet" in standing
    assert "Release" in standing  # what the band recommends
    colleague = service.accounts.add("park", "no hash", Role.ANALYST)
    service.work(number, Assigned(assignee=colleague), account)
    service.work(number, Decided(decision=Decision.INSPECT, reason="random"), colleague)
    part = reader.get(f"/assessments/{number}/work").text
    assert re.search(r"In charge</dt><dd>park", part)
    assert re.search(r"Inspect · Random selection.*park", part)
    assert 'data-version="2"' in part
    service.work(
        number,
        Found(result=Result.DISCREPANCY, reason="misclassification", found_hs="0306.17-9091"),
        colleague,
    )
    part = reader.get(f"/assessments/{number}/work").text
    assert re.search(r"Discrepancy found · Wrong HS code · .*0306\.17-9091", part)
    assert "cannot be undone" in part
    assert len(re.findall(r'data-deed="decision"[^>]* disabled', part)) == 3


def test_whoever_comes_second_is_told_what_the_first_one_did(
    service: Service, reader: httpx.Client, account: Account, handed_in: Callable[..., tuple[str, str]]
) -> None:
    """Only what was done since the version that they saw; without one, nothing is told."""
    number, _ = handed_in()
    service.work(number, Noted(text="seal <b>broken</b>"), account)
    service.work(number, Assigned(assignee=None), account)
    told = reader.get(f"/assessments/{number}/work", params={"seen": 0}).text
    assert "Somebody else worked on this meanwhile" in told
    assert "seal &lt;b&gt;broken&lt;/b&gt;" in told
    later = reader.get(f"/assessments/{number}/work", params={"seen": 1}).text
    assert "seal" not in later
    assert "Assigned to: nobody" in later
    assert "meanwhile" not in reader.get(f"/assessments/{number}/work").text
    assert reader.get("/assessments/0000000000000000/work").status_code == 404


def test_a_case_knows_its_place_in_the_queue_that_it_was_opened_from(
    service: Service, reader: httpx.Client, handed_in: Callable[..., tuple[str, str]]
) -> None:
    """The way back keeps all filters; the neighbours are those of that queue, in its order."""
    first, second, third = (handed_in(id=name)[0] for name in ("A", "B", "C"))
    query = "order=oldest&band=clear&view=mine"
    place = QueuePlace.of(service, query, second, "kim")
    assert place is not None
    assert place.href == "/queue?order=oldest&band=clear&view=mine"
    assert (place.position, place.total) == (2, 3)
    assert place.before.startswith(f"/assessments/{first}?from=order%3Doldest")
    assert place.after.startswith(f"/assessments/{third}?from=")
    page = reader.get(f"/assessments/{second}", params={"from": query})
    assert "2 of 3" in page.text
    assert reader.get(place.after).status_code == 200
    elsewhere = QueuePlace.of(service, "band=critical", second, "kim")
    assert elsewhere is not None
    assert (elsewhere.position, elsewhere.before, elsewhere.after) == (0, "", "")


@pytest.mark.parametrize("query", ["order=sideways", "hs=shrimp", "since=2025-02-02&until=2025-01-01"])
def test_a_queue_that_cannot_be_read_is_still_a_way_back(
    service: Service, handed_in: Callable[..., tuple[str, str]], reader: httpx.Client, query: str
) -> None:
    number, _ = handed_in()
    place = QueuePlace.of(service, query, number, "kim")
    assert place is not None
    assert place.position == 0
    assert place.href.startswith("/queue?")
    assert reader.get(f"/assessments/{number}", params={"from": query}).status_code == 200


def test_a_way_back_never_leads_elsewhere(
    reader: httpx.Client, handed_in: Callable[..., tuple[str, str]]
) -> None:
    """Whatever the address says, it is our own queue."""
    number, _ = handed_in()
    text = reader.get(f"/assessments/{number}", params={"from": '//evil.example/?"><script>'}).text
    (href,) = re.findall(r'href="([^"]*)" id="to-queue"', text)
    assert re.match(r"/queue(\?|$)", href)
    assert "<script>" not in text


@pytest.mark.parametrize(("value", "odd"), [("40000 USD", True), ("205000 USD", False)])
def test_a_figure_outside_of_its_range_is_marked_only_if_it_is_unusual(
    handed_in: Callable[..., tuple[str, str]], value: str, odd: bool
) -> None:
    """Both stand outside; one of them as many clean cases do."""
    _, text = handed_in(line={"value": value})
    measured = text[text.index('id="measured"') : text.index('id="evidence"')]
    (drawn,) = re.findall(r'class="ranged (\w+)( odd)?"', measured)
    assert drawn[0] in ("below", "above")
    assert bool(drawn[1]) == odd
