"""Several cells in parallel for one: what averages, what adds up, what a single fault does.

Statistical claims: sample variances are compared by z-scores, a test fails by accident with a
chance below 1e-5 a column (|z| < 5); the seeds are fixed.
"""

import math

import numpy as np
import pytest

from imssa_sim.circuits.adc.converters import Converters
from imssa_sim.circuits.array import write_tiles
from imssa_sim.circuits.faults import OPEN, STUCK_ON, assign_columns
from imssa_sim.circuits.literal import literal_sums
from imssa_sim.circuits.periphery import read_circuit
from imssa_sim.circuits.transfer import transfer_matrix
from imssa_sim.errors import InputError
from imssa_sim.functional.configured import cell_array, periphery
from imssa_sim.mapping.tiles import tile_shape

SCHEMES = ("differential", "one_sided", "offset")


def random_weights(rows=20, columns=6, limit=127, seed=0):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-limit, limit + 1, (1, rows, columns))
    weights[rng.random(weights.shape) < 0.3] = 0
    return weights


def write(weights, chip, number=0):
    _, rows, columns = weights.shape
    return write_tiles(
        weights,
        np.array([rows]),
        np.array([columns]),
        cell_array(chip),
        seed=1,
        chip=number,
        site=0,
    )


def weights_of(conductance, scale, scheme, devices):
    """Weights that cells stand for, line by line."""
    rows, lines = conductance.shape
    line = [conductance[:, p * devices : (p + 1) * devices].sum(1) for p in range(lines // devices)]
    columns = len(line) - 1 if scheme == "offset" else len(line) // 2
    found = np.empty((rows, columns))
    for j in range(columns):
        plus, minus = (j, columns) if scheme == "offset" else (2 * j, 2 * j + 1)
        found[:, j] = (line[plus] - line[minus]) / scale[j]
    return found


@pytest.mark.parametrize("scheme", SCHEMES)
def test_without_effects_the_weights_are_the_integers(hardware, scheme):
    weights = random_weights()
    chip = hardware(tile={"weights": scheme, "devices": 3})
    written = write(weights, chip)
    np.testing.assert_array_equal(written.at(0.0).weights, weights)
    found = weights_of(written.written[0], written.scale[0], scheme, 3)
    np.testing.assert_allclose(found, weights[0], atol=1e-9)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_device_more_adds_conductance_cells_and_pulses(hardware, scheme):
    weights = random_weights()
    one, four = (
        write(weights, hardware(tile={"weights": scheme, "devices": n})).at(0.0) for n in (1, 4)
    )
    np.testing.assert_allclose(four.row_conductance, 4 * one.row_conductance, rtol=1e-12)
    np.testing.assert_allclose(four.cell_conductance, 4 * one.cell_conductance, rtol=1e-12)
    np.testing.assert_allclose(four.scale, 4 * one.scale, rtol=1e-12)
    for field in ("cells", "pulses", "time", "energy"):
        found, expected = (getattr(p.programming, field) for p in (four, one))
        np.testing.assert_allclose(found, 4 * expected, rtol=1e-12)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("devices", [1, 2, 8])
def test_independent_errors_average(hardware, scheme, devices):
    """Σ of N errors over N times the scale: the variance of a weight falls as 1/N."""
    rng = np.random.default_rng(2)
    weights = rng.choice([-1, 1], (1, 60, 20)) * rng.integers(20, 101, (1, 60, 20))
    weights[0, 0] = 127
    sigma = 0.2e-6
    chip = hardware(
        tile={"weights": scheme, "devices": devices, "programming_sigma": f"{sigma} S"},
        programming_error=True,
    )
    tiles = write(weights, chip).at(0.0)
    # No cell is cut off: those at G_min = 1 µS stand five sigma above zero.
    error = (tiles.weights - weights)[0]
    scale = tiles.scale[0] / devices
    if scheme == "offset":  # the common line's error shifts the rows: compare beside it
        error = error * scale / scale.mean()
        error = error - error.mean(axis=1, keepdims=True)
        freedom, cells, scale = 60 * 19, 1, np.full(20, scale.mean())
    else:
        freedom, cells = error.size, 2
    expected = cells * sigma**2 / (devices * scale**2)
    measured = (error**2 / expected).sum() / freedom
    assert abs(measured - 1) < 5 * math.sqrt(2 / freedom)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_folded_read_noise_is_that_of_every_device(hardware, scheme):
    weights = random_weights(24, 5, 60)
    chip = hardware(
        "cells/taox_imssa", tile={"weights": scheme, "devices": 3},
        read_noise=True, programming_error=True,
    )  # fmt: skip
    written = write(weights, chip)
    codes = np.random.default_rng(0).integers(-127, 128, 24)
    tiles = written.at(3600.0)
    mean = codes @ weights_of(written.conductance(3600.0)[0], written.scale[0], scheme, 3)
    variance = codes.astype(float) ** 2 @ (tiles.variance[0] + tiles.flat_variance[0])
    reads = 20_000
    samples = literal_sums(
        written, 0, np.tile(codes, (reads, 1)), 3600.0, np.random.default_rng(1), clipped=False
    )
    assert np.all(np.abs(samples.mean(axis=0) - mean) < 5 * np.sqrt(variance / reads))
    z = (samples.var(axis=0, ddof=1) / variance - 1) / math.sqrt(2 / (reads - 1))
    assert np.all(np.abs(z) < 5)


def test_read_noise_of_equal_cells_falls_with_their_number(hardware):
    weights = random_weights(24, 5, 60)
    found = [
        write(weights, hardware(tile={"devices": n}, read_noise=True)).at(3600.0) for n in (1, 5)
    ]
    one, five = (t.variance + t.flat_variance[:, None, :] for t in found)
    np.testing.assert_allclose(five, one / 5, rtol=1e-9)
    assert found[1].flat_variance.all()


def test_a_stuck_device_errs_by_its_share(hardware):
    weights = random_weights(40, 10)
    chip = hardware(tile={"devices": 4}, faulty={"stuck_on": 0.01, "stuck_off": 0.0}, faults=True)
    written = write(weights, chip)
    stuck = written.faults[0] == STUCK_ON
    assert 10 < stuck.sum() < 60  # 32 of 3,200 expected
    tiles = written.at(0.0)
    alone = 0
    for row, line in np.argwhere(stuck):
        column = line // 8
        if stuck[row, 8 * column : 8 * column + 8].sum() == 1:
            excess = written.written[0, row, line] - written.targets[0, row, line]
            sign = 1 if line // 4 % 2 == 0 else -1
            error = tiles.weights[0, row, column] - weights[0, row, column]
            assert error == pytest.approx(sign * excess / written.scale[0, column], rel=1e-9)
            alone += 1
    assert alone > 10


@pytest.mark.parametrize("scheme", SCHEMES)
def test_spare_columns_move_with_all_their_devices(scheme):
    devices, columns, spares = 3, 4, 2
    logical = columns + spares
    lines = (logical + 1 if scheme == "offset" else 2 * logical) * devices
    each = devices * (1 if scheme == "offset" else 2)
    kinds = np.zeros((1, 8, lines), np.int8)
    kinds[0, 3, 2 * each + each - 1] = OPEN  # the last device of column 2
    kinds[0, 1, 4 * each] = OPEN  # the first spare is as bad, the second is good
    chosen = assign_columns(
        kinds, np.array([8]), np.array([columns]), columns, spares, scheme, devices
    )[0]
    expected = np.arange(columns * each)
    expected[2 * each : 3 * each] = np.arange(5 * each, 6 * each)
    np.testing.assert_array_equal(chosen[: columns * each], expected)
    if scheme == "offset":
        np.testing.assert_array_equal(chosen[columns * each :], np.arange(lines - devices, lines))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_wires_see_every_device(hardware, scheme):
    weights = random_weights(10, 4)
    wires = {"word_resistance": "2 ohm", "bit_resistance": "3 ohm"}
    chip = hardware(tile={"weights": scheme, "devices": 2, "wires": wires}, ir_drop=True)
    written = write(weights, chip)
    seen = transfer_matrix(written.written[0], written.wires).matrix
    assert seen.shape[1] == (10 if scheme == "offset" else 16)
    found = weights_of(seen, written.scale[0], scheme, 2)
    np.testing.assert_allclose(written.at(0.0).weights[0], found, atol=1e-9)


def test_thermal_noise_falls_with_the_number(hardware):
    weights = random_weights()

    def variance(devices):
        chip = hardware(tile={"devices": devices}, thermal_noise=True)
        shape = (1, weights.shape[2])
        found = read_circuit(
            write(weights, chip).at(0.0), periphery(chip),
            Converters(np.ones(shape), np.zeros(shape), -128, 127),
            rows_used=np.array(weights.shape[1:2]), columns_used=np.array([6]), limit=127,
            where=None,
        )  # fmt: skip
        return found.constant_variance

    np.testing.assert_allclose(variance(4), variance(1) / 4, rtol=1e-12)


def test_capacity_and_the_refusal_of_too_narrow_tiles(hardware):
    def columns(**tile):
        return tile_shape(hardware(tile=tile).chip.tile)

    shape = columns(columns=40, devices=3, spare_columns=1)
    assert (shape.columns, shape.bit_lines(shape.columns)) == (5, 30)
    shape = columns(columns=40, devices=3, weights="offset")
    assert (shape.columns, shape.bit_lines(shape.columns)) == (12, 39)
    with pytest.raises(InputError, match=r"hold no weight of weights: differential with devices"):
        columns(columns=6, devices=4)
