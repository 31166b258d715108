"""Windows for the operating point of a published chip, so that a slip of a thousand is seen.

Narrower than 10^6 and set about the seven chips that come along: nothing that a user configures is
measured by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imssa_sim.cards import load_card
from imssa_sim.components.adc import adc_form, adc_point
from imssa_sim.components.parameters import Parameters
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig

WINDOWS = {
    "chip.clock": (2e6, 2e10, "Hz"),
    "chip.technology": (5e-9, 3e-7, "m"),
    "chip.supply": (0.4, 3.0, "V"),
    "chip.tile.read_voltage": (1e-3, 5.0, "V"),
    "adc.rate": (5e4, 5e9, "Hz"),
}
"""Setting -> least and largest plausible value in SI, its unit."""
COUNTS = {
    "chip.tile.rows": (8, 8192),
    "chip.tile.columns": (8, 8192),
    "chip.tile.slices": (1, 16),
    "bus.width": (8, 8192),
}
"""Setting -> least and largest plausible count."""
READ = (2e-9, 9e-6)
"""Of the time that an array is read for, with inputs as amplitudes or bits [s]."""
PULSE = (3e-10, 9e-7)
"""Of a pulse's unit [s]."""
PACE = (0.02, 1.0)
"""Of a converter's rate, over the fastest that its card allows."""


def implausible_chip(hardware: HardwareConfig) -> list[str]:
    """Return what is implausible about a chip's operating point, one line each."""
    return list(_outside(hardware))


def _outside(hardware: HardwareConfig) -> Iterator[str]:
    chip, adc = hardware.chip, hardware.adc
    values = {
        "chip.clock": chip.clock,
        "chip.technology": chip.technology,
        "chip.supply": chip.supply,
        "chip.tile.read_voltage": chip.tile.read_voltage,
        "adc.rate": adc.rate,
    }
    for name, value in values.items():
        low, high, unit = WINDOWS[name]
        yield from _line(name, value, (low, high), unit)
    counts = {
        "chip.tile.rows": chip.tile.rows,
        "chip.tile.columns": chip.tile.columns,
        "chip.tile.slices": chip.tile.slices,
        "bus.width": hardware.bus.width,
    }
    for name, count in counts.items():
        yield from _line(name, count, COUNTS[name], "")
    yield from _line("adc.per_tile", adc.per_tile, (1, chip.tile.columns), "")
    if hardware.dac.encoding == "pulse_width":
        yield from _line("dac.lsb_time", hardware.dac.lsb_time, PULSE, "s")
    else:
        yield from _line("chip.tile.read_time", chip.tile.read_time, READ, "s")
    card, at = load_card(adc.card), adc_point(hardware)
    period = float(adc_form(card).period(Parameters(card), at))
    yield from _line("adc.rate times the card's shortest period", at.rate * period, PACE, "")


def _line(name: str, value: float, window: tuple[float, float], unit: str) -> Iterator[str]:
    if not window[0] <= value <= window[1] * (1 + 1e-9):
        low, high = (format_si(bound, unit) for bound in window)
        yield f"{name}: {format_si(value, unit)} is outside of what is plausible, {low} to {high}"
