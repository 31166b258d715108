"""Forms of the recurrence in integers: of which state the output is taken, and in how many sums."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imssa_sim.quantisation.quantisers import FloatArray, IntArray
from imssa_sim.registry import unknown
from imssa_sim.ssm.recurrence import ComplexArray, Recurrence
from imssa_sim.ssm.turns import QUARTERS, nearest_turns


@dataclass(frozen=True)
class OutputForm:
    """How a kernel's output follows from its states.

    Attributes
    ----------
    name : str
        As files have it.
    ahead : bool
        The output of a step is a sum over the state before the step and the step's input, all in
        one accumulator, so that one read gives new states and output. Otherwise it is a sum over
        the new state, and the feed-through is requantised apart and added in codes.
    accumulates : bool
        The delta operator: sums give what a state changes by, and the state adds it up. Its top
        bits drive the sums; the state matrix of the sums is A - R, R the quarter turn that a state
        makes before it adds (`imssa_sim.ssm.turns`).
    feeds_back : bool
        What a drive's rounding cuts off a state is added to the state that drives next.
    """

    name: str
    ahead: bool
    accumulates: bool = False
    feeds_back: bool = False

    def __str__(self) -> str:
        return self.name

    def fed_back(self) -> OutputForm:
        """Return the form in which what drives cut off states is fed back."""
        return replace(self, name=f"{self.name}_feedback", feeds_back=True)

    def turns(self, a: ComplexArray) -> IntArray:
        """Return the quarter turns of states with the state matrix ``a``; 0 without increments."""
        return nearest_turns(a) if self.accumulates else np.zeros(a.shape, np.int64)

    def centre(self, turns: IntArray) -> ComplexArray:
        """Return what is taken off the diagonal of the state matrix."""
        return QUARTERS[turns] if self.accumulates else np.zeros(turns.shape, np.complex128)

    def output_weights(self, recurrence: Recurrence) -> tuple[ComplexArray, FloatArray]:
        """Return the complex output weights (H, M) of the state taken, and those of the input (H,).

        An anticausal direction's output is of the state before the step's input in any case.
        """
        a, b, c = recurrence.per_channel()
        if not self.ahead or recurrence.reverse:
            return c, recurrence.d
        return c * a, recurrence.d + (c * b).sum(axis=1).real

    def in_place(self, y: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return outputs (B, L, H) of an anticausal run, made step by step, at their own steps.

        Outputs of the new state belong to the step before; the last step's are zero.
        """
        if self.ahead:
            return y
        moved = np.zeros_like(y)
        moved[:, :-1] = y[:, 1:]
        return moved


LOOKAHEAD = OutputForm("lookahead", ahead=True)
SEPARATE = OutputForm("separate", ahead=False)
DELTA = OutputForm("delta", ahead=True, accumulates=True)
FORMS = {form.name: form for form in (LOOKAHEAD, SEPARATE, DELTA, DELTA.fed_back())}


def output_form(name: str) -> OutputForm:
    """Return the form of a name.

    Raises
    ------
    InputError
        There is none.
    """
    if name not in FORMS:
        raise unknown("output form", name, FORMS)
    return FORMS[name]
