"""Folded read noise against reads with every cell drawn apart.

Levels: variances are compared by z-scores of sample variances, correlations by Fisher's z; a test
fails by accident with a chance below 1e-5 (|z| < 5), the seeds are fixed.
"""

import math

import numpy as np
import pytest

from imssa_sim.circuits.array import write_tiles
from imssa_sim.circuits.literal import literal_sums
from imssa_sim.functional.configured import cell_array

READS = 20_000


def setup(hardware, cell, scheme="differential"):
    rng = np.random.default_rng(0)
    weights = rng.integers(-60, 61, (1, 24, 6))
    weights[rng.random(weights.shape) < 0.5] = 0
    chip = hardware(cell, tile={"weights": scheme}, read_noise=True, programming_error=True)
    written = write_tiles(
        weights, np.array([24]), np.array([6]), cell_array(chip), seed=1, chip=0, site=0
    )
    return written, rng.integers(-127, 128, 24)


def folded(written, codes, time):
    tiles = written.at(time)
    variance = tiles.variance[0] + tiles.flat_variance[0]
    return codes @ tiles.weights[0], codes.astype(float) ** 2 @ variance


def z_of_variances(samples, expected):
    """A sample variance of n normals has the relative standard error sqrt(2/(n - 1))."""
    return (samples.var(axis=0, ddof=1) / expected - 1) / math.sqrt(2 / (len(samples) - 1))


@pytest.mark.parametrize("cell", ["cells/taox_imssa", "cells/pcm_hermes_2", "cells/cmo_hfox"])
@pytest.mark.parametrize("scheme", ["differential", "one_sided"])
def test_equal_mean_and_covariance(hardware, cell, scheme):
    written, codes = setup(hardware, cell, scheme)
    mean, variance = folded(written, codes, 3600.0)
    samples = literal_sums(
        written, 0, np.tile(codes, (READS, 1)), 3600.0, np.random.default_rng(1), clipped=False
    )
    assert np.all(np.abs(samples.mean(axis=0) - mean) < 5 * np.sqrt(variance / READS))
    assert np.all(np.abs(z_of_variances(samples, variance)) < 5)
    correlation = np.corrcoef(samples.T)[np.triu_indices(6, 1)]
    assert np.all(np.abs(np.arctanh(correlation)) * math.sqrt(READS - 3) < 5)


def test_an_offset_column_correlates_the_columns(hardware):
    """The common line's noise is in every column: folding keeps the variances, not these."""
    written, codes = setup(hardware, "cells/taox_imssa", "offset")
    mean, variance = folded(written, codes, 3600.0)
    samples = literal_sums(
        written, 0, np.tile(codes, (READS, 1)), 3600.0, np.random.default_rng(1), clipped=False
    )
    assert np.all(np.abs(samples.mean(axis=0) - mean) < 5 * np.sqrt(variance / READS))
    assert np.all(np.abs(z_of_variances(samples, variance)) < 5)
    correlation = np.corrcoef(samples.T)[np.triu_indices(6, 1)]
    assert correlation.mean() > 0.3


def test_clipping_matters_only_where_noise_reaches_zero(hardware):
    # 1 % noise never reaches zero
    written, codes = setup(hardware, "cells/taox_imssa")
    reads = np.tile(codes, (200, 1))
    free, cut = (
        literal_sums(written, 0, reads, 3600.0, np.random.default_rng(1), clipped=c)
        for c in (False, True)
    )
    assert np.array_equal(free, cut)
    # Empty phase-change cells hours after programming: σ is as large as the conductance itself,
    # and half-rectified noise has less variance (0.85 of it here). In columns that hold weights
    # of a tenth of the range the loss is 2 %, below sampling error with larger ones.
    rng = np.random.default_rng(0)
    for limit, low, high in ((0, 0.75, 0.93), (60, 0.93, 1.07)):
        weights = rng.integers(-limit, limit + 1, (1, 64, 4))
        weights[0, 0] = 60  # sets the scale; not driven
        chip = hardware(
            "cells/pcm_joshi_2020",
            tile={"weights": "one_sided"},
            read_noise=True,
            programming_error=True,
        )
        written = write_tiles(
            weights, np.array([64]), np.array([4]), cell_array(chip), seed=1, chip=0, site=0
        )
        codes = rng.integers(-127, 128, 64)
        codes[0] = 0
        _, variance = folded(written, codes, 3600.0)
        reads = np.tile(codes, (4000, 1))
        samples = literal_sums(written, 0, reads, 3600.0, np.random.default_rng(1))
        assert low < (samples.var(axis=0) / variance).mean() < high
