"""The X-ray viewer at a real browser: by keys and by hand, in both languages, light and dark."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest

from portcullis.store.accounts import Role

pytestmark = pytest.mark.browser
URL = "/v1/assessments"
# The grey of the middle of the picture, as it is on the screen.
_MIDDLE = """() => { const c = document.querySelector('.viewer-map canvas');
  const d = c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data; return d[0] }"""
_PLACE = """kind => new Promise(done => {
  document.addEventListener('portcullis:placed', e => done(e.detail.found), {once: true});
  document.dispatchEvent(new CustomEvent('portcullis:place', {detail: {label: 'L', kind}})) })"""


def _until(page: Any, told: Callable[[], bool]) -> None:
    """Waits for something to become true (`wait_for_function` needs an eval that our policy refuses)."""
    for _ in range(100):
        if told():
            return
        page.wait_for_timeout(50)
    pytest.fail("it did not come true")


def _energies() -> bytes:
    """Two energies, 16 bits: a block of goods with denser lumps in bright air."""
    from PIL import Image

    depth = np.zeros((120, 400))
    depth[30:-20, 40:-40] = 2.0
    depth[60:80, 150:190] = 3.0
    pages = [Image.fromarray((60_000 * np.exp(-share * depth)).astype(np.uint16)) for share in (1.0, 0.85)]
    out = io.BytesIO()
    pages[0].save(out, format="TIFF", save_all=True, append_images=pages[1:])
    return out.getvalue()


@pytest.fixture
def upload(client: httpx.Client, make: SimpleNamespace) -> Any:
    """Stores a case with a scan and answers with its id."""

    def send(scan: bytes | None = None, name: str = "scan.tiff", number: str = "D1") -> str:
        files: dict[str, Any] = {"declaration": make.declaration(id=number)}
        if scan is not None:
            files["scan"] = (name, scan)
        found: str = client.post(URL, files=files).raise_for_status().json()["id"]
        return found

    return send


def _opened(open_as: Any, case: str, **options: Any) -> Any:
    page = open_as(Role.INSPECTOR, f"/assessments/{case}", **options)
    page.locator("#viewer[data-ready]").wait_for()
    return page


@pytest.mark.parametrize(("language", "theme"), [("ko", "dark"), ("en", "light")])
def test_an_officer_reads_measures_and_comments_a_scan_by_keys_alone(
    open_as: Any, axe: Any, upload: Any, client: httpx.Client, language: str, theme: str
) -> None:
    """Contrast, inversion, a region, a box with a comment; the comment is there after a reload."""
    case = upload(_energies())
    page = _opened(open_as, case, language=language, color_scheme=theme)
    page.keyboard.press("v")
    before = page.evaluate(_MIDDLE)
    page.keyboard.press("i")
    _until(page, lambda: page.evaluate(_MIDDLE) == 255 - before)
    page.keyboard.press("i")
    window = page.locator(".viewer-window").text_content()
    page.keyboard.press("Shift+ArrowRight")
    _until(page, lambda: page.locator(".viewer-window").text_content() != window)
    for pressed in ("q", "Enter", "ArrowLeft", "Enter"):
        page.keyboard.press(pressed)
    facts = page.locator(".viewer-found dd")
    facts.first.wait_for()
    assert "g/cm²" in facts.first.inner_text()
    axe(page)
    for pressed in ("b", "Enter", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(pressed)
    page.locator("#viewer-text").wait_for()
    axe(page)
    page.keyboard.type("둥근 물체 round thing")
    page.keyboard.press("Control+Enter")
    page.locator(".viewer-marks li").wait_for()
    (note,) = client.get(f"{URL}/{case}/casework").json()["events"]
    top, left, bottom, right = note["box"]
    assert note["text"] == "둥근 물체 round thing"
    assert 0 <= top < bottom <= 120
    assert 0 <= left < right <= 400
    page.reload()
    page.locator(".viewer-marks li").wait_for()
    assert "an-inspector" in page.locator(".viewer-marks li small").inner_text()
    page.keyboard.press("?")
    listed = page.locator("#keys dd").all_inner_texts()
    assert len(listed) > 30
    assert all(text.strip() for text in listed)


def test_a_finding_is_shown_where_it_is(open_as: Any, upload: Any) -> None:
    """The heat-map's hot region, the load, or honestly nothing."""
    page = _opened(open_as, upload(_energies()), language="en")
    assert page.evaluate(_PLACE, "xray.packing") is True
    chip = page.locator(".viewer-place")
    assert chip.inner_text().startswith("L: 1 ")
    assert page.evaluate(_PLACE, "xray.mass") is True
    assert "whole load" in chip.inner_text()
    chip.get_by_role("button").click()
    assert chip.is_hidden()


