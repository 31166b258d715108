"""Integer weights cut into slices that fit a cell, and put together again by shift and add.

``w = Σ_k digit_k · 2^(b·k)``, each slice a column of its own with its own conversion. Pairs of
lines hold sign and magnitude: all digits of a weight have its sign and are at most 2^b - 1. An
offset column holds balanced digits, -2^(b-1) … 2^(b-1), which use the cells' range on both sides of
its middle. The width b of a digit follows from the largest weight of what shares a scale. Shapes: T
tiles, R rows, C logical columns, K slices; slice k of column j is column j·K + k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.weights import FloatArray, IntArray, Scheme, Scope


@dataclass(frozen=True)
class Slices:
    """Weights in slices.

    Attributes
    ----------
    weights : int array (T, R, C · K)
        Digits.
    shift : int array (T, C · K)
        What the conversions of a slice are shifted left by [bits].
    number : int
        K.
    """

    weights: IntArray
    shift: IntArray
    number: int


def cut_weights(weights: IntArray, number: int, scheme: Scheme, scope: Scope) -> Slices:
    """Cut weights into slices of the fewest bits that hold them.

    Parameters
    ----------
    weights : int array (T, R, C)
    number : int
        Slices K; with one the digits are the weights.
    scheme, scope : str
        Of signed weights; what shares a conductance per unit, and the width of the digits too.
    """
    tiles, rows, columns = weights.shape
    if number == 1:
        return Slices(weights, np.zeros((tiles, columns), dtype=np.int64), 1)
    largest = np.abs(weights).max(axis=1, initial=0)
    if scope == "tile":
        largest = np.broadcast_to(largest.max(axis=1, keepdims=True, initial=0), largest.shape)
    length = np.frexp(np.maximum(largest, 1).astype(np.float64))[1].astype(np.int64)
    if scheme == "offset":
        length = length + 1
    bits = -(-length // number)[:, None, :]
    digits = np.empty((tiles, rows, columns, number), dtype=np.int64)
    rest = weights if scheme == "offset" else np.abs(weights)
    for k in range(number - 1):
        low = np.bitwise_and(rest, (1 << bits) - 1)
        if scheme == "offset":
            low = low - (low >= 1 << (bits - 1)) * (1 << bits)
        digits[..., k] = low
        rest = (rest - low) >> bits
    digits[..., number - 1] = rest
    if scheme != "offset":
        digits *= np.sign(weights)[..., None]
    shift = bits[:, 0, :, None] * np.arange(number)
    return Slices(digits.reshape(tiles, rows, -1), shift.reshape(tiles, -1), number)


def common_noise(shift: IntArray, scale: FloatArray, number: int) -> FloatArray:
    """Return what the variance of a common line counts for in each slice (T, C · K).

    Its noise n is in every slice of a weight and adds up before it is squared:
    ``(Σ_k a_k·n)²`` with ``a_k = 2^(b·k) / s_k``. Slices are read with noise of their own instead,
    so each gets the share that makes their sum right, ``(Σ a_k)² / Σ a_k²`` times its own.

    Parameters
    ----------
    shift : int array (T, C · K)
    scale : array (T, C · K)
        Conductance per unit of a digit [S].
    number : int
        K.
    """
    a = (np.ldexp(1.0, shift) / scale).reshape(len(shift), -1, number)
    factor = np.square(a.sum(axis=2)) / np.square(a).sum(axis=2)
    return np.asarray(factor.repeat(number, axis=1))


def put_together(values: NDArray[Any], shift: IntArray, number: int) -> FloatArray:
    """Return what values (T, …, C · K) of the slices stand for, (T, …, C)."""
    between = (1,) * (values.ndim - 2)
    shifted = np.ldexp(values.astype(np.float64), shift.reshape(len(shift), *between, -1))
    return np.asarray(shifted.reshape(*values.shape[:-1], -1, number).sum(axis=-1))
