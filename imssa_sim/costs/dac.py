"""Digital-to-analog converters: drivers of word lines, in three encodings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from imssa_sim.cards import Card
from imssa_sim.costs.parameters import Number, Parameters, form_of, log_interpolate
from imssa_sim.errors import InputError


class DacForm(Protocol):
    """A cost model of one word line's driver; pure functions of a card and the bits."""

    def energy(self, p: Parameters, bits: int) -> Number:
        """Energy of one drive (bit-serial: of one pulse) [J]."""

    def area(self, p: Parameters, bits: int) -> Number:
        """Area of one driver [m^2]."""

    def leakage(self, p: Parameters, bits: int) -> Number:
        """Power without drives [W]."""


class _PulseWidth:
    """Energy and area in proportion to the bits of the counter and comparator."""

    def energy(self, p: Parameters, bits: int) -> Number:
        return p["energy"] * bits / p["bits"]

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


FORMS: Mapping[str, DacForm] = MappingProxyType(
    {"pulse_width": _PulseWidth(), "amplitude": _Amplitude(), "bit_serial": _BitSerial()}
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
    form = form_of(card, FORMS)
    if encoding is not None and form != encoding:
        raise InputError(
            f"hardware.dac: card '{card.name}' is a driver for '{form}', but the encoding is "
            f"'{encoding}'; set hardware.dac.encoding to '{form}', or take a card of that form "
            "(`list cards`)"
        )
    return FORMS[form]
