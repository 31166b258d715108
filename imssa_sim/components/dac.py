"""Digital-to-analog converters: drivers of word lines, in three encodings."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from imssa_sim.cards import Card
from imssa_sim.components.action import Action
from imssa_sim.components.array import word_line_charge
from imssa_sim.components.component import Component, Place, PricedChip, beside, cost
from imssa_sim.components.duration import LATCH_CYCLES, Duration, exact, nanoseconds
from imssa_sim.components.forms import form_of
from imssa_sim.components.parameters import Number, Parameters, log_interpolate
from imssa_sim.components.path import ComponentPath
from imssa_sim.components.terms import ActionCost, Term
from imssa_sim.errors import InputError
from imssa_sim.registry import Registry

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig


class DacForm(Protocol):
    """A cost model of one word line's driver; pure functions of a card and the bits."""

    def energy(self, p: Parameters, bits: int) -> Number:
        """Energy of one drive (bit-serial: of one pulse) [J]."""

    def area(self, p: Parameters, bits: int) -> Number:
        """Area of one driver [m^2]."""

    def leakage(self, p: Parameters, bits: int) -> Number:
        """Power without drives [W]."""


class _PulseWidth:
    """Energy and area in proportion to the bits of the counter and comparator.

    Bits that take no energy, such as a sign, are the card's ``sign_bits``.
    """

    def energy(self, p: Parameters, bits: int) -> Number:
        free = p["sign_bits"] if "sign_bits" in p.card else 0
        return p["energy"] * (bits - free) / (p["bits"] - free)

    def area(self, p: Parameters, bits: int) -> Number:
        return p["area"] * bits / p["bits"]

    def leakage(self, p: Parameters, bits: int) -> Number:
        return p["leakage"] * bits / p["bits"]


class _Amplitude:
    """Tabulated power at one rate; the share that flows without drives is booked as leakage."""

    def energy(self, p: Parameters, bits: int) -> Number:
        return (1 - p.peek("idle_fraction")) * self._power(p, bits) / p["rate"]

    def area(self, p: Parameters, bits: int) -> Number:
        return log_interpolate(bits, p.array("bits"), p.array("area"))

    def leakage(self, p: Parameters, bits: int) -> Number:
        return p["idle_fraction"] * self._power(p, bits)

    def _power(self, p: Parameters, bits: int) -> Number:
        return log_interpolate(bits, p.array("bits"), p.array("power")) * p.peek("energy_spread")


class _BitSerial:
    """A 1-bit driver, pulsed once for each bit of the magnitude."""

    def energy(self, p: Parameters, bits: int) -> Number:
        return (1 - p.peek("idle_fraction")) * p["energy"]

    def area(self, p: Parameters, bits: int) -> Number:
        return p["area"]

    def leakage(self, p: Parameters, bits: int) -> Number:
        return p["idle_fraction"] * p["energy"] / p["cycle"]


DAC_FORMS: Registry[DacForm | type[DacForm]] = Registry(
    "DAC cost model",
    "imssa_sim.dac",
    {"pulse_width": _PulseWidth(), "amplitude": _Amplitude(), "bit_serial": _BitSerial()},
)


def dac_form(card: Card, encoding: str | None = None) -> DacForm:
    """Return the cost model that a card's ``form`` names.

    Parameters
    ----------
    card : Card
    encoding : str, optional
        The encoding that the chip uses; must be the card's.

    Raises
    ------
    InputError
        For an unknown form, or one that does not drive the encoding.
    """
    form, driven = form_of(card, DAC_FORMS), card["form"].text
    if encoding is not None and driven != encoding:
        raise InputError(
            f"hardware.dac: card '{card.name}' is a driver for '{driven}', but the encoding is "
            f"'{encoding}'; set hardware.dac.encoding to '{driven}', or take a card of that form "
            "(`list cards`)"
        )
    return form


