"""Shot noise of the cells' currents against the textbook and against electrons counted one by one.

Sample variances of n reads are compared by z-scores, |z| < 5: a test fails by accident with a
chance below 1e-5 for all of its columns together; the seeds are fixed.
"""

import math

import numpy as np
import pytest

from imssa_sim.circuits.adc.converters import Converters
from imssa_sim.circuits.array import write_tiles
from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.literal import literal_sums
from imssa_sim.circuits.periphery import read_circuit
from imssa_sim.circuits.sense import pulse_power, shot_variance, thermal_variance, unit_time
from imssa_sim.functional.configured import cell_array, periphery

READS = 20_000
SCHEMES = ("differential", "one_sided", "offset")


def test_one_cell_is_schottkys_formula():
    """σ_I² = 2·q·I·B; a current integrated over t has the band B = 1/(2t)."""
    g, voltage, t, limit = 50e-6, 0.2, 1e-6, 127
    q = 1.602176634e-19
    current = g * voltage
    charge = math.sqrt(2 * q * current / (2 * t)) * t
    scale = 1e-6
    unit = voltage * scale * t / limit  # [C] of a weight of one times a code of one
    found = (
        shot_variance(
            np.array([[[g]]]), np.array([[scale]]), read_voltage=voltage, unit_time=t / limit
        )[0, 0, 0]
        * pulse_power(np.arange(-limit, limit + 1.0), "amplitude")[-1]
    )
    assert math.sqrt(found) == pytest.approx(charge / unit, rel=1e-12)


def test_it_equals_thermal_noise_where_the_voltage_is_twice_the_thermal_one():
    """2·q·V·G = 4·k·T·G at V = 2·k·T/q, 51.7 mV at 300 K."""
    g, scale, limit, t = np.full((1, 1, 1), 40e-6), np.full((1, 1), 1e-6), 127, 1e-7
    voltage = 2 * 1.380649e-23 * 300 / 1.602176634e-19
    shot = shot_variance(g, scale, read_voltage=voltage, unit_time=t / limit)[0, 0, 0] * limit
    thermal = thermal_variance(
        g[:, 0], scale, limit=limit, read_voltage=voltage, duration=t, temperature=300.0
    )[0, 0]
    assert shot == pytest.approx(thermal, rel=1e-12)


def test_pulses_of_codes():
    codes = np.arange(-7.0, 8.0)
    np.testing.assert_array_equal(pulse_power(codes, "pulse_width"), np.abs(codes))
    np.testing.assert_array_equal(pulse_power(codes * 0.9, "amplitude"), np.abs(codes) * 0.9)
    # 7 = 1 + 2 + 4: weights 1 + 4 + 16; 5 = 1 + 4
    serial = pulse_power(codes, "bit_serial")
    assert serial[[14, 12, 7, 2]].tolist() == [21, 17, 0, 17]
    assert unit_time("amplitude", 127, 127, 1e-8, 1e-9) == pytest.approx(1e-8 / 127)
    assert unit_time("pulse_width", 127, 127, 1e-8, 1e-9) == 1e-9
    assert unit_time("bit_serial", 127, 127, 1e-8, 1e-9) == 1e-8


def tiles(hardware, scheme, devices=1, **effects):
    rng = np.random.default_rng(0)
    weights = rng.integers(-60, 61, (1, 24, 6))
    weights[rng.random(weights.shape) < 0.5] = 0
    chip = hardware(tile={"weights": scheme, "devices": devices}, **effects)
    written = write_tiles(
        weights, np.array([24]), np.array([6]), cell_array(chip), seed=1, chip=0, site=0
    )
    return written, rng.integers(-127, 128, 24)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("devices", [1, 3])
def test_folded_is_counted_electrons(hardware, scheme, devices):
    written, codes = tiles(hardware, scheme, devices)
    voltage, unit = 0.01, 1e-12  # few electrons, so that the noise is large
    read = written.at(0.0)
    each = shot_variance(read.cell_conductance, read.scale, read_voltage=voltage, unit_time=unit)
    variance = np.abs(codes) @ each[0]
    samples = literal_sums(
        written, 0, np.tile(codes, (READS, 1)), 0.0, np.random.default_rng(1),
        electrons=voltage * unit / 1.602176634e-19,
    )  # fmt: skip
    assert np.all(
        np.abs(samples.mean(axis=0) - codes @ read.weights[0]) < 5 * np.sqrt(variance / READS)
    )
    z = (samples.var(axis=0, ddof=1) / variance - 1) / math.sqrt(2 / (READS - 1))
    assert np.all(np.abs(z) < 5)
    correlation = np.corrcoef(samples.T)[np.triu_indices(6, 1)]
    if scheme == "offset":
        assert correlation.mean() > 0.3  # the common line; folding leaves it out
    else:
        assert np.all(np.abs(np.arctanh(correlation)) * math.sqrt(READS - 3) < 5)


def test_folded_with_read_noise_is_the_sum_of_both(hardware):
    written, codes = tiles(hardware, "differential", read_noise=True)
    voltage, unit = 0.2, 1e-12
    read = written.at(3600.0)
    each = shot_variance(read.cell_conductance, read.scale, read_voltage=voltage, unit_time=unit)
    shot = np.abs(codes) @ each[0]
    slow = codes.astype(float) ** 2 @ (read.variance[0] + read.flat_variance[0])
    assert 0.05 < np.mean(shot / slow) < 20
    samples = literal_sums(
        written, 0, np.tile(codes, (READS, 1)), 3600.0, np.random.default_rng(1),
        electrons=voltage * unit / 1.602176634e-19,
    )  # fmt: skip
    z = (samples.var(axis=0, ddof=1) / (shot + slow) - 1) / math.sqrt(2 / (READS - 1))
    assert np.all(np.abs(z) < 5)


@pytest.mark.parametrize("encoding", ["pulse_width", "amplitude", "bit_serial"])
def test_the_periphery_states_it_for_the_encoding(hardware, encoding):
    written, _ = tiles(hardware, "one_sided")
    chip = hardware(
        tile={"weights": "one_sided"}, dac={"encoding": encoding, "lsb_time": "2 ns"},
        shot_noise=True,
    )  # fmt: skip
    read = written.at(0.0)
    around = {
        "nominal": Converters(np.ones((1, 6)), np.zeros((1, 6)), -128, 127),
        "rows_used": np.array([24]), "columns_used": np.array([6]), "limit": 127,
        "where": Coordinates(0, 0, 0),
    }  # fmt: skip
    found = read_circuit(read, periphery(chip), **around)
    time = {"pulse_width": 2e-9, "amplitude": 1e-8 / 127, "bit_serial": 1e-8}[encoding]
    electrons = 0.2 * time / 1.602176634e-19
    expected = read.cell_conductance / read.scale[:, None, :] ** 2 / electrons
    np.testing.assert_allclose(found.shot.variance, expected, rtol=1e-12)
    # Seven bits: 1 + 4 + … + 4^6.
    assert found.shot.power[-1] == (5461 if encoding == "bit_serial" else 127)
    assert read_circuit(read, periphery(hardware()), **around).shot is None
