"""Analog-to-digital converters: several published cost models behind one interface.

A card's ``form`` selects the model. Each gives the energy of a conversion with all power included
(at the model's full rate), the area, the power that flows without conversions, and the latency.
The ledger books ``dynamic`` energy per conversion and ``leakage`` over time; at full rate their
sum is the published energy. Converters are never scaled with the digital technology: a form either
takes the node as an argument (survey) or is tied to its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np

from imssa_sim.cards import Card
from imssa_sim.costs.parameters import (
    Number,
    Parameters,
    check_valid,
    form_of,
    log_interpolate,
)
from imssa_sim.errors import ValidityError


@dataclass(frozen=True)
class AdcPoint:
    """Where a converter is operated.

    Attributes
    ----------
    bits : float
        Effective number of bits.
    rate : float
        Conversions per second of one converter [Hz].
    node : float
        Technology node [m]; used by the survey alone.
    rows : int
        Word lines of the array in front of it; used by ZigZag's delay alone.
    """

    bits: float
    rate: float = 1e8
    node: float = 32e-9
    rows: int = 128


class AdcForm(Protocol):
    """A cost model of a converter; pure functions of card parameters and operating point."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        """Energy of one conversion at full rate, all power included [J]."""

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        """Area of one converter [m^2]."""

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        """Power without conversions [W]."""

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        """Shortest time from one conversion to the next [s]."""


class _Survey:
    """Regression over the converter survey, Andrulis et al. 2024 (arXiv 2404.06553)."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        sndr = 6.0206 * at.bits + 10 * np.log10(1.5)
        capped = np.minimum(np.ceil(at.bits), p["fom_bits_cap"])
        by_rate = p["fom_rate_level"] - p["fom_rate_slope"] * np.log(at.rate)
        by_bits = p["fom_bits_level"] + p["fom_bits_slope"] * capped
        fom = np.minimum(by_rate, by_bits)
        correction: Number = np.exp(
            p["energy_constant"]
            + p["energy_node"] * np.log(at.node * 1e9)
            - p["energy_bits"] * np.log(at.bits)
            - p["energy_offset"]
        )
        picojoule: Number = 0.5 / 10 ** ((fom - sndr) / 10) * correction
        return picojoule * 1e-12 * p.peek("energy_spread")

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        picojoule = self.energy(p, at) / p.peek("energy_spread") * 1e12
        square_micron: Number = np.exp(
            p["area_constant"]
            + p["area_node"] * np.log(at.node * 1e9)
            + p["area_rate"] * np.log(at.rate)
            + p["area_energy"] * np.log(picojoule)
        )
        return square_micron * 1e-12

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        return p["idle_fraction"] * self.energy(p, at) * at.rate

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        return 1 / at.rate


class _Table:
    """Energy and area over the bits at one rate and node (ISAAC, scaled after Saberi)."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        energy = log_interpolate(at.bits, p.array("bits"), p.array("energy"))
        return energy * p.peek("energy_spread")

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        return log_interpolate(at.bits, p.array("bits"), p.array("area"))

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        return p["idle_fraction"] * self.energy(p, at) * p["rate_max"]

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        return 1 / p["rate_max"]


class _ZigZag:
    """SAR model of ZigZag-IMC (Sun et al. 2023)."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        capacitance = p["energy_linear"] * at.bits + p["energy_exponential"] * 4**at.bits
        return capacitance * p["supply"] ** 2 * p.peek("energy_spread")

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        return 10 ** (p["area_slope"] * at.bits + p["area_level"]) * 2**at.bits * 1e-12

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        return p["idle_fraction"] * self.energy(p, at) / self.period(p, at)

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        return at.bits * (p["delay_per_row"] * at.rows + p["delay_per_bit"])


def _grown_area(p: Parameters, at: AdcPoint) -> Number:
    return p["area_8"] * p["area_growth"] ** (at.bits - 8)


class _Sar:
    """SAR fit over levels and column resistance (Peng et al. 2020), one cycle per bit and one."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        column = p["power_column"] * np.exp(-p["column_slope"] * np.log10(p["column_resistance"]))
        power = p["power_per_bit"] * at.bits + p["power_base"] + column
        return power * self.period(p, at)

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        return _grown_area(p, at)

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        return p["idle_fraction"] * self.energy(p, at) / self.period(p, at)

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        return (at.bits + 1) * p["cycle"]


class _Linear:
    """Power linear in the bits, a sweep over all columns in a fixed time (PUMA)."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        return (p["power_per_bit"] + p["leakage_per_bit"]) * at.bits * self.period(p, at)

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        return _grown_area(p, at)

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        return p["leakage_per_bit"] * at.bits

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        return p["sweep"] / p["columns_per_sweep"]


class _Point:
    """One measured converter, at its own resolution; slower use costs the same per conversion."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        return p["power"] / p["rate_max"]

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        return p["area"]

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        return p["idle_fraction"] * p["power"]

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        return 1 / p["rate_max"]


FORMS: Mapping[str, AdcForm] = MappingProxyType(
    {
        "survey": _Survey(),
        "table": _Table(),
        "zigzag": _ZigZag(),
        "sar": _Sar(),
        "linear": _Linear(),
        "point": _Point(),
    }
)


def adc_form(card: Card) -> AdcForm:
    """Return the cost model that a card's ``form`` names; `InputError` for an unknown one."""
    return FORMS[form_of(card, FORMS)]


def check_adc(card: Card, at: AdcPoint) -> None:
    """Raise unless a card holds at an operating point.

    Raises
    ------
    ValidityError
        For bits or node outside the card's range, or a rate above what its converter can do.
    """
    check_valid(card, bits=at.bits, rate=at.rate, node=at.node)
    fastest = 1 / float(adc_form(card).period(Parameters(card), at))
    if at.rate > fastest * (1 + 1e-9):
        raise ValidityError(
            f"card '{card.name}': a converter of {at.bits:g} bits makes at most "
            f"{fastest / 1e6:.4g} MS/s, not {at.rate / 1e6:.4g} MS/s; lower the rate "
            "(hardware.adc.rate), or take more converters a tile or another card"
        )


def dynamic_energy(p: Parameters, at: AdcPoint) -> Number:
    """Return the energy of one conversion beyond the power that flows anyway [J].

    ``energy - leakage * period``. The split of the published energy is not recorded as something
    that this part rests on; it is with the leakage.
    """
    form = adc_form(p.card)
    unrecorded = Parameters(p.card, p.draws)
    return form.energy(p, at) - form.leakage(unrecorded, at) * form.period(unrecorded, at)


def walden_fom(power: Number, enob: float, rate: float) -> Number:
    """Return Walden's figure of merit [J per conversion step], ``P / (2^ENOB rate)``."""
    steps: float = 2.0**enob
    return power / (steps * rate)


def schreier_fom(power: float, sndr: float, bandwidth: float) -> float:
    """Return Schreier's figure of merit [dB], ``SNDR + 10 log10(bandwidth / P)``.

    Parameters
    ----------
    power : float
        [W]
    sndr : float
        Signal to noise and distortion [dB].
    bandwidth : float
        [Hz], half the rate for a Nyquist converter.
    """
    return float(sndr + 10 * np.log10(bandwidth / power))
