"""Published curves, computed here from their coefficients, against 10⁶ draws of the cells.

Levels: a sample standard deviation of n normals lies within 5/sqrt(2n) of σ, a mean within
5σ/sqrt(n), with a chance of 6e-7 to fail by accident; seeds are fixed.
"""

import math

import numpy as np
import pytest

from imssa_sim.circuits.draws import Coordinates, normals
from imssa_sim.devices.cell import load_cell

N = 1_000_000
SIGMA_TOLERANCE = 5 / math.sqrt(2 * N)
US = 1e-6


def draw(purpose="programming", seed=1):
    return normals(Coordinates(seed, 0, 0), 0, purpose, 1000, N // 1000).ravel()


def check_sigma(samples, sigma, factor=1.0):
    assert samples.std() == pytest.approx(sigma, rel=factor * SIGMA_TOLERANCE)


@pytest.mark.parametrize("g", [5.0, 12.5, 22.0])
def test_joshi_programming(g):
    cell = load_cell("cells/pcm_joshi_2020")
    r = g / 25
    written = cell.program(np.full(N, g * US), draw()) / US
    check_sigma(written, 0.26348 + 1.9650 * r - 1.1731 * r**2)
    assert abs(written.mean() - g) < 5 * written.std() / math.sqrt(N)


@pytest.mark.parametrize(("g", "t"), [(5.0, 3600.0), (20.0, 86400.0)])
def test_joshi_drift(g, t):
    cell = load_cell("cells/pcm_joshi_2020")
    x = math.log(g / 25)
    mean = min(max(-0.0155 * x + 0.0244, 0.049), 0.1)
    sigma = min(max(-0.0125 * x - 0.0059, 0.008), 0.045)
    targets = np.full(N, g * US)
    after = cell.after(targets, targets, t, drift=draw("drift"))
    nu = -np.log(after / targets) / math.log(t / 20)
    assert nu.mean() == pytest.approx(mean, abs=5 * sigma / math.sqrt(N) + 1e-6)
    check_sigma(nu, sigma)


def test_joshi_drift_waits_for_the_first_reading():
    cell = load_cell("cells/pcm_joshi_2020")
    g = np.array([10e-6])
    assert cell.after(g, g, 10.0, drift=np.zeros(1)) == g


@pytest.mark.parametrize(("g", "t"), [(0.5, 1.0), (10.0, 3600.0), (25.0, 86400.0)])
def test_joshi_read_noise(g, t):
    cell = load_cell("cells/pcm_joshi_2020")
    q = min(0.0088 / (g / 25) ** 0.65, 0.2)
    expected = 0.9 * g * q * math.sqrt(math.log((t + 250e-9) / (2 * 250e-9)))
    found = cell.read_sigma(np.array([0.9 * g * US]), np.array([g * US]), t, None)
    assert found[0] / US == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["pcm_joshi_2020", "pcm_hermes_2", "cmo_hfox"])
def test_one_over_f_noise_grows_as_the_integral_of_its_spectrum(name):
    """∫ K/f df from 1/(t + t_r) to 1/(2 t_r), summed up: shorter reads and longer waits add."""
    cell, g = load_cell(f"cells/{name}"), np.array([15 * US])

    def power(t, t_read):
        return cell.read_sigma(g, g, t, t_read)[0] ** 2

    def band(t, t_read):
        f = np.geomspace(1 / (t + t_read), 1 / (2 * t_read), 100_001)
        return np.trapezoid(1 / f, f)

    for t, t_read in ((1.0, 1e-7), (3600.0, 1e-6), (86400.0, 1e-8)):
        ratio = power(t, t_read) / power(20.0, 2.5e-7)
        assert ratio == pytest.approx(band(t, t_read) / band(20.0, 2.5e-7), rel=1e-6)
    own = cell.read_noise.t_read
    assert power(3600.0, own) == power(3600.0, None)


@pytest.mark.parametrize(
    ("name", "g_max", "coefficients"),
    [
        ("pcm_hermes_1", 10.35, (0.15781817, 2.32443916, -2.16310839, 0.68841818)),
        ("pcm_hermes_2", 20.7, (0.16603222, 4.71806468, -8.48101252, 4.68961419)),
        ("reram_wan_2022", 40.0, (0.348, 16.030, -43.853, 45.393, -16.815)),
    ],
)
def test_polynomial_cells(name, g_max, coefficients):
    cell = load_cell(f"cells/{name}")
    assert cell.g_max == pytest.approx(g_max * US)
    r = 0.6
    sigma = sum(c * r**i for i, c in enumerate(coefficients))
    check_sigma(cell.program(np.full(N, r * g_max * US), draw()) / US, sigma)


