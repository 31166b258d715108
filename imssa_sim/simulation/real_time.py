"""A chip in real time: arrivals, sleep between them, and what both take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.ledger.duty import Duty, build_duty
from imssa_sim.ledger.power_states import sleep_of
from imssa_sim.timing.real_time import RealTime, Sleeping, simulate_input

if TYPE_CHECKING:
    from imssa_sim.config.schema import RunConfig
    from imssa_sim.costs.model import CostModel
    from imssa_sim.ledger.ledger import Ledger
    from imssa_sim.mapping.program import Program
    from imssa_sim.timing.result import TimingResult


def run_input(
    config: RunConfig, program: Program, costs: CostModel, ledger: Ledger, timing: TimingResult
) -> tuple[RealTime, Duty]:
    """Return times and energies on tokens that arrive as ``evaluate.input`` says.

    With policy ``break_even`` what arrives wakes the chip and waits for it; with ``until_next`` a
    timer has woken it in time.

    Raises
    ------
    ImssaError
        See `imssa_sim.timing.real_time.simulate_input`.
    """
    sleep = sleep_of(costs)
    woken = None
    if sleep is not None and config.hardware.power.policy == "break_even":
        woken = Sleeping(sleep.break_even, sleep.wake_time)
    times = simulate_input(
        program, config.hardware, config.evaluate.input, timing, seed=config.seed, sleep=woken
    )
    duty = build_duty(
        ledger, costs, timing, span=times.span, signal=times.signal,
        inferences=times.delivered / program.sequence_length, gaps=times.gaps, sleep=sleep,
    )  # fmt: skip
    return times, duty
