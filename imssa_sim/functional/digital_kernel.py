"""The recurrence of quantised S4D kernels over whole sequences, in exact arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim import threads
from imssa_sim.model.quantisers import requantiser_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.functional.blocks import Saturation
    from imssa_sim.model.quantised import IntArray, QuantisedKernel

    Codes = NDArray[np.int16]

FLOAT32_EXACT = 1 << 24
"""Integers below are exact in single precision."""


def kernel_digital(
    kernel: QuantisedKernel,
    u: Codes,
    reverse: bool = False,
    saturation: Saturation | None = None,
    path: str = "kernel",
) -> Codes:
    """Run the recurrence of one layer's kernels over whole sequences.

    Parameters
    ----------
    kernel : QuantisedKernel
    u : int16 array (B, L, H)
    reverse : bool
        Run from the last step to the first.

    Returns
    -------
    int16 array (B, L, H)
    """
    from imssa_sim.kernels.digital_recurrence import ABREAST, run_block

    u = np.ascontiguousarray(u, dtype=np.int16)
    batch, _, channels = u.shape
    largest = max(int(u.max(initial=0)), -int(u.min(initial=0)))
    state_bound, output_bound = accumulator_bounds(kernel, largest)
    exact_in_single = max(state_bound.max(), output_bound.max()) < FLOAT32_EXACT
    word: Any = np.float32 if exact_in_single else np.float64
    weights = np.stack(
        [
            kernel.a_re << kernel.a_shift,
            kernel.a_im << kernel.a_shift,
            kernel.b_re << kernel.b_shift,
            kernel.b_im << kernel.b_shift,
            kernel.c_re << kernel.c_shift[:, None],
            kernel.c_im << kernel.c_shift[:, None],
        ],
        axis=1,
    )
    through = kernel.feedthrough_requant
    output_scale = np.zeros((channels, 2))
    output_scale[:, 0] = requantiser_scale(kernel.output_requant)
    if through is not None:
        output_scale[:, 1] = requantiser_scale(through)
    limits = [kernel.state_requant.limit, kernel.output_requant.limit]
    matrix, through_gain, state_scale, scale, constants = (
        np.asarray(values, dtype=word).ravel()
        for values in (
            weights,
            kernel.d << kernel.d_shift,
            requantiser_scale(kernel.state_requant),
            output_scale,
            [*limits, 0.0, 0.5, 1.0],
        )
    )
    y = np.empty_like(u)

    def block(first: int) -> IntArray:
        clipped = np.zeros(2, dtype=np.int64)
        ahead = kernel.form == "lookahead"
        run_block(
            matrix,
            through_gain,
            state_scale,
            scale,
            constants,
            ahead,
            reverse,
            u,
            y,
            first,
            clipped,
        )
        return clipped

    clipped = sum(threads.ordered_map(block, range(0, batch, ABREAST)), np.zeros(2, dtype=np.int64))
    if saturation is not None:
        states, outputs = clipped
        saturation.add(f"{path}.state", states, kernel.states * (y.size // channels))
        saturation.add(f"{path}.output", outputs, y.size)
    return one_step_ahead(y) if reverse and kernel.form == "separate" else y


def one_step_ahead(y: Codes) -> Codes:
    """Return the outputs (B, L, H) of a reverse kernel moved to the step before; the last is zero.

    The anticausal direction's output at step k is of the state at k + 1 (`QuantisedKernel`).
    """
    moved = np.zeros_like(y)
    moved[:, :-1] = y[:, 1:]
    return moved


def accumulator_bounds(kernel: QuantisedKernel, input_limit: int) -> tuple[IntArray, IntArray]:
    """Return bounds on the magnitudes of state (H, M) and output (H,) accumulators.

    From the weights as they are, with every code at its limit: ``sum |w| * limit``.

    Parameters
    ----------
    kernel : QuantisedKernel
    input_limit : int
        Largest input code.
    """
    state_limit = kernel.state_requant.limit
    a = (np.abs(kernel.a_re) + np.abs(kernel.a_im)) << kernel.a_shift
    b = np.maximum(np.abs(kernel.b_re), np.abs(kernel.b_im)) << kernel.b_shift
    c = (np.abs(kernel.c_re) + np.abs(kernel.c_im)).sum(axis=1) << kernel.c_shift
    d = np.abs(kernel.d) << kernel.d_shift
    return a * state_limit + b * input_limit, c * state_limit + d * input_limit