class Dac(Component):
    """Drivers of word lines; verb ``drive``: one word line for one read, or one pulse of it."""

    kind = "dac"
    phase = "drive"
    reads = True

    def duration(self, action: Action, hardware: HardwareConfig, cycle: Fraction) -> Duration:
        """Return the time of the longest pulse width, otherwise of loading the codes.

        A pulse width is ``2^(b-1) - 1`` units of ``dac.lsb_time`` for the largest code, b the fewer
        of the codes' and the driver's bits; the array integrates meanwhile. Phases add up.
        """
        dac = hardware.dac
        times = "" if dac.phases == 1 else f"{dac.phases} x "
        if dac.encoding == "pulse_width":
            units, unit = 2 ** (action.bits - 1) - 1, exact(dac.lsb_time)
            text = f"{times}{units} pulse units of {nanoseconds(unit)}"
            return Duration(dac.phases * units * unit, text, False)
        text = f"{times}codes loaded in {LATCH_CYCLES} cycle"
        return Duration(dac.phases * LATCH_CYCLES * cycle, text, True)

    def energy(self, action: Action, chip: PricedChip, place: Place) -> Iterator[ActionCost]:
        """Yield a drive, and the charging of the word line beside it."""
        hardware = chip.hardware
        card, own = chip.card(hardware.dac.card), hardware.dac.bits
        form = dac_form(card)
        held = periods_held(hardware, card)
        yield cost(action, chip.term(card, lambda p: form.energy(p, own) * held, ("dac", own)))
        columns, feature = hardware.chip.tile.columns, hardware.chip.technology
        charge = chip.array_term(
            lambda p, w: word_line_charge(p, w, columns, feature), ("word_line",)
        )
        array = ComponentPath(action.component).sibling("array")
        yield beside(array, "word_line", "charge", charge)

    def size(self, action: Action, chip: PricedChip, place: Place) -> tuple[Term, Term]:
        """Return area and leakage of the driver of one word line."""
        card, own = chip.card(chip.hardware.dac.card), chip.hardware.dac.bits
        form = dac_form(card)
        return chip.pair(
            card, lambda p: form.area(p, own), lambda p: form.leakage(p, own), ("dac", own)
        )


def pulses_per_read(hardware: HardwareConfig, code_bits: int) -> int:
    """Return how often the word lines are driven for one product: magnitude bits, otherwise once.

    Parameters
    ----------
    hardware : HardwareConfig
    code_bits : int
        Width of the widest code on a word line, sign included; the sign is the pulse's polarity.
    """
    return max(1, code_bits - 1) if hardware.dac.encoding == "bit_serial" else 1


def drives_per_product(hardware: HardwareConfig, code_bits: int) -> int:
    """Return how often a word line is driven for one product: in the phases of its code's sign."""
    return pulses_per_read(hardware, code_bits) * (2 if hardware.dac.phases == 4 else 1)


def reads_per_product(hardware: HardwareConfig, code_bits: int) -> int:
    """Return how often an array is read for one product, pulse by pulse in each phase."""
    return pulses_per_read(hardware, code_bits) * hardware.dac.phases


def conversions_per_product(hardware: HardwareConfig, code_bits: int) -> int:
    """Return how often a column is converted for one product."""
    pulses = pulses_per_read(hardware, code_bits) if hardware.adc.each_pulse else 1
    return pulses * hardware.dac.phases


def driven_bits(hardware: HardwareConfig, code_bits: int) -> int:
    """Return the bits of what a driver applies, sign included: the codes' or its own, the fewer.

    Bit-serial drivers apply one bit after another, whatever their own are.
    """
    dac = hardware.dac
    return dac.bits if dac.encoding == "bit_serial" else min(hardware.driver_bits, code_bits)


def periods_held(hardware: HardwareConfig, card: Card) -> float:
    """Return for how many periods of its rate a driver is at work in one drive.

    An amplitude is held for as long as the array integrates; one energy of the card is that of a
    period.
    """
    if hardware.dac.encoding != "amplitude" or "rate" not in card:
        return 1.0
    return max(1.0, hardware.chip.tile.read_time * card["rate"].si)
