"""A person at a real browser: Debian's Chromium, driven through Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def _is_complaint(said: Any) -> bool:
    # Chromium also reports a page that answers 422; that is how a refused form is answered
    return said.type == "error" and "422" not in said.text


@pytest.fixture
def desk(chromium: Any, address: str, make: SimpleNamespace) -> Iterator[Any]:
    """A page that is signed in, at the size of an office screen; it fails on anything the console reports."""
    view = chromium.new_context(viewport={"width": 1366, "height": 768}, locale="ko-KR")
    page = view.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if _is_complaint(said) else None)
    # a page that is left while its scan's layers still come breaks those requests off: no fault of it
    broken = {"net::ERR_ABORTED"}
    page.on("requestfailed", lambda r: None if r.failure in broken else complaints.append(r.url))
    page.on(
        "request",
        lambda sent: None if sent.url.startswith((address, "blob:")) else complaints.append(sent.url),
    )
    page.goto(address + "/")
    page.get_by_label("이름").fill(make.name)
    page.get_by_label("비밀번호").fill(make.password)
    page.get_by_role("button", name="로그인").click()
    page.wait_for_url(address + "/desk")
    yield page
    assert complaints == []
    view.close()


def test_an_officer_uploads_a_consignment_and_sees_verdict_scan_and_findings(
    desk: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    """From the desk to the report; the verdict and the first finding need no scrolling; then in English."""
    declaration, scan = tmp_path / "d.json", tmp_path / "s.png"
    declaration.write_bytes(make.declaration(line={"value": "40000 USD"}))
    scan.write_bytes(make.scan())
    desk.get_by_label("수입신고서 파일").set_input_files(declaration)
    desk.get_by_label("X-ray 영상").set_input_files(scan)
    desk.get_by_role("button", name="평가", exact=True).click()
    verdict = desk.get_by_role("heading", name="위험 매우 높음")
    verdict.wait_for()
    advice = desk.locator(".findings .advice").first
    assert "송품장" in advice.inner_text()
    for place in (verdict, advice):
        box = place.bounding_box()
        assert box["y"] + box["height"] < 768
    desk.locator("#viewer[data-ready]").wait_for()
    heat = desk.get_by_role("button", name="이상 부위")
    assert heat.get_attribute("aria-pressed") == "true"
    desk.get_by_role("link", name="English").click()
    desk.get_by_role("heading", name="Critical risk").wait_for()
    width = desk.evaluate("document.documentElement.scrollWidth")
    assert width <= 1366


def test_an_officer_hands_in_both_energies_of_a_scan_that_lies_on_its_side(
    desk: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    """Both files are chosen at once; the picture stands upright and a note says so."""
    import numpy as np

    files = [tmp_path / "a_low.npy", tmp_path / "a_high.npy"]
    for path, goods in zip(files, (0.2, 0.25), strict=True):
        values = np.full((60, 200), 1.0, dtype=np.float32)
        values[15:-10, 20:-20] = goods
        np.save(path, np.rot90(values))
    desk.get_by_role("tab", name="JSON").click()
    desk.get_by_label("또는 신고서 내용 붙여넣기").fill(make.declaration().decode())
    desk.get_by_label("X-ray 영상").set_input_files(files)
    desk.get_by_role("button", name="평가", exact=True).click()
    desk.get_by_text("원본 파일은 옆으로 누워 있었습니다").wait_for()
    desk.locator("#viewer[data-ready]").wait_for()
    desk.get_by_role("link", name="English").click()
    desk.get_by_text("the file lay on its side").wait_for()


def test_an_officer_is_told_what_is_wrong_and_mends_it(desk: Any, make: SimpleNamespace) -> None:
    """What was typed stays in the form; mended, it goes through."""
    desk.get_by_role("tab", name="JSON").click()
    text = desk.get_by_label("또는 신고서 내용 붙여넣기")
    text.fill(make.declaration(line={"hsk": "306171090"}).decode())
    desk.get_by_role("button", name="평가", exact=True).click()
    alert = desk.get_by_role("alert")
    alert.wait_for()
    assert "lines.0.hsk" in alert.inner_text()
    typed = text.input_value()
    assert "306171090" in typed
    text.fill(typed.replace('"306171090"', '"0306171090"'))
    desk.get_by_role("button", name="평가", exact=True).click()
    desk.get_by_role("heading", name="특이 사항 없음").wait_for()
