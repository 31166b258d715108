"""Read-noise variances in pairs of 16-bit integers: their bound, and where they are used."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.kernels.read_circuit import ReadCircuit, RecurrentWiring, ShotNoise
from imssa_sim.kernels.recurrent import run_recurrent
from imssa_sim.kernels.tiles import pack_tiles

WHERE = {"seed": 3, "chip": 1, "site": 2}
LIMIT = 127


@pytest.mark.parametrize(("rows", "columns"), [(7, 16), (65, 65), (256, 40)])
@pytest.mark.parametrize("cells", ["each its own", "most alike", "around one value"])
def test_noise_in_integers_stays_within_its_bound(rows, columns, cells):
    # noise far above the sums and an ADC so fine that its codes show z sqrt(var)
    rng = np.random.default_rng(19)
    variance = rng.uniform(0, 2, (1, rows, columns)) * 10.0 ** rng.integers(-3, 4, (1, 1, columns))
    shared = np.median(variance, axis=1) if cells != "each its own" else np.zeros((1, columns))
    if cells == "most alike":
        variance = np.where(rng.random(variance.shape) < 0.1, variance, shared[:, None])
    codes = rng.integers(-LIMIT, LIMIT + 1, (33, 3, rows)).astype(np.int16)
    circuit = ReadCircuit(
        weights=np.zeros((1, rows, columns)), rows_used=np.array([rows]),
        columns_used=np.array([columns]), limit=LIMIT,
        adc_scale=2.0**12 / np.sqrt(variance.max(axis=1)), adc_offset=0.0, adc_low=-(2**23),
        adc_high=2**23, variance=variance - shared[:, None], flat_variance=shared,
    )  # fmt: skip
    wiring = RecurrentWiring(np.array([0]), np.arange(rows)[None], 1.0, 1)
    tiles = {dtype: pack_tiles(circuit, wiring, dtype=dtype) for dtype in (np.float32, np.float64)}
    assert tiles[np.float32].arrays.pairs.size
    assert not tiles[np.float64].arrays.pairs.size
    ids = np.arange(33)
    fast, exact = (
        run_recurrent(t, codes, sample_ids=ids, **WHERE).outputs[:, :, 0] for t in tiles.values()
    )
    squares = codes.astype(np.float64) ** 2
    unit = tiles[np.float32].arrays.pair_unit[:columns].astype(np.float64)
    bound = unit / 2 * squares.sum(axis=2)[..., None] / (squares @ variance[0])
    # sqrt(1 + e) is wrong by at most e / 2; 2e-6 for float32, 1 for the floor
    assert (np.abs(fast - exact) <= (bound / 2 + 2e-6) * np.abs(exact) + 1.5).all()
    assert bound.max() < 0.01
    assert np.abs(exact).max() > 1e4
    alone = run_recurrent(tiles[np.float32], codes[:2], sample_ids=ids[:2], **WHERE)
    np.testing.assert_array_equal(alone.outputs[:, :, 0], fast[:2])


def in_pairs(rows=4, limit=LIMIT, dtype=None, **more):
    """Whether a tile of such a kind keeps its variances in integers."""
    given = {"variance": np.ones((1, rows, 2))} | more
    circuit = ReadCircuit(
        weights=np.ones((1, rows, 2)), rows_used=np.array([rows]), columns_used=np.array([2]),
        limit=limit, adc_scale=1.0, adc_offset=0.5, adc_low=-LIMIT, adc_high=LIMIT, **given,
    )  # fmt: skip
    wiring = RecurrentWiring(np.array([1]), np.arange(rows - 1)[None], 0.5, LIMIT)
    return bool(pack_tiles(circuit, wiring, dtype=dtype).arrays.pairs.size)


def test_noise_is_kept_in_integers_only_where_squares_are_such():
    codes = np.arange(-LIMIT, LIMIT + 1)
    assert in_pairs()
    assert in_pairs(rows=256)
    assert not in_pairs(rows=300)  # too few bits would be left to each
    assert not in_pairs(limit=128)  # squares beyond 14 bits
    assert not in_pairs(dac_levels=codes * 1.01)
    assert not in_pairs(shot=ShotNoise(np.ones((1, 4, 2)), np.abs(codes)))
    assert not in_pairs(dtype=np.float64)
    assert not in_pairs(variance=None)
