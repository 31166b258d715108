"""The linear recurrence of a state-space model in discrete time, and its block structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError
from imssa_sim.quantisation.quantisers import FloatArray

ComplexArray = NDArray[np.complex128]
BoolArray = NDArray[np.bool_]


class RealBlock(NamedTuple):
    """Matrices of one block in real numbers: ``x' = A x + B u``, ``y = C x'``, N states."""

    A: FloatArray  # (N, N)
    B: FloatArray  # (N, I)
    C: FloatArray  # (O, N)


@dataclass(frozen=True)
class Recurrence:
    """One direction of a layer's state-space model: G independent blocks of M diagonal modes.

    ``x_k = a x_(k-1) + b u_k``, ``y_k = Re(c x_k) + d u_k``. Block g takes channels g·I … (g+1)·I-1
    and gives channels g·O … (g+1)·O-1. A mode that is one of a conjugate pair stands for both: it
    has two real states, a 2×2 block of the state matrix, and ``c`` holds the factor 2. A mode that
    is not has real a, b and c, and one state. In S4D every channel is a block with I = O = 1; where
    one state mixes all channels (S5, LRU) there is one block with I = O = H.

    Attributes
    ----------
    a : complex array (G, M)
    b : complex array (G, M, I)
    c : complex array (G, O, M)
    d : array (H,)
        Feed-through of each channel into its own output; zeros for the anticausal direction, whose
        model has it once.
    paired : bool array (G, M)
        Whether a mode stands for a conjugate pair.
    reverse : bool
        Runs from the last step to the first, and its output at step k is that of the state at
        k + 1, before the input of step k enters (the convention of S4D's authors).
    inclusive : bool
        A reverse one's output at step k is that of the state at k instead, with the input of step k
        in it (the convention of S5's authors).
    """

    a: ComplexArray
    b: ComplexArray
    c: ComplexArray
    d: FloatArray
    paired: BoolArray
    reverse: bool = False
    inclusive: bool = False

    def __post_init__(self) -> None:
        blocks, modes = self.a.shape
        fits = (
            self.b.shape[:2] == (blocks, modes)
            and self.c.shape[::2] == (blocks, modes)
            and self.paired.shape == (blocks, modes)
            and self.d.shape == (blocks * self.b.shape[2],) == (blocks * self.c.shape[1],)
        )
        if not fits:
            raise InputError(
                "a recurrence needs a, paired (G, M), b (G, M, I), c (G, O, M) and d (G I,) with "
                f"I = O; found {self.a.shape}, {self.paired.shape}, {self.b.shape}, "
                f"{self.c.shape}, {self.d.shape}"
            )

    @property
    def channels(self) -> int:
        """Number of channels H of the layer."""
        return int(self.d.size)

    @property
    def single(self) -> bool:
        """Whether every block has one input and one output."""
        return bool(self.b.shape[2] == 1)

    def per_channel(self) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        """Return a, b and c, each (H, M), of blocks with one input and one output.

        Raises
        ------
        InputError
            A block mixes channels.
        """
        if not self.single:
            raise InputError(
                f"blocks of {self.b.shape[2]} inputs and outputs each mix channels: only blocks of "
                "one input and one output are quantised and mapped so far"
            )
        return self.a, self.b[:, :, 0], self.c[:, 0]

    def real_block(self, block: int) -> RealBlock:
        """Return the matrices of a block in real numbers: pairs as 2×2 blocks, in their order."""
        rows_a, rows_b, columns_c, places = [], [], [], []
        at = 0
        for a, b, c, pair in zip(
            self.a[block], self.b[block], self.c[block].T, self.paired[block], strict=True
        ):
            if pair:
                rows_a.append(np.array([[a.real, -a.imag], [a.imag, a.real]]))
                rows_b += [b.real, b.imag]
                columns_c += [c.real, -c.imag]
            else:
                rows_a.append(np.array([[a.real]]))
                rows_b.append(b.real)
                columns_c.append(c.real)
            places.append(slice(at, at + len(rows_a[-1])))
            at += len(rows_a[-1])
        whole = np.zeros((at, at))
        for place, part in zip(places, rows_a, strict=True):
            whole[place, place] = part
        return RealBlock(whole, np.stack(rows_b), np.stack(columns_c, axis=1))
