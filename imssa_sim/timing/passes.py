"""A network in passes: a batch of sequences through one part of it, then tiles are written anew.

The parts are the segments of the timed graph, cut where a FIFO holds the whole batch. The event
engine runs each on all tokens of the batch; the time of writing is given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from imssa_sim.timing.durations import durations
from imssa_sim.timing.result import Bottleneck
from imssa_sim.timing.simulate import simulate_stages
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import Program
    from imssa_sim.timing.result import TimingResult


TILES = "chip.tiles"
"""All tiles together, as they are written."""


@dataclass(frozen=True)
class PassTime:
    """A part of the network in a batch; ticks.

    Attributes
    ----------
    writing : int
        Until its weights are on the tiles.
    through : int
        Until the whole batch has gone through it.
    """

    writing: int
    through: int


def time_parts(
    program: Program,
    hardware: HardwareConfig,
    timing: TimingResult,
    writing: Sequence[float],
    engine: str = "auto",
) -> tuple[PassTime, ...]:
    """Return the times of all parts of a network that is written in passes.

    What runs once per sequence works beside the next sequence's time steps, one result after
    another. Times of writing are rounded up to whole ticks.

    Parameters
    ----------
    program : Program
    hardware : HardwareConfig
        With ``partition.passes``.
    timing : TimingResult
        Of one sequence.
    writing : sequence of float
        Time of writing each part [s].
    engine : {"auto", "event", "recurrence"}
    """
    batch, length = hardware.partition.batch, program.sequence_length
    table = durations(program.stages, hardware)
    one = timing.segments[: len(writing)]
    once = sum(segment.end for segment in timing.segments[len(writing) :])
    late = any(stage.extra_steps for stage in program.stages)
    if batch == 1:
        through = [segment.end for segment in one]
    elif late:
        # The further step at every sequence's end makes the engine's tokens those of one sequence.
        extra = max(stage.extra_steps for stage in program.stages)
        through = [s.end + (batch - 1) * math.ceil((length + extra) * s.interval) for s in one]
    else:
        whole = simulate_stages(
            program.stages, program.bypasses, batch * length, table, engine=engine,
            arbitration=hardware.chip.arbitration, timeline_tokens=1,
        )  # fmt: skip
        through = [segment.end for segment in whole.segments[: len(writing)]]
    through[-1] = max(through[-1] + once, one[-1].end + batch * once)
    tick = table.tick
    return tuple(
        PassTime(math.ceil(Fraction(time) / tick), ticks)
        for time, ticks in zip(writing, through, strict=True)
    )


def in_passes(timing: TimingResult, parts: Sequence[PassTime], batch: int) -> TimingResult:
    """Return the timing of a batch, from that of a sequence and the times of the parts.

    The time line is that of the first part, from when its weights are written; latency by action
    stays that of a time step.
    """
    total = sum(part.writing + part.through for part in parts)
    before = total - parts[-1].through
    first = before + timing.segments[len(parts) - 1].first_output
    writing = sum(part.writing for part in parts)
    tick = timing.tick
    until = timing.segments[0].end * tick
    bottleneck = timing.bottleneck
    if 2 * writing > total:
        share = f"{format_si(writing * tick, 's')} of the {format_si(total * tick, 's')}"
        bottleneck = Bottleneck(
            TILES, bottleneck.interval,
            f"writing the tiles takes {share} of a batch; between steps of a part it is "
            f"{bottleneck.path}",
        )  # fmt: skip
    return replace(
        timing,
        first_output=first * tick,
        end_to_end=total * tick,
        sequence_interval=total * tick / batch,
        first_output_ticks=first,
        end_to_end_ticks=total,
        utilisation={path: busy * batch / (total * tick) for path, busy in timing.busy.items()},
        bottleneck=bottleneck,
        timeline=tuple(shown for shown in timing.timeline if shown.start < until),
        batch=batch,
    )
