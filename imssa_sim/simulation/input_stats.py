"""Statistics of a chip in real time; none for a run without ``evaluate.input``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.ledger.power_states import by_state

if TYPE_CHECKING:
    from imssa_sim.ledger.duty import Duty
    from imssa_sim.simulation.result import RunResult

Entry = tuple[str, float | int | str | None, str, str]


def input_entries(result: RunResult) -> Iterator[Entry]:
    """Yield (name, value, unit, description) of what happens between arrivals."""
    found, duty = result.real_time, result.duty
    if found is None or duty is None:
        return
    yield "input.rate", found.rate, "Hz", "time steps that arrive per second, mean"
    yield "input.rate.sustained", found.sustained, "Hz", "time steps that the chip serves for ever"
    yield "input.rate.largest", found.largest, "Hz", "the same within a sequence"
    yield "input.tokens", found.tokens, "", "time steps that arrived"
    yield "input.sequences", found.sequences, "", "whole sequences that were served"
    meaning = "from a time step's arrival until it has left the last layer"
    yield from _latency("input.latency", found.latency, meaning)
    meaning = "from the arrival of a sequence's last time step until its result"
    yield from _latency("input.result_latency", found.result_latency, meaning)
    if found.deadline is not None:
        yield "input.deadline", found.deadline, "s", "for the latency of a time step"
        yield "input.deadline_misses", found.misses, "", "time steps that took longer"
        if len(found.latency):
            slack = found.deadline - float(found.latency.max())
            yield "input.slack", slack, "s", "what the worst latency leaves of the deadline"
    yield "input.dropped", found.dropped, "", "time steps that the input buffer lost"
    yield "input.stalled", found.stalled, "", "time steps that found it full and waited outside"
    yield "input.buffer.mean", found.mean_fill, "", "time steps in the input buffer, over time"
    yield "input.buffer.largest", max(found.fill), "", "most time steps in it"
    yield "input.energy.inference", duty.per_inference, "J", "per inference, waiting included"
    yield "input.energy.second", duty.per_second, "J", "for a second of signal"
    yield "input.power.average", duty.average_power, "W", "energy over time, waiting included"
    for account in ("dynamic", "leakage", "off_chip"):
        power = getattr(duty, account) / duty.span
        yield f"input.power.{account}", power, "W", f"of it, account {account}"
    for state, joules in by_state(duty.states).items():
        yield f"input.power.state.{state}", joules / duty.span, "W", MEANING[state]
    yield from _sleep(duty)
    battery = result.loaded.config.evaluate.input.battery
    if battery is not None:
        yield "input.battery_life", duty.battery_life(battery), "s", "the cell feeds the chip alone"
    yield "input.engine", found.engine, "", "timing engine of the arrivals"
    yield "input.events", found.events, "", "events that it simulated"


MEANING = {
    "active": "leakage of components while they work",
    "idle": "of those that wait, awake",
    "clock_gated": "of control without its clock, asleep",
    "power_gated": "of what is cut off",
    "retention": "of registers, buffers and memories that keep their contents, asleep",
    "wake": "charging supplies to wake up",
}


def _sleep(duty: Duty) -> Iterator[Entry]:
    sleep = duty.sleep
    if sleep is None:
        return
    yield "input.sleep.share", duty.slept / duty.span, "1", "of the time asleep"
    yield "input.sleep.wakes", duty.wakes, "", "times that the chip woke up"
    yield "input.sleep.wake_time", sleep.wake_time, "s", "from request to ready"
    yield "input.sleep.wake_energy", sleep.wake_energy, "J", "of one wake-up"
    yield "input.sleep.break_even", sleep.break_even, "s", "asleep, after which it has paid"
    weights = "of an SRAM that kept the arrays' weights asleep; non-volatile cells draw none"
    yield "input.sleep.sram_weights", sleep.weights_power, "W", weights


def _latency(name: str, values: np.ndarray, meaning: str) -> Iterator[Entry]:
    if not len(values):
        return
    yield f"{name}.median", float(np.median(values)), "s", meaning
    # The smallest latency that 99 % do not exceed: one that occurred.
    high = float(np.quantile(values, 0.99, method="inverted_cdf"))
    yield f"{name}.p99", high, "s", "99 % take no longer"
    yield f"{name}.worst", float(values.max()), "s", "the longest"
