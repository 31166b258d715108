"""Cards from synthetic measurements: what they were drawn with comes back."""

from __future__ import annotations

import numpy as np
import pytest

import imssa_sim
from imssa_sim.cards import load_card
from imssa_sim.devices.cell import load_cell
from imssa_sim.measurements.fit import anderson_darling

from .drawn import draw, write

CARDS = {  # readings at the time from which the card's drift counts, and late
    "cells/pcm_joshi_2020": (20.0, 1e6),
    "cells/pcm_hermes_1": (200.0, 1e6),
    "cells/sonos_40nm": (1.0, 86400.0),
}


@pytest.fixture(scope="module", params=CARDS)
def case(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    cell, columns = draw(request.param, CARDS[request.param], seed=2026)
    path = write(folder / "cells.csv", columns)
    fitted = imssa_sim.fit_card(path, folder / "own.yaml")
    return cell, fitted, load_cell(str(folder / "own.yaml"))


def where_data_lie(cell):
    """Targets from the tenth to the ninetieth percent of the data."""
    return np.linspace(cell.g_min, cell.g_max, 101)[10:91]


def rms(ratio):
    return float(np.sqrt(np.mean((ratio - 1) ** 2)))


def test_spread_comes_back(case):
    cell, _, own = case
    x = where_data_lie(cell)
    assert rms(own.programming.sigma(x) / cell.programming.sigma(x)) < 0.05


def test_bias_is_not_invented(case):
    _, fitted, own = case
    assert fitted.fit.programming.mean.name == "none"
    assert (own.programming.gain, own.programming.offset) == (0, 0)


def test_drift_comes_back(case):
    cell, fitted, own = case
    if cell.drift is None:
        assert fitted.fit.drift is None
        assert own.drift is None
        return
    x = where_data_lie(cell)
    normals = np.random.default_rng(0).standard_normal((20000, 1))
    true, found = (c.drift.exponents(x, normals) for c in (cell, own))
    assert rms(found.mean(0) / true.mean(0)) < 0.05
    assert rms(found.std(0) / true.std(0)) < 0.05
    assert own.drift.t0 == cell.drift.t0


def test_relaxation_comes_back(case):
    cell, fitted, own = case
    if cell.relaxation is None:
        assert fitted.fit.relaxation is None
        return
    x, last = where_data_lie(cell), CARDS[cell.name][1]
    ratio = own.relaxation.total_sigma(x, last) / cell.relaxation.total_sigma(x, last)
    assert rms(ratio) < 0.05
    shift = own.relaxation.shift(x, last, np.zeros(len(x)))
    scale = cell.relaxation.total_sigma(x, last)
    assert (
        np.abs(shift - cell.relaxation.shift(x, last, np.zeros(len(x)))).max() < 0.2 * scale.max()
    )


def test_the_card_says_where_it_comes_from(case):
    _, fitted, own = case
    card = load_card(str(fitted.path))
    numbers = [entry for entry in card.parameters.values() if entry.unit]
    assert {entry.status for entry in numbers} == {"measured"}
    assert {entry.source for entry in numbers} == {"measurements"}
    assert "sha256" in card.references
    assert "Anderson-Darling" in card.notes
    assert "95 % intervals" in card.notes
    assert own.valid["time"][1] == fitted.fit.last
    spread = card.parameters.get("programming_coefficients") or card["programming_amplitude"]
    assert spread.sigma is not None
    assert "Schwarz's criterion" in spread.derivation
    assert fitted.path.with_suffix(".png").stat().st_size > 10_000
    assert fitted.path.read_text("utf-8") == fitted.text


def test_a_card_that_was_fitted_runs(case, tmp_path):
    from tests.traces.conftest import TINY

    _, fitted, _ = case
    run = imssa_sim.run(TINY, set={"hardware.chip.tile.cell": str(fitted.path)})
    assert run["accuracy.analog.mean"] is not None


def test_intervals_hold_the_truth_as_often_as_they_say():
    inside = []
    for seed in range(20):
        cell, columns = draw("cells/pcm_joshi_2020", (20.0,), rows=600, seed=seed)
        fit = fit_of(columns)
        x = where_data_lie(cell)[::20]
        away = np.abs(fit.programming.spread_at(x) - cell.programming.sigma(x))
        inside += (away < 1.96 * fit.programming.error_of("spread", x)).tolist()
    assert 0.85 < np.mean(inside) <= 1


def fit_of(columns):
    from imssa_sim.measurements.fit import fit_cell
    from imssa_sim.measurements.read import Measurements

    rows = len(columns["cell"])
    reads = [columns[name] * 1e-6 for name in columns if name.startswith("read")]
    return fit_cell(
        Measurements(
            columns["target [uS]"] * 1e-6,
            columns["achieved [uS]"] * 1e-6,
            columns["time [s]"],
            columns["cell"],
            np.stack(reads, axis=1) if reads else np.empty((rows, 0)),
            columns.get("temperature"),
        )
    )


def test_gain_and_offset_come_back(tmp_path):
    _, columns = draw("cells/taox_imssa", (1.0,), bias=(0.03, 0.5e-6))
    path = write(tmp_path / "cells.csv", columns)
    own = load_cell(str(imssa_sim.fit_card(path, tmp_path / "own.yaml").path))
    assert own.programming.gain == pytest.approx(0.03, rel=0.05)
    assert own.programming.offset == pytest.approx(0.5e-6, rel=0.25)
    target = np.array([1e-4])
    assert own.programming.error(target, np.zeros(1)) == pytest.approx(3.5e-6, rel=0.05)


def test_stuck_cells_and_a_distribution_that_is_not_normal():
    cell, columns = draw("cells/taox_imssa", (1.0,), rows=20_000)
    fit = fit_of(columns)
    assert fit.stuck.on + fit.stuck.off == pytest.approx(40, abs=15)
    assert fit.programming.spread.name == "constant"
    sigma = cell.programming.sigma(np.array([1e-4]))[0]
    assert fit.programming.spread_at(np.array([1e-4]))[0] == pytest.approx(sigma, rel=0.02)
    assert fit.normal < 1e-6  # it is uniform


def test_read_noise_comes_back_and_is_not_counted_twice():
    cell, columns = draw("cells/taox_imssa", (1.0,), reads=4)
    fit = fit_of(columns)
    assert fit.noise.curve.name == "relative"
    x = np.array([1e-4, 2e-4])
    assert fit.noise.sigma_at(x) == pytest.approx(0.01 * x, rel=0.02)
    assert fit.programming.spread_at(x) == pytest.approx(cell.programming.sigma(x), rel=0.05)


def test_a_dependence_on_temperature_is_said():
    _, columns = draw("cells/sonos_40nm", (1.0,), rows=2000)
    warm = np.random.default_rng(0).uniform(290, 340, 2000)
    assert abs(fit_of(columns | {"temperature": warm}).warmth[0]) < 3e-3
    hot = columns["achieved [uS]"] * (1 + 0.001 * (warm - 315))
    slope, error = fit_of(columns | {"temperature": warm, "achieved [uS]": hot}).warmth
    assert slope > 5 * error


@pytest.mark.parametrize(("kind", "low", "high"), [("normal", 0.01, 1), ("uniform", 0, 1e-6)])
def test_anderson_darling(kind, low, high):
    random = np.random.default_rng(3)
    values = random.standard_normal(2000) if kind == "normal" else random.uniform(size=2000)
    assert low <= anderson_darling(values) <= high


def test_anderson_darling_is_uniform_for_normal_values():
    random = np.random.default_rng(5)
    found = [anderson_darling(random.standard_normal(200)) for _ in range(300)]
    assert np.mean(np.array(found) < 0.1) == pytest.approx(0.1, abs=0.05)


def test_nothing_is_overwritten_and_times_begin_after_programming(tmp_path):
    _, columns = draw("cells/pcm_joshi_2020", (0.0, 1e5), rows=400)
    path = write(tmp_path / "cells.csv", columns)
    with pytest.raises(imssa_sim.InputError, match="first readings are at time 0"):
        imssa_sim.fit_card(path, tmp_path / "own.yaml")
    (tmp_path / "own.yaml").write_text("mine")
    with pytest.raises(imssa_sim.InputError, match="exists already"):
        imssa_sim.fit_card(path, tmp_path / "own.yaml")
    with pytest.raises(imssa_sim.InputError, match="a card is a YAML file"):
        imssa_sim.fit_card(path, tmp_path / "own.txt")
