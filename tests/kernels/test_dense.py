"""The dense kernel against its plain twin, and against itself in other groupings."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numba import typeof

from imssa_sim.kernels.dense import pack_dense, read_dense
from imssa_sim.kernels.read_circuit import DenseWiring, ReadCircuit, RecurrentWiring, ShotNoise
from imssa_sim.kernels.tiles import pack_tiles

WHERE = {"seed": 4, "chip": 5, "site": 6}
T, R, C = 3, 37, 35
START, ROWS, COLUMNS = [0, 3, 20], [37, 30, 16], [35, 16, 5]
LIMIT = 127


def parameters(rng, *, noise, tables):
    return {
        "weights": rng.normal(0, 9, (T, R, C)),
        "adc_scale": rng.uniform(0.08, 0.12, (T, C)),
        "adc_offset": 0.5,
        "adc_low": -128,
        "adc_high": 127,
        "variance": rng.uniform(0, 3, (T, R, C)) if noise else None,
        "extra_variance": 0.9 if noise else 0.0,
        "dac_levels": np.arange(-LIMIT, LIMIT + 1) + rng.normal(0, 0.1, 2 * LIMIT + 1)
        if tables
        else None,
        "dac_steps": np.arange(-LIMIT, LIMIT + 1) * 2 // 3 if tables else None,
        "adc_table": rng.integers(-128, 128, (T, C, 256)) if tables else None,
    }


def pack(p, dtype=None):
    shot = None
    if p.get("shot_variance") is not None:
        shot = ShotNoise(p["shot_variance"], p["pulse_power"])
    circuit = ReadCircuit(
        weights=p["weights"], rows_used=np.array(ROWS), columns_used=np.array(COLUMNS),
        limit=LIMIT, adc_scale=p["adc_scale"], adc_offset=p["adc_offset"], adc_low=p["adc_low"],
        adc_high=p["adc_high"], adc_table=p["adc_table"], dac_levels=p["dac_levels"],
        dac_steps=p["dac_steps"],
        variance=p["variance"], constant_variance=p["extra_variance"], shot=shot,
        slices=p.get("slices", 1), slice_gain=p.get("slice_gain", 1.0),
    )  # fmt: skip
    return pack_dense(circuit, DenseWiring(np.array(START)), dtype=dtype)


def one_tile(weights, limit, offset, bound, **more):
    """A tile of which all rows and columns are used, and its wiring."""
    tiles, rows, columns = weights.shape
    circuit = ReadCircuit(
        weights=weights, rows_used=np.full(tiles, rows), columns_used=np.full(tiles, columns),
        limit=limit, adc_scale=1.0, adc_offset=offset, adc_low=-bound, adc_high=bound, **more,
    )  # fmt: skip
    return circuit, DenseWiring(np.zeros(tiles, np.int64))


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("tables", [False, True])
def test_float64_equals_the_twin(twins, noise, tables):
    rng = np.random.default_rng(1)
    p = parameters(rng, noise=noise, tables=tables)
    codes = rng.integers(-LIMIT, LIMIT + 1, (53, 60)).astype(np.int16)
    samples, steps = rng.integers(0, 5, 53), rng.integers(0, 1000, 53)
    result = read_dense(pack(p, np.float64), codes, sample_ids=samples, steps=steps, **WHERE)
    twin = twins.Twin(**p)
    for n in range(53):
        for t in range(T):
            z = twins.normals((4, 5, int(samples[n]), 6, t), int(steps[n]), C)
            driven = codes[n, START[t] : START[t] + ROWS[t]].astype(np.int64)
            expected = twin.read(t, driven, 0, COLUMNS[t], z)
            np.testing.assert_array_equal(result.outputs[n, t, : COLUMNS[t]], expected)
            assert not result.outputs[n, t, COLUMNS[t] :].any()
    np.testing.assert_array_equal(result.saturated_low, twin.low)
    np.testing.assert_array_equal(result.saturated_high, twin.high)
    np.testing.assert_array_equal(result.sum_squares, twin.squares)
    np.testing.assert_array_equal(result.sum_magnitudes, twin.magnitudes)
    np.testing.assert_array_equal(result.non_zeros, twin.non_zeros)
    assert result.drives == 53


@pytest.mark.parametrize("tables", [False, True])
def test_shot_noise_equals_the_twin(twins, tables):
    rng = np.random.default_rng(15)
    p = parameters(rng, noise=True, tables=tables)
    p["shot_variance"] = rng.uniform(0, 90, (T, R, C))
    p["pulse_power"] = np.abs(np.arange(-LIMIT, LIMIT + 1)) * 1.5
    codes = rng.integers(-LIMIT, LIMIT + 1, (53, 60)).astype(np.int16)
    result = read_dense(pack(p, np.float64), codes, sample_ids=7, steps=np.arange(53), **WHERE)
    twin = twins.Twin(**p)
    for n in range(53):
        for t in range(T):
            z = twins.normals((4, 5, 7, 6, t), n, C)
            driven = codes[n, START[t] : START[t] + ROWS[t]].astype(np.int64)
            expected = twin.read(t, driven, 0, COLUMNS[t], z)
            np.testing.assert_array_equal(result.outputs[n, t, : COLUMNS[t]], expected)
    np.testing.assert_array_equal(result.sum_squares, twin.squares)
    one = read_dense(pack(p, np.float64), codes[3:4], sample_ids=7, steps=[3], **WHERE)
    np.testing.assert_array_equal(one.outputs[0], result.outputs[3])


@pytest.mark.parametrize("tables", [False, True])
def test_slices_equal_the_twin(twins, tables):
    rng = np.random.default_rng(12)
    p = parameters(rng, noise=True, tables=tables)
    for name in ("weights", "variance", "adc_scale"):
        p[name] = np.repeat(p[name], 2, axis=-1) * rng.uniform(0.9, 1.1, 2 * C)
    if tables:
        p["adc_table"] = rng.integers(-128, 128, (T, 2 * C, 256))
    p |= {"slices": 2, "slice_gain": np.tile([1.0, 16.0], (T, C))}
    codes = rng.integers(-LIMIT, LIMIT + 1, (53, 60)).astype(np.int16)
    steps = np.arange(53)
    result = read_dense(pack(p, np.float64), codes, sample_ids=7, steps=steps, **WHERE)
    twin = twins.Twin(**p)
    for n in range(53):
        for t in range(T):
            z = twins.normals((4, 5, 7, 6, t), n, 2 * C)
            driven = codes[n, START[t] : START[t] + ROWS[t]].astype(np.int64)
            expected = twin.read(t, driven, 0, COLUMNS[t], z)
            np.testing.assert_array_equal(result.outputs[n, t, : COLUMNS[t]], expected)
    assert result.outputs.shape == (53, T, C)
    np.testing.assert_array_equal(result.saturated_low, twin.low)
    np.testing.assert_array_equal(result.saturated_high, twin.high)
    one = read_dense(pack(p, np.float64), codes[3:4], sample_ids=7, steps=[3], **WHERE)
    np.testing.assert_array_equal(one.outputs[0], result.outputs[3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_result_is_the_same_in_any_grouping(dtype):
    rng = np.random.default_rng(2)
    tiles = pack(parameters(rng, noise=True, tables=True), dtype)
    codes = rng.integers(-LIMIT, LIMIT + 1, (64, 60)).astype(np.int16)
    samples, steps = rng.integers(0, 5, 64), rng.integers(0, 1000, 64)

    def read(part, **more):
        return read_dense(
            tiles, codes[part], sample_ids=samples[part], steps=steps[part], **WHERE, **more
        )

    whole, threaded = read(slice(None)), read(slice(None), threads=3)
    for field in dataclasses.fields(whole):
        np.testing.assert_array_equal(getattr(threaded, field.name), getattr(whole, field.name))
    for size in (1, 7, 50):
        parts = [read(slice(i, i + size)) for i in range(0, 64, size)]
        np.testing.assert_array_equal(np.concatenate([p.outputs for p in parts]), whole.outputs)
        for name in ("saturated_low", "sum_squares", "sum_magnitudes", "non_zeros", "drives"):
            np.testing.assert_array_equal(
                sum(getattr(p, name) for p in parts), getattr(whole, name)
            )


def test_integer_weights_give_the_integer_product():
    rng = np.random.default_rng(3)
    weights = rng.integers(-31, 32, (1, 128, 70))
    codes = rng.integers(-LIMIT, LIMIT + 1, (100, 128)).astype(np.int16)
    tiles = pack_dense(*one_tile(weights.astype(float), LIMIT, 0.0, 2**22))
    result = read_dense(tiles, codes, sample_ids=0, steps=np.arange(100), **WHERE)
    np.testing.assert_array_equal(result.outputs[:, 0], codes.astype(np.int64) @ weights[0])


def test_statistics_stay_exact_over_many_tokens():
    tiles = pack_dense(*one_tile(np.full((1, 17, 3), 0.001), 2047, 0.0, 9), dtype=np.float32)
    codes = np.full((200, 17), 2047, np.int16)
    result = read_dense(tiles, codes, sample_ids=0, steps=0, **WHERE)
    assert (result.sum_squares == 200 * 2047**2).all()


def test_wrong_calls_are_named():
    p = parameters(np.random.default_rng(0), noise=False, tables=False)
    with pytest.raises(ValueError, match=r"\(T, R, C\)"):
        pack(p | {"weights": np.zeros((2, 2))})
    with pytest.raises(ValueError, match="no token"):
        read_dense(pack(p), np.zeros((0, 60), np.int16), sample_ids=0, steps=0, **WHERE)
    with pytest.raises(ValueError, match="inputs"):
        read_dense(pack(p), np.zeros((1, 30), np.int16), sample_ids=0, steps=0, **WHERE)


def test_kernels_see_the_same_types_however_the_tiles_were_given():
    # a kernel is compiled anew for each combination of types, for seconds
    fixed = np.full(2, 3)
    fixed.flags.writeable = False
    circuit, wiring = one_tile(np.ones((2, 3, 3)), 7, 0.5, 7, variance=np.ones((2, 3, 3)))
    dense = pack_dense(dataclasses.replace(circuit, rows_used=fixed), wiring)
    circuit, _ = one_tile(np.ones((1, 3, 2)), 7, 0.5, 7)
    wiring = RecurrentWiring(np.array([1]), np.broadcast_to(0, (1, 2)), 0.5, 7)
    recurrent = pack_tiles(circuit, wiring)
    assert typeof(dense.packed.arrays) == typeof(recurrent.arrays)
