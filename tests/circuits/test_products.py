"""Noisy products of programmed tiles: left and right, batched and single, single tile and split.

Means and variances are held against sums over cells in NumPy, z-scores of n reads: |z| < 5, so that
all columns of a test together fail by accident with a chance below 1e-4; the seeds are fixed.
"""

import math

import numpy as np
import pytest

from imssa_sim.circuits.array import program_tiles, write_tiles
from imssa_sim.circuits.slices import cut_weights
from imssa_sim.functional.configured import cell_array
from imssa_sim.kernels.dense import pack_dense, read_dense
from imssa_sim.kernels.read_circuit import DenseWiring, ReadCircuit

READS = 10_000
FINE = 8.0  # ADC codes per unit: what they round is nothing beside the noise
TILES = [
    {"weights": "differential"},
    {"weights": "one_sided", "devices": 2},
    {"weights": "offset"},
    {"weights": "differential", "slices": 2},
]


def weights_and_codes(rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-127, 128, (rows, columns))
    weights[rng.random(weights.shape) < 0.2] = 0
    return weights, rng.integers(-127, 128, rows), rng.integers(-127, 128, columns)


class Tile:
    """One matrix (rows, columns) on the row tiles of a chip with read noise."""

    def __init__(self, hardware, matrix, *, pieces=1, site=0, **tile):
        self.pieces, self.rows = pieces, len(matrix) // pieces
        parts = matrix.reshape(pieces, self.rows, -1)
        self.columns = parts.shape[2]
        self.chip = hardware(
            "cells/taox_imssa", tile={"weight_scale": "tile", **tile}, read_noise=True
        )
        slices = tile.get("slices", 1)
        self.held = cut_weights(parts, slices, tile["weights"], "tile")
        used = np.full(pieces, self.rows), np.full(pieces, self.columns * slices)
        self.at = program_tiles(
            self.held.weights, *used, cell_array(self.chip), seed=0, chip=0, site=site,
            time_since_programming=3600.0,
        )  # fmt: skip
        self.written = write_tiles(
            self.held.weights, *used, cell_array(self.chip), seed=0, chip=0, site=site
        )
        self.site = site

    def read(self, codes, steps, **how):
        """Sums (n, columns) of codes (n, rows), parts added up."""
        circuit = ReadCircuit(
            weights=self.at.weights, rows_used=np.full(self.pieces, self.rows),
            columns_used=np.full(self.pieces, self.columns), limit=127, adc_scale=FINE,
            adc_offset=0.5, adc_low=-(2**25), adc_high=2**25, variance=self.at.variance,
            flat_variance=self.at.flat_variance, slices=self.held.number,
            slice_gain=np.ldexp(1.0, self.held.shift),
        )  # fmt: skip
        wiring = DenseWiring(np.arange(self.pieces) * self.rows)
        packed = pack_dense(circuit, wiring, dtype=np.float64)
        found = read_dense(
            packed, codes.astype(np.int16), sample_ids=0, steps=steps, seed=0, chip=0,
            site=self.site, **how,
        )  # fmt: skip
        return found.outputs.sum(axis=1) / FINE

    def cells(self):
        """Variance of every weight (rows, columns), line by line from the cells' own noise."""
        scheme, devices = self.chip.chip.tile.weights, self.chip.chip.tile.devices
        g = self.written.conductance(3600.0)
        sigma = self.written.cell.read_sigma(g, self.written.written, 3600.0, 1e-8)
        number = self.held.number
        found = np.zeros((self.pieces, self.rows, self.columns))
        for t in range(self.pieces):
            line = (sigma[t] ** 2).reshape(self.rows, -1, devices).sum(axis=2)
            for c in range(self.columns * number):
                plus, minus = (c, -1) if scheme == "offset" else (2 * c, 2 * c + 1)
                unit = self.written.scale[t, c] / 2.0 ** self.held.shift[t, c]
                found[t, :, c // number] += (line[:, plus] + line[:, minus]) / unit**2
        return found.reshape(self.pieces * self.rows, self.columns)


def agrees(samples, mean, variance):
    n = len(samples)
    assert np.all(np.abs(samples.mean(axis=0) - mean) < 5 * np.sqrt(variance / n))
    z = (samples.var(axis=0, ddof=1) / variance - 1) / math.sqrt(2 / (n - 1))
    assert np.all(np.abs(z) < 5)


@pytest.mark.parametrize("tile", TILES)
def test_left_and_right_products(hardware, tile):
    """zᵀ(Wx) with Wᵀ on a tile and (zᵀW)x with W on another: one mean, and the cells' variance."""
    weights, z, x = weights_and_codes(24, 20)
    left = Tile(hardware, weights, site=1, **tile)
    right = Tile(hardware, weights.T, site=2, **tile)
    steps = np.arange(READS)
    by_left = left.read(np.tile(z, (READS, 1)), steps)
    by_right = right.read(np.tile(x, (READS, 1)), steps)
    agrees(by_left, z @ weights, z.astype(float) ** 2 @ left.cells())
    agrees(by_right, weights @ x, x.astype(float) ** 2 @ right.cells())
    # One pattern of cells, turned: the same deviations, so the same of the bilinear form.
    np.testing.assert_allclose(left.cells(), right.cells().T, rtol=1e-9)
    variance = np.array([z.astype(float) ** 2 @ left.cells() @ x.astype(float) ** 2])
    for form in (by_left @ x, by_right @ z):
        agrees(form[:, None], np.array([z @ weights @ x]), variance)


@pytest.mark.parametrize("tile", TILES)
def test_batched_and_single_reads_are_the_same(hardware, tile):
    weights, _, _ = weights_and_codes(24, 20)
    codes = np.random.default_rng(3).integers(-127, 128, (70, 24))
    one = Tile(hardware, weights, **tile)
    whole = one.read(codes, np.arange(70))
    order = np.random.default_rng(4).permutation(70)
    np.testing.assert_array_equal(one.read(codes[order], order, threads=2), whole[order])
    for i in (0, 1, 33, 69):
        np.testing.assert_array_equal(one.read(codes[i : i + 1], np.array([i])), whole[i : i + 1])


@pytest.mark.parametrize("tile", TILES)
def test_single_tile_and_split_tile(hardware, tile):
    """Rows on one tile or dealt to three: the same mean, and the same variance of the sum."""
    weights, z, _ = weights_and_codes(48, 10)
    weights[::16] = 127  # every part fills its cells' range with the same weight
    codes, steps = np.tile(z, (READS, 1)), np.arange(READS)
    whole, split = (Tile(hardware, weights, pieces=n, **tile) for n in (1, 3))
    np.testing.assert_allclose(split.cells(), whole.cells(), rtol=1e-9)
    variance = z.astype(float) ** 2 @ whole.cells()
    for tiles in (whole, split):
        agrees(tiles.read(codes, steps), z @ weights, variance)
