"""The integers of a layer's kernels in one direction, and what their recurrence means."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.quantisation.quantisers import FloatArray, IntArray, code_limit
from imssa_sim.quantisation.requantiser import Requantiser, requantiser_scale
from imssa_sim.ssm.forms import OutputForm
from imssa_sim.ssm.recurrence import ComplexArray


@dataclass(frozen=True)
class QuantisedKernel:
    """The S4D kernels of one layer and direction, as they stand in a crossbar.

    Channel h has its first ``modes_of[h]`` modes; what is behind them is padding, all zero.

    ``lookahead``::

        acc_re = (a_re*x_re - a_im*x_im) << a_shift  +  (b_re*u) << b_shift
        acc_im = (a_im*x_re + a_re*x_im) << a_shift  +  (b_im*u) << b_shift
        x'     = state_requant(acc)
        y      = output_requant(sum_n(c_re*x_re + c_im*x_im) << c_shift  +  (d*u) << d_shift)
                                                                             # of the old x

    ``delta``: x is a word of ``state_requant.bits`` bits that adds up, a is the state matrix less
    i**turns, and the top ``drive_bits`` bits of x stand in both sums in its place, with
    ``k = state bits - drive_bits``::

        v  = clip(floor(x / 2**k + 1/2))         # to drive_limit
        x' = clip(i**turns x + (acc_of_v * multiplier + 2**(shift - 1) >> shift))  # to the state's

    ``delta_feedback``: v is that of x + e, and e' = clip(x + e - 2**k v) to half a step of v.

    ``separate``: x' the same, ``y = clip(output_requant(sum_n(c_re*x'_re + c_im*x'_im)) +
    feedthrough_requant(d*u))`` with ``c_shift == d_shift == 0``. Signs and the factor 2 of
    2·Re(C x) are folded into ``c_re`` and ``c_im``.

    A reverse kernel runs from the last step to the first, and its output at step k is of the state
    *before* the input of step k entered (the authors' convention, one step ahead). So c comes from
    C itself and ``d == 0``; in the ``separate`` form, whose y is of the new state, the output of
    step k + 1 is used at step k, and zero at the last step.
    """

    form: OutputForm
    a_re: IntArray  # (H, M)
    a_im: IntArray  # (H, M)
    b_re: IntArray  # (H, M)
    b_im: IntArray  # (H, M)
    c_re: IntArray  # (H, M)
    c_im: IntArray  # (H, M)
    d: IntArray  # (H,)
    a_shift: IntArray  # (H, M), >= 0
    b_shift: IntArray  # (H, M), >= 0
    c_shift: IntArray  # (H,), >= 0
    d_shift: IntArray  # (H,), >= 0
    state_requant: Requantiser  # (H, M)
    output_requant: Requantiser  # (H,)
    feedthrough_requant: Requantiser | None  # (H,), only in the separate form
    state_scale: FloatArray  # (H, M), real state = code * scale
    output_scale: float
    modes_of: IntArray  # (H,), 1 … M
    drive_bits: int  # of the codes that states drive with: the state's but in the delta form
    turns: IntArray  # (H, M), 0 … 3 quarter turns; 0 but in the delta form

    @property
    def drive_shift(self) -> int:
        """Bits of a state below those that drive."""
        return self.state_requant.bits - self.drive_bits

    @property
    def drive_limit(self) -> int:
        """Largest code that a state drives with."""
        return code_limit(self.drive_bits)

    @property
    def centre(self) -> ComplexArray:
        """What is taken off the diagonal of the state matrix, (H, M)."""
        return self.form.centre(self.turns)

    @property
    def channels(self) -> int:
        """Number of channels H that have a kernel."""
        return int(self.a_re.shape[0])

    @property
    def modes(self) -> int:
        """Number of stored complex modes M of the largest channel."""
        return int(self.a_re.shape[1])

    @property
    def states(self) -> int:
        """Number of real states of all channels together, padding left out."""
        return 2 * int(self.modes_of.sum())

    def of_channels(self, channels: IntArray) -> QuantisedKernel:
        """Return the kernels of some channels alone."""

        def some(value: Any) -> Any:
            if isinstance(value, Requantiser):
                multiplier, shift = value.multiplier[channels], value.shift[channels]
                return replace(value, multiplier=multiplier, shift=shift)
            return value[channels] if isinstance(value, np.ndarray) else value

        return replace(self, **{f.name: some(getattr(self, f.name)) for f in fields(self)})

    def bounds(self, input_limit: int) -> tuple[IntArray, IntArray]:
        """Return bounds on the magnitudes of state (H, M) and output (H,) accumulators.

        From the weights as they are, with every code at its limit: ``sum |w| * limit``.

        Parameters
        ----------
        input_limit : int
            Largest input code.
        """
        a = (np.abs(self.a_re) + np.abs(self.a_im)) << self.a_shift
        b = np.maximum(np.abs(self.b_re), np.abs(self.b_im)) << self.b_shift
        c = (np.abs(self.c_re) + np.abs(self.c_im)).sum(axis=1) << self.c_shift
        d = np.abs(self.d) << self.d_shift
        drive = self.drive_limit
        return a * drive + b * input_limit, c * drive + d * input_limit

    def driven(self, state: NDArray[Any], rest: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the codes that states drive with, and what is then fed back.

        Parameters
        ----------
        state : array
            Codes of states in whole numbers, of any numeric type.
        rest : array
            What was fed back last; zeros at first, and where nothing is.
        """
        if not self.form.accumulates:
            return state, rest
        step, limit = 1 << self.drive_shift, self.drive_limit
        whole = state + rest
        code = np.clip(np.floor(whole / step + 0.5), -limit, limit).astype(state.dtype)
        if not self.form.feeds_back:
            return code, rest
        return code, np.clip(whole - code * step, -(step // 2), step // 2)

    def in_column_units(self) -> tuple[IntArray, IntArray]:
        """Return all weights shifted to the units of their columns.

        Returns
        -------
        weights : array (H, 6, M)
            Rows a_re, a_im, b_re, b_im, c_re, c_im.
        feedthrough : array (H,)
        """
        rows = [
            self.a_re << self.a_shift,
            self.a_im << self.a_shift,
            self.b_re << self.b_shift,
            self.b_im << self.b_shift,
            self.c_re << self.c_shift[:, None],
            self.c_im << self.c_shift[:, None],
        ]
        return np.stack(rows, axis=1), self.d << self.d_shift

    def output_scales(self) -> FloatArray:
        """Return the factors (H, 2) of the output's sum and of a feed-through requantised apart."""
        found = np.zeros((self.channels, 2))
        found[:, 0] = requantiser_scale(self.output_requant)
        if self.feedthrough_requant is not None:
            found[:, 1] = requantiser_scale(self.feedthrough_requant)
        return found
