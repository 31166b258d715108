"""How long each action of a Program occupies its component, in integer ticks.

The busiest instance does ``serial`` actions one after another; its time is

=================  ==============================================================================
dac                pulse_width: ``2^(b-1) - 1`` units of ``dac.lsb_time`` (the largest code, b the
                   fewer of the codes' and the driver's bits; the array integrates meanwhile);
                   other encodings: one clock cycle to load the codes
array              pulse_width: one clock cycle (sampling); amplitude: ``tile.read_time``;
                   bit_serial: ``tile.read_time`` per bit plane
adc                ``serial / adc.rate``
bus                ``serial`` cycles of ``bus.width`` bits, and one cycle of arbitration
off_chip           the bits over the bandwidth of its card, in whole clock cycles
buffer, vector     ``serial`` clock cycles, times ``<action>_cycles`` of the digital card if it
unit, registers    has that parameter; without it one cycle per action and lane is assumed
=================  ==============================================================================

One tick is the greatest common divisor of all of them, so nothing is rounded. Quantities of the
configuration are read as the decimal numbers that they print as: 1e-09 is exactly 10^-9.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from imssa_sim.errors import InputError, InternalError

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import Action, Stage

# Assumed: a granted request crosses the arbiter in one cycle; a latch or sampler takes one cycle.
ARBITRATION_CYCLES = 1
LATCH_CYCLES = 1


@dataclass(frozen=True)
class Duration:
    """One action's time [s], exact, and how it comes about."""

    seconds: Fraction
    explanation: str
    assumed: bool


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

    @classmethod
    def from_seconds(cls, table: Mapping[Action, Duration]) -> Durations:
        """Choose the tick for given durations: their greatest common divisor."""
        return cls(common_divisor(d.seconds for d in table.values()), table)


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


def exact(value: float) -> Fraction:
    """Return the decimal number that a float prints as, exactly."""
    return Fraction(repr(float(value)))


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
    cycle = 1 / exact(hardware.chip.clock)
    if action.serial == 0 or action.count == 0:
        return Duration(Fraction(0), "nothing to do", False)
    dac, read = hardware.dac, exact(hardware.chip.tile.read_time)
    if action.kind == "dac":
        if dac.encoding == "pulse_width":
            units = 2 ** (action.bits - 1) - 1
            unit = exact(dac.lsb_time)
            return Duration(units * unit, f"{units} pulse units of {_ns(unit)}", False)
        return Duration(LATCH_CYCLES * cycle, f"codes loaded in {LATCH_CYCLES} cycle", True)
    if action.kind == "array":
        if dac.encoding == "pulse_width":
            return Duration(LATCH_CYCLES * cycle, f"sampled in {LATCH_CYCLES} cycle", True)
        return Duration(action.serial * read, f"{action.serial} reads of {_ns(read)}", False)
    if action.kind == "adc":
        conversion = 1 / exact(hardware.adc.rate)
        text = f"{action.serial} conversions of {_ns(conversion)} per converter"
        return Duration(action.serial * conversion, text, False)
    if action.kind == "bus":
        text = (
            f"{action.serial} cycles of {hardware.bus.width} bit and "
            f"{ARBITRATION_CYCLES} to arbitrate"
        )
        return Duration((action.serial + ARBITRATION_CYCLES) * cycle, text, True)
    if action.kind == "off_chip":
        return _off_chip(action, cycle)
    each, assumed = _cycles_per_action(action)
    cycles = action.serial * each
    text = f"{cycles} cycles of {_ns(cycle)}" + (" (one per action assumed)" if assumed else "")
    return Duration(cycles * cycle, text, assumed)


def _cycles_per_action(action: Action) -> tuple[int, bool]:
    if action.card is None:
        return 1, True
    from imssa_sim.cards import load_card

    entry = load_card(action.card).parameters.get(f"{action.verb}_cycles")
    if entry is None:
        return 1, True
    cycles = entry.si
    if cycles < 1 or cycles != int(cycles):
        raise InputError(
            f"{action.card}: parameters.{action.verb}_cycles: {cycles} is no number of clock "
            "cycles; give a whole number from 1 on"
        )
    return int(cycles), entry.status == "assumed"


def _off_chip(action: Action, cycle: Fraction) -> Duration:
    entry = None
    if action.card is not None:
        from imssa_sim.cards import load_card

        entry = load_card(action.card).parameters.get("bandwidth")
    if entry is None:
        return Duration(
            action.serial * cycle, f"{action.serial} words, one per cycle (assumed)", True
        )
    bandwidth = exact(entry.si)
    cycles = max(1, math.ceil(action.serial * action.bits / bandwidth / cycle))
    text = f"{action.serial * action.bits} bit at {float(bandwidth):.3g} bit/s: {cycles} cycles"
    return Duration(cycles * cycle, text, entry.status == "assumed")


def _ns(seconds: Fraction) -> str:
    return f"{float(seconds * 10**9):.6g} ns"
