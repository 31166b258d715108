"""A crossbar from weights to codes without any configuration."""

import numpy as np

from imssa_sim.circuits.adc.behaviour import ConverterBank
from imssa_sim.circuits.adc.converters import Converters
from imssa_sim.circuits.adc.spread import Spread
from imssa_sim.circuits.array import CellArray, write_tiles
from imssa_sim.circuits.dac import WordLineDriver
from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.periphery import Periphery, read_circuit
from imssa_sim.devices.cell import load_cell
from imssa_sim.kernels.dense import pack_dense, read_dense
from imssa_sim.kernels.read_circuit import DenseWiring

ROWS, COLUMNS, LIMIT = 12, 5, 127
DRIVER = WordLineDriver(8, "pulse_width", read_voltage=0.2, read_time=1e-8, lsb_time=1e-9)


def product(weights, codes, array, around):
    """Codes of the converters for codes (n, R) on the word lines."""
    used = np.array([ROWS]), np.array([COLUMNS])
    written = write_tiles(weights, *used, array, seed=1, chip=0, site=0)
    nominal = Converters(np.ones((1, COLUMNS)), np.full((1, COLUMNS), 0.5), -(2**20), 2**20)
    circuit = read_circuit(
        written.at(3600.0), around, nominal, rows_used=used[0], columns_used=used[1], limit=LIMIT,
        where=Coordinates(1, 0, 0),
    )  # fmt: skip
    tiles = pack_dense(circuit, DenseWiring(np.array([0])))
    read = read_dense(tiles, codes, sample_ids=0, steps=np.arange(len(codes)), seed=1, chip=0,
                      site=0)  # fmt: skip
    return read.outputs[:, 0]


def test_a_crossbar_needs_no_configuration():
    rng = np.random.default_rng(0)
    weights = rng.integers(-31, 32, (1, ROWS, COLUMNS))
    codes = rng.integers(-LIMIT, LIMIT + 1, (40, ROWS)).astype(np.int16)
    exact = codes.astype(np.int64) @ weights[0]
    cell = load_cell("cells/taox_imssa")
    ideal = product(weights, codes, CellArray(cell), None)
    np.testing.assert_array_equal(ideal, exact)
    silent = Periphery(DRIVER, ConverterBank(8, 16))
    np.testing.assert_array_equal(product(weights, codes, CellArray(cell), silent), exact)
    noisy = CellArray(cell, programming_error=True, read_noise=True, drift=True)
    off = product(weights, codes, noisy, silent) - exact
    assert 0 < np.abs(off).max() < np.abs(exact).max()
    spread = Periphery(DRIVER, ConverterBank(8, 16, (Spread(gain=0.1),)))
    gain = product(weights, codes, CellArray(cell), spread).std(axis=0) / exact.std(axis=0)
    assert 0.01 < np.abs(gain - 1).max() < 0.5
