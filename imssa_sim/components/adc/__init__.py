"""Analog-to-digital converters: several published cost models behind one interface.

`form` says what a cost model is; each file beside it holds one. `Adc` is the component.
"""

from __future__ import annotations

from imssa_sim.components.adc.component import Adc, adc_point
from imssa_sim.components.adc.form import AdcForm, AdcPoint
from imssa_sim.components.adc.models import (
    ADC_FORMS,
    adc_form,
    check_adc,
    dynamic_energy,
    schreier_fom,
    walden_fom,
)

__all__ = [
    "ADC_FORMS",
    "Adc",
    "AdcForm",
    "AdcPoint",
    "adc_form",
    "adc_point",
    "check_adc",
    "dynamic_energy",
    "schreier_fom",
    "walden_fom",
]
