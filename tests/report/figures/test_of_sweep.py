"""What the figure of a sweep draws: places, bars, bands, panels and words."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from matplotlib.colors import to_hex

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.sweep import sweep_figure
from imssa_sim.report.sweep_rows import rows_of
from imssa_sim.sweeps.plan import SweepPlan, read_plan
from imssa_sim.sweeps.store import PointResult


def plan_of(folder: Path, text: str) -> SweepPlan:
    file = folder / "s.yaml"
    file.write_text(f"workload: w\n{text}", encoding="utf-8")
    return read_plan(file)


def drawn(plan: SweepPlan, number: Any, **more: Any) -> Any:
    """Return the figure of results whose energy and accuracy a function of the point gives."""
    results = []
    for point in plan.points:
        found = number(point)
        if found is None:
            results.append(PointResult(point, {}, error="no"))
            continue
        stats = {"energy.inference": found * 1e-9, "accuracy.analog.mean": found / 100,
                 "accuracy.analog.deviation": found / 1000}  # fmt: skip
        results.append(PointResult(point, stats))
    return sweep_figure(plan, rows_of(plan, results), **more)


def bars(axes: Any) -> list[tuple[list[float], list[float], list[float], str, str]]:
    """Return places, heights, half bars, colour and label of every series."""
    found = []
    for container in axes.containers:
        line, _, (ends,) = container.lines
        half = [float(s[1, 1] - s[0, 1]) / 2 for s in ends.get_segments()]
        colour = to_hex(line.get_color()).upper()
        xy = [[float(v) for v in data] for data in (line.get_xdata(), line.get_ydata())]
        found.append((*xy, half, colour, container.get_label()))
    return found


def test_numbers_lie_at_themselves_and_series_have_colours(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "description: about it\ngrid: {a.bits: [8, 4], b.card: [x/p, x/q]}\n")
    figure = drawn(plan, lambda p: p["a.bits"] * (10 if p["b.card"] == "x/q" else 5))
    accuracy, energy = figure.axes[:2]
    assert bars(energy) == [
        ([4, 8], pytest.approx([20, 40]), pytest.approx([0, 0]), PALETTE[0], "x/p"),
        ([4, 8], pytest.approx([40, 80]), pytest.approx([0, 0]), PALETTE[1], "x/q"),
    ]
    assert bars(accuracy)[1] == (
        [4, 8], pytest.approx([40, 80]), pytest.approx([4, 8]), PALETTE[1], "x/q",
    )  # fmt: skip
    assert (energy.get_xlabel(), energy.get_ylabel()) == ("a.bits", "energy per inference [nJ]")
    assert accuracy.get_ylabel() == "accuracy on the chip [%]"
    assert figure.get_suptitle() == "about it\nbars: standard deviation over chips"
    assert energy.get_ylim() == pytest.approx((0, 1.08 * 80))
    corners = {
        (round(x, 6), round(y, 6)) for x, y in energy.collections[-1].get_paths()[0].vertices
    }
    assert {(4, 20), (8, 40), (4, 40), (8, 80)} <= corners
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(labels) == ["lowest to highest", "x/p", "x/q"]
    assert figure.legends[0].get_title().get_text() == "b.card"


def test_seeds_are_averaged_with_their_spread(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "grid: {a.card: [y/p, y/q]}\nseeds: [1, 3]\n")
    figure = drawn(plan, lambda p: p["seed"] * (1 if p["a.card"] == "y/p" else 2))
    ((places, heights, half, colour, _),) = bars(figure.axes[1])
    assert (places, colour) == ([0, 1], PALETTE[0])
    assert heights == pytest.approx([2, 4])
    assert half == pytest.approx([math.sqrt(2), math.sqrt(8)])
    assert [t.get_text() for t in figure.axes[1].get_xticklabels()] == ["y/p", "y/q"]
    assert "standard deviation over seeds" in figure.get_suptitle()
    assert not figure.legends


def test_a_row_of_panels_a_further_value(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "grid: {a: [1, 2], b: [1, 2], c: [3, 4]}\nx: a\nseries: b\n")
    figure = drawn(
        plan, lambda p: None if p["c"] == 4 and p["a"] == 2 else p["a"] * p["c"] + p["b"]
    )
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title("left") for axes in panels] == ["c = 3", "", "c = 4", ""]
    assert bars(panels[1])[1][:2] == ([1, 2], pytest.approx([5, 8]))
    assert bars(panels[3])[0][:2] == ([1], pytest.approx([5]))
    assert bars(panels[3])[1][:2] == ([1], pytest.approx([6]))
    assert figure.get_suptitle().endswith("2 points without a result are left out")


def test_far_apart_numbers_are_on_a_logarithmic_axis(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "grid: {a: [1, 2]}\n")
    near = drawn(plan, lambda p: 8 if p["a"] == 2 else 1).axes
    far = drawn(plan, lambda p: 8.1 if p["a"] == 2 else 1).axes
    assert [axes[1].get_yscale() for axes in (near, far)] == ["linear", "log"]
    assert [axes[0].get_yscale() for axes in (near, far)] == ["linear", "linear"]  # shares
