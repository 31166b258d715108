"""A chip in real time, in the run directory and on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.simulation.interleave_stats import energies_back_to_back
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.ledger.duty import Duty
    from imssa_sim.simulation.result import RunResult
    from imssa_sim.timing.real_time import RealTime

BINS = 60


def input_table(found: RealTime) -> list[dict[str, float | int | str]]:
    """Return the latencies as a histogram, and the first changes of the buffer's fill.

    Series ``latency``: left edge of a bin [s], time steps in it; ``fill``: time [s], time steps
    in the buffer from then on.
    """
    low, high = float(found.latency.min()), float(found.latency.max())
    # A spread below a millionth is the rounding of equal ticks.
    ends = (low, high) if high - low > 1e-6 * high else (low - low / 60, low + low / 60)
    counts, edges = np.histogram(found.latency, BINS, ends)
    bins = zip(edges, [*counts, 0], strict=True)
    series = [("latency", float(edge), int(count)) for edge, count in bins]
    series += [("fill", at, level) for at, level in ((0.0, 0), *found.trace)]
    return [{"series": name, "x": x, "y": y} for name, x, y in series]


def states_table(duty: Duty) -> list[dict[str, float | str]]:
    """Return the energy of every component in every power state, without that of its actions."""
    return [
        {"component": row.component, "kind": row.kind, "state": row.state, "time_s": row.time,
         "energy_J": row.energy}
        for row in duty.states
    ]  # fmt: skip


def interleave_lines(result: RunResult) -> Iterator[tuple[str, str]]:
    """Yield label and text of sequences that take turns; nothing without them."""
    found = result.interleaved
    if found is None:
        return
    alone, each = energies_back_to_back(result)
    more = found.throughput / result.timing.throughput
    yield (
        "interleave",
        f"{found.sequences} sequences in turn: {found.throughput:,.1f} a second ({more:.3g} ×), "
        f"the last result after {format_si(found.latency, 's')}; {format_si(each, 'J')} each back "
        f"to back, one alone {format_si(alone, 'J')}",
    )


def input_lines(result: RunResult) -> Iterator[tuple[str, str]]:
    """Yield label and text of what happens in real time; nothing without arrivals."""
    found, duty = result.real_time, result.duty
    if found is None or duty is None:
        return
    lost = ""
    if found.dropped:
        lost = f"; {found.dropped:,} dropped"
    elif found.stalled:
        lost = f"; {found.stalled:,} waited outside of the buffer"
    over = "" if found.rate <= found.sustained else ", more than the chip sustains"
    yield (
        "input",
        f"{found.tokens:,} time steps at {format_si(found.rate, 'Hz')}{over} (sustained: "
        f"{format_si(found.sustained, 'Hz')}){lost}",
    )
    if len(found.latency):
        middle, high = np.quantile(found.latency, (0.5, 0.99), method="inverted_cdf")
        text = (
            f"latency {format_si(float(middle), 's')} median, {format_si(float(high), 's')} 99 %, "
            f"{format_si(float(found.latency.max()), 's')} worst"
        )
        if found.deadline is not None:
            missed = f"{found.misses:,} miss" if found.misses else "none misses"
            text += f"; {missed} the deadline of {format_si(found.deadline, 's')}"
        yield "", text
    text = (
        f"{format_si(duty.average_power, 'W')} on average "
        f"({format_si(duty.leakage / duty.span, 'W')} leakage); "
        f"{format_si(duty.per_inference, 'J')} per inference, waiting included"
    )
    if duty.sleep is not None:
        text += (
            f"; asleep {duty.slept / duty.span:.1%} of the time, woken {duty.wakes:,} × for "
            f"{format_si(duty.sleep.wake_energy, 'J')} each (assumed), an SRAM for the arrays' "
            f"weights would draw {format_si(duty.sleep.weights_power, 'W')} more meanwhile"
        )
    battery = result.loaded.config.evaluate.input.battery
    if battery is not None:
        text += (
            f"; a cell of {format_si(battery, 'J')} lasts "
            f"{format_si(duty.battery_life(battery), 's')}"
        )
    yield "", text
