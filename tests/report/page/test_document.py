"""The frame of a report: tables, fields, folds, sections, and how a run's parts stand in it."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import imssa_sim
from imssa_sim.report.page import document as module
from imssa_sim.report.page.bars import BarSegment, Span, legend, spans, stacked, tick
from imssa_sim.report.page.document import Chapter, chip, document, fold, searchable, table
from imssa_sim.report.page.markup import Markup, element
from imssa_sim.report.page.scales import Scale, decades, fitted


def test_a_table_heads_rows_and_aligns_numbers() -> None:
    found = table(("name", "a", "b"), [("x", "1", "2"), ("y", "3", element("b", "4"))], "all of it",
                  numbers=(2,))  # fmt: skip
    assert found == (
        '<div class="scroll" tabindex="0" role="region" aria-label="all of it"><table>'
        '<caption class="quiet">all of it</caption>'
        '<thead><tr><th scope="col">name</th><th scope="col">a</th>'
        '<th scope="col" class="num">b</th></tr></thead><tbody>'
        '<tr><th scope="row">x</th><td>1</td><td class="num">2</td></tr>'
        '<tr><th scope="row">y</th><td>3</td><td class="num"><b>4</b></td></tr>'
        "</tbody></table></div>"
    )


def test_a_field_filters_where_it_is_asked_for() -> None:
    rows = [("x", "1"), ("y", "2"), ("z", "3")]
    plain, found = (
        table(("n", "v"), rows, "things"),
        table(("n", "v"), rows, "things", searched=True),
    )
    assert "<input" not in plain
    assert found == (
        '<div class="searched"><input type="search" placeholder="filter 3 things" '
        f'aria-label="filter things" data-filter>{plain}</div>'
    )
    assert searchable(plain, "things", 3) == found


def test_folds_and_statuses() -> None:
    assert fold("more", element("i", "x"), "here") == (
        '<details id="here"><summary>more</summary><i>x</i></details>'
    )
    assert fold("more", element("i")) == "<details><summary>more</summary><i></i></details>"
    assert chip("assumed") == '<span class="status assumed">assumed</span>'


def test_a_page_has_its_sections_in_their_order() -> None:
    chapters = [
        Chapter("a", "First", element("p", "one"), "said first"),
        Chapter("b", "Second", element("p", "two")),
    ]
    text = document("A <title>", element("h1", "head"), chapters, element("p", "foot"))
    assert text.startswith('<!doctype html>\n<html lang="en"><head>')
    assert "<title>A &lt;title&gt;</title>" in text
    assert f'<meta name="generator" content="imssa_sim {imssa_sim.__version__}">' in text
    assert text.find(module.MADE_BY) > 0
    assert '<div class="wrap"><a href="#a">First</a><a href="#b">Second</a></div>' in text
    assert (
        '<section id="a" aria-labelledby="a-title"><h2 id="a-title">First</h2>'
        '<p class="lead">said first</p><p>one</p></section>'
        '<section id="b" aria-labelledby="b-title"><h2 id="b-title">Second</h2><p>two</p></section>'
    ) in text
    order = [text.index(part) for part in ("<h1>head", "<nav", "<main", "<footer", "<script>")]
    assert order == sorted(order)
    folder = Path(module.__file__).parent
    assert f"<script>{(folder / 'page.js').read_text('utf-8')}</script>" in text
    assert f"<style>{(folder / 'page.css').read_text('utf-8')}</style>" in text


def test_stacked_bars_share_the_scale_of_the_longest() -> None:
    found = stacked(
        [("x", [BarSegment("adc", 2.0, "two", "there"), BarSegment("dac", 1.0, "one")]),
         ("y", [BarSegment("adc", 4.0, "four"), BarSegment("lut", 4e-4 * 4, "thin"),
                BarSegment("bus", 6e-4 * 4, "thick")])], "J", "all",
    )  # fmt: skip
    most = 4.0 * 1.001
    widths = [float(w) for w in re.findall(r"width:([\d.]+)%", found)]
    assert widths == pytest.approx([200 / most, 100 / most, 400 / most, 0.24 / most], abs=6e-4)
    assert re.findall(r'data-kind="(\w+)"', found) == ["adc", "dac", "adc", "bus"]
    assert re.findall(r'data-tip="(\w+)"', found) == ["two", "one", "four", "thick"]
    assert re.findall(r'aria-label="(\w+)"', found) == ["all", "two", "one", "four", "thick"]
    assert re.findall(r'data-goto="(\w+)"', found) == ["there"]
    assert re.findall(r'role="(button|img)"', found) == ["button", "img", "img", "img"]
    assert found.count('tabindex="0"') == 1
    assert re.findall(r'bar-sum">([^<]*)<', found) == ["3 J", "4.004 J"]
    assert "background:#0072B2" in found


def test_a_legend_names_its_kinds() -> None:
    assert legend(["word_line"]) == (
        '<ul class="legend"><li data-legend="word_line"><i style="background:#B8860B"></i>word line'
        "</li></ul>"
    )


def test_spans_stand_at_their_numbers() -> None:
    rows = [Span("a", 2.0, 6.0, 3.0, "three", "red"), Span("b", 5.0, 5.001, None, "five")]
    found = spans(rows, Scale(0.0, 10.0), lambda value: f"<{value:g}>", "all", [(7.5, "mark")])
    assert 'style="left:20.000%;width:40.000%;background:red" data-tip="a: three"' in found
    assert 'class="dot" style="left:30.000%;background:red" data-tip="a: three"' in found
    assert 'style="left:50.000%;width:0.300%;background:var(--accent)" data-tip="b: five"' in found
    assert found.count('class="dot"') == 1
    assert found.count('class="mark" style="left:75.000%" data-tip="mark"') == 2
    ticks = re.findall(r'<span style="left:([\d.]+)%"( class="\w+")?>&lt;(\d+)&gt;', found)
    assert [(float(p), c.strip(), n) for p, c, n in ticks] == [
        (0.0, 'class="first"', "0"), (20.0, "", "2"), (40.0, "", "4"), (60.0, "", "6"),
        (80.0, "", "8"), (100.0, 'class="last"', "10"),
    ]  # fmt: skip


@pytest.mark.parametrize(("place", "end"), [(2.9, "first"), (3.0, ""), (95.0, ""), (95.1, "last")])
def test_ends_of_an_axis_stay_inside(place: float, end: str) -> None:
    assert (f'class="{end}"' in tick(place, "x")) is bool(end)


def test_places_on_scales() -> None:
    linear, log = Scale(10.0, 30.0), Scale(1e-3, 1e1, logarithmic=True)
    assert [linear(v) for v in (10, 15, 30, 50)] == pytest.approx([0, 25, 100, 200])
    assert [log(v) for v in (1e-3, 1e-1, 1e1, 1e-9)] == pytest.approx([0, 50, 100, 0])
    assert Scale(5.0, 5.0)(5.0) == Scale(5.0, 5.0, logarithmic=True)(5.0) == 50.0
    assert Scale(5.0, 5.0).ticks() == [5.0]
    assert Scale(2.2, 4.9).ticks() == pytest.approx([2.5, 3.0, 3.5, 4.0, 4.5])
    assert Scale(3.0, 8.0, logarithmic=True).ticks() == pytest.approx([5.0])
    assert Scale(1e-6, 1e6, logarithmic=True).ticks(6) == pytest.approx([1e-6, 1e-3, 1.0, 1e3, 1e6])


def test_scales_fit_their_values() -> None:
    assert fitted([2.0, 12.0]) == Scale(1.4, 12.6)
    assert fitted([2.0, 12.0], 0.2) == Scale(0.0, 14.0)
    assert fitted([2.0, 12.0], 0.2, from_zero=True) == Scale(0.0, 14.4)
    assert fitted([4.0]) == Scale(3.76, 4.24)
    assert fitted([0.0]) == Scale(-0.06, 0.06)
    assert fitted([float("inf"), float("nan")]) == Scale(-0.06, 1.06)
    assert decades([3.0, 40.0, -1.0, 0.0, float("inf")]) == Scale(1.0, 100.0, True)
    assert decades([10.0]) == Scale(10.0, 100.0, True)
    assert decades([]) == Scale(1.0, 10.0, True)


def made(**more: Any) -> Any:
    """Return as much of a record as the head and the order of a page look at."""
    what: dict[str, Any] = {
        "config": {"model.layers": 2, "model.width": 8, "model.state": 4, "workload": "net",
                   "description": "about it", "hardware.mapping.kernel": "two_pass",
                   "hardware.chip.tile.cell": "cells/x"},
        "stats": [SimpleNamespace(name="extrapolated", description="too far", value=1, unit="-"),
                  SimpleNamespace(name="area", description="not said", value=1, unit="m2")],
        "values": {}, "tables": {},
        "manifest": {"libraries": {"numpy": "2", "scipy": "3"}, "data": {"message": "some data"},
                     "seed": 5, "imssa_sim": "9.8", "python": "3.11", "platform": "Linux",
                     "command": ["run", "net"]},
        "summary": lambda: "the <screen>", "uncertainty": None,
    }  # fmt: skip
    return SimpleNamespace(**(what | more))


def test_the_head_and_the_foot_of_a_run() -> None:
    from imssa_sim.report.page.run import foot, head

    text = str(head(made()))
    assert text.startswith(
        '<div class="head"><h1>net</h1><p class="about">about it</p>'
        '<p class="about">2 layers, H = 8, N = 4, two_pass on cells/x</p>'
        '<p class="about"><strong>Extrapolated: too far</strong></p>'
    )
    assert "not said" not in text
    assert str(foot(made())) == (
        "<div><p>some data</p><p>seed 5, imssa_sim 9.8, python 3.11, numpy 2, scipy 3; Linux</p>"
        "<p>run net</p><details><summary>The screen that ended the run</summary>"
        "<pre>the &lt;screen&gt;</pre></details></div>"
    )


CHAPTERS = ("energy", "latency", "timeline", "use", "area", "sensitivity", "provenance",
            "configuration", "statistics", "references")  # fmt: skip


@pytest.mark.parametrize(
    ("more", "added", "before"),
    [
        ({}, None, ""),
        ({"values": {"accuracy.samples": 5}}, "accuracy", "energy"),
        ({"values": {"regression.samples": 3}}, "fit", "energy"),
        ({"tables": {"stream": []}}, "stream", "energy"),
        ({"tables": {"input": []}}, "arrivals", "timeline"),
        ({"values": {"baseline.x": 1}}, "gpu", "configuration"),
    ],
)
def test_a_part_is_there_where_there_is_something_to_show(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], added: str | None, before: str
) -> None:
    from imssa_sim.report.page import run

    def blank(*args: Any) -> Markup:
        return element("p")

    for place, names in (
        (run.sections, ("energy", "energy_lead", "latency", "latency_lead", "timeline", "area",
                        "utilisation", "provenance_of", "configuration", "configuration_lead",
                        "stream", "accuracy", "key_figures")),
        (run.provenance, ("statistics", "references")), (run.arrivals, ("arrivals",)),
        (run.fit, ("goodness",)),
    ):  # fmt: skip
        for name in names:
            monkeypatch.setattr(place, name, blank)
    monkeypatch.setattr(
        run.sections, "baselines", lambda r: blank() if "baseline.x" in r.values else None
    )
    text = run.run_page(made(**more))
    found = re.findall(r'<section id="(\w+)"', text)
    expected = list(CHAPTERS)
    if added:
        expected.insert(expected.index(before), added)
    assert found == expected
    assert "<title>net · imssa_sim</title>" in text
    assert "the run did not ask for it" in text
