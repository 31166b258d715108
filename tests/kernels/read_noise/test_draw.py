"""The generator: known answers, exactness of the inverse, distribution, independence.

Statistical bounds are set at an error rate of 1e-6 per test (two-sided 4.9 sigma); the draws are
fixed by their keys, so a test that passes once passes always.
"""

from __future__ import annotations

import numpy as np
import pytest
from numba import config, njit
from scipy import stats

from imssa_sim.kernels.read_noise._normal_table import TABLE
from imssa_sim.kernels.read_noise.normal import fill_normals, fill_rows, normal_from_bits
from imssa_sim.kernels.read_noise.threefry import derive_key, threefry2x32_13, threefry2x32_20

SIGMAS = 4.9
COUNT = 160_000 if config.DISABLE_JIT else 8_000_000  # plain Python is 500 times slower


@njit
def words_13(key0, key1, c0, c1):
    return threefry2x32_13(key0, key1, c0, c1)


@njit
def words_20(key0, key1, c0, c1):
    return threefry2x32_20(key0, key1, c0, c1)


@njit
def invert(words, out):
    for i in range(words.shape[0]):
        out[i] = normal_from_bits(words[i])


# Random123, tests/kat_vectors: rounds, counter, key, output.
KNOWN = [
    (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
    (13, (0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0xFD36D048, 0x2D17272C)),
    (13, (0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xBA3E4725, 0xF27D669E)),
    (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    (20, (0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
    (20, (0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("rounds", "counter", "key", "output"), KNOWN)
def test_threefry_gives_the_known_answers(rounds, counter, key, output):
    function = words_13 if rounds == 13 else words_20
    words = function(*(np.uint32(v) for v in (*key, *counter)))
    assert tuple(int(w) for w in words) == output


def test_keys_differ_in_every_coordinate():
    base = (1, 2, 3, 4, 5)
    keys = {tuple(map(int, derive_key(*base)))}
    for place in range(5):
        for value in (0, 7, 2**31, 2**32, 2**32 + 7, 2**62, -1):
            changed = list(base)
            changed[place] = value
            keys.add(tuple(map(int, derive_key(*changed))))
    assert len(keys) == 1 + 5 * 7


def test_keys_of_neighbouring_coordinates_do_not_collide():
    # 40,000 keys of 64 bits: a collision by chance has the probability 4e-11
    samples = 1 if config.DISABLE_JIT else 25
    keys = {
        tuple(map(int, derive_key(0, 0, sample, site, tile)))
        for sample in range(samples)
        for site in range(8)
        for tile in range(200)
    }
    assert len(keys) == samples * 8 * 200


def test_inverse_follows_scipy_over_centre_and_tails():
    rng = np.random.default_rng(1)
    low = np.concatenate(
        [np.arange(3000), rng.integers(0, 2**31, 20_000), 2**31 - 1 - np.arange(3000)]
    ).astype(np.uint32)
    z = np.empty(low.size, np.float32)
    invert(low, z)
    exact = -stats.norm.ppf((low + 0.5) * 2.0**-32)
    assert np.abs(z - exact).max() < 2e-6
    beyond = exact > 0.5  # nearer the centre the grid of p limits the relative error
    assert np.abs(z / exact - 1)[beyond].max() < 2e-6


def test_coefficients_meet_the_inverse_at_chebyshev_nodes():
    nodes = 1.5 + 0.5 * np.cos(np.pi * (np.arange(7) + 0.5) / 7)
    for row, coefficients in enumerate(TABLE):
        exponent = (row - 127) % 32
        exponent -= 32 * (exponent == 31)  # n = 0 is 1/2
        exact = stats.norm.isf(nodes * 2.0 ** (exponent - 32))
        through = np.polynomial.Polynomial.fit(nodes, exact, 6).convert().coef
        np.testing.assert_allclose(coefficients, through, rtol=1e-6)


def test_normals_are_symmetric_finite_and_reach_six_sigma():
    words = np.arange(0, 2**31, 99_991).astype(np.uint32)
    z, mirrored = np.empty(words.size, np.float32), np.empty(words.size, np.float32)
    invert(words, z)
    invert(words | np.uint32(2**31), mirrored)
    np.testing.assert_array_equal(z, -mirrored)
    assert np.isfinite(z).all()
    assert 6.33 < z.max() < 6.34


def draw(count, *, seed=0, chip=0, sample=0, site=0, tile=0, step=0):
    out = np.empty(count, np.float32)
    fill_normals(*derive_key(seed, chip, sample, site, tile), step, out)
    return out


@pytest.fixture(scope="module")
def many():
    return draw(COUNT, seed=11).astype(np.float64)


def test_moments(many):
    n = many.size
    # standard errors of mean, variance, skewness and kurtosis of n normals
    for value, expected, variance in (
        (many.mean(), 0.0, 1),
        ((many**2).mean(), 1.0, 2),
        ((many**3).mean(), 0.0, 15),
        ((many**4).mean(), 3.0, 96),
        ((many**6).mean(), 15.0, 10395 - 225),
    ):
        assert abs(value - expected) < SIGMAS * np.sqrt(variance / n)


def test_kolmogorov_smirnov(many):
    assert stats.kstest(many[:2_000_000], stats.norm.cdf).pvalue > 1e-6


@pytest.mark.parametrize("bound", [2.0, 3.0, 4.0, 4.5, 5.0, 5.5])
def test_tails_are_as_heavy_as_a_normal_s(many, bound):
    for count in ((many > bound).sum(), (many < -bound).sum()):
        expected = stats.norm.sf(bound) * many.size
        # exact two-sided binomial test, valid where few events are expected
        assert stats.binomtest(int(count), many.size, expected / many.size).pvalue > 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("bound", [5.0, 5.5])
def test_far_tails_of_two_billion_normals(bound):
    out, count, blocks = np.empty(20_000_000, np.float32), 0, 100
    for step in range(blocks):
        fill_normals(*derive_key(3, 0, 0, 0, 0), step, out)
        count += int((np.abs(out) > bound).sum())
    expected = 2 * stats.norm.sf(bound) * out.size * blocks
    assert abs(count - expected) < SIGMAS * np.sqrt(expected)


COORDINATES = ["seed", "chip", "sample", "site", "tile", "step"]


@pytest.mark.parametrize("coordinate", COORDINATES)
def test_neighbours_along_each_coordinate_are_independent(coordinate):
    n, values = (2_000 if config.DISABLE_JIT else 50_000), 8
    rows = np.array([draw(n, **{coordinate: v}) for v in range(values)], dtype=np.float64)
    pairs = values * (values - 1) // 2
    for power in (1, 2):  # values, and their squares (dependence without correlation)
        moved = rows**power
        correlation = np.corrcoef(moved)[np.triu_indices(values, 1)]
        assert np.abs(correlation).max() < stats.norm.isf(0.5e-6 / pairs) / np.sqrt(n)


@pytest.mark.parametrize("lag", [1, 2, 3, 16, 31, 32, 33, 64])
def test_neighbouring_columns_are_independent(many, lag):
    z = many[:1_000_000]
    for moved in (z, z**2 - 1):
        covariance = (moved[lag:] * moved[:-lag]).mean() / (moved**2).mean()
        assert abs(covariance) < SIGMAS / np.sqrt(z.size - lag)


def test_pairs_of_one_counter_fill_the_plane_evenly(many):
    # columns 2c and 2c+1 come from one counter: chi-square over 16 x 16 equal-probability cells
    u = stats.norm.cdf(many[:2_000_000]).reshape(-1, 2)
    cells = np.bincount((u[:, 0] * 16).astype(int) * 16 + (u[:, 1] * 16).astype(int), minlength=256)
    assert stats.chisquare(cells).pvalue > 1e-6


def test_a_column_s_normal_does_not_depend_on_how_many_are_drawn():
    whole = draw(200, seed=5, step=9)
    for count in (1, 2, 31, 32, 33, 63, 64, 100):
        np.testing.assert_array_equal(draw(count, seed=5, step=9), whole[:count])


@pytest.mark.parametrize("columns", [1, 65, 128, 300])
def test_rows_are_the_steps(columns):
    key, out = derive_key(1, 2, 3, 4, 5), np.empty(7 * columns, np.float32)
    fill_rows(*key, columns, out)
    for step, row in enumerate(out.reshape(7, columns)):
        single = np.empty(columns, np.float32)
        fill_normals(*key, step, single)
        np.testing.assert_array_equal(row, single)
