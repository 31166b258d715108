"""Digital units: requantisers, adders, multipliers, tables, norms, multiply-accumulates, registers.

Those behind a tile's converters stand there by themselves; the others are lanes of a vector unit.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imssa_sim.components.action import Action, ComponentKind, busiest
from imssa_sim.components.component import Component, Key, Place, PricedChip, cost
from imssa_sim.components.digital import Digital, accumulator_bits
from imssa_sim.components.parameters import Number
from imssa_sim.components.path import VECTOR, ComponentPath
from imssa_sim.components.terms import ActionCost, Term

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig


class DigitalUnit(Component):
    """A unit priced by the digital card."""

    @abstractmethod
    def work(self, d: Digital, action: Action, hardware: HardwareConfig) -> Number:
        """Return the energy of one action [J]."""

    @abstractmethod
    def extent(self, d: Digital, action: Action, hardware: HardwareConfig) -> tuple[Number, Number]:
        """Return area [m^2] and leakage [W] of one unit that does one action a cycle."""

    def key(self, action: Action, hardware: HardwareConfig) -> Key:
        """Return what the price depends on."""
        return "digital", self.kind, action.bits

    def energy(self, action: Action, chip: PricedChip, place: Place) -> Iterator[ActionCost]:
        """Yield the action itself."""
        hardware = chip.hardware
        key = self.key(action, hardware)
        yield cost(action, chip.digital_term(lambda d: self.work(d, action, hardware), key))

    def size(self, action: Action, chip: PricedChip, place: Place) -> tuple[Term, Term]:
        """Return area and leakage of one unit."""
        hardware = chip.hardware
        return chip.pair(
            chip.card(hardware.digital.card),
            lambda p: self.extent(chip.digital(p), action, hardware)[0],
            lambda p: self.extent(chip.digital(p), action, hardware)[1],
            self.key(action, hardware),
        )


class Adder(DigitalUnit):
    """Sums of the residual stream and of pooling; verb ``add``."""

    kind = "adder"

    def work(self, d: Digital, action: Action, hardware: HardwareConfig) -> Number:
        """Return the energy of one sum."""
        return d.add(accumulator_bits(action.bits))

    def extent(self, d: Digital, action: Action, hardware: HardwareConfig) -> tuple[Number, Number]:
        """Return the size of an adder."""
        return d.add_size(accumulator_bits(action.bits))


class ShiftAdd(Adder):
    """Adders of partial sums and of slices behind a tile's converters; verb ``add``."""

    kind = "shift_add"


class RequantiserUnit(DigitalUnit):
    """Requantisers; verb ``requantise``: one value."""

    kind = "requantiser"

    def width(self, action: Action, hardware: HardwareConfig) -> int:
        """Return the bits of what comes in: a conversion behind an ADC, else a wide sum."""
        if ComponentPath(action.component).is_unit_of(VECTOR):
            return accumulator_bits(action.bits)
        bits = hardware.adc.bits
        if hardware.chip.tile.slices > 1:
            return accumulator_bits(bits)
        return bits + hardware.chip.tile.signs_apart

    def aligned(self, action: Action, hardware: HardwareConfig) -> bool:
        """Tell whether the gain is a power of two.

        The requantiser is behind a converter of a column of its own, or those of both its signs,
        whose range is aligned with the quantiser (`imssa_sim.functional.conversion`).
        """
        adc = hardware.adc
        whole = hardware.chip.tile.slices == 1
        own = adc.range == "aligned" and adc.scope == "column" and whole
        return own and not ComponentPath(action.component).is_unit_of(VECTOR)

    def key(self, action: Action, hardware: HardwareConfig) -> Key:
        """Return what the price depends on."""
        width, aligned = self.width(action, hardware), self.aligned(action, hardware)
        return "digital", self.kind, width, aligned

    def work(self, d: Digital, action: Action, hardware: HardwareConfig) -> Number:
        """Return the energy of one value."""
        width = self.width(action, hardware)
        return d.round_and_clip(width) if self.aligned(action, hardware) else d.requantise(width)

    def extent(self, d: Digital, action: Action, hardware: HardwareConfig) -> tuple[Number, Number]:
        """Return the size of a requantiser."""
        width = self.width(action, hardware)
        if self.aligned(action, hardware):
            return d.round_and_clip_size(width)
        return d.requantise_size(width)


