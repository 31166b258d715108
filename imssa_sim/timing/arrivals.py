"""When tokens arrive: periodic, in bursts, with jitter, at random, or as recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.components.duration import exact
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from imssa_sim.config.schema.input import InputConfig

MOST_TOKENS = 10_000_000
"""Tokens of one run; each takes 16 bytes, and a microsecond to a millisecond where none repeat."""
AUTO_SECONDS = 1.0
AUTO_TOKENS = 10_000
"""Without a ``duration``: a second, and at most so many tokens."""
LARGEST = 2**61
"""Ticks of a run."""


@dataclass(frozen=True)
class Arrivals:
    """Times [ticks] at which tokens arrive.

    Attributes
    ----------
    number : int
    burst : int
        Tokens that arrive together.
    period : int
        Ticks from group to group, apart from jitter; 0 where there is no clock.
    times : (number,) or None
        Ascending; None where they are the multiples of the period.
    """

    number: int
    burst: int
    period: int
    times: NDArray[np.int64] | None = None

    @property
    def periodic(self) -> bool:
        """Whether the time from group to group is always the same."""
        return self.times is None

    def at(self, token: int) -> int:
        """Return the arrival time of a token [ticks]."""
        if self.times is None:
            return token // self.burst * self.period
        return int(self.times[min(token, self.number - 1)])

    @property
    def span(self) -> Fraction:
        """Ticks that the tokens stand for: number over mean rate."""
        if self.times is None or self.period:
            return Fraction(self.number * self.period, self.burst)
        last = int(self.times[-1] - self.times[0])
        return Fraction(last * self.number, max(1, self.number - 1))


def token_period(settings: InputConfig) -> Fraction | None:
    """Return the time between tokens, exactly [s]; None for recorded arrivals."""
    return None if settings.rate is None else 1 / exact(settings.rate)


def make_arrivals(settings: InputConfig, tick: Fraction, sequence: int, seed: int) -> Arrivals:
    """Return the arrivals that a configuration describes, in whole sequences.

    Periodic times are exact. Times that are drawn or recorded are rounded to the nearest tick.

    Parameters
    ----------
    settings : InputConfig
    tick : Fraction
        Length of a tick [s]; divides the period.
    sequence : int
        Tokens of a sequence.
    seed : int
        Same seed, same times.

    Raises
    ------
    InputError
        Too many tokens or ticks, recorded times that do not hold a sequence or are all the same,
        or a file that is no list of ascending times.
    """
    if settings.times is not None:
        return _recorded(settings, tick, sequence)
    period = token_period(settings)
    assert period is not None  # the schema asks for either
    number = _number(settings, period, sequence)
    ticks = period / tick
    if number * ticks >= LARGEST:
        raise InputError(
            f"evaluate.input: {number} tokens take more ticks than 64 bits hold; give a shorter "
            "duration, or a rate whose period has a coarser common divisor with the chip's clock"
        )
    if settings.arrival == "periodic" and not settings.jitter:
        return Arrivals(number, settings.burst, int(ticks * settings.burst))
    noise = np.random.Generator(np.random.PCG64([seed, 0x1279]))
    groups = -(-number // settings.burst)
    if settings.arrival == "poisson":
        gaps = noise.exponential(float(ticks * settings.burst), groups)
        times = np.concatenate(([0.0], np.cumsum(gaps)))[:groups]
    else:
        late = noise.uniform(0.0, float(exact(settings.jitter) / tick), groups)
        times = np.arange(groups) * float(ticks * settings.burst) + late
    whole = np.rint(np.repeat(times, settings.burst)[:number]).astype(np.int64)
    clock = 0 if settings.arrival == "poisson" else int(ticks * settings.burst)
    return Arrivals(number, settings.burst, clock, whole)


def _number(settings: InputConfig, period: Fraction, sequence: int) -> int:
    if settings.duration is None:
        wanted = min(int(exact(AUTO_SECONDS) / period), AUTO_TOKENS)
        return max(1, wanted // sequence) * sequence
    number = max(1, math.ceil(exact(settings.duration) / period / sequence)) * sequence
    if number > MOST_TOKENS:
        raise InputError(
            f"evaluate.input.duration: {number} tokens; at most {MOST_TOKENS} can be simulated, "
            "give a shorter duration"
        )
    return number


def _recorded(settings: InputConfig, tick: Fraction, sequence: int) -> Arrivals:
    assert settings.times is not None  # the caller's
    times = read_times(settings.times)
    number = len(times) // sequence * sequence
    if not number:
        raise InputError(
            f"{settings.times}: {len(times)} time stamps; a sequence has {sequence} time steps"
        )
    ticks = (times[:number] - times[0]) / float(tick)
    if number > 1 and not ticks[-1]:
        raise InputError(
            f"{settings.times}: all {number} time stamps are {times[0]:g} s; steps that "
            "arrive in no time have no rate and no power"
        )
    if ticks[-1] >= LARGEST:
        raise InputError(f"{settings.times}: the last time stamp is beyond 64 bits of ticks")
    return Arrivals(number, 1, 0, np.rint(ticks).astype(np.int64))


def read_times(path: Path) -> NDArray[np.float64]:
    """Read time stamps [s], one a line, ascending; empty lines and ``#`` comments are left out.

    Raises
    ------
    InputError
        Names the line that is no number, or is earlier than the one before.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: {error}; a text file has one time stamp in seconds a line"
        ) from None
    times: list[float] = []
    for place, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InputError(f"{path}:{place}: '{text}' is no time in seconds")
        if times and value < times[-1]:
            raise InputError(
                f"{path}:{place}: {text} s is earlier than the time stamp before it; sort them"
            )
        if len(times) == MOST_TOKENS:
            raise InputError(f"{path}:{place}: more than {MOST_TOKENS} time stamps")
        times.append(value)
    if not times:
        raise InputError(f"{path}: no time stamp in it; give one in seconds a line")
    return np.array(times)
