"""Every place, colour and word of a sweep's report, from made-up points."""

from __future__ import annotations

import re
from typing import Any

import pytest

from imssa_sim.report.page.sweep import _shade, scale_of, sweep_page
from imssa_sim.report.sweep_rows import METRICS
from imssa_sim.sweeps.store import PointResult

BITS, CARD = "hardware.adc.bits", "hardware.adc.card"


def point(bits: int, card: str, accuracy: float | None, energy: float, **more: Any) -> PointResult:
    stats: dict[str, Any] = {
        "accuracy.analog.mean": accuracy, "energy.inference": energy, "area": 2e-6,
        "tops_per_watt.useful": 3.456, "time.end_to_end": 1e-5 * bits,
    }  # fmt: skip
    return PointResult({BITS: bits, CARD: card, "seed": 1}, stats, **more)


RESULTS = [
    point(8, "adc/b", 0.9, 4e-7, message="some data"),
    point(10, "adc/a", 0.5, 2e-7, message="some data"),
    point(9, "adc/a", 0.7, 1e-7, message="other data"),
    point(9, "adc/b", None, 3e-7),
    PointResult({BITS: 8, CARD: "adc/a", "seed": 1}, {}, error="it <failed>"),
]


@pytest.fixture(scope="module")
def text() -> str:
    return sweep_page("mine", RESULTS)


def test_head_and_foot(text: str) -> None:
    assert (
        '<div class="head"><h1>mine</h1><p class="about">5 runs over hardware.adc.bits, '
        'hardware.adc.card</p><p class="about">1 of them have no result</p></div>'
    ) in text
    assert "<title>mine · imssa_sim</title>" in text
    assert '<footer><div class="wrap"><div><p>some data</p><p>other data</p></div>' in text
    assert re.findall(r'<section id="(\w+)"', text) == ["pareto", "parallel", "points"]


def test_the_front_joins_what_is_not_beaten(text: str) -> None:
    energies, accuracies = [4e-7, 2e-7, 1e-7], [0.9, 0.5, 0.7]
    low, high = 1e-7 - 0.06 * 3e-7, 4e-7 + 0.06 * 3e-7
    bottom, top = 0.5 - 0.1 * 0.4, 0.9 + 0.1 * 0.4
    x = [100 * (e - low) / (high - low) for e in energies]
    y = [100 * (a - bottom) / (top - bottom) for a in accuracies]
    found = re.findall(r'class="point( best)?" type="button" style="left:([\d.]+)%;bottom:'
                       r'([\d.]+)%" data-point="(\d)"', text)  # fmt: skip
    assert [(best, float(left), float(up), n) for best, left, up, n in found] == [
        (" best", pytest.approx(x[0], abs=6e-3), pytest.approx(y[0], abs=6e-3), "0"),
        ("", pytest.approx(x[1], abs=6e-3), pytest.approx(y[1], abs=6e-3), "1"),
        (" best", pytest.approx(x[2], abs=6e-3), pytest.approx(y[2], abs=6e-3), "2"),
    ]
    (line,) = re.findall(r'<polyline points="([^"]+)" class="front">', text)
    corners = [tuple(map(float, pair.split(","))) for pair in line.split()]
    assert corners == [
        (pytest.approx(x[n], abs=6e-3), pytest.approx(100 - y[n], abs=6e-3)) for n in (2, 0)
    ]
    assert '<div class="title-x">energy per inference</div>' in text
    assert '<div class="title-y">accuracy on the chip</div>' in text
    (front,) = re.findall(r"points on the front</caption>(.*?)</table>", text)
    assert re.findall(r"<t[hd](?: [^>]*)?>([^<]*)<", front) == [
        "", "accuracy on the chip", "energy per inference",
        "adc.bits 9, adc.card adc/a", "70%", "100 nJ",
        "adc.bits 8, adc.card adc/b", "90%", "400 nJ",
    ]  # fmt: skip


def test_every_point_is_told(text: str) -> None:
    told = 'data-tip="adc.bits 8, adc.card adc/b, seed 1: 90% acc., 400 nJ E, 3.46 TOPS/W, 2 mm² A, 80 µs t"'  # noqa: E501
    assert told in text
    assert told.replace("data-tip", "aria-label") in text


