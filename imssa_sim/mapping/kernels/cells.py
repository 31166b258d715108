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


def complex_ports(block: CellBlock, part: Part) -> CellBlock:
    """Return a block (S + 2, S + 2) whose input and output are complex.

    The row of the input's imaginary part and the column of the output's, last, complete the complex
    products with B and C; a real network neither drives nor converts them.

    Parameters
    ----------
    block : CellBlock
        Of S states, real parts first.
    part : Part
    """
    states = len(part.into)
    modes, size = states // 2, states + 2
    weights, useful = np.zeros((size, size), np.int64), np.zeros((size, size), np.bool_)
    weights[:-1, :-1], useful[:-1, :-1] = block.weights, block.useful
    re, im = slice(0, modes), slice(modes, states)
    weights[-1, re], weights[-1, im] = -part.into[im], part.into[re]
    weights[re, -1], weights[im, -1] = -part.out[im], part.out[re]
    weights[-1, -1] = weights[-2, -2]
    useful[-1, :states], useful[:states, -1] = useful[-2, :states], useful[:states, -2]
    useful[-1, -1] = useful[-2, -2]
    return CellBlock(weights, useful)


@dataclass(frozen=True)
class Read:
    """One of the reads of a step: which columns it converts. All rows are driven in each."""

    states: bool
    outputs: bool

    def columns(self, n_states: IntArray, n_outputs: IntArray) -> IntArray:
        """Return the columns (T,) that are converted of so many of states and outputs."""
        return n_states * self.states + n_outputs * self.outputs
