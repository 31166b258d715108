"""NumPy twins of the random words and their normals, for ``NUMBA_DISABLE_JIT=1``; see ``ops``."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from imssa_sim.kernels import _ops_python as plain
from imssa_sim.kernels.read_noise._normal_table import TABLE
from imssa_sim.kernels.read_noise._recipes import inverse_normal, run, threefry2x32

_WORDS = SimpleNamespace(
    add=plain.add, xor=plain.xor, rotate_left=plain.rotate_left, word=np.uint32
)
_NORMALS = SimpleNamespace(
    add=plain.add,
    xor=plain.xor,
    both=plain.both,
    either=plain.either,
    smaller=plain.smaller,
    shift_right=plain.shift_right,
    fma=plain.fma,
    bits_of=plain.bits_of,
    float_of=plain.float_of,
    integer=np.int32,
    single=np.float32,
    to_float=lambda whole: plain.convert(whole, np.float32(0)),
    coefficient=lambda power, octave: TABLE[octave % len(TABLE), power],
)


def threefry2x32_13(key0: Any, key1: Any, counter0: Any, counter1: Any) -> Any:
    """Two random words from a key and a counter by 13 rounds."""
    return run(threefry2x32(_WORDS, 13, key0, key1, counter0, counter1))


def threefry2x32_20(key0: Any, key1: Any, counter0: Any, counter1: Any) -> Any:
    """Two random words from a key and a counter by 20 rounds."""
    return run(threefry2x32(_WORDS, 20, key0, key1, counter0, counter1))


def normal_from_bits(words: Any) -> Any:
    """Standard normals (float32) from random uint32, a scalar or a vector."""
    return run(inverse_normal(_NORMALS, words.view(np.int32)))


def normals_and_words(
    word0: Any, word1: Any, out: Any, key0: Any, key1: Any, counter0: Any, counter1: Any
) -> Any:
    """Store the normals of two groups of words behind each other; the words of a next counter."""
    plain.store(out, 0, normal_from_bits(word0))
    plain.store(out, word0.size, normal_from_bits(word1))
    return threefry2x32_13(key0, key1, counter0, counter1)
