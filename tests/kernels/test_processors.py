"""Blocks of instructions that differ from processor to processor, against their NumPy twins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import config

from imssa_sim.kernels import _ops_python as plain
from imssa_sim.kernels.read_noise import _normals_python as normals

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
from imssa_sim.kernels.ops import (
    floor_affine, fma_pairs, load, load_four, load_twice, make_product, normal_from_bits,
    normals_and_words, store,
)

product = make_product(2, 2)

@njit
def run(s, x, words, near, z, next_words, sums, pairs, codes):
    z[128] = normal_from_bits(words[128])
    low, high = load_four(words, 0), load_four(words, 64)
    low, high = normals_and_words(low, high, z, high, low, words[129], low)
    store(next_words, 0, low)
    store(next_words, 64, high)
    product(s, 0, 2, 1, x, 0, 32, 5, sums, 0, 32)
    store(pairs, 0, fma_pairs(s[3], load_twice(x, 32), load_twice(sums, 0)))
    for i in range(0, 512, 16):
        store(codes, i, floor_affine(load(near, i), near[512], near[513]))
        codes[512 + i // 16] = floor_affine(near[i], near[512], near[513])

with np.load(sys.argv[1]) as given:
    arguments = [given[name] for name in ("s", "x", "words", "near")]
results = (
    np.zeros(129, np.float32), np.zeros(128, np.uint32), np.zeros(64, np.int32),
    np.zeros(32, np.int32), np.zeros(544, np.float32),
)
run(*arguments, *results)
np.savez(sys.argv[2], *results)
"""


def supported(features):
    if not features or "avx512" not in features:
        return True
    from llvmlite.binding import get_host_cpu_features

    return all(get_host_cpu_features().get(f[1:], False) for f in features.split(","))


def compiling_for(features):
    """Environment of a process that compiles for a processor with these features alone."""
    chosen = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": features}
    return {**os.environ, **(chosen if features is not None else {})}


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
@pytest.mark.parametrize("name", [name for name in FEATURES if FEATURES[name] is not None])
def test_products_in_one_pass_pass_their_tests_on_every_processor(name):
    features = FEATURES[name]
    if not supported(features):
        pytest.skip(f"no processor with {features}")
    tests = Path(__file__).with_name("test_products.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)],
        env=compiling_for(features), timeout=300, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


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
    words = rng.integers(0, 2**32, 130).astype(np.uint32)
    # products that lie within a few roundings of whole numbers
    scale, offset = np.float32(0.37), np.float32(0.5)
    near = (rng.integers(-5000, 5000, 512) - 0.5) / scale
    near = np.append(near, [scale, offset]).astype(np.float32)
    np.savez(tmp_path / "given.npz", s=s, x=x, words=words, near=near)
    subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "given.npz"), str(tmp_path / "out.npz")],
        env=compiling_for(features), check=True, timeout=120,
    )  # fmt: skip
    with np.load(tmp_path / "out.npz") as out:
        z, next_words, sums, pairs, codes = (out[name] for name in out.files)
    np.testing.assert_array_equal(z, normals.normal_from_bits(words[:129]))
    following = normals.threefry2x32_13(words[64:128], words[:64], words[129], words[:64])
    np.testing.assert_array_equal(next_words, np.concatenate(following))
    expected = np.zeros(64, np.int32)
    plain.make_product(2, 2)(s, 0, 2, 1, x, 0, 32, 5, expected, 0, 32)
    np.testing.assert_array_equal(sums, expected)
    np.testing.assert_array_equal(pairs, plain.fma_pairs(s[3], x[32:64], expected[:32]))
    exact = near[:512].astype(np.float64) * float(scale) + float(offset)  # 48 bits: exact
    np.testing.assert_array_equal(codes[:512], np.floor(exact))
    np.testing.assert_array_equal(codes[512:], np.floor(exact[::16]))
    nearest = np.floor(near[:512] * scale + offset)
    assert (nearest != codes[:512]).any()  # rounding to nearest alone passes some of them