def test_heavy_filters_materials_and_large_view_work_and_turn_back(
    open_as: Any, axe: Any, upload: Any
) -> None:
    """Every list and every switch once; the picture comes back as it was."""
    page = _opened(open_as, upload(_energies()), language="en")
    before = page.evaluate(_MIDDLE)
    for name, values in {
        "filter": ("edges", "local", "none"),
        "colours": ("iron", "material", "grey"),
        "strip": ("organic", "metal", "none"),
        "channel": ("areal", "plane:1", "plane:0"),
        "preset": ("whole", "dense", "light", "auto"),
    }.items():
        for value in values:
            page.locator(f"[data-list={name}]").select_option(value)
            _until(page, lambda: page.locator(".viewer-state").is_hidden())
    page.keyboard.press("v")
    for pressed in ("]", "h", "j", "+", "1", "[", "h", "j", "t", "y", "n", "z", "0"):
        page.keyboard.press(pressed)
    axe(page)
    page.keyboard.press("z")
    page.keyboard.press("0")
    _until(page, lambda: abs(page.evaluate(_MIDDLE) - before) <= 1)


def test_a_hand_changes_the_contrast_and_draws(open_as: Any, upload: Any) -> None:
    """The right button in any tool is the contrast; the left one draws what the tool says."""
    page = _opened(open_as, upload(_energies()), language="en")
    box = page.locator(".viewer-map").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    window = page.locator(".viewer-window").text_content()
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x + 80, y + 40, steps=4)
    page.mouse.up(button="right")
    _until(page, lambda: page.locator(".viewer-window").text_content() != window)
    page.get_by_role("button", name="Measure length").click()
    page.mouse.move(x - 60, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=4)
    page.mouse.up()
    assert "pixels" in page.locator(".viewer-found dd").inner_text()  # a plain picture: no metres are made up
    page.mouse.move(x, y)
    assert "T " in page.locator(".viewer-readout").inner_text()


def test_a_vendors_picture_is_not_weighed(open_as: Any, upload: Any) -> None:
    """Eight bits: the viewer says why, and offers no density."""
    from PIL import Image

    pixels = np.full((60, 200), 240, dtype=np.uint8)
    pixels[15:-10, 20:-20] = 90
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    page = _opened(open_as, upload(out.getvalue(), "picture.png"), language="en")
    assert page.locator("[data-degraded]").is_visible()
    assert "areal" not in page.locator("[data-list=channel] option").evaluate_all(
        "all => all.map(o => o.value)"
    )
    page.keyboard.press("v")
    for pressed in ("q", "Enter", "Enter"):
        page.keyboard.press(pressed)
    page.locator(".viewer-found .hint", has_text="8-bit").wait_for()
    assert page.locator(".viewer-found dd").count() == 0


def test_without_a_scan_or_without_an_answer_the_page_says_so(open_as: Any, axe: Any, upload: Any) -> None:
    """Nothing handed in; or a scan whose numbers do not come, which can be asked for again."""
    page = open_as(Role.INSPECTOR, f"/assessments/{upload(number='D2')}", language="en")
    assert page.get_by_text("No scan was handed in with this declaration.").is_visible()
    case = upload(_energies())
    page.context.route("**/scan/planes", lambda route: route.fulfill(status=200, body="no json"))
    page.goto(page.url.rsplit("/", 1)[0] + f"/{case}")
    again = page.get_by_role("button", name="Try again")
    again.wait_for()
    axe(page)
    page.context.unroute("**/scan/planes")
    again.click()
    page.locator("#viewer[data-ready]").wait_for()
