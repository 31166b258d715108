"""What figures of comparisons, searches, changes and fits draw, against what was given."""

from __future__ import annotations

from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from imssa_sim.ablation.study import Outcome, Study
from imssa_sim.ablation.variations import NONE, Variation
from imssa_sim.ledger.uncertainty import AdcModel, Driver, Interval, Uncertainty
from imssa_sim.measurements.curves import knots_of
from imssa_sim.report.colours import PALETTE
from imssa_sim.report.compare import Comparison
from imssa_sim.report.figures.cell_fit import cell_fit
from imssa_sim.report.figures.compare import comparison_figure
from imssa_sim.report.figures.search import search_figure
from imssa_sim.report.figures.tornado import tornado
from imssa_sim.report.figures.validation import validation_figure
from imssa_sim.report.figures.why import why_figure
from imssa_sim.searches.run import Found
from imssa_sim.simulation.intervals import Share
from imssa_sim.validation.figure import Figure
from tests.measurements.made import made as fit_of
from tests.report.test_search import BITS, RATE
from tests.report.test_search import made as found_of


def entries(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def ticks(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def line(axes, label):
    (found,) = [held for held in axes.lines if held.get_label() == label]
    return found


def colour(artist):
    return to_hex(artist).upper()


def uncertain(models):
    drivers = (Driver("c/a", "x", 2e-7, 9e-7, 0.9), Driver("c/b", "y", 5e-7, 4e-7, -0.2))
    many = tuple(Driver("c/d", f"z{n}", 4e-7, 5e-7, 0.1) for n in range(20))
    interval = Interval(4.7e-7, 1e-7, 4.4e-7, 8e-7, 4.6e-7)
    return Uncertainty(
        100, 1, 0.8, {"energy": interval, "area": interval},
        {"energy": drivers, "area": (*drivers, *many)},
        {"energy": 4.5e-7, "area": 4.5e-7}, {}, {"energy": interval, "area": interval}, models,
    )  # fmt: skip


MODELS = tuple(
    AdcModel(name, {"energy": value, "area": value})
    for name, value in (("adc/own", 4.5e-7), ("adc/high", 9.9e-7), ("adc/low", 1.1e-7))
)


def test_tornado():
    (axes,) = tornado(uncertain(MODELS)).axes
    span, *bars = axes.patches
    assert (span.get_x(), span.get_x() + span.get_width()) == pytest.approx((100, 800))
    assert axes.lines[0].get_xdata() == pytest.approx([470, 470])
    found = [
        (b.get_y() + b.get_height() / 2, b.get_x(), b.get_x() + b.get_width(),
         colour(b.get_facecolor()))
        for b in bars
    ]  # fmt: skip
    low, high, model = PALETTE[0], PALETTE[3], PALETTE[2]
    expected = [
        (0, 450, 200, low), (0, 450, 900, high), (1, 450, 500, low), (1, 450, 400, high),
        (2, 110, 990, model),
    ]  # fmt: skip
    assert [b[3] for b in found] == [b[3] for b in expected]
    numbers = [b[:3] for b in expected]
    assert np.array([b[:3] for b in found]) == pytest.approx(np.array(numbers, float))
    assert ticks(axes.yaxis) == ["c/a x", "c/b y", "which of 3 ADC models"]
    assert axes.get_xlabel() == "energy [nJ]"
    assert "at their 10% (blue) and 90% (orange) ends" in axes.get_title()
    assert "80% of all draws" in axes.get_title()
    assert "choice of the ADC" in axes.get_title()
    assert axes.yaxis_inverted()


def test_tornado_of_one_model_and_many_entries():
    (axes,) = tornado(uncertain(MODELS[:1]), "area", "m^2").axes
    assert ticks(axes.yaxis) == ["c/a x", "c/b y", *(f"c/d z{n}" for n in range(10))]
    assert len(axes.patches) == 1 + 24
    assert axes.get_xlabel() == "area [nm^2]"
    assert "choice of the ADC" not in axes.get_title()


NAMES = {
    "accuracy.analog.mean": "accuracy", "time.end_to_end": "latency",
    "energy.inference": "energy", "tops_per_watt.useful": "TOPS/W", "area": "area",
}  # fmt: skip


@pytest.mark.parametrize(("largest", "scale"), [(7.9, "linear"), (8.1, "log")])
def test_comparison(largest, scale):
    values = [
        dict(zip(NAMES, (0.5, 2.0, 4.0, 8.0, 1e-6), strict=True)),
        dict(zip(NAMES, (0.25 * largest, 1.0, 8.0, 4.0, None), strict=True)),
    ]
    runs = tuple(SimpleNamespace(name=n, values=v) for n, v in zip(("a", "b"), values, strict=True))
    (axes,) = comparison_figure(Comparison(runs, (), ())).axes
    heights = [bar.get_height() for bar in axes.patches]
    expected = [1, 1, 1, 1, 1, 0.5 * largest, 0.5, 2, 0.5, float("nan")]
    assert heights == pytest.approx(expected, nan_ok=True)
    centres = [bar.get_x() + bar.get_width() / 2 for bar in axes.patches]
    assert centres == pytest.approx([0, 1, 2, 3, 4, 0.4, 1.4, 2.4, 3.4, 4.4])
    assert list(axes.get_xticks()) == pytest.approx([0.2, 1.2, 2.2, 3.2, 4.2])
    assert ticks(axes.xaxis) == list(NAMES.values())
    assert entries(axes) == ["a", "b"]
    assert [colour(axes.patches[n].get_facecolor()) for n in (0, 5)] == list(PALETTE[:2])
    assert axes.get_ylabel() == "relative to a"
    assert axes.get_yscale() == scale
    assert axes.lines[0].get_ydata() == [1.0, 1.0]


POINTS = [(0.5, 1e-7), (0.9, 2e-7), (0.95, 5e-7), (0.8, 4e-7), (0.99, 9e-7)]


def test_a_search():
    found = found_of(POINTS, bound=6e-7)
    shares = {"accuracy.analog.mean": {BITS: 0.7, RATE: 0.1}, "energy.inference": {RATE: 0.9}}
    found = Found(found.plan, found.records, found.front, found.knee, found.volumes, shares)
    pair, volume, importances = search_figure(found).axes
    front = line(pair, "front")
    assert front.get_xdata() == pytest.approx([500, 200, 100])  # energy across
    assert front.get_ydata() == pytest.approx([95, 90, 50])  # accuracy up
    for label, point in (
        ("breaks a constraint", (900, 99)), ("dominated", (400, 80)), ("knee", (200, 90))
    ):  # fmt: skip
        drawn = line(pair, label)
        assert (drawn.get_xdata()[0], drawn.get_ydata()[0]) == pytest.approx(point), label
    edge = [held for held in pair.lines if held.get_linewidth() == 0.9]
    assert edge[0].get_xdata() == pytest.approx([100, 200, 500])
    assert (pair.get_xlabel(), pair.get_ylabel()) == ("energy [nJ]", "accuracy [%]")
    steps = volume.lines[0]
    assert list(steps.get_xdata()) == [1, 2, 3, 4, 5]
    assert steps.get_ydata() == pytest.approx(found.volumes)
    assert volume.get_ylim() == (0, 1)
    bars = [
        (round(b.get_y() + b.get_height() / 2, 9), b.get_width(), colour(b.get_facecolor()))
        for b in importances.patches
    ]
    # BITS matters least in sum (0.7), RATE most (1.0); the first objective's bar is above.
    assert bars == [
        (0.2, pytest.approx(70), PALETTE[0]), (1.2, pytest.approx(10), PALETTE[0]),
        (-0.2, 0.0, PALETTE[1]), (0.8, pytest.approx(90), PALETTE[1]),
    ]  # fmt: skip
    assert ticks(importances.yaxis) == ["adc.bits", "adc.rate"]
    assert entries(importances) == ["accuracy", "energy"]


def test_a_search_of_few_trials_tells_no_importances():
    axes = search_figure(found_of(POINTS)).axes[2]
    assert "too few trials" in axes.texts[0].get_text()
    assert not axes.patches


def changed(part, words, value, energy=1.0, latency=1.0, area=1.0):
    share = Share(value, value - 0.05, value + 0.02)
    return Outcome(Variation(part, words, {}), share, None, energy, latency, area)


def studied(**more):
    base = Outcome(None, Share(0.7, 0.65, 0.75), None, 1.0, 1.0, 1.0)
    outcomes = (
        changed("array", "one", 0.8, 0.89, 1.11, 1.0), changed("effect off", "two", 0.9, 0.5),
        changed("effect alone", NONE, 0.6, 0.5), Outcome(Variation("array", "no result", {})),
        changed("age", "three", 0.2, 7.0),
    )  # fmt: skip
    path = (changed("together", "x + y", 0.95, 2.0, 3.0, 4.0),)
    config = SimpleNamespace(workload="net", model=SimpleNamespace(results=4))
    what = {
        "loaded": SimpleNamespace(config=config), "base": base, "ideal": Share(0.99, 0.98, 1.0),
        "digital": Share(0.96, 0.9, 0.99), "outcomes": outcomes, "combined": (), "path": path,
        "sequences": 10, "chips": 2, "runs": 6, "skipped": 0, "seconds": 1.0, "interrupted": False,
    }  # fmt: skip
    return Study(**(what | more))


def test_why():
    (axes,) = why_figure(studied()).axes
    labels = ticks(axes.yaxis)
    assert labels == ["two", "no effect at all", "three", "one", "x\n+ y"]
    places = dict(zip(labels, axes.get_yticks(), strict=True))
    assert sorted(places.values()) == list(places.values())
    dots = {
        (round(h.get_ydata()[0], 6), colour(h.get_color())): h.get_xdata()[0]
        for h in axes.lines if h.get_marker() == "o"
    }  # fmt: skip
    spans = {
        round(h.get_ydata()[0], 6): tuple(h.get_xdata())
        for h in axes.lines if h.get_marker() == "None" and len(set(h.get_ydata())) == 1
    }  # fmt: skip
    for label, value, tint in (
        ("two", 0.9, 0), ("no effect at all", 0.6, 4), ("three", 0.2, 9), ("one", 0.8, 3 - 1),
        ("x\n+ y", 0.95, 12),
    ):  # fmt: skip
        place = round(places[label], 6)
        assert dots[place, PALETTE[tint]] == pytest.approx(100 * value), label
        assert spans[place] == pytest.approx((100 * value - 5, 100 * value + 2))
    costs = {}
    for text in axes.texts:
        x, y = text.get_position()
        if text.get_text().startswith("×"):
            costs[round(y, 6), round(x, 2)] = text.get_text(), colour(text.get_color())
    grey, red, green = "#808080", PALETTE[3], PALETTE[2]
    one, both = round(places["one"], 6), round(places["x\n+ y"], 6)
    assert costs == {
        (one, 1.06): ("×0.89", green), (one, 1.16): ("×1.11", red), (one, 1.26): ("×1.00", grey),
        (both, 1.06): ("×2.00", red), (both, 1.16): ("×3.00", red), (both, 1.26): ("×4.00", red),
    }  # fmt: skip  # what cannot be built has no costs
    heads = {round(t.get_position()[0], 2): t.get_text() for t in axes.texts
             if t.get_position()[1] == -0.9}  # fmt: skip
    assert heads == {1.06: "energy", 1.16: "latency", 1.26: "area"}
    assert entries(axes) == ["as it is 70.0%", "guessing 25.0%", "quantised 96.0%"]
    for label, value in (("as it is 70.0%", 70), ("guessing 25.0%", 25), ("quantised 96.0%", 96)):
        assert line(axes, label).get_xdata() == pytest.approx([value, value])
    band = axes.patches[0]
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((65, 75))
    assert "net dies of" in axes.get_title()
    (axes,) = why_figure(studied(digital=None, path=())).axes
    assert entries(axes) == ["as it is 70.0%", "guessing 25.0%"]


@pytest.mark.parametrize("noise", [None, "relative"])
@pytest.mark.parametrize("time", ["none", "drift", "relaxation"])
def test_a_fitted_cell(noise, time):
    fit = fit_of(
        mean="gain and offset", spread="degree 1", noise=noise,
        drift="logarithm" if time == "drift" else None, relaxation=time == "relaxation",
    )  # fmt: skip
    errors, spread, later, normal = cell_fit(fit).axes
    early = fit.data.part(fit.data.time == fit.first)
    cells = line(errors, "cells")
    assert cells.get_xdata() == pytest.approx(early.target * 1e6)
    assert cells.get_ydata() == pytest.approx((early.achieved - early.target) * 1e6)
    mean = line(errors, "mean (gain and offset)")
    x = mean.get_xdata()
    assert (x[0], x[-1]) == pytest.approx((4, 24))
    expected = fit.programming.mean_at(x * 1e-6) * 1e6
    assert mean.get_ydata() == pytest.approx(expected)
    sigma = fit.programming.spread_at(x * 1e-6) * 1e6
    within(errors.collections[0], x, expected - 2 * sigma, expected + 2 * sigma)
    assert (errors.get_xlabel(), errors.get_ylabel()) == ("target [µS]", "achieved − target [µS]")
    fitted = line(spread, "polynomial of degree 1")
    assert fitted.get_ydata() == pytest.approx(sigma)
    band = 1.96 * fit.programming.error_of("spread", x * 1e-6) * 1e6
    within(spread.collections[0], x, sigma - band, sigma + band)
    knots = knots_of(early.target)
    part = np.abs(early.target[:, None] - knots).argmin(axis=1)
    away = early.achieved - early.target
    for n, bar in enumerate(spread.containers):
        here = part == n
        variance = away[here].var(ddof=1)
        if noise:
            variance -= np.mean(fit.noise.sigma_at(early.achieved[here]) ** 2)
        point = bar.lines[0]
        assert point.get_xdata()[0] == pytest.approx(early.target[here].mean() * 1e6)
        high = max(variance, 0) ** 0.5 * 1e6
        assert point.get_ydata()[0] == pytest.approx(high)
        ends = bar.lines[2][0].get_segments()[0][:, 1]
        half = 1.96 * high / np.sqrt(2 * here.sum())
        assert ends == pytest.approx([high - half, high + half])
    assert spread.get_ylabel() == "σ [µS]"
    if time == "drift":
        for label, held, what in (
            ("mean of ν", fit.drift.mean_at, "mean"), ("spread of ν", fit.drift.spread_at, "spread")
        ):  # fmt: skip
            drawn = line(later, label)
            assert drawn.get_ydata() == pytest.approx(held(x * 1e-6))
            band = 1.96 * fit.drift.error_of(what, x * 1e-6)
            number = ("mean", "spread").index(what)
            y = held(x * 1e-6)
            within(later.collections[number], x, y - band, y + band)
        assert (later.get_title(), later.get_ylabel()) == ("Drift exponent", "ν")
    elif time == "relaxation":
        for label, sigmas in zip(("2 s", "500 s"), fit.relaxation.sigmas, strict=True):
            drawn = line(later, label)
            assert drawn.get_xdata() == pytest.approx(fit.relaxation.targets * 1e6)
            assert drawn.get_ydata() == pytest.approx(sigmas * 1e6)
        assert later.get_ylabel() == "σ, total [µS]"
    else:
        assert later.texts[0].get_text() == "readings at one time alone"
    quantiles = normal.lines[0]
    assert quantiles.get_ydata() == pytest.approx(np.sort(fit.residuals))
    ideal = [NormalDist().inv_cdf((n + 0.5) / 12) for n in range(12)]
    assert quantiles.get_xdata() == pytest.approx(ideal)
    assert list(normal.lines[1].get_xdata()) == list(normal.lines[1].get_ydata())
    assert normal.get_title() == "Normal? Anderson-Darling p = 0.37"


def within(band, x, low, high):
    """Check that a band lies between two curves."""
    corners = band.get_paths()[0].vertices
    for here, bottom, top in zip(x[::40], low[::40], high[::40], strict=True):
        at = np.sort(corners[np.isclose(corners[:, 0], here)][:, 1])
        assert at[0] == pytest.approx(bottom)
        assert at[-1] == pytest.approx(top)


def test_published_figures():
    def figure(chip, ours, published, unit, basis, **more):
        return Figure(chip, "n", ours, published, unit, "s", "l", basis, **more)

    figures = [
        figure("a", 2.0, 4.0, "mW", "run"), figure("a", 3.0, 2.0, "nJ", "sum"),
        figure("b", 5.0, 5.5, "ns", "run", calibrated=True), figure("b", 1.0, None, "ns", "run"),
        figure("b", 0.0, 1.0, "ns", "run"), figure("c", 1.0, 2.0, "ns", "model"),
        figure("d", 1.0, 2.0, "ns", "run", reproducible=False),
    ]  # fmt: skip
    plane, ratios = validation_figure(figures).axes
    for label, x, y in (
        ("out of sample, 1", [4e-3], [2e-3]), ("calibrated, 1", [5.5e-9], [5e-9]),
        ("arithmetic, 1", [2e-9], [3e-9]),
    ):  # fmt: skip
        drawn = line(plane, label)
        assert drawn.get_xdata() == pytest.approx(x)
        assert drawn.get_ydata() == pytest.approx(y)
    found = sorted(
        (x, y) for held in ratios.lines[:3]
        for x, y in zip(held.get_xdata(), held.get_ydata(), strict=True)
    )  # fmt: skip
    assert np.array(found) == pytest.approx(np.array([(-0.175, 0.5), (0.175, 1.5), (1.0, 5 / 5.5)]))
    assert ticks(ratios.xaxis) == ["a", "b", "c"]
    band = ratios.patches[0]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.9, 1.1))
    ends = plane.lines[3].get_xdata()
    assert list(ends) == list(plane.lines[3].get_ydata())
    corners = plane.collections[0].get_paths()[0].vertices
    for end in ends:
        at = np.sort(corners[np.isclose(corners[:, 0], end)][:, 1])
        assert (at[0], at[-1]) == pytest.approx((0.9 * end, 1.1 * end))
    assert (plane.get_xlabel(), plane.get_ylabel()) == ("published, SI units", "ours, SI units")
