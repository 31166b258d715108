"""A fit as a card: what a loaded cell computes, and every number's unit and error."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from imssa_sim.cards import load_card
from imssa_sim.devices.cell import load_cell
from imssa_sim.measurements.card import card_text
from imssa_sim.measurements.summary import summary
from tests.measurements.made import EXPONENTS, KNOTS, MEANS, NOISES, SPREADS, made

AT = np.linspace(1.2e-6, 24e-6, 60)
ONE = np.ones(len(AT))
NONE = np.zeros(len(AT))


@pytest.fixture
def carded(tmp_path):
    def build(**what):
        fit, data = made(**what), tmp_path / "cells.csv"
        data.write_text("readings", "utf-8")
        path = tmp_path / "own.yaml"
        path.write_text(card_text(fit, data, "cells/own"), "utf-8")
        return fit, load_cell(str(path)), load_card(str(path)).parameters

    return build


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("mean", MEANS)
def test_a_loaded_cell_errs_as_the_fit_says(carded, mean, spread):
    fit, cell, _ = carded(mean=mean, spread=spread)
    table = "table" in (mean, spread)
    at = KNOTS * 24e-6 if table and spread != "table" else AT
    none, one = np.zeros(len(at)), np.ones(len(at))
    assert cell.programming.sigma(at) == pytest.approx(fit.programming.spread_at(at), rel=1e-7)
    away = cell.programming.error(at, none)
    assert away == pytest.approx(fit.programming.mean_at(at), rel=1e-7, abs=1e-15)
    high = fit.programming.mean_at(at) + fit.programming.spread_at(at)
    assert cell.programming.error(at, one) == pytest.approx(high, rel=1e-7, abs=1e-15)
    assert (cell.g_min, cell.g_max) == pytest.approx((4e-6, 24e-6))
    assert (cell.drift, cell.relaxation, cell.faults) == (None, None, None)


@pytest.mark.parametrize("drift", EXPONENTS)
def test_a_loaded_cell_drifts_as_the_fit_says(carded, drift):
    fit, cell, parameters = carded(drift=drift)
    at = KNOTS * 24e-6 if drift == "logarithm" else AT
    if drift == "logarithm":  # knots of its own: 16 from 5 % of the highest target
        knots = np.array(parameters["drift_targets"].scaled)
        assert len(knots) == 16
        assert (knots[0], knots[-1]) == pytest.approx((0.05 * 24e-6, 24e-6))
        steps = np.diff(np.log(knots))
        assert steps == pytest.approx(np.full(15, steps[0]), rel=1e-5)
        at = knots
    mean, spread = fit.drift.mean_at(at), fit.drift.spread_at(at)
    found = [cell.drift.exponents(at, n * np.ones(len(at))) for n in (0, 1, -0.5)]
    assert found[0] == pytest.approx(mean, rel=1e-6)
    assert found[1] == pytest.approx(mean + spread, rel=1e-6)
    assert found[2] == pytest.approx(mean - 0.5 * spread, rel=1e-6)
    assert cell.drift.t0 == 2.0
    assert cell.valid["time"] == (0, 500.0)


def test_a_loaded_cell_relaxes_as_the_fit_says(carded):
    fit, cell, _ = carded(relaxation=True)
    held = fit.relaxation
    for n, time in enumerate(held.times):
        found = cell.relaxation.total_sigma(held.targets, time)
        assert found == pytest.approx(held.sigmas[n], rel=1e-7)
        shift = cell.relaxation.shift(held.targets, time, np.zeros(3))
        assert shift == pytest.approx(held.shifts[n], rel=1e-7, abs=1e-15)


@pytest.mark.parametrize("noise", NOISES)
def test_a_loaded_cell_reads_as_the_fit_says(carded, noise):
    fit, cell, _ = carded(noise=noise)
    found = cell.read_noise.sigma(AT, AT, 2.0, None)
    assert found == pytest.approx(fit.noise.sigma_at(AT), rel=1e-7)


@pytest.mark.parametrize("stuck", [(30, 70), (30, 0), (0, 70)])
def test_a_loaded_cell_is_stuck_as_the_fit_says(carded, stuck):
    fit, cell, parameters = carded(stuck=stuck)
    for kind, number, seen, end in (
        ("on", stuck[0], fit.stuck.on_range, 24e-6), ("off", stuck[1], fit.stuck.off_range, 4e-6)
    ):  # fmt: skip
        share = number / 1000
        rate = parameters[f"faults_{kind}_rate"]
        assert rate.scaled == pytest.approx(share)
        assert rate.sigma == pytest.approx(math.sqrt(share * (1 - share) / 1000))
        assert rate.derivation == f"{number} of 1000 cells"
        limits = parameters[f"faults_{kind}_range"]
        assert limits.scaled == pytest.approx(seen or (end, end))
        assert (limits.note == "no such cell was seen") == (seen is None)
    assert (cell.faults.on_rate, cell.faults.off_rate) == (stuck[0] / 1000, stuck[1] / 1000)


def by_scatter(curve, parameters, errors, at):
    """Return the standard error of a curve from independent errors of its parameters."""
    total = np.zeros(len(at))
    for n, error in enumerate(errors):
        high, low = np.array(parameters, float), np.array(parameters, float)
        high[n], low[n] = high[n] + 1e-5, low[n] - 1e-5
        total += (error * (curve.value(high, at) - curve.value(low, at)) / 2e-5) ** 2
    return np.sqrt(total)


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("mean", MEANS)
def test_errors_of_programming(carded, mean, spread):
    _, _, parameters = carded(mean=mean, spread=spread)
    size = len(MEANS[mean][1])
    first = 0.01 * (3 + 2 * np.arange(size))
    second = 0.01 * (3 + 2 * (size + np.arange(len(SPREADS[spread][1]))))
    if "table" in (mean, spread):
        curve, own = SPREADS[spread]
        expected = {"sigmas": 3e-6 * by_scatter(curve, own, second, KNOTS)}
        if mean == "table":
            expected["biases"] = 3e-6 * by_scatter(*MEANS[mean], first, KNOTS)
    elif spread == "saturating":
        expected = {"amplitude": 3e-6 * second[0], "scale": 24e-6 * second[1]}
    else:
        expected = {"sigma_g" if spread == "constant" else "coefficients": 3e-6 * second}
    if mean in ("offset", "gain and offset"):
        expected["offset"] = 3e-6 * first[0]
    if mean in ("gain", "gain and offset"):
        expected["gain"] = 3e-6 / 24e-6 * first[-1]
    found = {
        name.removeprefix("programming_"): entry.sigma
        for name, entry in parameters.items()
        if name.startswith("programming_") and entry.sigma is not None
    }
    assert set(found) == set(expected)
    for name, errors in expected.items():
        assert np.ravel(found[name]) == pytest.approx(np.ravel(errors), rel=1e-3), name


def test_errors_of_drift_relaxation_and_noise(carded):
    _, _, parameters = carded(drift="constant")
    assert parameters["drift_exponent"].sigma == pytest.approx(0.09 * 0.03)
    assert parameters["drift_exponent_sigma"].sigma == pytest.approx(0.09 * 0.05)
    _, _, parameters = carded(drift="table")
    errors = 0.09 * 0.01 * (3 + 2 * np.arange(8))
    assert parameters["drift_means"].sigma == pytest.approx(errors[:4])
    assert parameters["drift_sigmas"].sigma == pytest.approx(errors[4:])
    fit, _, parameters = carded(relaxation=True)
    held = np.array(parameters["relaxation_sigmas"].sigma)
    assert held == pytest.approx(fit.relaxation.errors)
    for noise, name in (("constant", "sigma_g"), ("relative", "ratio")):
        _, _, parameters = carded(noise=noise)
        entry = parameters[f"read_noise_{name}"]
        assert entry.sigma == pytest.approx(entry.scaled / math.sqrt(2 * 640))


def test_what_entries_rest_on_is_said(carded):
    _, _, parameters = carded(spread="degree 3", drift="constant")
    words = parameters["programming_coefficients"].derivation
    assert words == (
        "321 cells, maximum likelihood; Schwarz's criterion prefers a polynomial of degree 3"
    )
    assert parameters["drift_exponent"].derivation == "77 cells, first against last readings"
    assert parameters["drift_t0"].note == "first readings"
    assert (parameters["g_min"].note, parameters["g_max"].note) == (
        "lowest target", "highest target",
    )  # fmt: skip
    _, _, parameters = carded(noise="relative")
    words = parameters["read_noise_ratio"].derivation
    assert words == "repeated first reads, 640 degrees of freedom"


MISSING = {
    "current-voltage": "non-linearity",
    "one time alone": "drift and relaxation (readings at one time alone)",
    "beside drift": "relaxation beside drift",
    "noise": "read noise by itself (no repeated reads)",
    "stuck": "stuck cells (none of 1000: with 95 % fewer than 0.003)",
    "no temperature": "temperature (not in the measurements)",
    "temperature": "temperature dependence (the limits are those of the measurements)",
}


@pytest.mark.parametrize(
    ("what", "missing"),
    [
        ({}, {"one time alone", "noise", "stuck", "no temperature"}),
        ({"drift": "table"}, {"beside drift", "noise", "stuck", "no temperature"}),
        ({"relaxation": True}, {"noise", "stuck", "no temperature"}),
        ({"noise": "constant"}, {"one time alone", "stuck", "no temperature"}),
        ({"stuck": (0, 1)}, {"one time alone", "noise", "no temperature"}),
        ({"warm": np.linspace(300, 320, 12)}, {"one time alone", "noise", "stuck", "temperature"}),
    ],
)
def test_what_is_not_modelled_is_said(tmp_path, what, missing):
    data = tmp_path / "cells.csv"
    data.write_bytes(b"readings")
    path = tmp_path / "own.yaml"
    path.write_text(card_text(made(**what), data, "cells/own"), "utf-8")
    card = load_card(str(path))
    said = " | ".join(card.not_modelled)
    assert {key for key, text in MISSING.items() if text in said} == {"current-voltage", *missing}
    digest = hashlib.sha256(b"readings").hexdigest()
    assert digest in card.references
    assert "cells.csv" in card.references
    if "warm" in what:
        assert load_cell(str(path)).valid["temperature"] == (300.0, 320.0)
    else:
        assert "temperature" not in load_cell(str(path)).valid


@pytest.mark.parametrize(
    ("what", "said", "unsaid"),
    [
        ({"normal": 0.0099}, "p = 0.0099; it does not describe the errors.", "kelvin"),
        ({"normal": 0.011}, "p = 0.011.", "does not describe"),
        ({"warmth": (0.02, 0.01)}, "by 0.02 ± 0.02 of their spread per kelvin, which the card "
         "leaves out.", "zzz"),
        ({"warmth": (-0.02, 0.01)}, "by -0.02 ± 0.02 of their spread per kelvin, which", "zzz"),
        ({"warmth": (0.019, 0.01)}, "by 0.019 ± 0.02 of their spread per kelvin.", "leaves out"),
        ({"mean": "gain"}, "Mean deviation: gain.", "Mean deviation: none"),
        ({"notes": ("a word", "b word")}, "A word. B word.", "zzz"),
    ],
)  # fmt: skip
def test_what_the_fit_decided_is_said(carded, tmp_path, what, said, unsaid):
    carded(**what)
    notes = load_card(str(tmp_path / "own.yaml")).notes
    assert said in notes
    assert unsaid not in notes


def test_intervals_of_the_notes_are_those_of_the_fit(carded, tmp_path):
    fit, _, _ = carded(spread="degree 1")
    notes = load_card(str(tmp_path / "own.yaml")).notes
    at = np.linspace(4e-6, 24e-6, 5)
    sigma = 3 * (0.21 + 0.37 * at / 24e-6)
    error = 3 * np.hypot(0.03, 0.05 * at / 24e-6)
    words = ", ".join(
        f"{s:.4g} ± {1.96 * e:.2g} µS at {g * 1e6:.4g} µS"
        for s, e, g in zip(sigma, error, at, strict=True)
    )
    assert f"95 % intervals of the programming error: {words}." in notes
    assert fit.programming.rows == 321


def test_the_summary_says_the_numbers_of_the_fit():
    fit = made(
        mean="offset", spread="degree 1", drift="constant", noise="relative", stuck=(3, 4),
        notes=("one thing",), normal=0.37,
    )  # fmt: skip
    low, high = 3 * (0.21 + 0.37 / 6), 3 * (0.21 + 0.37)
    errors = [1.96 * 3 * math.hypot(0.05, 0.07 * x) for x in (1 / 6, 1)]
    bias, nu, wide = 3 * 0.11, 0.09 * 0.61, 0.09 * 0.19
    ends = "{} at the lowest, {} at the highest target"
    assert summary(fit).splitlines() == [
        "readings   24 of 1000 cells, targets 4 to 24 µS",
        "bias       offset: " + ends.format(*[f"{bias:.4g} ± {1.96 * 0.09:.2g}"] * 2) + " µS",
        "spread     polynomial of degree 1: "
        + ends.format(f"{low:.4g} ± {errors[0]:.2g}", f"{high:.4g} ± {errors[1]:.2g}") + " µS",
        "drift      ν " + ends.format(*[f"{nu:.4g} ± {1.96 * 0.0027:.2g}"] * 2),
        "           σ(ν) " + ends.format(*[f"{wide:.4g} ± {1.96 * 0.0045:.2g}"] * 2),
        f"read noise relative: {0.6 * 0.43 * 4 / 25:.4g} to {0.6 * 0.43 * 24 / 25:.4g} µS",
        "stuck      3 on, 4 off",
        "normal     p = 0.37 (Anderson-Darling)",
        "note       one thing",
    ]  # fmt: skip
    relaxed = summary(made(relaxation=True)).splitlines()
    assert "relaxation σ 0.9 to 1.3 µS after 500 s" in relaxed
