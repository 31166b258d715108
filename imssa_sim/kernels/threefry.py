"""Threefry-2x32 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; SC 2011).

A key and a counter of two 32-bit words each give two random words; nothing is stored between
calls. 13 rounds are the fewest that pass BigCrush in the paper's table 2, 20 its default.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_PARITY = np.uint32(0x1BD11BDA)
_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)


@njit(inline="always")
def _mix(x0, x1, rotation):  # type: ignore[no-untyped-def]
    x0 = np.uint32(x0 + x1)
    x1 = np.uint32((x1 << np.uint32(rotation)) | (x1 >> np.uint32(32 - rotation)))
    return x0, np.uint32(x1 ^ x0)


@njit
def threefry2x32(key0, key1, counter0, counter1, rounds):  # type: ignore[no-untyped-def]
    """Two random words from a key and a counter.

    Parameters
    ----------
    key0, key1, counter0, counter1 : numpy.uint32
        Key and counter.
    rounds : int
        Number of rounds, 13 or 20 (any number works).

    Returns
    -------
    tuple of numpy.uint32
        The two words of output.
    """
    key2 = np.uint32(key0 ^ key1 ^ _PARITY)
    x0 = np.uint32(counter0 + key0)
    x1 = np.uint32(counter1 + key1)
    a, b, c = key1, key2, key0
    for i in range(rounds):
        x0, x1 = _mix(x0, x1, _ROTATIONS[i & 7])
        if i & 3 == 3:
            x0 = np.uint32(x0 + a)
            x1 = np.uint32(x1 + b + np.uint32((i >> 2) + 1))
            a, b, c = b, c, a
    return x0, x1


@njit
def _absorb(key0, key1, value):  # type: ignore[no-untyped-def]
    word = np.uint64(value)
    low = np.uint32(word & np.uint64(0xFFFFFFFF))
    high = np.uint32(word >> np.uint64(32))
    return threefry2x32(key0, key1, low, high, 20)


@njit(cache=True)
def derive_key(seed, chip, sample, stage, tile):  # type: ignore[no-untyped-def]
    """Key of the noise of one sample on one tile.

    Each coordinate is encrypted under the key that the coordinates before it gave. Encryption is
    a bijection, so two coordinates of one kind never give the same key while the others agree.

    Parameters
    ----------
    seed, chip, sample, stage, tile : int
        Coordinates, up to 64 bits each; negative numbers count modulo 2**64.

    Returns
    -------
    tuple of numpy.uint32
        The key's two words.
    """
    key0, key1 = _absorb(np.uint32(0), np.uint32(0), seed)
    key0, key1 = _absorb(key0, key1, chip)
    key0, key1 = _absorb(key0, key1, sample)
    key0, key1 = _absorb(key0, key1, stage)
    return _absorb(key0, key1, tile)


@njit(cache=True)
def derive_keys(seed, chip, samples, stage, tile):  # type: ignore[no-untyped-def]
    """Keys of many samples on one tile: uint32 (B, 2) of ``samples`` (B,) int64."""
    keys: NDArray[np.uint32] = np.empty((samples.shape[0], 2), np.uint32)
    for b in range(samples.shape[0]):
        key = derive_key(seed, chip, samples[b], stage, tile)
        keys[b, 0] = key[0]
        keys[b, 1] = key[1]
    return keys
