"""Recurrences: quantised S4D kernels over whole sequences, in exact arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from imssa_sim import threads
from imssa_sim.errors import InternalError
from imssa_sim.program.operation import DigitalWork, Held, Operation, Products
from imssa_sim.program.operations.requantise import requantise_codes
from imssa_sim.program.operations.sums import add_codes
from imssa_sim.quantisation.requantiser import requantiser_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.program.saturation import ClipCounter
    from imssa_sim.quantisation.quantisers import IntArray
    from imssa_sim.quantisation.widths import BitWidths
    from imssa_sim.ssm.forms import OutputForm
    from imssa_sim.ssm.quantised import QuantisedKernel

    Codes = NDArray[np.int16]

FLOAT32_EXACT = 1 << 24
"""Integers below are exact in single precision."""
ABREAST = 16
"""Samples whose states stand side by side (`imssa_sim.kernels.digital_recurrence`)."""


@dataclass(frozen=True)
class KernelRecurrence(Operation):
    """The kernels of one layer and direction (`imssa_sim.ssm.quantised.QuantisedKernel`).

    Attributes
    ----------
    outputs, states : int
        Kernels (channels), and real states of all of them together.
    bits : int
        Width of an output.
    reverse : bool
        From the last step to the first; such a kernel has no feed-through of its own.
    form : OutputForm
        Where the feed-through enters: ``separate`` has it beside the sum over the states.
    widths : BitWidths
        Of the layer.
    """

    outputs: int
    states: int
    bits: int
    reverse: bool
    form: OutputForm
    widths: BitWidths
    by_token: ClassVar[bool] = False

    def integers(self, parameters: QuantisedKernel, *values: Any, clips: ClipCounter) -> Codes:
        """Return the outputs (B, L, outputs) of codes (B, L, outputs)."""
        return kernel_digital(parameters, values[0], clips, self.reverse)

    def beside(self, parameters: QuantisedKernel, u: Codes, y: Codes, clips: ClipCounter) -> Codes:
        """Return the outputs of codes u, whose sums over the states y were made elsewhere.

        In the separate form D·u joins them, requantised apart.
        """
        if self.form.ahead:
            return y
        if parameters.feedthrough_requant is None:
            raise InternalError(f"{clips.name}: kernels of this form need a requantiser of D·u")
        product = u.astype(np.int32) * parameters.d.astype(np.int32)
        part = requantise_codes(product, parameters.feedthrough_requant, clips.at("feedthrough"))
        y = add_codes(y, part, parameters.output_requant.limit, clips.at("output"))
        return self.form.in_place(y) if self.reverse else y

    def loop(self) -> tuple[DigitalWork, ...]:
        """Return the work that closes the recurrence: the next token waits for it."""
        states, bits = self.states, self.widths.state
        sums = (
            DigitalWork("mac", "mac", 4 * states, self.widths.driving),
            DigitalWork("requantiser", "requantise", states, bits),
        )
        added = (DigitalWork("accumulator", "accumulate", states, bits),) * self.form.accumulates
        return (*sums, *added, DigitalWork("register", "write", states, bits))

    def output(self) -> tuple[DigitalWork, ...]:
        """Return the work on the outputs, behind the loop.

        In the look-ahead form D·u is one more product of their sums.
        """
        requantised = DigitalWork("requantiser", "requantise", self.outputs, self.bits)
        if not self.form.ahead or self.reverse:
            return (requantised,)
        return (DigitalWork("mac", "mac", self.outputs, self.widths.D), requantised)

    def work(self) -> tuple[DigitalWork, ...]:
        """Return loop and output; the feed-through of the separate form is apart."""
        return self.loop() + self.output()

    def feedthrough(self) -> tuple[DigitalWork, ...]:
        """Return the work of D·u beside the sum over the states, which the separate form has."""
        if self.form.ahead:
            return ()
        return (
            DigitalWork("mac", "mac", self.outputs, self.widths.D),
            DigitalWork("requantiser", "requantise", self.outputs, self.bits),
            DigitalWork("adder", "add", self.outputs, self.bits),
        )

    def products(self) -> tuple[Products, ...]:
        """Return the complex products: two real ones per state for A, one for B and for C."""
        own = self.widths
        found = (
            Products("A", 2 * self.states, own.A, own.driving),
            Products("B", self.states, own.B, own.kernel_input),
            Products("C", self.states, own.C, own.driving),
        )
        through = Products("D", self.outputs, own.D, own.kernel_input)
        return found if self.reverse else (*found, through)

    def weights(self) -> tuple[Held, ...]:
        """Return the weights; each direction holds its own copy of A, which they share."""
        own = self.widths
        found = tuple(Held(name, self.states, own.widths()[name]) for name in ("A", "B", "C"))
        return found if self.reverse else (*found, Held("D", self.outputs, own.D))

    def stored_bits(self, on_tiles: bool) -> int:
        """Return the bits of the weights that digital multiply-accumulates read."""
        own = self.widths
        in_cells = self.form.ahead and (on_tiles or self.reverse)
        beside = 0 if in_cells else self.outputs * own.D
        return beside + (0 if on_tiles else self.states * (own.A + own.B + own.C))


def kernel_digital(
    kernel: QuantisedKernel, u: Codes, clips: ClipCounter, reverse: bool = False
) -> Codes:
    """Run the recurrence of one layer's kernels over whole sequences, codes (B, L, H).

    ``reverse``: from the last step to the first.
    """
    u = np.ascontiguousarray(u, dtype=np.int16)
    y = np.empty_like(u)
    groups = -(-len(u) // ABREAST)
    apart = min(kernel.channels, -(-threads.current() // groups))
    if apart == 1:
        states, outputs = run_steps(kernel, u, y, reverse)
    else:  # fewer groups of sequences than threads: these share the channels

        def of_channels(channels: IntArray) -> IntArray:
            own = np.ascontiguousarray(u[:, :, channels])
            out = np.empty_like(own)
            clipped = run_steps(kernel.of_channels(channels), own, out, reverse)
            y[:, :, channels] = out
            return clipped

        parts = np.array_split(np.arange(kernel.channels), apart)
        states, outputs = sum(threads.ordered_map(of_channels, parts), np.zeros(2, np.int64))
    clips.at("state").count(states, kernel.states * (y.size // kernel.channels))
    clips.at("output").count(outputs, y.size)
    return kernel.form.in_place(y) if reverse else y


def room_for_states(kernel: QuantisedKernel, samples: int, steps: int) -> NDArray[Any]:
    """Return an array (⌈B / 16⌉, H, L, M, 2, 16) for the state codes of a run, int8 or int16."""
    word: Any = np.int8 if kernel.state_requant.limit < 128 else np.int16
    groups = -(-samples // ABREAST)
    return np.empty((groups, kernel.channels, steps, kernel.modes, 2, ABREAST), dtype=word)


def run_steps(
    kernel: QuantisedKernel,
    u: NDArray[Any],
    y: NDArray[Any],
    reverse: bool = False,
    kept: NDArray[np.int8] | NDArray[np.int16] | None = None,
) -> IntArray:
    """Run the recurrence step by step; each output stands at the step that made it.

    The one place where codes of a kernel become codes of its states and outputs: the golden model
    and training run it.

    Parameters
    ----------
    kernel : QuantisedKernel
    u, y : arrays (B, L, H)
        Codes in any numeric type, C-contiguous; y takes the outputs.
    reverse : bool
        Run from the last step to the first.
    kept : array (⌈B / 16⌉, H, L, M, 2, 16), optional
        Takes the state codes after each step, real parts first, 16 samples side by side
        (`room_for_states`).

    Returns
    -------
    int array (2,)
        How many parts of states and how many outputs were clipped.
    """
    from imssa_sim.kernels.digital_recurrence import run_block, run_delta_block

    largest = max(int(u.max(initial=0)), -int(u.min(initial=0)))
    exact_in_single = max(bound.max() for bound in kernel.bounds(largest)) < FLOAT32_EXACT
    word: Any = np.float32 if exact_in_single else np.float64
    weights, feedthrough = kernel.in_column_units()
    constants_of = [kernel.state_requant.limit, kernel.output_requant.limit, 0.0, 0.5, 1.0]
    run, form = run_block, kernel.form.ahead
    if kernel.form.accumulates:
        run, form, step = run_delta_block, kernel.form.feeds_back, 1 << kernel.drive_shift
        turn = np.stack([kernel.centre.real, kernel.centre.imag], axis=1)
        weights = np.concatenate([weights, turn], axis=1)
        constants_of += [kernel.drive_limit, 1 / step, step, step // 2]
    matrix, through, state_scale, scale, constants = (
        np.asarray(values, dtype=word).ravel()
        for values in (
            weights,
            feedthrough,
            requantiser_scale(kernel.state_requant),
            kernel.output_scales(),
            constants_of,
        )
    )
    record = kept is not None
    states = (room_for_states(kernel, 0, 0) if kept is None else kept).reshape(-1)

    def block(first: int) -> IntArray:
        clipped = np.zeros(2, dtype=np.int64)
        run(
            matrix, through, state_scale, scale, constants, form, reverse,
            u, y, first, clipped, record, states, states.dtype.type(0),
        )  # fmt: skip
        return clipped

    starts = range(0, len(u), ABREAST)
    return sum(threads.ordered_map(block, starts), np.zeros(2, dtype=np.int64))
