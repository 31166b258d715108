"""Threefry-2x32 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; SC 2011).

A key and a counter of two 32-bit words each give two random words; nothing is stored between
calls. 13 rounds are the fewest that pass BigCrush in the paper's table 2, 20 its default.
``threefry2x32_13`` and ``threefry2x32_20`` take the key's and the counter's words (uint32, scalars
or vectors) and give two words.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imssa_sim.kernels.ops import entry, inner, threefry2x32_13, threefry2x32_20

__all__ = ["derive_key", "sample_keys", "threefry2x32_13", "threefry2x32_20"]


Key: TypeAlias = tuple[np.uint32, np.uint32]


@inner
def absorb(key0: np.uint32, key1: np.uint32, value: int) -> Key:
    """The key that a 64-bit coordinate gives under a key."""
    low = np.uint32(value & 0xFFFFFFFF)
    high = np.uint32((value >> 32) & 0xFFFFFFFF)
    key: Key = threefry2x32_20(key0, key1, low, high)
    return key


@entry
def derive_key(seed: int, chip: int, sample: int, site: int, tile: int) -> Key:
    """Key of the noise of one sample on one tile.

    Each coordinate is encrypted under the key that the coordinates before it gave. Encryption is
    a bijection, so two coordinates of one kind never give the same key while the others agree.

    Parameters
    ----------
    seed, chip, sample, site, tile : int
        Coordinates, 64 bits each.

    Returns
    -------
    tuple of numpy.uint32
        The key's two words.
    """
    key0, key1 = absorb(np.uint32(0), np.uint32(0), seed)
    key0, key1 = absorb(key0, key1, chip)
    key0, key1 = absorb(key0, key1, sample)
    key0, key1 = absorb(key0, key1, site)
    return absorb(key0, key1, tile)


@entry
def sample_keys(seed: int, chip: int, samples: NDArray[np.int64], site: int) -> NDArray[np.uint32]:
    """Keys short of their last coordinate: uint32 (B, 2) for ``samples`` (B,) int64."""
    keys = np.empty((samples.shape[0], 2), np.uint32)
    first = absorb(np.uint32(0), np.uint32(0), seed)
    first = absorb(first[0], first[1], chip)
    for b in range(samples.shape[0]):
        key0, key1 = absorb(first[0], first[1], samples[b])
        key0, key1 = absorb(key0, key1, site)
        keys[b, 0] = key0
        keys[b, 1] = key1
    return keys
