"""The X-ray viewer in Chromium over a large scan: a new window is on the screen within one frame.

Chromium has no graphics card here, so what is measured is the processor's painter at a plain office screen;
`--painter graphics` measures WebGL, which Chromium then makes up by the processor.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from soak.live import PASSWORD, Live, megabytes, served
from soak.uploads import declaration
from soak.verdict import Reach, Result, percentile, say

from portcullis.store.accounts import Role

ROWS, COLUMNS, CHANGES, FRAME_MS = 1200, 4000, 200, 16.0
MOVE_MS, USABLE_SECONDS = 33.0, 10.0  # a hand that moves a scan sees thirty pictures a second
OFFICE = {"width": 1366, "height": 768}
# From the change to the frame's end: a change, then the next; two frames between them as by a hand.
_SWEEP = """async ({changes, drag}) => {
  const root = document.querySelector('#viewer'), slider = root.querySelector('[data-slide=level]');
  const map = root.querySelector('.viewer-map .ol-viewport'), box = map.getBoundingClientRect();
  const at = (kind, i) => new PointerEvent(kind, {bubbles: true, cancelable: true,
    pointerId: 7, isPrimary: true, pointerType: 'mouse',
    button: kind === 'pointermove' ? -1 : 2, buttons: kind === 'pointerup' ? 0 : 2,
    clientX: box.left + box.width / 2 + 60 * Math.sin(i / 9),
    clientY: box.top + box.height / 2 + 40 * Math.cos(i / 7)});
  const times = [], blocked = [];
  const watch = new PerformanceObserver(list => blocked.push(...list.getEntries().map(e => e.duration)));
  watch.observe({type: 'longtask'});
  if (drag) map.dispatchEvent(at('pointerdown', 0));
  for (let i = 1; i <= changes; i++) {
    const drawn = new Promise(done =>
      root.addEventListener('portcullis:drawn', e => done(e.detail), {once: true}));
    const began = performance.now();
    if (drag) map.ownerDocument.dispatchEvent(at('pointermove', i));
    else { slider.value = 300 + (37 * i) % 400; slider.dispatchEvent(new Event('input', {bubbles: true})); }
    const handled = performance.now() - began;
    const {work} = await drawn;
    times.push({main: handled + work, whole: performance.now() - began});
    await new Promise(requestAnimationFrame);
  }
  if (drag) map.ownerDocument.dispatchEvent(at('pointerup', changes));
  watch.disconnect();
  return {times, blocked};
}"""
# The same hand moves the scan, with the left button; the view is painted anew each time.
_PAN = """async ({changes}) => {
  const map = document.querySelector('.viewer-map'), inner = map.querySelector('.ol-viewport');
  const box = map.getBoundingClientRect(), times = [];
  const at = (kind, i) => new PointerEvent(kind, {bubbles: true, cancelable: true,
    pointerId: 8, isPrimary: true, pointerType: 'mouse',
    button: kind === 'pointermove' ? -1 : 0, buttons: kind === 'pointerup' ? 0 : 1,
    clientX: box.left + box.width / 2 + 150 * Math.sin(i / 15),
    clientY: box.top + box.height / 2 + 60 * Math.cos(i / 11)});
  inner.dispatchEvent(at('pointerdown', 0));
  for (let i = 1; i <= changes; i++) {
    const painted = new Promise(done =>
      map.addEventListener('portcullis:painted', e => done(e.detail), {once: true}));
    const began = performance.now();
    inner.ownerDocument.dispatchEvent(at('pointermove', i));
    const handled = performance.now() - began;
    const {work} = await painted;
    times.push({main: handled + work, whole: performance.now() - began});
    await new Promise(requestAnimationFrame);
  }
  inner.ownerDocument.dispatchEvent(at('pointerup', changes));
  return {times, blocked: []};
}"""


def large_scan(seed: int) -> bytes:
    """Two energies of a packed container, 16 bits, as the NumPy archive of one file."""
    rng = np.random.default_rng(seed)
    depth = np.full((ROWS, COLUMNS), 0.05)
    depth[150:1100, 200:3800] = 2.6 + 0.5 * np.sin(np.arange(3600) / 30) ** 2
    depth[600:700, 1500:1650] = 9.0
    depth[140:150, 190:3810] = depth[1100:1112, 190:3810] = 5.0
    planes = np.stack([np.exp(-depth), np.exp(-0.86 * depth)])
    planes *= 1 + 0.01 * rng.standard_normal(planes.shape)
    return _tiff((planes.clip(0, 1) * 65_535).astype(np.uint16))


def _tiff(planes: np.ndarray) -> bytes:
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    first, *others = [Image.fromarray(plane) for plane in planes]
    first.save(out, format="TIFF", save_all=True, append_images=others)
    return out.getvalue()


def measure(live: Live, seed: int, painter: str) -> Result:
    """Upload, open, sweep by slider and by hand, pan; figures."""
    import random

    from playwright.sync_api import sync_playwright

    papers = json.dumps(declaration(random.Random(seed), "LARGE"), ensure_ascii=False).encode()
    files: dict[str, Any] = {"declaration": papers, "scan": ("large.tiff", large_scan(seed), "image/tiff")}
    with live.client(Role.INSPECTOR, timeout=120) as client:
        answer = client.post("/v1/assessments", files=files)
        answer.raise_for_status()
        case = answer.json()["id"]
    say(f"a scan of {ROWS} × {COLUMNS} as case {case}")
    executable = shutil.which("chromium")
    if executable is None:
        raise RuntimeError("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        view = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=executable,
            viewport={"width": OFFICE["width"], "height": OFFICE["height"]},
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--js-flags=--expose-gc"],
        )
        page = view.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{live.address}/login?lang=en")
        page.fill("[name=name]", Role.INSPECTOR.value)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_load_state()
        page.evaluate("painter => localStorage.setItem('portcullis.viewer.painter', painter)", painter)
        began = time.monotonic()
        page.goto(f"{live.address}/assessments/{case}")
        page.wait_for_selector("#viewer[data-ready]", timeout=60_000)
        usable = time.monotonic() - began
        # what comes afterwards (densities, hatching) is measured to the end, or the sweeps would pay for it
        page.wait_for_selector(".viewer-state", state="hidden", timeout=60_000)
        page.wait_for_timeout(2_000)
        drawn = page.locator(".viewer-drawn").text_content()
        sweeps: dict[str, Any] = {}
        for state in ("page", "large"):
            if state == "large":
                page.locator("[data-do=large]").click()
                page.wait_for_timeout(500)
            size = page.locator(".viewer-map").first.bounding_box()
            say(f"{state}: {size}")
            for name, drag in (("slider", False), ("hand", True)):
                found = page.evaluate(_SWEEP, {"changes": CHANGES, "drag": drag})
                sweeps[f"{state}, {name}"] = _figures(found)
            for _ in range(3):
                page.locator("[data-do=zoom-in]").click()
            sweeps[f"{state}, moving"] = _figures(page.evaluate(_PAN, {"changes": CHANGES}))
            page.locator("[data-do=fit]").click()
        heap = page.evaluate("() => { gc(); return performance.memory.usedJSHeapSize }")
        view.close()
    moving = max(sweep["main_ms"]["p95"] for name, sweep in sweeps.items() if "moving" in name)
    worst = max(sweep["main_ms"]["p95"] for name, sweep in sweeps.items() if "moving" not in name)
    figures = {"painter": drawn, "scan": [ROWS, COLUMNS], "usable_s": round(usable, 2), "sweeps": sweeps}
    reach = (
        Reach.most("main thread from a change to its frame, p95 of the worst sweep, ms", worst, FRAME_MS),
        Reach.most("main thread from a move to its frame, p95 of the worst, ms", moving, MOVE_MS),
        Reach.most("until the viewer is usable, s", usable, USABLE_SECONDS),
        Reach.none("errors of the page", len(complaints)),
    )
    return Result("viewer", reach, {**figures, "heap_mb": megabytes(heap)})


def _figures(found: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"changes": len(found["times"]), "tasks_over_50_ms": len(found["blocked"])}
    for kind in ("main", "whole"):
        times = [one[kind] for one in found["times"]]
        spread = {"p50": percentile(times, 0.5), "p95": percentile(times, 0.95), "max": max(times)}
        result[f"{kind}_ms"] = {name: round(value, 2) for name, value in spread.items()}
    return result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of this soak."""
    parser.add_argument(
        "--painter",
        choices=("auto", "processor", "graphics"),
        default="auto",
        help="what the viewer draws by (default: what it chooses itself)",
    )


def main(arguments: argparse.Namespace, folder: Path) -> Result:
    """Run as the command line asks."""
    with served(Live(folder, arguments.models), Role.INSPECTOR) as live:
        return measure(live, arguments.seed, arguments.painter)
