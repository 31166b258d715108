"""When a stream of inferences is evaluated, and what happens to the chip in between.

One clock runs: the time since the chip was first programmed. Points of evaluation lie on it from
``evaluate.time_since_programming`` on. At multiples of ``reprogram_every`` all weights are written
again, after the inferences of that instant; the time since programming starts anew. Calibrations
count their intervals from the last programming.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imssa_sim.devices.cell import load_cell

if TYPE_CHECKING:
    from imssa_sim.config.schema import EvaluateConfig, RunConfig


@dataclass(frozen=True)
class Moment:
    """One point of a stream.

    Attributes
    ----------
    clock : float
        Time since the first programming [s].
    writing : int
        How often the chip was programmed before its last programming.
    age : float
        Time since the last programming [s].
    calibrated : float
        The age at which it was last calibrated [s].
    """

    clock: float
    writing: int
    age: float
    calibrated: float


@dataclass(frozen=True)
class StreamSchedule:
    """The points of a stream, and how often the chip is written and calibrated in it.

    ``calibrations`` count all after the first point, those right after a programming included.
    """

    moments: tuple[Moment, ...]
    rewritings: int
    calibrations: int


def schedule(evaluate: EvaluateConfig) -> StreamSchedule | None:
    """Return the schedule that a configuration asks for; None without a stream."""
    stream, start = evaluate.stream, evaluate.time_since_programming
    if not stream.duration:
        return None
    clocks = _spaced(start, start + stream.duration, stream.points, stream.spacing)
    moments = tuple(_moment(c, stream.reprogram_every, stream.recalibrate_every) for c in clocks)
    last = moments[-1]
    return StreamSchedule(
        moments=moments,
        rewritings=last.writing,
        calibrations=_calibrations(
            moments, stream.reprogram_every, stream.recalibrate_every, last.writing
        ),
    )


def check_times(config: RunConfig) -> None:
    """Refuse times outside of what the cell's card holds for, before anything is computed.

    Raises
    ------
    ValidityError
        Names the time, the limits and the card.
    """
    if config.hardware.ideal:
        return
    cell = load_cell(config.hardware.chip.tile.cell)
    plan = schedule(config.evaluate)
    ages = [moment.age for moment in plan.moments] if plan else []
    for age in (config.evaluate.time_since_programming, *ages):
        cell.check(time=age)


def _spaced(start: float, stop: float, points: int, spacing: str) -> list[float]:
    """Return times from start to stop; logarithmic ones begin at a millionth of the end."""
    parts = [n / (points - 1) for n in range(points)]
    if spacing == "linear":
        between = [start + part * (stop - start) for part in parts]
    else:
        first = max(start, 1e-6 * stop)
        between = [first * (stop / first) ** part for part in parts]
    return [start, *between[1:-1], stop]


def _moment(clock: float, write_every: float | None, calibrate_every: float | None) -> Moment:
    writing = 0
    if write_every is not None:
        writing = max(math.ceil(_turns(clock, write_every)) - 1, 0)
    age = clock - writing * (write_every or 0.0)
    calibrated = age
    if calibrate_every is not None:
        calibrated = math.floor(_turns(age, calibrate_every)) * calibrate_every
    return Moment(clock, writing, age, min(calibrated, age))


def _turns(time: float, every: float) -> float:
    """Return time / every, whole where only rounding keeps it from being so."""
    turns = time / every
    return float(round(turns)) if math.isclose(turns, round(turns), rel_tol=1e-9) else turns


def _calibrations(
    moments: tuple[Moment, ...],
    write_every: float | None,
    calibrate_every: float | None,
    rewritings: int,
) -> int:
    if calibrate_every is None:
        return len(moments) - 1 + rewritings
    last = math.floor(_turns(moments[-1].age, calibrate_every))
    before = math.floor(_turns(moments[0].age, calibrate_every))
    within = 0
    if write_every is not None and rewritings:
        within = math.ceil(_turns(write_every, calibrate_every)) - 1
    return rewritings * (1 + within) + last - before
