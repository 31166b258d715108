"""Timing of a Program: choose an engine, run the segments, collect the result."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, get_args

from imssa_sim.errors import InputError, InternalError, nearest
from imssa_sim.timing.bottleneck import find_bottleneck
from imssa_sim.timing.build import build_graph
from imssa_sim.timing.constraints import event_system, schedule
from imssa_sim.timing.durations import Durations, durations
from imssa_sim.timing.event import SteadyStateNotFoundError, run_event
from imssa_sim.timing.record import Recorder, recorder_of
from imssa_sim.timing.recurrence import run_recurrence
from imssa_sim.timing.result import (
    Bottleneck,
    Engine,
    LatencyRow,
    Occupancy,
    SegmentTiming,
    TimingResult,
)
from imssa_sim.timing.steady import fast_forward_refusal

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import Bypass, Program, Stage
    from imssa_sim.timing.graph import Arbitration, Segment

__all__ = ["TimingResult", "simulate_stages", "simulate_timing"]

TIMELINE_TOKENS = 8
FAST = "event, fast-forwarded"
PATIENCE = 1_000_000  # events, about a second


def simulate_timing(
    program: Program,
    hardware: HardwareConfig,
    *,
    engine: str = "auto",
    timeline_tokens: int = TIMELINE_TOKENS,
) -> TimingResult:
    """Time one sequence through a Program.

    Parameters
    ----------
    program : Program
        Stages, bypasses and length of the sequence.
    hardware : HardwareConfig
        Clock, converters, bus, cards.
    engine : {"auto", "event", "recurrence"}
        ``event`` simulates every event; ``auto`` too, but extrapolates the steady state exactly;
        ``recurrence`` evaluates the max-plus recurrence.
    timeline_tokens : int
        Tokens whose occupancies are returned.

    Raises
    ------
    InputError
        Unknown engine, or buffers that make the pipeline lock up.
    ValidityError
        The engine cannot run this program (the message says why).
    """
    table = durations(program.stages, hardware)
    return simulate_stages(
        program.stages,
        program.bypasses,
        program.sequence_length,
        table,
        engine=engine,
        arbitration=hardware.chip.arbitration,
        timeline_tokens=timeline_tokens,
    )


def simulate_stages(
    stages: Sequence[Stage],
    bypasses: Sequence[Bypass],
    sequence_length: int,
    table: Durations,
    *,
    engine: str = "auto",
    arbitration: Arbitration = "fifo",
    timeline_tokens: int = TIMELINE_TOKENS,
) -> TimingResult:
    """Time one sequence through stages whose durations are known; see `simulate_timing`."""
    if engine not in get_args(Engine):
        hint = nearest(engine, get_args(Engine))
        raise InputError(
            f"engine '{engine}' is unknown" + (f"; did you mean '{hint}'?" if hint else "")
            + f" (one of {', '.join(get_args(Engine))})"
        )  # fmt: skip
    begin = time.perf_counter()
    graph = build_graph(stages, bypasses, sequence_length, table.ticks, arbitration)
    tick = float(table.tick)

    def text(ticks: Fraction) -> str:
        return f"{float(ticks * table.tick * 10**9):.6g} ns"

    runs = [_run(segment, engine, timeline_tokens, text) for segment in graph.segments]
    kinds = {
        (action.component, action.verb): action.kind for stage in stages for action in stage.actions
    }
    counts, busy = _totals(runs)
    ends = [run.timing.end for run in runs]
    begins = [sum(ends[:n]) for n in range(len(runs))]
    steps = [n for n, run in enumerate(runs) if run.segment.per == "step"]
    total = sum(ends)
    first = begins[steps[-1]] + runs[steps[-1]].timing.first_output if steps else total
    slowest = max((runs[n] for n in steps or range(len(runs))), key=lambda r: r.timing.interval)
    interval = slowest.timing.interval
    latency, timeline = _rows(runs, begins, kinds, tick)
    return TimingResult(
        first_output=first * tick,
        interval=float(interval * table.tick),
        end_to_end=total * tick,
        sequence_interval=float(_sequence_interval(runs) * table.tick),
        tick=tick,
        first_output_ticks=first,
        interval_ticks=interval,
        end_to_end_ticks=total,
        counts=counts,
        busy={path: ticks * tick for path, ticks in busy.items()},
        utilisation={path: ticks / total for path, ticks in busy.items()},
        bottleneck=slowest.bottleneck,
        latency=latency,
        timeline=timeline,
        segments=tuple(run.timing for run in runs),
        engine=_engines(runs),
        events=sum(run.timing.events for run in runs),
        host_seconds=time.perf_counter() - begin,
    )


@dataclass(frozen=True)
class _Outcome:
    """What an engine found out about a segment; ticks since its start."""

    engine: str
    first_output: int
    end: int
    executed: tuple[tuple[int, ...], ...]
    busy: tuple[tuple[int, ...], ...]
    events: int
    period: tuple[int, int] | None  # tokens, ticks
    recorder: Recorder
    note: str = ""


@dataclass(frozen=True)
class _Run:
    segment: Segment
    timing: SegmentTiming
    outcome: _Outcome
    bottleneck: Bottleneck


def _run(
    segment: Segment, engine: str, timeline_tokens: int, text: Callable[[Fraction], str]
) -> _Run:
    if segment.varying:
        slowest = max(segment.stations, key=lambda s: s.ticks)
        bottleneck = Bottleneck(slowest.path, Fraction(slowest.ticks), "the longest service")
    else:
        schedule(event_system(segment, relaxed=True))  # a lock-up is said in words here
        bottleneck = find_bottleneck(segment, text)
    seen = max(1, timeline_tokens) + segment.stations[-1].extra
    find = _found if segment.varying else _kept
    outcome = find(segment, engine, seen)
    interval = None if outcome.period is None else Fraction(outcome.period[1], outcome.period[0])
    if not segment.dynamic and not segment.varying:
        # Without dynamic arbitration the bottleneck's ratio is the steady state's interval.
        if interval is not None and interval != bottleneck.interval:
            raise InternalError(
                f"{segment.path}: interval {interval} ticks, but the maximum cycle ratio of its "
                f"event graph is {bottleneck.interval}"
            )
        interval = bottleneck.interval
    exact, note = interval is not None, outcome.note
    if interval is None:
        spans = segment.tokens - 1
        mean = Fraction(outcome.end - outcome.first_output, spans) if spans else None
        interval = bottleneck.interval if mean is None else mean
        note = note or "no steady state within the sequence: mean interval"
    timing = SegmentTiming(
        segment.path,
        segment.tokens,
        outcome.first_output,
        outcome.end,
        interval,
        exact,
        outcome.period[0] if outcome.period is not None else None,
        outcome.events,
        note,
    )
    return _Run(segment, timing, outcome, bottleneck)


def _found(segment: Segment, engine: str, seen: int) -> _Outcome:
    """Run a segment on an engine."""
    if engine == "recurrence":
        return _by_recurrence(segment, seen)
    return _by_events(segment, seen, fast=engine == "auto")


# Runs that differ in what takes no time, in prices for instance, have equal segments.
_kept = lru_cache(maxsize=256)(_found)


def _by_recurrence(segment: Segment, seen: int, note: str = "") -> _Outcome:
    result = run_recurrence(segment, extrapolate=True, early=seen)
    recorder = recorder_of(segment, result)
    last = len(segment.stations) - 1
    return _Outcome(
        "recurrence",
        recorder.ends[last, segment.stations[last].extra],
        int(result.last_end.max()),
        tuple((s.firings,) * len(s.phases) for s in segment.stations),
        tuple(tuple(s.firings * p.ticks for p in s.phases) for s in segment.stations),
        result.updates,
        result.period,
        recorder,
        note,
    )


def _by_events(segment: Segment, seen: int, *, fast: bool) -> _Outcome:
    refusal = fast_forward_refusal(segment)
    recorder = Recorder(seen)
    # A very long transient is left to the recurrence, where there is one.
    patience = PATIENCE if fast and not segment.dynamic else None
    try:
        result = run_event(
            segment,
            fast_forward=fast and refusal is None,
            watch=refusal is None,
            patience=patience,
            probe=recorder,
        )
    except SteadyStateNotFoundError:
        note = f"no steady state within {PATIENCE} events; the recurrence took over"
        return _by_recurrence(segment, seen, note)
    period = result.period
    skipped = fast and period is not None and period.skipped > 0
    return _Outcome(
        FAST if skipped else "event",
        result.first_output,
        result.end,
        result.executed,
        result.busy,
        result.events,
        None if period is None else (period.tokens, period.ticks),
        recorder,
        f"simulated in full, because {refusal}" if fast and refusal is not None else "",
    )


def _engines(runs: Sequence[_Run]) -> str:
    names = dict.fromkeys(run.outcome.engine for run in runs)
    if FAST in names:
        names.pop("event", None)  # segments too short for a steady state
    return " + ".join(names)


def _totals(runs: Sequence[_Run]) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    busy: dict[str, int] = defaultdict(int)
    for run in runs:
        for station, executed, spent in zip(
            run.segment.stations, run.outcome.executed, run.outcome.busy, strict=True
        ):
            for phase, times, ticks in zip(station.phases, executed, spent, strict=True):
                for part in phase.parts:
                    counts[part.component, part.action] += times * part.count
                    busy[part.component] += times * part.ticks
                if phase.varying is not None:
                    busy[phase.parts[0].component] += ticks - times * phase.ticks
    return dict(counts), dict(busy)


def _sequence_interval(runs: Sequence[_Run]) -> Fraction:
    """Ticks between sequences that follow each other.

    A segment needs its interval for every firing of its busiest station. A barrier whose buffer
    holds one sequence makes the segments on both sides take turns.
    """
    groups: list[Fraction] = []
    for run in runs:
        firings = max(station.firings for station in run.segment.stations)
        need = firings * run.timing.interval
        if groups and not run.segment.overlaps:
            groups[-1] += need
        else:
            groups.append(need)
    return max(groups)


def _rows(
    runs: Sequence[_Run],
    begins: Sequence[int],
    kinds: Mapping[tuple[str, str], str],
    tick: float,
) -> tuple[tuple[LatencyRow, ...], tuple[Occupancy, ...]]:
    """Latency of the first token by action, and occupancies of the first tokens."""
    latency: list[LatencyRow] = []
    timeline: list[Occupancy] = []
    for run, begin in zip(runs, begins, strict=True):
        record = run.outcome.recorder
        arrived = 0  # when the first token could have started here, had nothing been in its way
        for index, station in enumerate(run.segment.stations):
            for firing in range(station.firings):
                occupancies = record.phases.get((index, firing))
                if occupancies is None:
                    break
                for phase, (start, _) in zip(station.phases, occupancies, strict=True):
                    now = begin + start
                    waiting = max(0, start - arrived)
                    for part in phase.parts:
                        end = now + part.ticks
                        timeline.append(
                            Occupancy(part.component, part.action, firing, now * tick, end * tick)
                        )
                        if firing == station.extra:
                            kind = kinds[part.component, part.action]
                            latency.append(
                                LatencyRow(
                                    station.stage, part.component, kind, part.action,
                                    part.ticks * tick, waiting * tick,
                                )
                            )  # fmt: skip
                            waiting = 0
                        now = end
                    if firing == station.extra:
                        arrived = max(arrived, now - begin)
            arrived = max(arrived, record.ends.get((index, station.extra), arrived))
    return tuple(latency), tuple(timeline)