@pytest.mark.parametrize(
    ("time", "coefficients"),
    [
        (86400.0, (0.701, 22.086, -50.773, 47.095, -16.458)),
        (172800.0, (0.782, 20.274, -43.507, 37.062, -11.934)),
    ],
)
def test_wan_total_error_grows_to_the_published_one(time, coefficients):
    cell = load_cell("cells/reram_wan_2022")
    r = 0.4
    targets = np.full(N, r * 40 * US)
    written = cell.program(targets, draw())
    after = cell.after(written, targets, time, relaxation=draw("relaxation"))
    sigma = sum(c * r**i for i, c in enumerate(coefficients))
    check_sigma(after / US, sigma, 2)


def test_wan_relaxation_is_linear_in_log_time():
    cell = load_cell("cells/reram_wan_2022")
    targets = np.array([16e-6])
    middle = math.sqrt(86400.0)  # half way between 1 s and 1 day in ln(t)
    a, m, b = (cell.relaxation.total_sigma(targets, t)[0] for t in (1.0, middle, 86400.0))
    assert m == pytest.approx((a + b) / 2)


def test_milo_programming():
    cell = load_cell("cells/rram_milo")
    check_sigma(cell.program(np.full(N, 100 * US), draw()) / US, 4.782321 - 0.009107 * 100)


@pytest.mark.parametrize(
    ("name", "offset", "slope"),
    [("cmo_hfox", 0.0112185391, 0.01129027418), ("cmo_hfox_fine", 0.00081107, 0.00106879)],
)
def test_cmo_programming(name, offset, slope):
    cell = load_cell(f"cells/{name}")
    check_sigma(cell.program(np.full(N, 50 * US), draw()) / US, offset + slope * 50)


def test_cmo_relaxation():
    cell = load_cell("cells/cmo_hfox")
    t = 3600.0
    targets = np.full(N, 50 * US)
    after = cell.after(targets, targets, t, relaxation=draw("relaxation")) / US
    sigma = 0.04201137 * math.log(t) + 0.41183342
    check_sigma(after, sigma)
    assert after.mean() == pytest.approx(
        50 - 0.08900206 * math.log(t), abs=5 * sigma / math.sqrt(N)
    )


def test_neurram_window_and_relaxation():
    cell = load_cell("cells/hfox_neurram")
    targets = np.full(N, 20 * US)
    written = cell.program(targets, draw())
    assert np.abs(written - targets).max() <= 1 * US
    # variance of the sample variance of a uniform: kurtosis 1.8
    check_sigma(written / US, 1 / math.sqrt(3))
    after = cell.after(written, targets, 3600.0, relaxation=draw("relaxation"))
    check_sigma((after - written) / US, 2.8)
    assert np.array_equal(cell.after(written, targets, 0.5, relaxation=draw("relaxation")), written)


def test_hermes_moments_against_the_branches():
    cell = load_cell("cells/pcm_hermes_2")
    g = np.array([0.05, 0.2, 0.8])
    mean, sigma = cell.drift.moments(g * 20.7e-6)
    expected_mean = [
        min(max(-0.0387 * math.log(0.05) - 0.0182, 0.072), 0.13),
        -0.0436 * 0.04 - 0.0126 * 0.2 + 0.0736,
        -0.0436 * 0.64 - 0.0126 * 0.8 + 0.0736,
    ]
    expected_sigma = [
        min(max(-0.0117 * math.log(0.05) - 0.0057, 0.0091), 0.04),
        min(max(-0.0117 * math.log(0.2) - 0.0057, 0.0091), 0.04),
        -0.0118 * 0.64 + 0.0093 * 0.8 + 0.0073,
    ]
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-12)
    np.testing.assert_allclose(sigma, expected_sigma, rtol=1e-12)
    noise = cell.read_sigma(np.array([10e-6]), np.array([0.8 * 20.7e-6]), 3600.0, None)
    q = 0.0069 * 0.8**3 - 0.0280 * 0.8**2 + 0.0211 * 0.8 + 0.0123
    accumulated = math.sqrt(math.log((3600 + 512e-9) / (2 * 512e-9)))
    assert noise[0] == pytest.approx(10e-6 * q * accumulated)


def test_stuck_cells_have_the_published_rates_and_spreads():
    cell = load_cell("cells/taox_imssa")
    from scipy.special import ndtr

    kinds = cell.faults.kinds(ndtr(draw("fault_kind")))
    value = ndtr(draw("fault_value"))
    for sign, rate in ((1, 0.001), (-1, 0.001)):
        found = (kinds == sign).mean()
        assert abs(found - rate) < 5 * math.sqrt(rate / N)
    g = cell.faults.conductance(kinds, value) / US
    on, off = g[kinds > 0], g[kinds < 0]
    assert on.min() >= 300
    assert on.max() <= 1200
    assert on.mean() == pytest.approx(750, abs=5 * 260 / math.sqrt(len(on)))
    assert off.min() >= 0.01
    assert off.max() <= 1
    assert np.log10(off).mean() == pytest.approx(-1, abs=5 * 0.58 / math.sqrt(len(off)))
