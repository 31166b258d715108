"""Threefry-2x32 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; SC 2011).

A key and a counter of two 32-bit words each give two random words; nothing is stored between
calls. 13 rounds are the fewest that pass BigCrush in the paper's table 2, 20 its default.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from imssa_sim.kernels.ops import add, entry, inner, rotate_left, xor

_PARITY = np.uint32(0x1BD11BDA)


# Typed constants, not literals: Numba would compile a function anew for each literal.
R13, R15, R26, R6, R17, R29, R16, R24 = (np.uint32(r) for r in (13, 15, 26, 6, 17, 29, 16, 24))


@inner
def _four_rounds(x0: Any, x1: Any, r0: Any, r1: Any, r2: Any, r3: Any) -> Any:
    x0 = add(x0, x1)
    x1 = xor(rotate_left(x1, r0), x0)
    x0 = add(x0, x1)
    x1 = xor(rotate_left(x1, r1), x0)
    x0 = add(x0, x1)
    x1 = xor(rotate_left(x1, r2), x0)
    x0 = add(x0, x1)
    return x0, xor(rotate_left(x1, r3), x0)


@inner
def _twelve_rounds(x0: Any, x1: Any, key0: Any, key1: Any, key2: Any) -> Any:
    x0, x1 = _four_rounds(add(x0, key0), add(x1, key1), R13, R15, R26, R6)
    x0, x1 = add(x0, key1), add(x1, add(key2, np.uint32(1)))
    x0, x1 = _four_rounds(x0, x1, R17, R29, R16, R24)
    x0, x1 = add(x0, key2), add(x1, add(key0, np.uint32(2)))
    x0, x1 = _four_rounds(x0, x1, R13, R15, R26, R6)
    return add(x0, key0), add(x1, add(key1, np.uint32(3)))


@njit
def threefry2x32_13(key0: Any, key1: Any, counter0: Any, counter1: Any) -> Any:
    """Two random words from a key and a counter by 13 rounds.

    Parameters
    ----------
    key0, key1, counter0, counter1 : numpy.uint32 or vector of uint32
        Key and counter.

    Returns
    -------
    tuple
        The two words of output.
    """
    key2 = xor(xor(key0, key1), _PARITY)
    x0, x1 = _twelve_rounds(counter0, counter1, key0, key1, key2)
    x0 = add(x0, x1)
    return x0, xor(rotate_left(x1, R17), x0)


@njit
def threefry2x32_20(key0: Any, key1: Any, counter0: Any, counter1: Any) -> Any:
    """Two random words from a key and a counter by 20 rounds; else as :func:`threefry2x32_13`."""
    key2 = xor(xor(key0, key1), _PARITY)
    x0, x1 = _twelve_rounds(counter0, counter1, key0, key1, key2)
    x0, x1 = _four_rounds(x0, x1, R17, R29, R16, R24)
    x0, x1 = add(x0, key1), add(x1, add(key2, np.uint32(4)))
    x0, x1 = _four_rounds(x0, x1, R13, R15, R26, R6)
    return add(x0, key2), add(x1, add(key0, np.uint32(5)))


@inner
def absorb(key0: Any, key1: Any, value: Any) -> Any:
    """The key that a 64-bit coordinate gives under a key."""
    low = np.uint32(value & 0xFFFFFFFF)
    high = np.uint32((value >> 32) & 0xFFFFFFFF)
    return threefry2x32_20(key0, key1, low, high)


@entry
def derive_key(seed: int, chip: int, sample: int, stage: int, tile: int) -> Any:
    """Key of the noise of one sample on one tile.

    Each coordinate is encrypted under the key that the coordinates before it gave. Encryption is
    a bijection, so two coordinates of one kind never give the same key while the others agree.

    Parameters
    ----------
    seed, chip, sample, stage, tile : int
        Coordinates, 64 bits each.

    Returns
    -------
    tuple of numpy.uint32
        The key's two words.
    """
    key0, key1 = absorb(np.uint32(0), np.uint32(0), seed)
    key0, key1 = absorb(key0, key1, chip)
    key0, key1 = absorb(key0, key1, sample)
    key0, key1 = absorb(key0, key1, stage)
    return absorb(key0, key1, tile)


@entry
def sample_keys(seed: int, chip: int, samples: Any, stage: int) -> Any:
    """Keys short of their last coordinate: uint32 (B, 2) for ``samples`` (B,) int64."""
    keys = np.empty((samples.shape[0], 2), np.uint32)
    first = absorb(np.uint32(0), np.uint32(0), seed)
    first = absorb(first[0], first[1], chip)
    for b in range(samples.shape[0]):
        key0, key1 = absorb(first[0], first[1], samples[b])
        key0, key1 = absorb(key0, key1, stage)
        keys[b, 0] = key0
        keys[b, 1] = key1
    return keys
