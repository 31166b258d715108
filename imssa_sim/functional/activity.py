"""What the tiles of a set did in an execution: conversions, saturation, codes on the word lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.circuits.slices import codes_apart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.circuits.slices import Slices
    from imssa_sim.mapping.program import KernelTiles, LinearTiles

    Codes = NDArray[np.int16]
    IntArray = NDArray[np.int64]


@dataclass
class Activity:
    """What the tiles of one set did, summed over samples and steps.

    Attributes
    ----------
    conversions : int
    low, high : int array (T, C)
        Conversions clipped at either end of the ADC's range.
    sum_squares, sum_magnitudes, non_zeros : int array (T, R)
        Of the codes that drove each word line.
    bits_set : int array (T, R)
        Ones among the magnitude bits of these codes; gathered for bit-serial drivers only.
    drives : int
        Drives of each word line.
    energy : float
        Dissipated in the cells [J].
    """

    conversions: int = 0
    low: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    high: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    sum_squares: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    sum_magnitudes: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    non_zeros: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    bits_set: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    drives: int = 0
    energy: float = 0.0

    def add(self, result: Any) -> None:
        """Add what one call of a kernel counted."""
        pairs = {
            "low": result.saturated_low,
            "high": result.saturated_high,
            "sum_squares": result.sum_squares,
            "sum_magnitudes": result.sum_magnitudes,
            "non_zeros": result.non_zeros,
        }
        for name, value in pairs.items():
            self._accumulate(name, value)
        self.drives += result.drives

    def add_bits(self, bits: IntArray) -> None:
        """Add ones among magnitude bits, (T, R)."""
        self._accumulate("bits_set", bits)

    def merge(self, other: Activity) -> None:
        """Add what another execution counted; the energy is worked out from the sums."""
        for name in ("low", "high", "sum_squares", "sum_magnitudes", "non_zeros", "bits_set"):
            if (value := getattr(other, name)).size:
                self._accumulate(name, value)
        self.conversions += other.conversions
        self.drives += other.drives

    def _accumulate(self, name: str, value: IntArray) -> None:
        held = getattr(self, name)
        setattr(self, name, held + value if held.size else value.copy())


def bits_of_states(
    tiles: KernelTiles, slices: Slices, state_bits: IntArray, codes: Codes, drives: int
) -> IntArray:
    """Return the ones among the magnitude bits on each word line (T, R) of kernel tiles.

    Parameters
    ----------
    tiles : KernelTiles
    slices : Slices
        Weights as their lines hold them.
    state_bits : int array (T, S)
        Ones that drove each word line of a state.
    codes : int16 array (B, L, H)
        What drove the input rows, ``drives`` times each.
    """
    lines = slices.lines_per_row
    driven = np.abs(codes_apart(codes, slices))
    of_inputs = np.bitwise_count(driven).sum(axis=(0, 1), dtype=np.int64) * drives
    of_inputs = of_inputs.reshape(-1, lines)
    rows = np.zeros(slices.weights.shape[:2], np.int64)
    for t in range(tiles.tiles):
        s, i = int(tiles.n_states[t]) * lines, int(tiles.n_inputs[t])
        rows[t, :s] = state_bits[t, :s]
        rows[t, s : s + i * lines] = of_inputs[tiles.input_channel[t, :i]].ravel()
    return rows


def bits_of_inputs(tiles: LinearTiles, slices: Slices, codes: Codes) -> IntArray:
    """Return the ones among the magnitude bits on each word line (T, R) of a linear layer.

    ``codes`` (n, lines) are those of all word lines, in the order of the inputs.
    """
    bits = np.bitwise_count(np.abs(codes)).sum(axis=0, dtype=np.int64)
    rows = np.zeros(slices.weights.shape[:2], np.int64)
    each = slices.lines_per_row
    for t in range(tiles.tiles):
        start, count = int(tiles.row_start[t]) * each, int(tiles.row_count[t]) * each
        rows[t, :count] = bits[start : start + count]
    return rows
