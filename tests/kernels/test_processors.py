"""Blocks of instructions that differ from processor to processor, against their NumPy twins."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import config

from imssa_sim.kernels import _ops_python as plain
from imssa_sim.kernels._normal_table import TABLE

# Compiled for a processor with these features; none of them needs the newest to run.
FEATURES = {
    "own": None,
    "AVX-512 without pairs": "+avx512f,+avx512bw,+avx512vl,+avx512dq,+avx2,+avx,+fma",
    "AVX2": "+avx2,+avx,+fma",
    "any": "",
}
RUN = """
import sys
import numpy as np
from numba import njit
from imssa_sim.kernels._normal_table import TABLE
from imssa_sim.kernels.ops import fma_pairs, load, load_twice, make_lookup, make_product, store

lookup, product = make_lookup(TABLE[:, 2]), make_product(2, 2)

@njit
def run(s, x, index, found, sums, pairs):
    store(found, 0, lookup(load_twice(index, 0)))
    found[32] = lookup(index[32])
    product(s, 0, 2, 1, x, 0, 32, 5, sums, 0, 32)
    store(pairs, 0, fma_pairs(s[3], load_twice(x, 32), load_twice(sums, 0)))

with np.load(sys.argv[1]) as given:
    s, x, index = (given[name] for name in ("s", "x", "index"))
results = np.zeros(33, np.float32), np.zeros(64, np.int32), np.zeros(32, np.int32)
run(s, x, index, *results)
np.savez(sys.argv[2], *results)
"""


def supported(features):
    if not features or "avx512" not in features:
        return True
    from llvmlite.binding import get_host_cpu_features

    return all(get_host_cpu_features().get(f[1:], False) for f in features.split(","))


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
@pytest.mark.parametrize("name", FEATURES)
def test_every_processor_gives_the_same_numbers(tmp_path, name):
    features = FEATURES[name]
    if not supported(features):
        pytest.skip(f"no processor with {features}")
    rng = np.random.default_rng(4)
    s = rng.integers(-(2**31), 2**31, 10).astype(np.int32)
    x = rng.integers(-(2**31), 2**31, 5 * 32).astype(np.int32)
    x &= 0x0FFF0FFF  # sums of ten products within 32 bits, so no twin is asked to wrap
    index = rng.integers(-1000, 1000, 33).astype(np.int32)
    np.savez(tmp_path / "given.npz", s=s, x=x, index=index)
    chosen = {} if features is None else {"NUMBA_CPU_NAME": "x86-64"}
    if features is not None:
        chosen["NUMBA_CPU_FEATURES"] = features
    subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "given.npz"), str(tmp_path / "out.npz")],
        env={**os.environ, **chosen}, check=True, timeout=120,
    )  # fmt: skip
    with np.load(tmp_path / "out.npz") as out:
        found, sums, pairs = (out[name] for name in out.files)
    np.testing.assert_array_equal(found, TABLE[index % 32, 2])
    expected = np.zeros(64, np.int32)
    plain.make_product(2, 2)(s, 0, 2, 1, x, 0, 32, 5, expected, 0, 32)
    np.testing.assert_array_equal(sums, expected)
    np.testing.assert_array_equal(pairs, plain.fma_pairs(s[3], x[32:64], expected[:32]))
