"""Fitted numbers against data of known parameters, and standard errors against theory."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.measurements.curves import (
    knots_of,
    logarithmic,
    means,
    polynomial,
    saturating,
    spreads,
    table,
    tables,
)
from imssa_sim.measurements.fit import fit_cell
from imssa_sim.measurements.moments import fit_moments
from imssa_sim.measurements.noise import fit_noise
from imssa_sim.measurements.read import Measurements

X = np.linspace(0.05, 1.0, 30)


def drawn(rows=2000, levels=8, sigma=0.5e-6, seed=5, reads=0, noise=0.0, times=(1.0,)):
    """Return readings of cells at even targets, deviations normal."""
    random = np.random.default_rng(seed)
    target = np.repeat(np.linspace(2e-6, 30e-6, levels), rows // levels)
    held = target + sigma * random.standard_normal(len(target))
    cells, many = np.arange(len(target)), len(times)
    seen = np.tile(held, many)[:, None]
    seen = seen + noise * random.standard_normal((len(target) * many, reads + 1))
    return Measurements(
        np.tile(target, many), seen[:, 0], np.repeat(times, len(target)), np.tile(cells, many),
        seen[:, 1:], None,
    )  # fmt: skip


CURVES = [
    (polynomial("x", (0, 1, 2)), [0.5, -0.2, 0.7], 0.5 - 0.2 * X + 0.7 * X**2),
    (polynomial("x", (1,)), [0.3], 0.3 * X),
    (polynomial("x", ()), [], 0 * X),
    (saturating(), [0.7, 0.25], 0.7 * (1 - np.exp(-X / 0.25))),
    (saturating(), [0.7, -0.25], 0.7 * (1 - np.exp(-X / 0.25))),
    (logarithmic(), [-0.3, 0.1, 0.2], np.maximum(-0.3 * np.log(X) + 0.1, 0.2)),
    (table(np.array([0.2, 0.6])), [1.0, 3.0], np.clip(1 + 5 * (X - 0.2), 1, 3)),
]


@pytest.mark.parametrize(("curve", "parameters", "expected"), CURVES)
def test_curves(curve, parameters, expected):
    assert curve.value(np.array(parameters), X) == pytest.approx(expected)
    assert curve.size == len(parameters)
    assert curve.start(X, expected).shape == (curve.size,)


@pytest.mark.parametrize("curve", [c[0] for c in CURVES[:2]] + [table(X)])
def test_straight_curves_begin_where_they_belong(curve):
    parameters = np.linspace(0.3, 0.8, curve.size)
    values = curve.value(parameters, X)
    assert curve.start(X, values) == pytest.approx(parameters)


def test_a_logarithm_begins_with_the_slope_of_the_lower_half():
    values = np.maximum(-0.3 * np.log(X) + 0.1, 0.2)
    begin = logarithmic().start(X, values)
    assert begin[:2] == pytest.approx([-0.3, 0.1], rel=0.05)
    assert begin[2] == pytest.approx(0.2, abs=0.02)


def test_knots_are_the_values_where_they_are_few_and_the_means_of_full_parts_else():
    few = np.repeat([0.1, 0.4, 1.0], 50)
    assert knots_of(few).tolist() == [0.1, 0.4, 1.0]
    assert len(knots_of(few, most=2)) == 2
    many = np.linspace(0, 1, 1000)
    knots = knots_of(many)
    parts = [part.mean() for part in np.array_split(many, 12)]
    assert knots == pytest.approx([0, *parts, 1])
    assert knots_of(many[:200]) == pytest.approx([many[:100].mean(), many[100:200].mean()])
    assert len(knots_of(many, most=3)) == 3
    sizes = [len(curve.knots) for curve in tables(many)]
    assert sizes == [3, 8, 12, 14]
    names = [curve.name for curve in (*means(many), *spreads(many))]
    assert len(names) == 4 + 4 + 5 + 4
    assert names[4:8] == [f"table of {size}" for size in sizes]


FORMS = {
    "none": lambda x: 0 * x,
    "offset": lambda x: 0.6 + 0 * x,
    "gain": lambda x: 0.8 * x,
    "gain and offset": lambda x: 1.0 - 1.4 * x,
}
WIDTHS = {
    "constant": lambda x: 0.4 + 0 * x,
    "polynomial of degree 1": lambda x: 0.2 + 0.5 * x,
    "saturating": lambda x: 0.6 * (1 - np.exp(-x / 0.2)),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("mean", FORMS)
def test_mean_and_spread_are_those_that_the_values_were_drawn_with(mean, width):
    x = np.repeat(np.linspace(0.05, 1, 16), 150)
    random = np.random.default_rng(12)
    middle, wide = FORMS[mean](x), WIDTHS[width](x)
    known = np.full(len(x), 0.01)
    y = middle + np.sqrt(wide**2 + known) * random.standard_normal(len(x))
    found = fit_moments(24e-6 * x, 2e-6 * y, 4e-12 * known)
    at = np.linspace(0.05, 1, 20)
    assert found.mean.name == mean
    assert found.spread.name == width
    assert found.spread_at(24e-6 * at) == pytest.approx(2e-6 * WIDTHS[width](at), rel=0.12)
    errors = np.maximum(found.error_of("mean", 24e-6 * at), 1e-12)
    assert (np.abs(found.mean_at(24e-6 * at) - 2e-6 * FORMS[mean](at)) < 3.5 * errors).all()
    assert (found.rows, found.scale_x, found.lowest) == (len(x), 24e-6, pytest.approx(0.05))
    assert set(found.criterion) >= set(WIDTHS)
    # Of curves that are positive, the one of the smallest criterion.
    assert found.criterion[width] == pytest.approx(
        min(found.criterion.values()), abs=math.log(len(x)) + 2
    )


def test_errors_are_those_of_normal_theory():
    random = np.random.default_rng(3)
    y = 5.0 + 2.0 * random.standard_normal(900)
    found = fit_moments(np.ones(900), y, np.zeros(900))
    at = np.ones(1)
    assert found.error_of("mean", at) == pytest.approx(2 / 30, rel=0.05)
    assert found.error_of("spread", at) == pytest.approx(2 / math.sqrt(1800), rel=0.05)
    assert found.errors("spread") * found.scale_y == pytest.approx(found.error_of("spread", at))
    assert found.errors("mean") * found.scale_y == pytest.approx(found.error_of("mean", at))
    assert (found.errors("mean").size, found.errors("spread").size) == (1, 1)


def test_what_is_known_of_the_variance_is_not_spread():
    random = np.random.default_rng(4)
    y = math.hypot(3.0, 4.0) * random.standard_normal(3000)
    found = fit_moments(np.ones(3000), y, np.full(3000, 16.0))
    assert found.spread_at(np.ones(1)) == pytest.approx(3.0, rel=0.07)


def test_values_at_a_bound_count_as_at_most_that():
    random = np.random.default_rng(6)
    y = 1.0 + 2.0 * random.standard_normal(4000)
    censored = y < 0
    found = fit_moments(np.ones(4000), np.maximum(y, 0), np.zeros(4000), censored)
    assert found.mean_at(np.ones(1)) == pytest.approx(1.0, abs=0.15)
    assert found.spread_at(np.ones(1)) == pytest.approx(2.0, rel=0.05)


NOISES = {
    "constant": lambda g: 0.3e-6 + 0 * g,
    "relative": lambda g: 0.02 * g,
    "saturating": lambda g: 0.5e-6 * (1 - np.exp(-g / 4e-6)),
}


@pytest.mark.parametrize("form", NOISES)
def test_noise_is_that_of_the_reads(form):
    random = np.random.default_rng(8)
    held = np.repeat(np.linspace(1e-6, 30e-6, 12), 100)
    reads = held[:, None] + NOISES[form](held)[:, None] * random.standard_normal((1200, 4))
    data = Measurements(held, reads[:, 0], np.zeros(1200), np.arange(1200), reads[:, 1:], None)
    found = fit_noise(data)
    assert found.curve.name == form
    assert found.freedom == 3600
    at = np.linspace(1e-6, 30e-6, 9)
    assert found.sigma_at(at) == pytest.approx(NOISES[form](at), rel=0.12)
    assert fit_noise(replace(data, reads=reads[:, :0])) is None


def test_readings_without_spread_and_cells_that_are_read_late_alone_are_refused():
    data = drawn()
    with pytest.raises(InputError, match="the same: there is no spread"):
        fit_cell(replace(data, achieved=np.full(data.rows, 3e-6)))
    both = drawn(times=(1.0, 100.0))
    late_alone = both.part((both.time > 1) | (both.cell > 6))
    with pytest.raises(InputError, match="7 cells have a last reading, but none at the first time"):
        fit_cell(late_alone)
    with pytest.raises(InputError, match="first readings are at time 0"):
        fit_cell(drawn(times=(0.0, 100.0)))
    assert fit_cell(drawn(times=(0.0,))).first == 0


def test_cells_that_are_far_from_all_others_are_stuck():
    data = drawn()
    achieved = data.achieved.copy()
    achieved[[0, 300, 700]] = 51e-6, 47e-6, 49e-6  # on
    achieved[[1500, 1990]] = 0.4e-6, 0.2e-6  # off
    achieved[[400, 900]] = data.target[[400, 900]] + 0.5e-6 * 6  # far, but not beyond eight σ
    fit = fit_cell(replace(data, achieved=achieved))
    assert (fit.stuck.cells, fit.stuck.on, fit.stuck.off) == (2000, 3, 2)
    assert fit.stuck.on_range == pytest.approx((47e-6, 51e-6))
    assert fit.stuck.off_range == pytest.approx((0.2e-6, 0.4e-6))
    assert fit.data.rows == 1995
    assert not np.isin(fit.data.cell, [0, 300, 700, 1500, 1990]).any()
    assert fit.programming.spread_at(np.array([1e-5])) == pytest.approx(0.5e-6, rel=0.05)
    none = fit_cell(data).stuck
    assert (none.on, none.off, none.on_range, none.off_range) == (0, 0, None, None)


def test_residuals_are_in_their_own_standard_deviation():
    data = drawn(reads=3, noise=0.3e-6)
    data = replace(data, achieved=data.achieved + 1e-6)
    data = replace(data, reads=data.reads + 1e-6)
    fit = fit_cell(data)
    assert fit.residuals.mean() == pytest.approx(0, abs=0.05)
    assert fit.residuals.std() == pytest.approx(1, abs=0.03)
    assert fit.noise.sigma_at(np.array([1e-5])) == pytest.approx(0.3e-6, rel=0.05)
    assert fit.programming.spread_at(np.array([1e-5])) == pytest.approx(0.5e-6, rel=0.05)
    assert fit.notes == ()
    assert "noise of one read is part of the programming error" in fit_cell(drawn()).notes[0]


def relaxed(sigma, shift, times):
    """Return readings whose cells move by normals and a shift, another one each time."""
    data, random = drawn(rows=1600, times=times), np.random.default_rng(10)
    achieved = data.achieved.copy()
    for n, time in enumerate(times):
        here = data.time == time
        achieved[here] += shift[n] + sigma[n] * random.standard_normal(here.sum())
    return replace(data, achieved=achieved)


def test_relaxation_is_tabulated_by_time():
    times, sigma, shift = (1.0, 10.0, 1000.0), (0.0, 0.6e-6, 1.2e-6), (0.0, -0.3e-6, -0.9e-6)
    fit = fit_cell(relaxed(sigma, shift, times))
    assert fit.drift is None
    held = fit.relaxation
    assert held.times.tolist() == list(times)
    assert held.targets == pytest.approx(np.linspace(2e-6, 30e-6, 8))
    for n in range(3):
        total = math.hypot(0.5e-6, sigma[n])
        assert held.sigmas[n] == pytest.approx(np.full(8, total), rel=0.15)
        assert held.shifts[n] == pytest.approx(np.full(8, shift[n]), abs=0.15e-6)
        assert np.median(held.errors[n]) == pytest.approx(total / math.sqrt(2 * 1600), rel=0.6)
    assert not held.shifts[0].any()
    assert "a relaxation describes the last readings better than drift" in fit.notes[-1]
    assert (fit.first, fit.last) == (1.0, 1000.0)


def test_drift_is_the_loss_per_logarithm_of_time():
    data, random = drawn(rows=1600, times=(10.0, 1e4)), np.random.default_rng(11)
    late = data.time > 10
    nu = 0.05 + 0.01 * random.standard_normal(late.sum())
    achieved = data.achieved.copy()
    achieved[late] *= (1e4 / 10) ** -nu
    fit = fit_cell(replace(data, achieved=achieved))
    assert fit.relaxation is None
    at = np.array([5e-6, 15e-6, 30e-6])
    assert fit.drift.mean_at(at) == pytest.approx(np.full(3, 0.05), rel=0.03)
    assert fit.drift.spread_at(at) == pytest.approx(np.full(3, 0.01), rel=0.1)
    assert "drift describes the last readings better than a relaxation" in fit.notes[-1]
    assert (fit.first, fit.last) == (10.0, 1e4)


def test_cells_near_zero_say_nothing_of_an_exponent():
    data = drawn(rows=1600, times=(10.0, 1e4))
    random = np.random.default_rng(11)
    late = data.time > 10
    achieved = data.achieved.copy()
    achieved[late] *= (1e4 / 10) ** -(0.05 + 0.01 * random.standard_normal(late.sum()))
    dead = np.isin(data.cell, np.arange(5))
    achieved[dead & late] = 0.0
    fit = fit_cell(replace(data, achieved=achieved))
    assert fit.notes[-1].endswith("; 5 cells near zero say nothing of it")
    assert fit.drift.rows == 1595
    noisy = drawn(rows=400, levels=4, times=(10.0, 1e4), reads=3, noise=20e-6, sigma=5e-6)
    fit = fit_cell(noisy)
    assert fit.drift is None
    assert "most cells are too close to zero for an exponent" in fit.notes[-1]
    assert fit.relaxation is not None


def test_a_slope_over_temperature_is_relative_to_the_spread():
    data = drawn()
    warm = np.random.default_rng(0).uniform(290, 340, data.rows)
    plain = fit_cell(data)
    assert plain.warmth is None
    assert fit_cell(replace(data, temperature=np.full(data.rows, 300.0))).warmth is None
    tilted = replace(data, temperature=warm, achieved=data.achieved + 0.02e-6 * (warm - 315))
    slope, error = fit_cell(tilted).warmth
    whole = math.hypot(0.5, 0.02 * warm.std())
    assert slope == pytest.approx(0.02 / whole, rel=0.1)
    assert error == pytest.approx(1 / (warm.std() * math.sqrt(data.rows)), rel=0.05)


def test_the_noise_of_reading_is_no_spread_of_the_drift():
    """Both readings of a ratio are noisy, the more so the lower the conductance."""
    times = (10.0, 1e4)
    data, random = drawn(rows=1600, times=times, reads=3), np.random.default_rng(13)
    late = data.time > 10
    nu = 0.05 + 0.01 * random.standard_normal(late.sum())
    held = np.tile(data.achieved[~late], 2)
    held[late] *= (1e4 / 10) ** -nu
    seen = held[:, None] + 0.2e-6 * random.standard_normal((len(held), 4))
    fit = fit_cell(replace(data, achieved=seen[:, 0], reads=seen[:, 1:]))
    at = np.array([5e-6, 15e-6, 30e-6])
    assert fit.noise.sigma_at(at) == pytest.approx(np.full(3, 0.2e-6), rel=0.05)
    assert fit.drift.mean_at(at) == pytest.approx(np.full(3, 0.05), rel=0.03)
    assert fit.drift.spread_at(at) == pytest.approx(np.full(3, 0.01), rel=0.1)
