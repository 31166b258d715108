"""Cells against statistics that other simulators gave for the same published models.

`tests/devices/data/README.md` says where the numbers come from. Theirs rest on 200,000 draws, ours
on 400,000: a ratio of standard deviations lies within 5·sqrt(1/(2 n) + 1/(2 m)) = 1 % of one.
"""

from pathlib import Path

import numpy as np
import pytest

from imssa_sim.circuits.draws import Coordinates, normals
from imssa_sim.devices.cell import load_cell

DATA = Path(__file__).parent / "data"
DRAWS = 400_000
SIGMA_TOLERANCE = 0.012
US, NA = 1e-6, 1e-8  # [S]; a nanoampere at 0.1 V
DAY = 86400.0


def draw(purpose):
    return normals(Coordinates(4, 0, 0), 0, purpose, 400, DRAWS // 400).ravel()


def at_time(cell, target, time, *, drift=None):
    """Return conductances of cells written to one target, at a time after programming."""
    targets = np.full(DRAWS, target)
    written = cell.program(targets, draw("programming"))
    return cell.after(written, targets, time, relaxation=draw("relaxation"), drift=drift)


def agree(found, mean, sigma, unit):
    assert found.mean() / unit == pytest.approx(mean, abs=0.02 * sigma + 1e-4 * abs(mean) + 1e-9)
    assert found.std() / unit == pytest.approx(sigma, rel=SIGMA_TOLERANCE, abs=1e-9)


@pytest.mark.parametrize("days", ["0", "1d", "2.5d", "5d"])
def test_sonos_programming_and_shift_with_time(days):
    reference, cell = np.load(DATA / "crosssim_sonos.npz"), load_cell("cells/sonos_40nm")
    time = float(reference[f"{days}.time_days"]) * DAY
    for i in range(0, 16, 3):
        found = at_time(cell, reference["targets_current_nA"][i] * NA, time)
        if i == 0:  # the off state lies within 1 nA of zero, where nothing errs
            assert found.max() / NA < 1.0
            continue
        agree(found, reference[f"{days}.mean_nA"][i], reference[f"{days}.std_nA"][i], NA)


def test_sonos_read_noise():
    reference, cell = np.load(DATA / "crosssim_sonos.npz"), load_cell("cells/sonos_40nm")
    targets = reference["targets_current_nA"] * NA
    found = cell.read_sigma(targets, targets, DAY, None) / NA
    np.testing.assert_allclose(found, reference["read_noise.std_nA"], rtol=0.015, atol=1e-5)


def test_sonos_shift_is_linear_in_the_logarithm_of_time():
    cell = load_cell("cells/sonos_40nm")
    targets = np.array([0.0, 4.1, 12.0]) * US
    early, middle, late = (
        cell.after(targets, targets, t, relaxation=np.zeros(3)) for t in (1.0, DAY**0.5, DAY)
    )
    np.testing.assert_allclose(middle, (early + late) / 2, rtol=1e-12)
    np.testing.assert_array_equal(early, targets)


@pytest.mark.parametrize(
    ("label", "time"),
    [("20s", 20.0), ("1h", 3600.0), ("1d", DAY), ("30d", 30 * DAY), ("1y", 365.25 * DAY)],
)
def test_joshi_drift_with_reflected_exponents(label, time):
    """Their time counts from t0 = 20 s."""
    reference, cell = np.load(DATA / "aihwkit_pcm_joshi.npz"), load_cell("cells/pcm_joshi_2020")
    for i in (1, 2, 8, 15):
        targets = np.full(DRAWS, reference["targets_uS"][i] * US)
        found = cell.after(targets, targets, time + 20.0, drift=draw("drift"))
        mean, sigma = (reference[f"{label}.drift_only_{what}"][i] for what in ("mean", "std"))
        agree(found, mean, sigma, US)
        exponents = cell.drift.exponents(targets, draw("drift"))
        agree(exponents, reference["nu_mean"][i], reference["nu_std"][i], 1.0)


@pytest.mark.parametrize("label", ["20s", "1h", "1d", "30d"])
def test_cmo_stays_within_its_physical_range(label):
    reference, cell = np.load(DATA / "aihwkit_cmo_hfox.npz"), load_cell("cells/cmo_hfox")
    time = {"20s": 20.0, "1h": 3600.0, "1d": DAY, "30d": 30 * DAY}[label]
    for i in (0, 1, 8, 15):
        found = at_time(cell, min(reference["targets_uS"][i] * US, cell.g_max), time)
        mean, sigma = (reference[f"{label}.drift_{what}"][i] for what in ("mean", "std"))
        agree(found, mean, sigma, US)
        assert found.min() >= 9 * US
        assert found.max() <= 88.2 * US


def test_wan_is_cut_off_at_zero_once():
    """At a target of zero the total error of a day, half of it cut off: σ·sqrt(1/2 - 1/(2 π))."""
    found = at_time(load_cell("cells/reram_wan_2022"), 0.0, DAY) / US
    assert (found == 0).mean() == pytest.approx(0.5, abs=0.005)
    assert found.mean() == pytest.approx(0.701 / np.sqrt(2 * np.pi), rel=0.01)
    assert found.std() == pytest.approx(0.701 * np.sqrt(0.5 - 1 / (2 * np.pi)), rel=0.01)
