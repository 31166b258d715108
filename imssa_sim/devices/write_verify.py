"""The write-verify loop, cell by cell: pulses, reversals, yield, time and energy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.devices.write import IncrementalPulses

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

MOST_PULSES = 10_000  # beyond any loop that ends by its own rules; keeps a faulty card finite


@dataclass(frozen=True)
class WriteResult:
    """What the loop did to each cell; arrays have the shape of the targets.

    Attributes
    ----------
    conductance : float array
        As last verified [S].
    pulses, reversals : int array
        Write pulses applied, and changes of polarity.
    success : bool array
        Whether the last verify read accepted the cell.
    energy : float array
        V²·G·t of all pulses, G the mean of before and after [J].
    time : float array
        Pulses and verify reads, the first of which comes before any pulse [s].
    """

    conductance: FloatArray
    pulses: IntArray
    reversals: IntArray
    success: BoolArray
    energy: FloatArray
    time: FloatArray


def write_verify(
    form: IncrementalPulses,
    start: ArrayLike,
    targets: ArrayLike,
    pulse_normals: Callable[[int], FloatArray],
    *,
    stuck: BoolArray | None = None,
    verify_sigma: Callable[[FloatArray], FloatArray] | None = None,
    verify_normals: Callable[[int], FloatArray] | None = None,
    bound_low: float = 0.0,
    bound_high: float = np.inf,
) -> WriteResult:
    """Write cells by incremental pulses of alternating polarity until each is in its window.

    A cell below its window gets SET pulses, one above it RESET pulses; each pulse is a step higher
    in voltage than the one before it, and the voltage starts anew when the polarity changes. The
    algorithm is that of Wan et al., Nature 608, 504 (2022), methods.

    Parameters
    ----------
    form : IncrementalPulses
        Voltages, window, and the effect of a pulse.
    start, targets : array
        [S]
    pulse_normals : callable
        Standard normals of all cells for a pulse number.
    stuck : bool array, optional
        Cells that no pulse moves.
    verify_sigma, verify_normals : callable, optional
        σ of the verify read at given conductances [S], and standard normals for a read number; an
        exact read without them.
    bound_low, bound_high : float
        Physical bounds of the conductance [S].

    Returns
    -------
    WriteResult
    """
    goal = np.asarray(targets, dtype=np.float64)
    g = np.array(np.broadcast_to(np.asarray(start, dtype=np.float64), goal.shape))
    dead = np.zeros(goal.shape, dtype=np.bool_) if stuck is None else stuck
    pulses = np.zeros(goal.shape, dtype=np.int64)
    reversals = np.zeros(goal.shape, dtype=np.int64)
    rung = np.zeros(goal.shape, dtype=np.int64)  # pulses of the present polarity
    polarity = np.zeros(goal.shape, dtype=np.int64)
    success = np.zeros(goal.shape, dtype=np.bool_)
    given_up = np.zeros(goal.shape, dtype=np.bool_)
    energy = np.zeros(goal.shape)
    for number in range(MOST_PULSES + 1):
        seen = g
        if verify_sigma is not None and verify_normals is not None:
            seen = g + verify_sigma(g) * verify_normals(number)
        waiting = ~success & ~given_up
        success |= waiting & (np.abs(seen - goal) <= form.window)
        wanted = np.where(seen < goal, 1, -1)
        turned = waiting & ~success & (polarity != 0) & (wanted != polarity)
        reversals += turned
        rung = np.where(turned, 0, rung)
        polarity = np.where(waiting, wanted, polarity)
        first = np.where(polarity > 0, form.set_voltage, form.reset_voltage)
        voltage = first + rung * form.voltage_step
        given_up |= ~success & ((reversals > form.reversals) | (voltage > form.voltage_limit))
        active = ~success & ~given_up
        if not active.any() or number == MOST_PULSES:
            break
        factor = np.exp(form.spread * pulse_normals(number) - form.spread**2 / 2)
        change = form.first_step * 10.0 ** ((voltage - first) / form.decade) * factor
        after = np.clip(g + polarity * change, bound_low, bound_high)
        after = np.where(active & ~dead, after, g)
        energy += np.where(active, voltage**2 * (g + after) / 2 * form.time, 0.0)
        g = after
        pulses += active
        rung += active
    time = pulses * (form.time + form.verify_time) + form.verify_time
    return WriteResult(g, pulses, reversals, success, energy, np.asarray(time, dtype=np.float64))
