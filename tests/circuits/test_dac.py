import math

import numpy as np
import pytest

from imssa_sim.circuits.dac import levels, steps, top_step
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
    assert np.unique(levels(127, 2, "amplitude")).tolist() == [-127, 0, 127]
    assert levels(127, 1, "bit_serial") is None
    for encoding in ("amplitude", "pulse_width"):
        with pytest.raises(ValueError, match="1 bit has no level but zero"):
            levels(127, 1, encoding)


@pytest.mark.parametrize(("code_bits", "bits"), [(8, 4), (8, 6), (16, 8), (8, 8), (6, 12)])
def test_a_driver_takes_the_steps_that_it_has(code_bits, bits):
    """By hand: round(|code| · own / limit), half away from zero; never beyond the codes."""
    limit, own = 2 ** (code_bits - 1) - 1, 2 ** (bits - 1) - 1
    top = min(limit, own)
    assert top_step(limit, bits, "pulse_width") == top_step(limit, bits, "amplitude") == top
    assert top_step(limit, bits, "bit_serial") == limit
    found = steps(limit, bits, "pulse_width")
    if own >= limit:
        assert found is None
        return
    by_hand = [
        (1 if c > 0 else -1) * ((2 * abs(c) * own + limit) // (2 * limit))
        for c in range(-limit, limit + 1)
    ]
    assert found.tolist() == by_hand
    np.testing.assert_allclose(
        levels(limit, bits, "pulse_width"), found * (limit / own), rtol=1e-12
    )


def test_a_coarse_driver_charges_its_pulses():
    """4 bits for codes of 8: seven units of 1 ns in place of 127, and 7 / 127 of the charge."""
    codes = np.array([127, -64, 9, 10, 0])  # steps 7, 4 (3.53), 0 (.496), 1 (.55), 0
    taken = np.abs(steps(127, 4, "pulse_width")[codes + 127])
    assert taken.tolist() == [7, 4, 0, 1, 0]
    energy = read_energy(
        np.ones(1), encoding="pulse_width", top=7, read_voltage=0.2, read_time=1e-8,
        lsb_time=1e-9, sum_magnitudes=taken.sum(keepdims=True),
    )  # fmt: skip
    assert energy[0] == pytest.approx(0.2**2 * 12e-9, rel=1e-12)
    amplitude = read_energy(
        np.ones(1), encoding="amplitude", top=7, read_voltage=0.2, read_time=1e-8,
        lsb_time=1e-9, sum_squares=(taken**2).sum(keepdims=True),
    )  # fmt: skip
    assert amplitude[0] == pytest.approx(0.2**2 * (1 + (4 / 7) ** 2 + 1 / 49) * 1e-8, rel=1e-12)


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
    common = {"top": 127, "read_voltage": 0.2, "read_time": 1e-8, "lsb_time": 1e-9}
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
