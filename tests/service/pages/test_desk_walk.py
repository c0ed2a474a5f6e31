"""An officer at a real browser: filling in, handing in, going through findings, recording in two taps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.casework import Decided, Decision

pytestmark = pytest.mark.browser
Axe = Callable[[Any], None]
TABLET = {"width": 820, "height": 1180}
WORDS = {
    "ko": {
        "assess": "평가",
        "verdict": "위험 매우 높음",
        "found": "은닉 물품",
        "closed": "종결",
        "note": "메모",
    },
    "en": {
        "assess": "Assess",
        "verdict": "Critical risk",
        "found": "Concealed goods",
        "closed": "Closed",
        "note": "Memo",
    },
}


def type_in(page: Any, field: str, text: str) -> None:
    """As a person does, key by key: lists of suggestions follow."""
    page.locator(f"[id='f-{field}']").press_sequentially(text)


def give_table(service: Service, make: SimpleNamespace, tmp_path: Path) -> None:
    """Import a small table of codes."""
    from customs.readers import hsk
    from portcullis.store.intake import store

    path = tmp_path / "hsk.csv"
    path.write_text(
        "HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명,수량단위코드\n"
        "03,2024-01-01,9999-12-31,어류·갑각류,Fish and crustaceans,\n"
        "0306,2024-01-01,9999-12-31,갑각류,Crustaceans,\n"
        "0306171090,2024-01-01,9999-12-31,새우살(냉동),Shrimp meat frozen,KG\n"
        "0306179091,2024-01-01,9999-12-31,흰다리새우(냉동),White leg shrimp frozen,KG\n",
        encoding="utf-8",
    )
    store(service.queue.engine, "hsk", hsk.read(path), file=path.name, data=path.read_bytes())


@pytest.mark.parametrize("language", ["ko", "en"])
def test_an_officer_fills_in_the_form_is_told_what_is_missing_and_hands_in(
    open_as: Any, axe: Axe, service: Service, make: SimpleNamespace, tmp_path: Path, language: str
) -> None:
    """Codes and countries are found by words; what is wrong stands beside its field; nothing is lost."""
    give_table(service, make, tmp_path)
    page = open_as(Role.INSPECTOR, "/desk", language=language, color_scheme="dark")
    axe(page)
    type_in(page, "lines.0.hsk", {"ko": "새우살", "en": "shrimp meat"}[language])
    page.locator("[role=option]").first.wait_for()
    axe(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("[id='f-lines.0.hsk']").input_value() == "0306.17-1090"
    assert page.locator("[id='f-lines.0.unit']").input_value() == "KG"
    type_in(page, "origin", {"ko": "베트", "en": "vietn"}[language])
    page.locator("[role=option]:visible").first.wait_for()
    page.keyboard.press("Enter")  # maybe before the list has followed the last letters
    page.wait_for_function("() => document.getElementById('f-origin').value === 'VN'")
    type_in(page, "lines.0.net_kg", "20,000")
    type_in(page, "lines.0.gross_kg", "200")
    page.keyboard.press("Tab")
    assert "200" in page.locator("[id='w-lines.0.gross_kg']").inner_text()
    page.keyboard.press("Control+Enter")
    alert = page.get_by_role("alert").filter(has=page.get_by_role("heading"))
    alert.wait_for()
    assert alert.locator("code").all_inner_texts() == [
        "id",
        "importer",
        "lines.0.name",
        "lines.0.gross_kg",
        "lines.0.value",
    ]
    assert page.locator("[id='f-importer']").get_attribute("aria-invalid") == "true"
    axe(page)
    alert.get_by_role("link").nth(1).click()
    assert page.evaluate("document.activeElement.id") == "f-importer"
    page.keyboard.type("한빛수산")
    page.locator("[id='f-lines.0.gross_kg']").fill("21500")
    type_in(page, "id", "D1")
    type_in(page, "lines.0.name", "새우")
    type_in(page, "lines.0.value.amount", "160,000.50")
    type_in(page, "lines.0.value.currency", "usd")
    page.locator("[role=option]:visible").first.wait_for()  # without an open list Enter would send the form
    page.keyboard.press("Enter")
    assert "8.000 USD/kg" in page.locator("[data-per='lines.0.value']").inner_text()
    page.get_by_role("tab", name="JSON").click()
    written = json.loads(page.locator("#text").input_value())
    assert written["lines"] == [
        {
            "hsk": "0306171090",
            "unit": "KG",
            "net_kg": 20000,
            "gross_kg": 21500,
            "name": "새우",
            "value": {"amount": "160000.50", "currency": "USD"},
        }
    ]
    axe(page)
    page.get_by_role("button", name=WORDS[language]["assess"], exact=True).click()
    page.wait_for_url("**/assessments/*")
    stored = service.assessment(page.url.rsplit("/", 1)[1]).declaration
    assert str(stored.lines[0].value) == "160,000.50 USD"
    axe(page)


def test_form_and_json_hold_the_same_and_keep_what_only_one_of_them_knows(open_as: Any) -> None:
    """A text that is no JSON stays where it is, and is told as such."""
    page = open_as(Role.INSPECTOR, "/desk", language="en")
    page.get_by_role("tab", name="JSON").click()
    text = page.locator("#text")
    text.fill('{"id": "X", "remark": [1], "lines": [{"hsk": "1"}, {"name": "second", "value": "5 EUR"}]}')
    page.get_by_role("tab", name="Form").click()
    assert page.locator("[id='f-lines.1.value.currency']").input_value() == "EUR"
    page.locator("[id='f-lines.1.value.amount']").fill("7.50")
    page.get_by_role("button", name="Remove this line").first.click()
    page.get_by_role("button", name="Add a line").click()
    page.get_by_role("tab", name="JSON").click()
    assert json.loads(text.input_value()) == {
        "id": "X",
        "remark": [1],
        "lines": [{"name": "second", "value": {"amount": "7.50", "currency": "EUR"}}, {}],
    }
    text.fill('{"id": ')
    page.get_by_role("tab", name="Form").click()
    assert "Put the JSON right" in page.get_by_role("alert").inner_text()
    assert text.is_visible()
    assert text.input_value() == '{"id": '


def test_what_the_server_refuses_is_told_beside_the_field_and_the_files_stay(
    open_as: Any, make: SimpleNamespace, tmp_path: Path, axe: Axe
) -> None:
    """The scan is broken: it is named, the declaration stays, another scan goes through without more ado."""
    page = open_as(Role.INSPECTOR, "/desk", language="en", refused=(422,))
    broken, good, photo, paper = (tmp_path / n for n in ("scan.npy", "scan.png", "photo.png", "d.json"))
    broken.write_bytes(b"no numbers")
    good.write_bytes(make.scan())
    photo.write_bytes(make.photo())
    paper.write_bytes(make.declaration())
    page.get_by_label("Declaration file").set_input_files(paper)
    page.get_by_label("X-ray scan").set_input_files(broken)
    page.get_by_label("Product photo").set_input_files(photo)
    page.get_by_role("button", name="Assess", exact=True).click()
    page.get_by_role("alert").filter(has_text="Nothing was stored").wait_for()
    assert page.locator("#w-scan").inner_text() != ""
    assert page.locator("[id='f-importer']").input_value() == "한빛수산 Hanbit Seafood"
    assert page.locator("#photo").evaluate("input => input.files[0].name") == "photo.png"
    axe(page)
    page.get_by_role("button", name="Remove: scan.npy").click()
    page.get_by_label("X-ray scan").set_input_files(good)
    page.get_by_role("button", name="Assess", exact=True).click()
    page.wait_for_url("**/assessments/*")
    assert page.get_by_alt_text("Uploaded product photo").count() == 1


def test_files_that_are_dropped_together_are_told_apart_and_can_be_moved(
    open_as: Any, make: SimpleNamespace, axe: Axe
) -> None:
    """By name and by colour: a grey picture is a scan, a coloured one a photo; a strange file is named."""
    page = open_as(Role.INSPECTOR, "/desk", language="en", size=TABLET)
    files = {
        "d.json": list(make.declaration()),
        "a.png": list(make.scan()),
        "b.png": list(make.photo()),
        "c.pdf": [1],
    }
    page.evaluate(
        """files => {
        const carrier = new DataTransfer();
        for (const [name, bytes] of Object.entries(files))
            carrier.items.add(new File([new Uint8Array(bytes)], name));
        document.querySelector("main").dispatchEvent(
            new DragEvent("drop", {dataTransfer: carrier, bubbles: true, cancelable: true}));
    }""",
        files,
    )
    page.locator("[data-files=scan] li").filter(has_text="a.png").wait_for()
    assert page.locator("[id='f-id']").input_value() == "D000123"
    assert "c.pdf" in page.locator("#w-declaration").inner_text()
    # the photo of the tests is a plain grey: it is taken for a scan, and moved by hand
    page.get_by_role("button", name="It is a photo: b.png").click()
    assert page.locator("[data-files=photo] li").filter(has_text="b.png").count() == 1
    assert page.locator("#photo").evaluate("input => input.files.length") == 1
    assert page.locator("#scan").evaluate("input => input.files.length") == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= TABLET["width"]
    axe(page)


def test_sending_can_be_cancelled_and_sent_again(open_as: Any, make: SimpleNamespace, stored: Any) -> None:
    """While it is on its way there is a bar and a way out; afterwards all is as it was."""
    page = open_as(Role.INSPECTOR, "/desk", language="en")
    page.get_by_role("tab", name="JSON").click()
    page.locator("#text").fill(make.declaration().decode())
    page.route("**/v1/assessments", lambda route: None)  # held for good
    page.get_by_role("button", name="Assess", exact=True).click()
    page.locator("#sending").wait_for()
    assert page.locator("#assess").is_disabled()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("What you typed and chose is still here").wait_for()
    assert stored()[0] == 0
    page.unroute("**/v1/assessments")
    page.get_by_role("button", name="Assess", exact=True).click()
    page.wait_for_url("**/assessments/*")
    assert stored()[0] == 1


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_newcomer_assesses_the_sample_and_records_what_was_found_without_a_mouse(
    open_as: Any, axe: Axe, service: Service, language: str
) -> None:
    """Two clicks to the verdict; then keys: the finding, the outcome, its reason."""
    words = WORDS[language]
    page = open_as(Role.INSPECTOR, "/desk", language=language)
    page.locator("#sample button").click()
    page.locator("[data-files=scan] li").wait_for()
    page.locator("#assess").click()
    page.wait_for_url("**/assessments/*")
    page.wait_for_selector("html[data-ready]")
    page.evaluate("document.addEventListener('portcullis:place', event => { window.asked = event.detail; })")
    page.keyboard.press("n")
    assert page.evaluate("window.asked.kind") == "mismatch.hsk_image"
    assert page.locator(".findings [aria-current]").count() == 1
    page.keyboard.press("o")
    page.keyboard.press("2")
    axe(page)
    page.keyboard.press("7")
    page.locator("#standing").get_by_text(words["found"]).wait_for()
    assert words["closed"] in page.locator("#standing").inner_text()
    axe(page)
    events = service.casework.history(page.url.rsplit("/", 1)[1])
    assert [(e.kind, e.values["result"], e.values["reason"]) for e in events] == [
        ("outcome", "discrepancy", "concealed_goods")
    ]
    page.keyboard.press("?")
    assert page.locator("#keys dt").filter(has_text="o").count() >= 1


def test_whoever_is_second_sees_what_the_first_one_did_and_keeps_what_they_typed(
    open_as: Any, axe: Axe, service: Service, account: Account, make: SimpleNamespace
) -> None:
    """Nothing of theirs was stored; a second tap then counts."""
    from portcullis.consignment import Upload

    number = service.assess(Upload(make.declaration()), account).id
    page = open_as(Role.INSPECTOR, f"/assessments/{number}", language="en", refused=(409,))
    service.work(number, Decided(decision=Decision.HOLD, reason="expert_needed"), account)
    page.get_by_role("button", name="Discrepancy found").click()
    page.locator("#work-note").fill("seal broken")
    page.get_by_role("button", name="Wrong HS code").click()
    told = page.get_by_role("alert").filter(has_text="Somebody else worked on this meanwhile")
    told.wait_for()
    assert "Hold · Expert needed" in told.inner_text()
    assert page.locator("#work-note").input_value() == "seal broken"
    axe(page)
    assert [e.kind for e in service.casework.history(number)] == ["decision"]
    page.get_by_role("button", name="Wrong HS code").click()
    page.locator("#standing").get_by_text("Wrong HS code").wait_for()
    assert service.casework.history(number)[-1].values["note"] == "seal broken"


def test_a_code_that_is_none_is_told_beside_its_field_and_the_case_can_be_taken_and_noted(
    open_as: Any, service: Service, account: Account, make: SimpleNamespace
) -> None:
    """What was typed stays; a note and being in charge are one key away."""
    from portcullis.consignment import Upload

    number = service.assess(Upload(make.declaration()), account).id
    page = open_as(Role.INSPECTOR, f"/assessments/{number}", language="en", refused=(422, 503))
    page.keyboard.press("t")
    page.locator("#standing").get_by_text("an-inspector").wait_for()
    page.keyboard.press("c")
    page.keyboard.type("look behind the third pallet")
    page.keyboard.press("Enter")
    page.get_by_text("The note was written.").wait_for()
    page.keyboard.press("o")
    page.keyboard.press("2")
    page.locator("#found-hs").fill("77")
    page.get_by_role("button", name="Wrong HS code").click()
    page.locator("#work-wrong").get_by_text("77").wait_for()
    assert page.locator("#found-hs").get_attribute("aria-invalid") == "true"
    assert page.locator("#found-hs").input_value() == "77"
    page.keyboard.press("Escape")
    assert page.locator("#work-panel").is_hidden()
    kinds = [(e.kind, e.values.get("text")) for e in service.casework.history(number)]
    assert kinds == [("assignment", None), ("note", "look behind the third pallet")]


def test_the_first_screen_holds_verdict_findings_expectation_and_the_outcome(
    open_as: Any, service: Service, account: Account, make: SimpleNamespace
) -> None:
    """At 1366 × 768, without scrolling; on a tablet nothing is cut off."""
    from portcullis.consignment import Upload

    upload = Upload(make.declaration(line={"value": "40000 USD"}), (("s.png", make.scan()),))
    number = service.assess(upload, account).id
    page = open_as(Role.INSPECTOR, f"/assessments/{number}")
    page.wait_for_load_state("networkidle")
    top_of_bar = page.locator("#work").bounding_box()["y"]
    for place in ("#verdict", "#standing", ".findings .advice >> nth=0", "#see"):
        box = page.locator(place).bounding_box()
        assert box["y"] >= 0, place
        assert box["y"] + box["height"] <= top_of_bar, place
    assert page.get_by_role("button", name="불일치 발견").bounding_box()["y"] < 768
    tablet = open_as(Role.INSPECTOR, f"/assessments/{number}", size=TABLET)
    assert tablet.evaluate("document.documentElement.scrollWidth") <= TABLET["width"]
