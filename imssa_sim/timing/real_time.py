"""A Program in real time: latency of every time step and result, deadlines, buffer, rates."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.components.duration import exact
from imssa_sim.errors import InputError, ValidityError
from imssa_sim.timing.arrivals import LARGEST, make_arrivals, token_period
from imssa_sim.timing.build import build_graph
from imssa_sim.timing.durations import Durations, common_divisor, durations
from imssa_sim.timing.source import Nap
from imssa_sim.timing.stream import StreamOutcome, run_stream

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from imssa_sim.config.schema import HardwareConfig, InputConfig
    from imssa_sim.mapping.program import Program
    from imssa_sim.timing.arrivals import Arrivals
    from imssa_sim.timing.graph import Segment, TimingGraph
    from imssa_sim.timing.result import TimingResult

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]


MOST_STALLED = 1_000_000
"""Tokens of an overload that stalls: no state repeats, so each is simulated."""


@dataclass(frozen=True)
class Sleeping:
    """A chip that sleeps once it was idle for ``after`` [s], and takes ``wake`` [s] to wake up."""

    after: float
    wake: float


@dataclass(frozen=True)
class RealTime:
    """A Program on tokens that arrive by a clock of their own; times in [s].

    Attributes
    ----------
    tokens, delivered, dropped, stalled : int
        That arrived; that left the last layer; that the buffer lost; that found it full and waited
        outside.
    sequences : int
        Whole sequences that were delivered.
    latency : (delivered,)
        From a token's arrival until it has left the last layer.
    result_latency : (sequences,)
        From the arrival of a sequence's last token until its result is there.
    deadline : float or None
        For ``latency``; None for recorded arrivals without one.
    misses : int or None
        Tokens whose latency is longer than that.
    span : float
        Time that the tokens stand for: until the last one's successor would arrive, or until the
        last result where the chip does not keep up.
    signal : float
        The same, of the arrivals alone.
    rate, sustained, largest : float
        Tokens per second: that arrived; that the chip serves for ever; within a sequence.
    fill : mapping
        Tokens in the input buffer -> time.
    trace : tuple of (float, int)
        First changes of the buffer's fill.
    gaps : (delivered,)
        From when a token and the result behind it were done until the next one came, or the span
        was over.
    engine : str
        "event", or "event, fast-forwarded".
    events : int
    host_seconds : float
    """

    tokens: int
    delivered: int
    dropped: int
    stalled: int
    sequences: int
    latency: FloatArray
    result_latency: FloatArray
    deadline: float | None
    misses: int | None
    span: float
    signal: float
    rate: float
    sustained: float
    largest: float
    fill: Mapping[int, float]
    trace: tuple[tuple[float, int], ...]
    gaps: FloatArray
    engine: str
    events: int
    host_seconds: float

    @property
    def mean_fill(self) -> float:
        """Tokens in the input buffer, mean over time."""
        total = sum(self.fill.values())
        return sum(level * held for level, held in self.fill.items()) / total if total else 0.0


@dataclass(frozen=True)
class Feed:
    """Segments of a pipeline on ticks that also divide the time between arrivals.

    ``once``: durations on the ticks of the chip alone; ``segment``: what the tokens go through.
    """

    once: Durations
    table: Durations
    graph: TimingGraph
    segment: Segment
    arrivals: Arrivals


def feed(program: Program, hardware: HardwareConfig, settings: InputConfig, seed: int = 0) -> Feed:
    """Return what arrives, and where; refuses what `simulate_input` refuses before it simulates.

    Raises
    ------
    InputError
        Bad time stamps, too many tokens or ticks.
    ValidityError
        A network that waits for whole sequences.
    """
    once = durations(program.stages, hardware)
    period = token_period(settings)
    tick = common_divisor([once.tick] if period is None else [once.tick, period])
    table = Durations(tick, once.table)
    length = program.sequence_length
    graph = build_graph(
        program.stages, program.bypasses, length, table.ticks, hardware.chip.arbitration
    )
    steps = [segment for segment in graph.segments if segment.per == "step"]
    if len(steps) != 1:
        raise ValidityError(
            "evaluate.input: a bidirectional network waits for whole sequences at every layer, so "
            "its time steps have no latency of their own; leave evaluate.input out, or give "
            "model.bidirectional: false"
        )
    return Feed(once, table, graph, steps[0], make_arrivals(settings, tick, length, seed))


def simulate_input(
    program: Program,
    hardware: HardwareConfig,
    settings: InputConfig,
    timing: TimingResult,
    *,
    seed: int = 0,
    sleep: Sleeping | None = None,
    fast_forward: bool = True,
) -> RealTime:
    """Time a Program on tokens that arrive as ``settings`` says.

    Sequences follow each other without a break. What runs once per sequence works beside the
    time steps of the next one, one result after another, as in ``TimingResult.sequence_interval``.

    Parameters
    ----------
    program : Program
    hardware : HardwareConfig
    settings : InputConfig
        With a rate or recorded times.
    timing : TimingResult
        Of one sequence.
    seed : int
        Of jitter and Poisson arrivals.
    sleep : Sleeping, optional
        A chip that goes to sleep and is woken by what arrives.
    fast_forward : bool
        Skip whole periods where arrivals are periodic; False simulates everything.

    Raises
    ------
    InputError
        Bad time stamps, too many tokens, or an overflow that the policy makes an error.
    ValidityError
        A network that waits for whole sequences, or an order of service that the stream has not.
    """
    begin = time.perf_counter()
    length = program.sequence_length
    fed = feed(program, hardware, settings, seed)
    once, tick, graph, arrivals = fed.once, fed.table.tick, fed.graph, fed.arrivals
    period = token_period(settings)
    pairs = zip(timing.segments, graph.segments, strict=True)
    after = sum(timed.end for timed, segment in pairs if segment.per == "sequence")
    behind = int(after * once.tick / tick)
    # The mean of a sequence too short for a steady state may lie below what the bottleneck bears.
    slowest = float(max(timing.interval_ticks, timing.bottleneck.interval) * once.tick)
    sustained = length / max(timing.sequence_interval, length * slowest)
    signal = float(arrivals.span * tick)
    rate = arrivals.number / signal if signal else float("inf")
    longest = arrivals.number // length * timing.end_to_end_ticks * (once.tick / tick)
    if longest >= LARGEST:
        raise InputError(
            f"evaluate.input: times in ticks of {float(tick):.3g} s exceed 64 bits; give a lower "
            "or rounder rate, or a shorter duration"
        )
    if rate > sustained and settings.overflow == "stall" and arrivals.number > MOST_STALLED:
        raise InputError(
            f"evaluate.input: {arrivals.number:,} time steps at {rate:.4g} Hz, where the chip "
            f"sustains {sustained:.4g} Hz, wait longer and longer; give a duration of at most "
            f"{MOST_STALLED:,} time steps, or overflow: drop_oldest"
        )
    nap = None
    if sleep is not None:
        waits = (math.ceil(exact(wait) / tick) for wait in (sleep.after, sleep.wake))
        nap = Nap(behind, *waits)
    outcome = run_stream(
        fed.segment, arrivals, capacity=settings.buffer, overflow=settings.overflow,
        fast_forward=fast_forward, nap=nap,
    )  # fmt: skip
    results, finished = result_times(outcome, length, behind)
    deadline = period if settings.deadline is None else exact(settings.deadline)
    skipped = outcome.period is not None and outcome.period.skipped > 0
    return RealTime(
        tokens=arrivals.number,
        delivered=len(outcome.latencies),
        dropped=outcome.dropped,
        stalled=outcome.stalled,
        sequences=len(results),
        latency=_seconds(outcome.latencies, tick),
        result_latency=_seconds(results, tick),
        deadline=None if deadline is None else float(deadline),
        misses=None if deadline is None else int((outcome.latencies > deadline // tick).sum()),
        span=signal if rate <= sustained else max(signal, finished * float(tick)),
        signal=signal,
        rate=rate,
        sustained=sustained,
        largest=1 / slowest,
        fill={level: held * float(tick) for level, held in outcome.fill.items()},
        trace=tuple((at * float(tick), level) for at, level in outcome.trace),
        engine="event, fast-forwarded" if skipped else "event",
        gaps=_seconds(idle_gaps(outcome, behind, int(arrivals.span)), tick),
        events=outcome.events,
        host_seconds=time.perf_counter() - begin,
    )


def idle_gaps(outcome: StreamOutcome, behind: int, span: int) -> IntArray:
    """Return how long nothing was under way after each token [ticks].

    A token counts as under way for ``behind`` ticks after its exit: a result may follow it.
    """
    come = outcome.exits - outcome.latencies
    following = np.append(come[1:], max(span, outcome.end))
    return np.maximum(following - outcome.exits - behind, 0)


def _seconds(ticks: IntArray, tick: Fraction) -> FloatArray:
    return np.asarray(ticks * float(tick), dtype=np.float64)


def result_times(outcome: StreamOutcome, length: int, behind: int) -> tuple[IntArray, int]:
    """Return latencies of all results, and when the last work is done [ticks].

    Parameters
    ----------
    outcome : StreamOutcome
    length : int
        Tokens of a sequence.
    behind : int
        Ticks from the last token's exit to its result; one result at a time.
    """
    exits, latencies = outcome.exits[length - 1 :: length], outcome.latencies[length - 1 :: length]
    if not len(exits):
        return latencies, outcome.end
    numbers = np.arange(len(exits), dtype=np.int64)
    # A result begins when the last token is out and the one before is done (Lindley's recursion).
    done = np.maximum.accumulate(exits - numbers * behind) + (numbers + 1) * behind
    return done - exits + latencies, max(outcome.end, int(done[-1]))
