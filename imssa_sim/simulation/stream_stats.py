"""Statistics of a stream, of calibration, and of what both take; none for a run without them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imssa_sim.simulation.result import RunResult

Entry = tuple[str, float | int | str | None, str, str]


def stream_entries(result: RunResult) -> Iterator[Entry]:
    """Yield (name, value, unit, description) of a stream."""
    stream = result.stream
    if stream is None:
        return
    first, last, lowest = stream.points[0], stream.points[-1], stream.lowest
    begin, end = first.moment.clock, last.moment.clock
    yield "stream.begin", begin, "s", "first point, since the first programming"
    yield "stream.end", end, "s", "last point, since the first programming"
    yield "stream.points", len(stream.points), "", "times at which samples ran; stream.csv has all"
    yield "stream.accuracy.first", first.mean, "1", "mean over chip instances at the first point"
    yield "stream.accuracy.last", last.mean, "1", "at the last point"
    yield "stream.accuracy.lowest", lowest.mean, "1", "at the worst point"
    yield "stream.accuracy.lowest_at", lowest.moment.clock, "s", "when that was"
    yield "stream.accuracy.mean", stream.mean, "1", "over time, straight between the points"
    yield "stream.reprogrammed", stream.rewritings, "", "times that all weights were written again"
    yield "stream.recalibrated", _rounds(result), "", "calibrations after the first point"
    ledger = result.ledger
    account = ledger.one_off
    energy, time = ledger.stream_energy, account.stream_time
    without = "; not modelled: the cell's card states no write pulses" if energy is None else ""
    power = None if energy is None else energy / (end - begin)
    yield "stream.upkeep.energy", energy, "J", f"re-programming and recalibration{without}"
    yield "stream.upkeep.time", time, "s", f"taken from inference by both{without}"
    yield "stream.upkeep.power", power, "W", f"energy over the stream{without}"
    each = account.pulses_per_cell
    pulses = None if each is None else each * (1 + stream.rewritings)
    yield "stream.write_pulses_per_cell", pulses, "", "all writings; - if the card states none"
    if account.endurance is not None and pulses is not None:
        yield "stream.endurance_share", pulses / account.endurance, "1", "of the card's endurance"


def calibration_entries(result: RunResult) -> Iterator[Entry]:
    """Yield (name, value, unit, description) of what was calibrated before the first inference."""
    ledger = result.ledger
    if ledger.one_off.upkeep.calibration_reads:
        reads = ledger.one_off.upkeep.calibration_reads
        yield "calibration.reads", reads, "", "of every tile, before the first inference"
        yield "calibration.energy", ledger.calibration_energy, "J", "of these reads"
        yield "calibration.time", ledger.one_off.calibration_time, "s", "all tiles side by side"
    found = result.calibration
    if found is not None:
        yield "calibration.error_before", found.before, "LSB", "rms deviation of conversions"
        yield "calibration.error_after", found.after, "LSB", "with gain and offset taken off"


def _rounds(result: RunResult) -> int:
    """Return how often the chip was calibrated in the stream, 0 where nothing is."""
    stream, upkeep = result.stream, result.ledger.one_off.upkeep
    return stream.calibrations if stream is not None and upkeep.recalibration_reads else 0