class Multiplier(DigitalUnit):
    """Products of the gate and of its two constants; verb ``multiply``."""

    kind = "multiplier"

    def work(self, d: Digital, action: Action, hardware: HardwareConfig) -> Number:
        """Return the energy of one product."""
        return d.multiply(action.bits, action.bits)

    def extent(self, d: Digital, action: Action, hardware: HardwareConfig) -> tuple[Number, Number]:
        """Return the size of a multiplier."""
        return d.multiply_size(action.bits, action.bits)


class Normaliser(DigitalUnit):
    """Normalisation; verb ``normalise``: one element."""

    kind = "norm"

    def work(self, d: Digital, action: Action, hardware: HardwareConfig) -> Number:
        """Return the energy of one element."""
        return d.normalise(action.bits)

    def extent(self, d: Digital, action: Action, hardware: HardwareConfig) -> tuple[Number, Number]:
        """Return the size of one lane."""
        return d.normalise_size(action.bits)


class Mac(DigitalUnit):
    """Digital multiply-accumulates with the read of their weight; verb ``mac``."""

    kind = "mac"

    def work(self, d: Digital, action: Action, hardware: HardwareConfig) -> Number:
        """Return the energy of one without its weight's read."""
        return d.mac(action.bits)

    def extent(self, d: Digital, action: Action, hardware: HardwareConfig) -> tuple[Number, Number]:
        """Return the size of one lane."""
        return d.mac_size(action.bits)

    def energy(self, action: Action, chip: PricedChip, place: Place) -> Iterator[ActionCost]:
        """Yield the action, and the read of a weight beside it."""
        yield from super().energy(action, chip, place)
        term = chip.memory_term(chip.weight_bytes, action.bits)
        weights = f"{action.component}.weights"
        yield ActionCost(weights, "memory", "read", 1, "dynamic", (term,))


class Register(DigitalUnit):
    """Registers of the states; verb ``write``: one word."""

    kind = "register"
    retains = True

    def work(self, d: Digital, action: Action, hardware: HardwareConfig) -> Number:
        """Return the energy of one word."""
        return d.register(action.bits)

    def extent(self, d: Digital, action: Action, hardware: HardwareConfig) -> tuple[Number, Number]:
        """Return the size of a word's register."""
        return d.register_size(action.bits)


class AccumulatorUnit(DigitalUnit):
    """Adders of states that turn and add up, saturating; verb ``accumulate``: one sum."""

    kind = "accumulator"

    def work(self, d: Digital, action: Action, hardware: HardwareConfig) -> Number:
        """Return the energy of one sum."""
        return d.accumulate(action.bits)

    def extent(self, d: Digital, action: Action, hardware: HardwareConfig) -> tuple[Number, Number]:
        """Return the size of such an adder."""
        return d.accumulate_size(action.bits)


class Lut(Component):
    """Tables over all codes, a memory; verb ``lookup``: one value."""

    kind = "lut"
    retains = True

    def energy(self, action: Action, chip: PricedChip, place: Place) -> Iterator[ActionCost]:
        """Yield one look-up."""
        yield cost(action, chip.memory_term(table_bytes(action.bits), action.bits))

    def size(self, action: Action, chip: PricedChip, place: Place) -> tuple[Term, Term]:
        """Return the size of a table."""
        return chip.memory_pair(table_bytes(action.bits))


def table_bytes(bits: int) -> float:
    """Return the size of a table over all codes of a width."""
    return float(2**bits * bits) / 8


def vector(
    hardware: HardwareConfig, kind: ComponentKind, verb: str, count: int, bits: int
) -> Action:
    """Return an action of a vector unit, which does one per lane and cycle."""
    lanes = hardware.digital.vector_lanes
    card = hardware.digital.card
    return Action(VECTOR, kind, verb, count, lanes, busiest(count, lanes), bits, card)
