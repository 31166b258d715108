"""What a kernel mapping puts on tiles, and what it reads of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """Integer weights of S states of one channel with its input and output, in columns' units.

    ``acc_state = state @ x + into * u``, ``acc_output = out @ x + through * u``.

    Attributes
    ----------
    state : int array (S, S)
    held : bool array (S, S)
        Where ``state`` holds a weight of the network, zero-valued ones too.
    into, out : int array (S,)
    through : int
    first : bool
        The channel's other parts, on further tiles, add their output to this one's.
    """

    state: IntArray
    held: BoolArray
    into: IntArray
    out: IntArray
    through: int
    first: bool


@dataclass(frozen=True)
class CellBlock:
    """What a part puts on a tile: rows and columns of its states, then of its input and output.

    Attributes
    ----------
    weights : int array (S + 1, S + 1)
        Row: what drives the word line.
    useful : bool array (S + 1, S + 1)
        Cells that hold a weight of the network.
    """

    weights: IntArray
    useful: BoolArray


@dataclass(frozen=True)
class Read:
    """One of the reads of a step: which columns it converts. All rows are driven in each."""

    states: bool
    outputs: bool

    def columns(self, n_states: IntArray, n_outputs: IntArray) -> IntArray:
        """Return the columns (T,) that are converted of so many of states and outputs."""
        return n_states * self.states + n_outputs * self.outputs
