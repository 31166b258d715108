"""A stream of inferences in the run directory and on the screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imssa_sim.units import format_si

if TYPE_CHECKING:
    from imssa_sim.simulation.result import RunResult, Stream


def stream_table(stream: Stream) -> list[dict[str, float | int]]:
    """Return one row for each point and chip instance.

    Times since the first programming, since the last one, and the latter at the last calibration
    [s]; how often the chip was written before; accuracy 0 to 1; array energy per inference [J].
    """
    return [
        {
            "clock_s": point.moment.clock,
            "time_since_programming_s": point.moment.age,
            "calibrated_at_s": point.moment.calibrated,
            "writing": point.moment.writing,
            "chip": chip,
            "samples": point.samples,
            "correct": correct,
            "accuracy": correct / point.samples,
            "array_energy_J": energy,
        }
        for point in stream.points
        for chip, (correct, energy) in enumerate(
            zip(point.correct, point.array_energy, strict=True)
        )
    ]


def stream_line(result: RunResult) -> str:
    """Return accuracy over time and its upkeep in one sentence; empty without a stream."""
    stream = result.stream
    if stream is None:
        return ""
    first, last, lowest = stream.points[0], stream.points[-1], stream.lowest
    length = last.moment.clock - first.moment.clock
    when = format_si(lowest.moment.clock, "s", 3)
    text = (
        f"{format_si(length, 's', 3)}: {first.mean:.1%} at first, {last.mean:.1%} at the end, "
        f"lowest {lowest.mean:.1%} {when} after the first programming"
    )
    return "; ".join([text, *_upkeep(result, length)])


def _upkeep(result: RunResult, length: float) -> Iterator[str]:
    stream, ledger = result.stream, result.ledger
    assert stream is not None  # the caller's
    done = []
    if stream.rewritings:
        done.append(f"written again {stream.rewritings} ×")
    if ledger.one_off.upkeep.recalibration_reads:
        done.append(f"calibrated {stream.calibrations} ×")
    if not done:
        return
    energy, time = ledger.stream_energy, ledger.one_off.stream_time
    cost = "what writing takes is not modelled: the cell's card states no write pulses"
    if energy is not None and time is not None:
        cost = (
            f"{format_si(energy, 'J')}, {format_si(time, 's')}, "
            f"{format_si(energy / length, 'W')} on average"
        )
    yield f"{', '.join(done)} ({cost})"


def calibration_line(result: RunResult) -> str:
    """Return what the calibration of the columns found and took; empty without one."""
    found, ledger = result.calibration, result.ledger
    if found is None:
        return ""
    return (
        f"{found.reads} reads a tile: conversions off by {found.before:.2g} LSB rms before, "
        f"{found.after:.2g} after; {format_si(ledger.calibration_energy, 'J')}, "
        f"{format_si(ledger.one_off.calibration_time, 's')}"
    )
