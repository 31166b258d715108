"""Compiled functions on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256

import pytest
from numba import config, njit

from imssa_sim.kernels.ops import align_stack

USE = """
from imssa_sim.kernels.read_noise.threefry import derive_key
print(*derive_key(1, 2, 3, 4, 5), sum(derive_key.stats.cache_hits.values()))
"""


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_what_another_version_kept_is_replaced(tmp_path):
    def use():
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", USE], env=environment, check=True, text=True, timeout=120,
            capture_output=True,
        )  # fmt: skip
        return done.stdout.split()

    first = use()
    assert first[2] == "0"
    assert use() == [*first[:2], "1"]
    (file,) = tmp_path.rglob("*.loop")
    gone = b"cimssa_sim.kernels.ops\nNoSuchType\n."  # a global name, as pickle writes it
    file.write_bytes(sha256(gone).digest() + gone)
    assert use() == first
    assert use() == [*first[:2], "1"]


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_stack_of_a_kernel_is_aligned_to_cache_lines():
    @njit
    def function(x):
        align_stack()
        return x + 1

    assert function(1) == 2
    (text,) = function.inspect_llvm().values()
    assert "alignstack=64" in text
