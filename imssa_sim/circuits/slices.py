"""Integer weights cut into slices that fit a cell, and put together again by shift and add.

``w = Σ_k digit_k · 2^(b·k)``, each slice a column of its own with its own conversion. Pairs of
lines hold sign and magnitude: all digits of a weight have its sign and are at most 2^b - 1. An
offset column holds balanced digits, -2^(b-1) … 2^(b-1), which use the cells' range on both sides of
its middle. The width b of a digit follows from the largest weight of what shares a scale. Shapes: T
tiles, R rows, C logical columns, K slices; slice k of column j is column j·K + k.

Four lines: with ``x = x+ - x-`` and ``y = y+ - y-``, none of them negative, the rows are x+ and x-,
the columns y+ and y-, and a weight w stands as ``[[max(w, 0), max(-w, 0)], [max(-w, 0), max(w,
0)]]``. The two columns are slices of the gains 1 and -1; lines of a pair are neighbours.
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
    signs_apart : bool
        Rows and columns hold a sign each; rows are then (T, 2R, …).
    """

    weights: IntArray
    shift: IntArray
    number: int
    signs_apart: bool = False

    @property
    def lines_per_row(self) -> int:
        """Word lines that one code drives."""
        return 1 + self.signs_apart

    @property
    def gain(self) -> FloatArray:
        """What the codes of the columns (T, C · K) count in the sum."""
        return np.ldexp(1.0, self.shift) * self.sign

    @property
    def sign(self) -> IntArray:
        """Sign (C · K,) with which the codes of the columns are added."""
        return (-1) ** (np.arange(self.shift.shape[1]) % 2 * self.signs_apart)


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
    if scheme == "four_line":
        apart = signs_apart(weights)
        return Slices(apart, np.zeros((tiles, 2 * columns), np.int64), 2, signs_apart=True)
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


def signs_apart(weights: IntArray) -> IntArray:
    """Return the weights (T, 2R, 2C), none negative, of rows and columns that hold a sign each."""
    tiles, rows, columns = weights.shape
    apart = np.zeros((tiles, 2 * rows, 2 * columns), np.int64)
    apart[:, 0::2, 0::2] = apart[:, 1::2, 1::2] = np.maximum(weights, 0)
    apart[:, 0::2, 1::2] = apart[:, 1::2, 0::2] = np.maximum(-weights, 0)
    return apart


def codes_apart(codes: NDArray[Any], slices: Slices) -> NDArray[Any]:
    """Return the codes (…, 2R) of rows that hold a sign each, of signed ones (…, R); or these."""
    if not slices.signs_apart:
        return codes
    apart = np.stack([np.maximum(codes, 0), np.maximum(-codes, 0)], axis=-1)
    return apart.reshape(*codes.shape[:-1], 2 * codes.shape[-1])


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


def put_together(values: NDArray[Any], slices: Slices) -> FloatArray:
    """Return what values (T, …, C · K) of the slices stand for, (T, …, C).

    Of four lines the mean over the rows of either sign, (T, R, C).
    """
    of_signs = put_together_by_sign(values, slices)
    return np.asarray(of_signs[0] if len(of_signs) == 1 else (of_signs[0] + of_signs[1]) / 2)


def put_together_by_sign(values: NDArray[Any], slices: Slices) -> FloatArray:
    """Return what values of the slices stand for to codes of one sign and the other.

    (2, T, R, C) of four lines, first to positive codes; otherwise (1, T, …, C), to all.
    """
    between = (1,) * (values.ndim - 2)
    gain = slices.gain.reshape(len(values), *between, -1)
    joined = (values.astype(np.float64) * gain).reshape(*values.shape[:-1], -1, slices.number)
    whole = joined.sum(axis=-1)
    if slices.signs_apart:
        return np.stack([whole[:, 0::2], -whole[:, 1::2]])
    return np.asarray(whole[None])
