import math

import numpy as np
import pytest

from imssa_sim.circuits.dac import levels
from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.energy import read_duration, read_energy
from imssa_sim.circuits.sense import thermal_variance
from imssa_sim.devices.conduction import SinhConduction

CODES = np.arange(-127, 128)


@pytest.mark.parametrize("encoding", ["pulse_width", "amplitude", "bit_serial"])
@pytest.mark.parametrize("bits", [8, 9, 16])
def test_enough_bits_leave_codes_alone(bits, encoding):
    assert levels(127, bits, encoding) is None


def test_fewer_bits_round_to_their_grid():
    found = levels(127, 4, "amplitude")
    grid = np.arange(-7, 8) * 127 / 7
    assert np.allclose(np.unique(found), grid)
    assert np.abs(found - CODES).max() <= 127 / 7 / 2 + 1e-9
    assert found[0] == -127
    assert found[127] == 0
    assert np.array_equal(found, -found[::-1])
    assert np.unique(levels(127, 1, "amplitude")).tolist() == [-127, 0, 127]
    assert levels(127, 1, "bit_serial") is None


def test_inl_is_as_large_as_stated():
    bow = levels(127, 8, "pulse_width", inl=0.5) - CODES
    assert np.abs(bow).max() == pytest.approx(0.5, rel=1e-3)
    assert bow[[0, 127, 254]] == pytest.approx([0, 0, 0], abs=1e-12)


@pytest.mark.parametrize(("bits", "steps"), [(8, 127), (10, 127), (6, 31)])
def test_dnl_is_the_spread_of_the_steps(bits, steps):
    sigma, found = 0.2, []
    nominal = levels(127, bits, "amplitude")
    nominal = CODES if nominal is None else nominal
    for chip in range(40):
        table = levels(127, bits, "amplitude", dnl=sigma, where=Coordinates(0, chip, 0))
        assert np.array_equal(table, -table[::-1])
        assert table[[0, 127, 254]] == pytest.approx([-127, 0, 127])
        # The error of each level in steps, once for each level.
        error = (table - nominal)[127:] * steps / 127
        place = np.rint(np.abs(nominal[127:]) * steps / 127).astype(int)
        level = np.zeros(steps + 1)
        level[place] = error
        assert np.array_equal(level[place], error)
        found.append(np.diff(level))
    spread = sigma * math.sqrt(1 - 1 / steps)
    assert np.std(found) == pytest.approx(spread, rel=5 / math.sqrt(2 * np.size(found)))
    assert not np.array_equal(found[0], found[1])  # chips differ


def test_nonlinear_cells_bend_amplitudes_only():
    cell = SinhConduction(0.1)
    assert levels(127, 8, "pulse_width", conduction=cell, read_voltage=0.2) is None
    found = levels(127, 8, "amplitude", conduction=cell, read_voltage=0.2)
    np.testing.assert_allclose(found, 127 * np.sinh(2 * CODES / 127) / math.sinh(2), rtol=1e-12)
    almost = levels(127, 8, "amplitude", conduction=SinhConduction(100.0), read_voltage=0.2)
    np.testing.assert_allclose(almost, CODES, atol=1e-3)


def test_energy_is_the_sum_over_pulses():
    rng = np.random.default_rng(0)
    codes = rng.integers(-127, 128, (50, 4))
    g = rng.uniform(1e-4, 1e-2, 4)
    common = {"limit": 127, "read_voltage": 0.2, "read_time": 1e-8, "lsb_time": 1e-9}
    amplitude = sum(((0.2 * c / 127) ** 2 * g * 1e-8) for c in codes)
    width = sum((0.2**2 * g * abs(c) * 1e-9) for c in codes)
    bits = np.array([[bin(abs(x)).count("1") for x in row] for row in codes])
    serial = sum(0.2**2 * g * b * 1e-8 for b in bits)
    found = read_energy(g, encoding="amplitude", sum_squares=(codes**2).sum(axis=0), **common)
    np.testing.assert_allclose(found, amplitude)
    found = read_energy(g, encoding="pulse_width", sum_magnitudes=abs(codes).sum(axis=0), **common)
    np.testing.assert_allclose(found, width)
    found = read_energy(g, encoding="bit_serial", bits_set=bits.sum(axis=0), **common)
    np.testing.assert_allclose(found, serial)
    with pytest.raises(ValueError, match="needs another statistic"):
        read_energy(g, encoding="amplitude", **common)


def test_durations():
    assert read_duration("amplitude", 127, 1e-8, 1e-9) == 1e-8
    assert read_duration("pulse_width", 127, 1e-8, 1e-9) == pytest.approx(127e-9)
    assert read_duration("bit_serial", 127, 1e-8, 1e-9) == pytest.approx(7e-8)


def test_thermal_noise_is_that_of_the_textbook_resistor():
    """1 kΩ at 300 K: 4.07 nV/√Hz, so 4.07 pA/√Hz; 10 ns integrate a bandwidth of 50 MHz."""
    g = np.array([1e-3])
    variance = thermal_variance(
        g, np.array([1e-6]), limit=100, read_voltage=0.1, duration=1e-8, temperature=300.0
    )
    current = 4.07e-12 * math.sqrt(1 / (2 * 1e-8))
    assert math.sqrt(variance[0]) * 0.1 / 100 * 1e-6 == pytest.approx(current, rel=1e-3)
