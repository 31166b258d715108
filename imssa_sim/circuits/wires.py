"""Wires of a crossbar: their resistances, and the ends where they are driven and sensed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError, InternalError

FloatArray = NDArray[np.float64]
DriveEnd = Literal["left", "right", "both"]
SenseEnd = Literal["bottom", "top", "both"]


@dataclass(frozen=True)
class Wires:
    """Resistances around the cells of a crossbar.

    Attributes
    ----------
    word_resistance, bit_resistance : float
        Of one segment of word line and bit line [ohm]; zero: that line is ideal.
    source_resistance, sense_resistance : float
        Of the drivers and of the virtual grounds [ohm].
    drive : {"left", "right", "both"}
        End of the word lines where the drivers are; left is the first bit line's side.
    sense : {"bottom", "top", "both"}
        End of the bit lines that is sensed; top is the first word line's side.
    """

    word_resistance: float
    bit_resistance: float
    source_resistance: float = 0.0
    sense_resistance: float = 0.0
    drive: DriveEnd = "left"
    sense: SenseEnd = "bottom"

    def __post_init__(self) -> None:
        for name in ("word_resistance", "bit_resistance", "source_resistance", "sense_resistance"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise InputError(f"{name} must be finite and not negative, not {value}")

    @property
    def ideal(self) -> bool:
        """Whether there is no resistance at all."""
        return not (
            self.word_resistance
            or self.bit_resistance
            or self.source_resistance
            or self.sense_resistance
        )

    def swapped(self) -> Wires:
        """Return the wires of the array seen from its sense ends."""
        drive: dict[SenseEnd, DriveEnd] = {"top": "left", "bottom": "right", "both": "both"}
        sense: dict[DriveEnd, SenseEnd] = {"left": "top", "right": "bottom", "both": "both"}
        return Wires(
            word_resistance=self.bit_resistance,
            bit_resistance=self.word_resistance,
            source_resistance=self.sense_resistance,
            sense_resistance=self.source_resistance,
            drive=drive[self.sense],
            sense=sense[self.drive],
        )


@dataclass(frozen=True)
class Line:
    """Conductances along one kind of line, infinite ones as flags.

    Attributes
    ----------
    resistance : float
        Of a segment [ohm].
    end_resistance : float
        Beyond the last segment [ohm].
    both : bool
        Whether both ends are connected.
    """

    resistance: float
    end_resistance: float
    both: bool

    @property
    def fixed(self) -> bool:
        """No resistance at all: every node has the voltage of the end."""
        return not self.resistance and not self.end_resistance

    @property
    def segment(self) -> float:
        """Of a segment [S]; zero where it has no resistance."""
        return 1.0 / self.resistance if self.resistance else 0.0

    @property
    def end(self) -> float:
        """Of one end, its segment included [S]."""
        return 1.0 / (self.resistance + self.end_resistance)

    @property
    def ends(self) -> float:
        """Of all ends together [S]."""
        return self.end * (2.0 if self.both else 1.0)

    def diagonal(self, place: int, count: int) -> float:
        """Return what the wire adds to the diagonal of a node."""
        neighbours = (place > 0) + (place < count - 1)
        ended = (place == count - 1) + (place == 0 and self.both)
        return neighbours * self.segment + ended * self.end

    def injection(self, size: int) -> FloatArray:
        """Return the current into each node of a driven line per volt, nodes at zero [S]."""
        result = np.zeros(size)
        result[0] += self.end
        if self.both:
            result[-1] += self.end
        return result

    def solve(self, g: FloatArray, right: FloatArray) -> FloatArray:
        """Solve the tridiagonal equations of a driven line with loads ``g`` to ground."""
        from scipy.linalg import lapack

        size = len(g)
        diagonal = g + self.injection(size)
        if size > 1:
            diagonal[:-1] += self.segment
            diagonal[1:] += self.segment
            _, _, solved, info = lapack.dptsv(diagonal, np.full(size - 1, -self.segment), right)
        else:
            solved, info = right / diagonal[:, None], 0
        if info:
            raise InternalError(f"the word-line equations are singular (dptsv gave {info})")
        return np.asarray(solved)
