"""How long each action of a Program occupies its component, in integer ticks.

The busiest instance does ``serial`` actions one after another; how long they take is a matter of
the component (`imssa_sim.components`). One tick is the greatest common divisor of all durations,
so nothing is rounded. Quantities of the configuration are read as the decimal numbers that they
print as: 1e-09 is exactly 10^-9.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from imssa_sim.components.duration import Duration, exact
from imssa_sim.components.registry import component_of
from imssa_sim.errors import InternalError

if TYPE_CHECKING:
    from imssa_sim.components.action import Action
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import Stage


@dataclass(frozen=True)
class Durations:
    """Ticks of every action; one tick lasts ``tick`` [s]."""

    tick: Fraction
    table: Mapping[Action, Duration]

    def ticks(self, action: Action) -> int:
        """Return the length of an action's occupancy [ticks]; 0 if it has nothing to do."""
        duration = self.table.get(action)
        if duration is None:
            raise InternalError(f"{action.component}: no duration for '{action.verb}'")
        ticks = duration.seconds / self.tick
        if ticks.denominator != 1:
            raise InternalError(f"{action.component}: {duration.seconds} s is no whole tick")
        return ticks.numerator

    def behind(self, action: Action) -> int:
        """Return for how many of these ticks, at the end, the component serves the next token."""
        return int(self.table[action].behind / self.tick)

    @classmethod
    def from_seconds(cls, table: Mapping[Action, Duration]) -> Durations:
        """Choose the tick for given durations: their greatest common divisor."""
        times = [t for d in table.values() for t in (d.seconds, d.behind)]
        return cls(common_divisor(times), table)


def durations(stages: Sequence[Stage], hardware: HardwareConfig) -> Durations:
    """Return the duration of every action of a Program.

    Parameters
    ----------
    stages : sequence of Stage
        Of the Program.
    hardware : HardwareConfig
        Clock, converters, encoding, bus, cards.

    Raises
    ------
    InputError
        A card does not exist or states an impossible number.
    """
    actions = {action for stage in stages for action in stage.actions}
    return Durations.from_seconds({action: _duration(action, hardware) for action in actions})


def common_divisor(values: Iterable[Fraction]) -> Fraction:
    """Return the largest fraction of which all positive values are whole multiples."""
    numerator, denominator = 0, 1
    for value in values:
        if value < 0:
            raise InternalError(f"a duration is negative: {value} s")
        if value:
            common = math.lcm(denominator, value.denominator)
            numerator = math.gcd(
                numerator * (common // denominator),
                value.numerator * (common // value.denominator),
            )
            denominator = common
    return Fraction(numerator, denominator) if numerator else Fraction(1)


def _duration(action: Action, hardware: HardwareConfig) -> Duration:
    if action.serial == 0 or action.count == 0:
        return Duration(Fraction(0), "nothing to do", False)
    cycle = 1 / exact(hardware.chip.clock)
    return component_of(action.kind).duration(action, hardware, cycle)
