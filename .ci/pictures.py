"""Takes the README's pictures of the pages: make pictures  (needs `make demo` once, and Chromium)

Looks at a copy of the demo, so that the demo itself stays as it is. The same demo gives the same pictures,
but for times of now that a page shows.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

LARGEST = 200_000  # bytes of a picture
SIZE = {"width": 1366, "height": 768}
QUIET = """() => document.documentElement.hasAttribute("data-ready")
  && !document.querySelector(".htmx-request, [aria-busy=true]")"""
# Last month's dearest anomalies from Vietnam; the world ends in April 2025.
VIETNAM = (
    "/queue?origin=VN&since=2025-04-01&until=2025-04-30&kind=price.unit_value&kind=price.for_this_code"
    "&kind=mismatch.hsk_price&top=0.005&top_by=kinds"
)


@dataclass(frozen=True)
class Picture:
    """One picture: whose page, in which language and theme, and what is done there before it is taken.

    path: an address, or one where `{case}` stands for the oddest scanned case that models disagree about.
    """

    name: str
    role: str
    language: str
    theme: str
    path: str
    act: Callable[[Any], None] = lambda page: None


def _sample(page: Any) -> None:
    """Load the sample consignment."""
    words = re.compile("예시|견본|샘플|sample", re.IGNORECASE)
    page.locator("main").get_by_role("button", name=words).first.click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('main input')].some(field => field.value.startsWith('SAMPLE-'))"
    )


def _shrimp(page: Any) -> None:
    """Type what a broker would."""
    page.locator("main").get_by_role("textbox").first.fill("냉동 새우살")
    page.get_by_text("0306").first.wait_for()


PICTURES = (
    Picture("desk", "inspector", "ko", "light", "/desk", _sample),
    Picture("case", "inspector", "en", "light", "/assessments/{case}"),
    Picture("codes", "broker", "ko", "light", "/codes", _shrimp),
    Picture("queue", "analyst", "en", "light", VIETNAM),
    Picture("outcomes", "analyst", "ko", "dark", "/outcomes"),
)


def main() -> int:
    """Take all pictures, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(p.name for p in PICTURES)}; all by default")
    parser.add_argument("--demo", type=Path, default=Path("demo"), help="folder of the demo")
    parser.add_argument("--out", type=Path, default=Path("docs/pages"))
    given = parser.parse_args()
    wanted = [p for p in PICTURES if not given.names or p.name in given.names]
    if not (given.demo / "logins.json").is_file():
        print(f"{given.demo} is no demo: run make demo first", file=sys.stderr)
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    passwords = json.loads((given.demo / "logins.json").read_text(encoding="utf-8"))
    failed = 0
    with serving(given.demo) as address, browser() as chromium:
        case = oddest(address, passwords["analyst"])
        for picture in wanted:
            try:
                data = take(chromium, address, passwords, picture, case)
            except Exception as error:  # the others are still wanted
                print(f"{picture.name}: {str(error).splitlines()[0]}", file=sys.stderr)
                failed += 1
                continue
            (given.out / f"{picture.name}.png").write_bytes(data)
            print(f"{given.out / picture.name}.png, {len(data):,} bytes")
    return 1 if failed else 0


@contextlib.contextmanager
def serving(demo: Path) -> Iterator[str]:
    """A server over a copy of the demo's store; its address."""
    with tempfile.TemporaryDirectory() as room:
        shutil.copytree(demo / "data", Path(room) / "data")
        program = [sys.executable, "-c", "from portcullis.cli import main; main()"]
        options = ["serve", "--host", "127.0.0.1", "--port", "0", "--models", str(demo / "models")]
        environment = {**os.environ, "PORTCULLIS_DATA": str(Path(room) / "data")}
        with subprocess.Popen(
            [*program, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        ) as process:
            assert process.stdout is not None
            try:
                found = re.search(r"http://[^\s/]+", process.stdout.readline())
                if found is None:
                    raise SystemExit("the server did not start")
                yield found[0]
            finally:
                process.terminate()
                process.wait(timeout=30)


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """The installed Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb"],
        )
        yield opened
        opened.close()


def oddest(address: str, password: str) -> str:
    """The id of the most surprising scanned case in which two sources disagree."""
    asked = {"has_scan": "true", "mismatch": "true", "limit": "1"}
    answer = httpx.get(f"{address}/v1/assessments", params=asked, auth=("analyst", password), timeout=30)
    answer.raise_for_status()
    found: str = answer.json()["items"][0]["id"]
    return found


def take(chromium: Any, address: str, passwords: dict[str, str], picture: Picture, case: str) -> bytes:
    """Sign in, go there, wait until nothing moves, and take it."""
    with chromium.new_context(
        viewport=SIZE, locale=f"{picture.language}-KR", timezone_id="Asia/Seoul", reduced_motion="reduce"
    ) as view:
        kept = {"portcullis_language": picture.language, "portcullis_theme": picture.theme}
        view.add_cookies([{"name": n, "value": v, "url": address} for n, v in kept.items()])
        page = view.new_page()
        page.set_default_timeout(10_000)
        page.goto(f"{address}/login")
        page.fill("[name=name]", picture.role)
        page.fill("[name=password]", passwords[picture.role])
        page.press("[name=password]", "Enter")
        page.wait_for_url(lambda there: "/login" not in there)
        answer = page.goto(address + picture.path.format(case=case))
        if answer is None or not answer.ok:
            raise RuntimeError(f"{picture.path} answers {'nothing' if answer is None else answer.status}")
        page.wait_for_function(QUIET, timeout=15_000)
        picture.act(page)
        page.wait_for_function(QUIET, timeout=15_000)
        page.wait_for_timeout(500)  # what is drawn on a canvas says nothing when it is done
        return small(page.screenshot(animations="disabled", caret="hide"))


def small(png: bytes) -> bytes:
    """With as many colours as fit into `LARGEST`."""
    with Image.open(io.BytesIO(png)) as whole:
        pixels = whole.convert("RGB")
    for colours in (256, 128, 64, 32):
        out = io.BytesIO()
        few = pixels.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(out, "PNG", optimize=True)
        if out.tell() <= LARGEST:
            return out.getvalue()
    raise RuntimeError(f"{out.tell():,} bytes with 32 colours: show less")


if __name__ == "__main__":
    sys.exit(main())
