"""Every path of the loops on tiles so small that they also run uncompiled, or with checked bounds.

    NUMBA_DISABLE_JIT=1 pytest tests/kernels/test_small.py      # the NumPy twins of the operations
    NUMBA_BOUNDSCHECK=1 pytest tests/kernels/test_small.py      # indices of arrays are checked

Without the compiler also every pointer is checked: a vector that leaves its memory is an error.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from imssa_sim.kernels.dense import pack_dense, read_dense
from imssa_sim.kernels.read_circuit import (
    Accumulator,
    DenseWiring,
    FusedOutput,
    ReadCircuit,
    RecurrentWiring,
    ShotNoise,
)
from imssa_sim.kernels.recurrent import run_recurrent
from imssa_sim.kernels.tiles import pack_tiles

pytestmark = pytest.mark.usefixtures("blocks_of_16")
WHERE = {"seed": 1, "chip": 2, "site": 3}
ROWS, COLUMNS, LIMIT = 5, 4, 15


def circuit(noise, slices, tables):
    rng = np.random.default_rng(4)
    shape = (1, ROWS, COLUMNS * slices)
    sparse = rng.random(shape) < (0.2 if noise == "flat" else 1)
    return ReadCircuit(
        weights=rng.integers(-7, 8, shape) + rng.normal(0, 0.1, shape),
        rows_used=np.array([ROWS]), columns_used=np.array([COLUMNS]), limit=LIMIT, adc_scale=0.3,
        adc_offset=0.5, adc_low=-16, adc_high=15,
        adc_table=rng.integers(-16, 16, (*shape[::2], 32)).astype(float) if tables else None,
        dac_levels=np.arange(-LIMIT, LIMIT + 1) * 1.01 if tables else None,
        variance=None if noise == "off" else rng.uniform(0, 1, shape) * sparse,
        flat_variance=0.2 if noise == "flat" else 0.0,
        constant_variance=0.0 if noise == "off" else 0.1,
        shot=ShotNoise(rng.uniform(0, 9, shape), rng.uniform(0, 9, 2 * LIMIT + 1))
        if noise == "shot" else None,
        slices=slices, slice_gain=np.tile(4.0 ** np.arange(slices), (1, COLUMNS)),
    )  # fmt: skip


def twin_of(twins, c):
    shot = c.shot
    return twins.Twin(
        weights=c.weights,
        variance=None if c.variance is None else c.variance + c.flat_variance,
        extra_variance=c.constant_variance,
        shot_variance=None if shot is None else shot.variance,
        pulse_power=None if shot is None else shot.power, dac_levels=c.dac_levels,
        adc_scale=np.full(c.weights.shape[::2], c.adc_scale), adc_offset=c.adc_offset,
        adc_low=c.adc_low, adc_high=c.adc_high,
        adc_table=None if c.adc_table is None else c.adc_table.astype(int), slices=c.slices,
        slice_gain=c.slice_gain,
    )  # fmt: skip


CASES = [("off", 1, False), ("each", 1, False), ("flat", 2, False), ("shot", 1, True)]


@pytest.mark.parametrize("form", ["direct", "fused", "two passes", "delta"])
@pytest.mark.parametrize(("noise", "slices", "tables"), CASES)
def test_recurrent_reads(twins, noise, slices, tables, form):
    c = circuit(noise, slices, tables)
    by = Accumulator(2, LIMIT, feedback=True) if form == "delta" else None
    wiring = RecurrentWiring(
        n_states=np.array([3]), input_channel=np.array([[1, -1]]), state_gain=0.75,
        state_limit=60 if by else LIMIT, accumulator=by,
        output=FusedOutput(np.array([[0]]), 0.5, LIMIT, 1) if form == "fused" else None,
    )  # fmt: skip
    rng = np.random.default_rng(5)
    codes = rng.integers(-LIMIT, LIMIT + 1, (22, 2, 2)).astype(np.int16)
    two = form == "two passes"
    for dtype in (np.float32, np.float64):
        tiles = pack_tiles(c, wiring, dtype=dtype)
        whole, some, alone = (  # 32 and 16 abreast, and one by itself
            run_recurrent(tiles, codes[:n], sample_ids=np.arange(n), two_pass=two, **WHERE)
            for n in (22, 7, 1)
        )
        for name in ("outputs", "state", "rest"):
            np.testing.assert_array_equal(getattr(whole, name)[:7], getattr(some, name))
            np.testing.assert_array_equal(getattr(whole, name)[:1], getattr(alone, name))
    if form == "direct":  # in double precision, the last of the two
        outputs, state = direct(twins, c, codes)
        np.testing.assert_array_equal(whole.outputs[:, :, 0], outputs)
        np.testing.assert_array_equal(whole.state[:, 0], state)


def direct(twins, c, codes):
    """Outputs and states of all samples by the twin."""
    twin = twin_of(twins, c)
    outputs, states = [], []
    for b, sample in enumerate(codes):
        x, out = np.zeros(3, np.int64), []
        for k, (_, u) in enumerate(sample.tolist()):
            z = twins.normals((1, 2, b, 3, 0), k, COLUMNS * c.slices)
            adc = twin.read(0, np.array([*x, u, 0]), 0, COLUMNS, z)
            x = twins.requantise(adc[:3], 3, 2, LIMIT)
            out.append(adc[3:])
        outputs.append(out)
        states.append(x)
    return outputs, states


@pytest.mark.parametrize(("noise", "slices", "tables"), CASES)
def test_dense_reads(twins, noise, slices, tables):
    c = circuit(noise, slices, tables)
    rng = np.random.default_rng(6)
    codes = rng.integers(-LIMIT, LIMIT + 1, (5, ROWS + 1)).astype(np.int16)
    twin = twin_of(twins, c)
    expected = [
        twin.read(0, codes[k, 1:].astype(np.int64), 0, COLUMNS,
                  twins.normals((1, 2, 7, 3, 0), k, COLUMNS * slices))
        for k in range(5)
    ]  # fmt: skip
    results = [
        read_dense(
            pack_dense(c, DenseWiring(np.array([1])), dtype=dtype), codes, sample_ids=7,
            steps=np.arange(5), **WHERE,
        )
        for dtype in (np.float32, np.float64)
    ]  # fmt: skip
    np.testing.assert_array_equal(results[1].outputs[:, 0], expected)
    assert {field.name for field in dataclasses.fields(results[0])} >= {"outputs", "drives"}
    np.testing.assert_array_equal(results[0].sum_squares, results[1].sum_squares)
