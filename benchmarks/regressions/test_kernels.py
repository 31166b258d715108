"""Times of the kernels, to be compared with those of another commit (pytest-benchmark).

    pytest benchmarks/regressions --benchmark-autosave            # before
    pytest benchmarks/regressions --benchmark-compare --benchmark-compare-fail=median:15%

They are no part of the test suite, which collects ``tests`` alone. One thread, processor time, so
that a machine that does other work too disturbs little.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from engines import fast_forward, recurrence
from kernel_cases import TILES, dense_tile, kernel, random_codes, site

from imssa_sim.kernels.dense import read_dense
from imssa_sim.kernels.read_noise.normal import fill_normals

pytestmark = pytest.mark.benchmark(timer=time.process_time, min_rounds=7, warmup=True)


@pytest.mark.parametrize("batch", [1, 32])
@pytest.mark.parametrize("noise", ["off", "alike", "each"])
def test_recurrent(benchmark, noise, batch):
    packed, _, _ = site(TILES, 64, noise)
    result = benchmark(kernel(packed, random_codes(batch, 64, TILES), 1))
    assert result.outputs.shape == (batch, 64, TILES)


@pytest.mark.parametrize("size", [64, 256])
@pytest.mark.parametrize("tokens", [16, 1000])
def test_dense(benchmark, tokens, size):
    rng = np.random.default_rng(3)
    shape = (1, size, size)
    tiles = dense_tile(rng.normal(0, 1, shape), rng.uniform(0, 0.01, shape))
    codes, steps = random_codes(tokens, 1, size)[:, 0], np.arange(tokens)
    result = benchmark(
        lambda: read_dense(tiles, codes, sample_ids=0, steps=steps, seed=0, chip=0, site=1)
    )
    assert result.outputs.shape == (tokens, 1, size)


def test_normals(benchmark):
    out = np.empty(1_000_000, np.float32)
    benchmark(fill_normals, 1, 2, 3, out)
    assert 0.99 < out.std() < 1.01


@pytest.mark.parametrize("engine", [fast_forward, recurrence])
def test_engine(benchmark, engine):
    end, _ = benchmark(engine, 100_000)
    assert end == 700_020  # the slowest station's 7 ticks a token, and the others' of one token
