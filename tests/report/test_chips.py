"""A comparison of chips: every column, every word of the screen, every mark of the figure."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from imssa_sim.comparison.chips import ChipOutcome, ChipsCompared
from imssa_sim.comparison.one_node import AtNode, LogicNode
from imssa_sim.report.chips import rows_of, screen
from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.chips import chips_figure
from imssa_sim.simulation.intervals import Share


def result(k):
    """Return what a run on a chip gives, every number another one."""
    chip = SimpleNamespace(technology=(10 + k) / 1e9, supply=0.5 + 0.1 * k)
    ledger = SimpleNamespace(
        energy=2e-6 * k, area=3e-6 * k, assumed_share=0.1 * k,
        operations=lambda rule: {"useful": 4e6, "array": 9e6}[rule] * k,
    )  # fmt: skip
    return SimpleNamespace(
        loaded=SimpleNamespace(config=SimpleNamespace(hardware=SimpleNamespace(chip=chip))),
        ledger=ledger, timing=SimpleNamespace(end_to_end=5e-5 * k),
        program=SimpleNamespace(tiles_needed=6 * k),
    )  # fmt: skip


def base(k, lacks=("x", "y"), tiles=8):
    sources = {
        "adc.bits": SimpleNamespace(status="assumed"), "dac.bits": SimpleNamespace(status="stated"),
        "chip.clock": SimpleNamespace(status="assumed"),
    }  # fmt: skip
    return SimpleNamespace(title=f"chip {k}", tiles=tiles, lacks=lacks, sources=sources)


SCALED = AtNode(energy=1.5e-6, area=2.5e-6, digital_energy=0.21, digital_area=0.34)


def compared(**more):
    outcomes = (
        ChipOutcome("own", None, Share(0.9, 0.8, 0.95), 0.92, result(1), SCALED),
        ChipOutcome("chips/two", base(2), Share(0.5, 0.4, 0.6), 0.7, result(2), SCALED),
        ChipOutcome("my/three.yaml", base(3, ("x", "z"), None), None, None, result(3), None,
                    "node 3 nm"),
        ChipOutcome("chips/four", base(4), error="too small"),
    )  # fmt: skip
    config = SimpleNamespace(workload="net", model=SimpleNamespace(results=5))
    what = {
        "loaded": SimpleNamespace(config=config), "ideal": Share(0.97, 0.9, 1.0),
        "node": LogicNode(22e-9, 0.8), "outcomes": outcomes, "sequences": 11, "chips": 2,
        "changed": ("a=1", "b=2"), "seconds": 7.4, "interrupted": False,
    }  # fmt: skip
    return ChipsCompared(**(what | more))


def test_every_column():
    own, two, three, four = rows_of(compared())
    assert two == {
        "chip": "chips/two", "title": "chip 2", "accuracy": 0.5, "accuracy_low": 0.4,
        "accuracy_high": 0.6, "accuracy_quantised": 0.7, "latency": 1e-4, "energy": 4e-6,
        "area": 6e-6, "tops_per_watt_useful": pytest.approx(2.0),
        "tops_per_watt_array": pytest.approx(4.5), "tiles": 12, "tiles_built": 8,
        "technology": 12 / 1e9, "supply": 0.7, "energy_at_node": 1.5e-6, "area_at_node": 2.5e-6,
        "tops_per_watt_useful_at_node": pytest.approx(8e6 / 1.5e-6 / 1e12),
        "tops_per_watt_array_at_node": pytest.approx(18e6 / 1.5e-6 / 1e12),
        "digital_energy_share": 0.21, "digital_area_share": 0.34, "assumed_energy_share": 0.2,
        "changed": "a=1 b=2", "lacks": "x; y", "assumed": "adc.bits, chip.clock", "error": "",
    }  # fmt: skip
    assert (own["title"], own["lacks"], own["assumed"]) == ("", "", "")
    assert math.isnan(own["tiles_built"])
    missing = {name for name, value in three.items() if value != value}
    assert missing == {
        "accuracy", "accuracy_low", "accuracy_high", "accuracy_quantised", "tiles_built",
        "energy_at_node", "area_at_node", "tops_per_watt_useful_at_node",
        "tops_per_watt_array_at_node", "digital_energy_share", "digital_area_share",
    }  # fmt: skip
    assert three["error"] == "node 3 nm"
    numbers = {name for name, value in four.items() if isinstance(value, (int, float))}
    assert {name for name in numbers if four[name] == four[name]} == {"tiles_built"}
    assert four["error"] == "too small"


def test_every_word_of_the_screen():
    lines = screen(compared()).splitlines()
    text = " ".join(" ".join(lines).split())
    assert (
        "net on 3 published chips: 11 sequences on 2 instances of each chip in 7 s; float 97.0%, "
        "guessing 20.0%" in text
    )
    assert "laid over every chip: a=1, b=2" in text
    assert "interrupted" not in text
    assert "with the digital parts at 22 nm, 0.8 V" in text
    costs = [line.split() for line in lines if line.startswith(("own  ", "two  ", "three  "))]
    assert costs == [
        ["own", "6", "-", "90.0%", "80.0–95.0", "50", "µs", "2", "µJ", "3", "mm²"],
        ["two", "12", "8", "50.0%", "40.0–60.0", "100", "µs", "4", "µJ", "6", "mm²"],
        ["three", "18", "-", "-", "150", "µs", "6", "µJ", "9", "mm²"],
        ["own", "11", "nm", "2", "4.5", "21%", "1.5", "µJ", "2.5", "mm²", "2.67", "6"],
        ["two", "12", "nm", "2", "4.5", "21%", "1.5", "µJ", "2.5", "mm²", "5.33", "12"],
        ["three", "13", "nm", "2", "4.5", "-", "-", "-", "-", "-"],
    ]  # fmt: skip
    assert "three: not scaled: node 3 nm" in text
    assert "four: cannot hold this network: too small" in text
    assert text.endswith(
        "not from the chips' data: all: x two (20% of the energy on assumed numbers; 12 tiles, "
        "where 8 were built): y; assumed settings: adc.bits, chip.clock three (30% of the energy "
        "on assumed numbers): z; assumed settings: adc.bits, chip.clock"
    )
    assert max(map(len, lines)) <= 80


def test_one_chip_alone():
    two = compared().outcomes[:2]
    text = " ".join(
        screen(compared(outcomes=two, chips=1, changed=(), ideal=None, interrupted=True)).split()
    )
    assert (
        "net on 1 published chip: 11 sequences on 1 instance of each chip in 7 s; guessing" in text
    )
    assert "guessing 20.0%; interrupted" in text
    assert "laid over" not in text
    assert "all: " not in text
    assert "two (20% of the energy on assumed numbers; 12 tiles, where 8 were built): x; y;" in text
    assert "not from" not in screen(compared(outcomes=two[:1]))


def test_every_mark_of_the_figure():
    figure = chips_figure(compared())
    accuracy, latency, energy, area, tops = figure.axes
    assert [t.get_text() for t in accuracy.get_yticklabels()] == ["own", "two", "three"]
    drawn = [
        (held.get_marker(), [float(v) for v in held.get_xdata()], list(held.get_ydata()))
        for held in accuracy.lines
    ]
    assert drawn == [
        ("None", pytest.approx([80, 95]), [0, 0]), ("o", pytest.approx([90]), [0]),
        ("|", pytest.approx([92]), [0]),
        ("None", pytest.approx([40, 60]), [1, 1]), ("o", pytest.approx([50]), [1]),
        ("|", pytest.approx([70]), [1]),
        ("None", pytest.approx([20, 20]), [0, 1]),
    ]  # fmt: skip
    nan = float("nan")
    for axes, numbers in (
        (latency, [([5e-5, 1e-4, 1.5e-4], "full", 0)]),
        (energy, [([2e-6, 4e-6, 6e-6], "full", 0), ([1.5e-6, 1.5e-6, nan], "none", 0)]),
        (area, [([3, 6, 9], "full", 0), ([2.5, 2.5, nan], "none", 0)]),
        (tops, [([2, 2, 2], "full", 1), ([8 / 3, 16 / 3, nan], "none", 1),
                ([4.5, 4.5, 4.5], "full", 3), ([6, 12, nan], "none", 3)]),
    ):  # fmt: skip
        lines = [held for held in axes.lines if len(held.get_xdata())]
        assert len(lines) == len(numbers)
        for held, (values, fill, colour) in zip(lines, numbers, strict=True):
            assert np.asarray(held.get_xdata(), float) == pytest.approx(values, nan_ok=True)
            assert list(held.get_ydata()) == [0, 1, 2]
            assert (held.get_fillstyle(), held.get_color()) == (fill, PALETTE[colour])
        assert axes.get_xscale() == "log"
        assert axes.get_ylim() == (2.5, -0.5)
    words = [axes.get_xlabel() for axes in figure.axes]
    assert words == [
        "accuracy [%] (|: quantised)", "latency", "energy per inference", "area [mm²]", "TOPS/W",
    ]  # fmt: skip
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "as built", "digital parts at 22 nm, 0.8 V", "useful MACs", "array MACs",
    ]  # fmt: skip