def test_lines_pass_their_values(text: str) -> None:
    lines = re.findall(r'<path d="([^"]+)" stroke="([^"]+)" data-line="(\d)" data-at="([^"]+)"',
                       text)  # fmt: skip
    assert [n for _, _, n, _ in lines] == ["0", "1", "2"]  # one without accuracy has no line
    poles = re.findall(r'<div class="pole" style="left:([\d.]+)%">|<b>([^<]+)</b>', text)
    names = [words for _, words in poles if words]
    assert names == ["adc.bits", "adc.card", METRICS[0].words, METRICS[1].words, METRICS[4].words]
    energy = lambda e: 100 * (e - 0.82e-7) / (4.18e-7 - 0.82e-7)  # noqa: E731
    share = lambda a: 100 * (a - 0.476) / (0.924 - 0.476)  # noqa: E731
    time = lambda t: 100 * (t - 7.88e-5) / (10.12e-5 - 7.88e-5)  # noqa: E731
    expected = [
        (0, 100, share(0.9), energy(4e-7), time(8e-5)),
        (100, 0, share(0.5), energy(2e-7), time(1e-4)),
        (50, 0, share(0.7), energy(1e-7), time(9e-5)),
    ]
    for (path, _, _, places), wanted in zip(lines, expected, strict=True):
        assert [float(p) for p in places.split()] == pytest.approx(list(wanted), abs=6e-3)
        corners = re.findall(r"([ML])([\d.]+) ([\d.]+)", path)
        assert [c[0] for c in corners] == ["M", "L", "L", "L", "L"]
        assert [float(c[1]) for c in corners] == pytest.approx([0, 25, 50, 75, 100])
        assert [100 - float(c[2]) for c in corners] == pytest.approx(list(wanted), abs=6e-3)
    assert [stroke for _, stroke, _, _ in lines] == ["#0072b2", "#d55e00", "#a0a0a0"]
    begin = text.index("<b>adc.card</b>")
    assert re.findall(r'bottom:([\d.]+)%">([^<]+)<', text[begin : begin + 120]) == [
        ("0.00", "a"), ("100.00", "b"),
    ]  # fmt: skip
    begin = text.index("<b>adc.bits</b>")
    assert re.findall(r'bottom:([\d.]+)%">([^<]+)<', text[begin : begin + 160]) == [
        ("0.00", "8"), ("50.00", "9"), ("100.00", "10"),
    ]  # fmt: skip


def test_the_table_holds_every_point(text: str) -> None:
    (rows,) = re.findall(r'<caption class="quiet">points</caption>(.*?)</table>', text)
    found = [re.findall(r"<t[hd][^>]*>([^<]*)<", row) for row in rows.split("<tr>")[1:]]
    head = ["adc.bits", "adc.card", *(m.words for m in METRICS), ""]
    assert found == [
        head,
        ["8", "adc/b", "90%", "400 nJ", "3.46", "2 mm²", "80 µs", ""],
        ["10", "adc/a", "50%", "200 nJ", "3.46", "2 mm²", "100 µs", ""],
        ["9", "adc/a", "70%", "100 nJ", "3.46", "2 mm²", "90 µs", ""],
        ["9", "adc/b", "–", "300 nJ", "3.46", "2 mm²", "90 µs", ""],
        ["8", "adc/a", "–", "–", "–", "–", "–", "it &lt;failed&gt;"],
    ]
    numbers = [n for n, cell in enumerate(re.findall(r"<th[^>]*>", rows.split("<tr>")[1]))
               if 'class="num"' in cell]  # fmt: skip
    assert numbers == [2, 3, 4, 5, 6]


def test_without_results_and_without_accuracies() -> None:
    failed = sweep_page("mine", RESULTS[4:])
    assert re.findall(r'<section id="(\w+)"', failed) == ["points"]
    assert "1 runs over one point" in failed
    none = sweep_page("mine", [point(8, "adc/a", None, 1e-7), point(9, "adc/a", None, 2e-7)])
    assert "No point has a result of the chip." in none
    assert "have no result" not in none


@pytest.mark.parametrize(
    ("value", "known", "colour"),
    [
        (0.2, [0.2, 0.6], "#d55e00"), (0.6, [0.2, 0.6], "#0072b2"), (0.4, [0.2, 0.6], "#a0a0a0"),
        (0.3, [0.2, 0.6], "#ba7f50"), (0.5, [0.2, 0.6], "#5089a9"), (None, [0.2, 0.6], "#0072B2"),
        (0.3, [0.3, 0.3], "#0072B2"), (0.3, [], "#0072B2"),
    ],
)  # fmt: skip
def test_shades(value: float | None, known: list[float], colour: str) -> None:
    assert _shade(value, known) == colour


def test_axes_are_logarithmic_beyond_a_factor() -> None:
    assert not scale_of([1.0, 20.0]).logarithmic
    assert scale_of([1.0, 20.1]).logarithmic
    assert not scale_of([0.0, 100.0]).logarithmic
