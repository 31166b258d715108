"""The cost models of converters by name, and what is asked of any of them."""

from __future__ import annotations

import numpy as np

from imssa_sim.cards import Card
from imssa_sim.components.adc.form import AdcForm, AdcPoint
from imssa_sim.components.adc.linear import Linear
from imssa_sim.components.adc.point import Point
from imssa_sim.components.adc.sar import Sar
from imssa_sim.components.adc.steps import Steps
from imssa_sim.components.adc.survey import Survey
from imssa_sim.components.adc.table import Tabulated
from imssa_sim.components.adc.zigzag import ZigZag
from imssa_sim.components.forms import form_of
from imssa_sim.components.parameters import Number, Parameters, check_valid
from imssa_sim.errors import ValidityError
from imssa_sim.registry import Registry

ADC_FORMS: Registry[AdcForm | type[AdcForm]] = Registry(
    "ADC cost model",
    "imssa_sim.adc",
    {
        "survey": Survey(),
        "table": Tabulated(),
        "zigzag": ZigZag(),
        "sar": Sar(),
        "linear": Linear(),
        "point": Point(),
        "steps": Steps(),
    },
)


def adc_form(card: Card) -> AdcForm:
    """Return the cost model that a card's ``form`` names; `InputError` for an unknown one."""
    return form_of(card, ADC_FORMS)


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
