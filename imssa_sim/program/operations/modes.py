"""The recurrence of diagonal modes between two dense maps: S5, linear recurrent units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from imssa_sim import threads
from imssa_sim.program.operation import DigitalWork, Held, Operation, Products

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.model.quantised import QuantisedModes
    from imssa_sim.program.saturation import ClipCounter
    from imssa_sim.quantisation.widths import BitWidths

    Codes = NDArray[np.int16]

ABREAST = 16
"""Sequences that a thread takes at a time."""


@dataclass(frozen=True)
class ModeRecurrence(Operation):
    """Modes of one state that all channels share, in one direction, and the codes they drive with.

    ``outputs`` are the real states; ``bits``, the width of what leaves; ``widths``, the layer's.
    """

    outputs: int
    bits: int
    reverse: bool
    widths: BitWidths
    by_token: ClassVar[bool] = False

    def integers(self, parameters: QuantisedModes, *values: Any, clips: ClipCounter) -> Codes:
        """Return the codes (B, L, outputs) of increments (B, L, outputs), real parts first."""
        out, clipped = modes_digital(parameters, values[0], self.reverse)
        clips.at("state").count(clipped, out.size)
        return out

    def work(self) -> tuple[DigitalWork, ...]:
        """Return the complex products with A, two scalings, the sum and the register per state."""
        states, bits = self.outputs, self.widths.state
        return (
            DigitalWork("mac", "mac", 2 * states, bits),
            DigitalWork("requantiser", "requantise", 2 * states, bits),
            DigitalWork("accumulator", "accumulate", states, bits),
            DigitalWork("register", "write", states, bits),
        )

    def products(self) -> tuple[Products, ...]:
        """Return two products per real state."""
        return (Products("A", 2 * self.outputs, self.widths.A, self.widths.state),)

    def weights(self) -> tuple[Held, ...]:
        """Return A."""
        return (Held("A", self.outputs, self.widths.A),)


def modes_digital(
    modes: QuantisedModes, increments: Codes, reverse: bool, kept: NDArray[np.int64] | None = None
) -> tuple[Codes, int]:
    """Run modes on increments (B, L, 2 P); return what leaves, and how many states were clipped.

    ``kept``, of the shape of the increments, takes each state before it is clipped.
    """
    from imssa_sim.kernels.mode_recurrence import run_modes

    v = np.ascontiguousarray(increments, np.int16)
    out = np.empty_like(v)
    clipped = np.zeros(len(v), np.int64)
    sums = np.zeros((0, 0, 0), np.int64) if kept is None else kept
    a = np.stack([modes.a_re, modes.a_im])
    gains = np.stack([modes.gain, modes.input_gain])
    limits = np.array([modes.limit, modes.drive_limit, modes.bits - modes.drive_bits])

    def block(start: int) -> None:
        part = slice(start, start + ABREAST)
        ends = v[part], out[part], clipped[part], sums[part]
        run_modes(a, gains, modes.shift, limits, reverse, *ends)

    for _ in threads.ordered_map(block, range(0, len(v), ABREAST)):
        pass
    return out, int(clipped.sum())
