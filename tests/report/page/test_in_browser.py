"""Reports in Chromium: no error, no request, readable at any width, on paper, by keyboard."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import imssa_sim

CHROMIUM = next(
    (p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None
)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(
        importlib.util.find_spec("playwright") is None, reason="playwright is not installed"
    ),
]
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
MOST = 3_000_000
TINY: dict[str, Any] = {
    "workload": "tiny <&> run",
    "model": {"layers": 2, "width": 8, "state": 4, "classes": 10},
    "data": {"name": "sdigits"},
    "calibration": {"samples": 16},
    "hardware": {
        "chip": {"tile": {"rows": 24, "columns": 48, "cell": "cells/taox_imssa"}},
        "adc": {"card": "adc/survey_andrulis_2024"},
    },
    "evaluate": {"samples": 24, "chips": 2, "threads": 1},
    "baselines": ["gpu/jetson_nano_10w"],
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    first = imssa_sim.run(TINY, uncertainty=True, save=folder / "a", figures=False)
    other = imssa_sim.run(TINY, {"hardware.adc.bits": 5}, save=folder / "b", figures=False)
    workload = folder / "tiny.yaml"
    shutil.copyfile(folder / "a" / "config.resolved.yaml", workload)
    imssa_sim.sweep(
        workload, {"hardware.adc.bits": [5, 8], "hardware.dac.bits": [6, 8]},
        jobs=1, save=folder / "sweep", figures=False,
    )  # fmt: skip
    fed = imssa_sim.run(
        TINY, {"evaluate.input": {"rate": "400 MHz", "deadline": "1 us"}}, accuracy=False,
        save=folder / "fed", figures=False,
    )  # fmt: skip
    return {
        "fed": fed.report(),
        "run": first.report(),
        "compare": imssa_sim.write_report([first, other], folder / "compare.html"),
        "sweep": imssa_sim.write_report(folder / "sweep"),
    }


@dataclass
class Opened:
    """A page, and what went wrong on it."""

    page: Any
    faults: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Any, reports: dict[str, Path]) -> Iterator[Callable[..., Opened]]:
    pages: list[Opened] = []

    def show(name: str, width: int = 1600) -> Opened:
        page = browser.new_page(viewport={"width": width, "height": 900})
        found = Opened(page)
        pages.append(found)
        page.on("console", lambda m: found.faults.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda error: found.faults.append(str(error)))
        page.on(
            "request",
            lambda r: r.url.startswith(("file:", "data:")) or found.faults.append(r.url),
        )
        page.goto(reports[name].as_uri())
        return found

    yield show
    for found in pages:
        found.page.close()
        assert not found.faults


NAMES = pytest.mark.parametrize("name", ["run", "compare", "sweep", "fed"])


@NAMES
def test_a_report_is_one_file_of_less_than_3_megabytes(reports: dict[str, Path], name: str) -> None:
    text = reports[name].read_text("utf-8")
    assert len(text.encode()) < MOST
    outside = re.findall(r'(?:src|href)="(?!#|data:|https://doi\.org/)([^"]*)"', text)
    assert not outside


@NAMES
@pytest.mark.parametrize("width", [400, 1600])
def test_nothing_is_wider_than_the_page(
    opened: Callable[..., Opened], name: str, width: int
) -> None:
    page = opened(name, width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        """[...document.querySelectorAll("main *")].filter(e => e.children.length === 0
        && e.textContent.trim() && !e.closest("svg")
        && parseFloat(getComputedStyle(e).fontSize) < 10.5).map(e => e.textContent)"""
    )
    assert small == []


@NAMES
def test_screen_readers_find_landmarks_headings_and_names(
    opened: Callable[..., Opened], name: str
) -> None:
    page = opened(name).page
    for landmark in ("header", "nav", "main", "footer"):
        assert page.locator(f"body > {landmark}").count() == 1
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"
    unnamed = page.evaluate(
        """[...document.querySelectorAll(`svg:not([aria-hidden]), input, button, section,
        [role=button], [role=group], [role=region], [role=img], [role=list]`)].filter(e =>
        !e.getAttribute("aria-label") && !e.getAttribute("aria-labelledby")
        && !e.textContent.trim()).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []
    twice = page.evaluate(
        """(() => { const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
        return ids.filter((id, n) => ids.indexOf(id) !== n); })()"""
    )
    assert twice == []
    broken = page.evaluate(
        """[...document.querySelectorAll('a[href^="#"]')].filter(a =>
        !document.getElementById(decodeURIComponent(a.hash.slice(1)))).map(a => a.hash)"""
    )
    assert broken == []


def test_a_wedge_leads_to_its_card_entries_by_mouse_and_keyboard(
    opened: Callable[..., Opened],
) -> None:
    page = opened("run").page
    wedge = page.locator(".sunburst path[tabindex]").first
    account = page.locator(f"#{wedge.get_attribute('data-goto')}")
    assert account.get_attribute("open") is None
    wedge.focus()
    assert page.locator("#tip").is_visible()
    page.keyboard.press("Enter")
    assert account.get_attribute("open") is not None
    assert account.locator("table, .hint").first.is_visible()
    page.locator(".sunburst path[data-kind=adc]").first.click()
    assert page.locator("#kind-adc").get_attribute("open") is not None


def test_the_timeline_zooms_by_buttons_and_keyboard(opened: Callable[..., Opened]) -> None:
    page = opened("run").page
    chart = page.locator(".lane-plot svg").first
    whole, height = chart.get_attribute("viewBox"), chart.bounding_box()["height"]
    page.locator("[data-zoom=in]").click()
    page.wait_for_function(
        "v => document.querySelector('.lane-plot svg').getAttribute('viewBox') != v", arg=whole
    )
    _, _, width, _ = map(float, (chart.get_attribute("viewBox") or "").split())
    assert width == pytest.approx(500)
    assert chart.bounding_box()["height"] == height
    page.locator(".zoom").focus()
    page.keyboard.press("0")
    page.wait_for_function("document.querySelector('.lane-plot svg').viewBox.baseVal.width > 999")
    assert page.locator(".time-axis span").count() >= 3


def test_statistics_and_settings_are_filtered(opened: Callable[..., Opened]) -> None:
    page = opened("run").page
    page.locator("#statistics input").fill("energy.inference")
    visible = page.locator("#statistics [data-row]:not([hidden])")
    assert 1 <= visible.count() <= 3
    visible.first.locator("summary").click()
    assert "energy.inference" in visible.first.locator("pre").inner_text()
    page.locator("#configuration input").fill("adc.bits")
    rows = page.locator("#configuration tbody tr:not([hidden])")
    assert rows.count() == 1
    assert "default" in rows.first.inner_text()


def test_an_axis_of_a_sweep_filters_points(opened: Callable[..., Opened]) -> None:
    page = opened("sweep").page
    pole = page.locator(".pole").first
    pole.scroll_into_view_if_needed()
    box = pole.bounding_box()
    page.mouse.move(box["x"], box["y"] + box["height"] - 60)
    page.mouse.down()
    page.mouse.move(box["x"], box["y"] + box["height"] + 20, steps=4)
    page.mouse.up()
    assert page.locator(".parallel path.out").count() == 2
    page.locator("[data-clear]").click()
    assert page.locator(".parallel path.out").count() == 0


@NAMES
def test_it_prints(opened: Callable[..., Opened], name: str) -> None:
    page = opened(name).page
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("h2").first.is_visible()
