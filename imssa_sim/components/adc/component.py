"""Converters of a tile as components: conversions, and what a conversion needs of the array."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from imssa_sim.components.action import Action
from imssa_sim.components.adc.form import AdcPoint
from imssa_sim.components.adc.models import adc_form, dynamic_energy
from imssa_sim.components.array import bit_line_charge
from imssa_sim.components.component import Component, Place, PricedChip, beside, cost
from imssa_sim.components.duration import Duration, exact, nanoseconds
from imssa_sim.components.path import ComponentPath
from imssa_sim.components.terms import ActionCost, Term

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig


def adc_point(hardware: HardwareConfig) -> AdcPoint:
    """Return the operating point of a chip's converters, of each way where they have several."""
    chip, adc = hardware.chip, hardware.adc
    return AdcPoint(adc.bits, adc.rate / adc.ways, chip.technology, chip.tile.rows)


class Adc(Component):
    """Converters; verb ``convert``: one conversion."""

    kind = "adc"
    phase = "convert"
    reads = True

    def duration(self, action: Action, hardware: HardwareConfig, cycle: Fraction) -> Duration:
        """Return the time of the conversions of the busiest converter.

        One begins every period, and each takes as many as there are ways; the next token's begin
        while the last ones are still under way.
        """
        conversion, ways = 1 / exact(hardware.adc.rate), hardware.adc.ways
        text = f"{action.serial} conversions of {nanoseconds(conversion)} per converter"
        if ways == 1:
            return Duration(action.serial * conversion, text, False)
        behind = (ways - 1) * conversion
        text += f", each under way for {ways} of them"
        return Duration(action.serial * conversion + behind, text, False, behind)

    def energy(self, action: Action, chip: PricedChip, place: Place) -> Iterator[ActionCost]:
        """Yield a conversion, the charging of its bit lines, and the sampling of their sums."""
        tile, hardware = chip.hardware.chip.tile, chip.hardware
        card, at = chip.card(hardware.adc.card), adc_point(hardware)
        yield cost(action, chip.term(card, lambda p: dynamic_energy(p, at), ("adc",)))
        samples = 1 if tile.weights in ("offset", "four_line") else 2
        lines = samples * tile.devices
        charge = chip.array_term(
            lambda p, w: bit_line_charge(
                p, w, tile.rows, hardware.chip.technology, tile.read_voltage
            ),
            ("bit_line",),
        )
        array = ComponentPath(action.component).sibling("array")
        yield beside(array, "bit_line", "charge", charge, lines * _pulses(action, place, hardware))
        sample = chip.term(chip.card(tile.array), lambda p: p["sample_energy"], ("sample",))
        yield beside(array, "sample_hold", "sample", sample, samples)

    def size(self, action: Action, chip: PricedChip, place: Place) -> tuple[Term, Term]:
        """Return area and leakage of a converter, of all its ways."""
        card, at = chip.card(chip.hardware.adc.card), adc_point(chip.hardware)
        form, ways = adc_form(card), chip.hardware.adc.ways
        return chip.pair(
            card, lambda p: form.area(p, at) * ways, lambda p: form.leakage(p, at) * ways, ("adc",)
        )


def _pulses(conversion: Action, place: Place, hardware: HardwareConfig) -> int:
    """Return how often the array was read for a conversion: the reads before it, shared out."""
    pulses = 1
    for action in place.actions:
        if action.kind == "array":
            pulses = action.serial
        if action is conversion:
            break
    return 1 if hardware.adc.each_pulse else pulses // hardware.dac.phases
