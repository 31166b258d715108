"""Windows that the numbers of a card must lie in: narrow enough to catch a unit slip of 10³.

A window is a guard against slips (mW for W, um^2 for mm^2), not a claim about technology. It is
narrower than a factor of 10³ from any published value to its far end; where published values of
one quantity span more than that, a ratio of two parameters is checked instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

import numpy as np

from imssa_sim.cards import Card, Entry
from imssa_sim.units import format_si, parse_unit, si_unit_of

Window = tuple[float, float]

# kind/form/name or kind/name, in SI; of a list its largest magnitude counts.
WINDOWS: Mapping[str, Window] = {
    "*/node": (5e-9, 250e-9),
    "*/nodes": (5e-9, 250e-9),
    "*/supply": (0.4, 5),
    "*/clock": (1e8, 1e10),
    "adc/area": (1e-10, 1e-7),
    "adc/area_8": (1e-10, 1e-7),
    "adc/column_resistance": (100, 1e6),
    "adc/cycle": (1e-11, 1e-7),
    "adc/delay_per_bit": (1e-11, 1e-7),
    "adc/delay_per_row": (1e-13, 1e-9),
    "adc/energy": (2e-14, 1e-10),
    "adc/energy_exponential": (1e-20, 1e-16),
    "adc/energy_linear": (1e-15, 1e-11),
    "adc/leakage_per_bit": (1e-6, 1e-3),
    "adc/power": (6e-5, 1),
    "adc/power_base": (1e-7, 1e-3),
    "adc/power_column": (1e-3, 10),
    "adc/power_per_bit": (2.5e-7, 5e-4),
    "adc/rate_max": (1e7, 1e11),
    "adc/sample_time": (1e-9, 1e-5),
    "adc/step_time": (1e-9, 1e-5),
    "adc/sweep": (1e-9, 1e-5),
    "array/cell_area": (1, 1e3),
    "array/coupling_capacitance": (1e-17, 1e-14),
    "array/driver_capacitance": (1e-15, 1e-12),
    "array/gate_capacitance": (1e-17, 1e-13),
    "array/junction_capacitance": (1e-17, 1e-13),
    "array/reference_node": (5e-9, 250e-9),
    "array/driver_area": (1e3, 1e6),
    "array/driver_leakage": (1e-9, 1e-6),
    "array/sample_area": (1e-15, 1e-12),
    "array/sample_energy": (1e-17, 1e-13),
    "array/word_line_voltage": (0.3, 6),
    "bus/area": (1e-9, 1e-5),
    "bus/capacitance": (2e-11, 2e-9),
    "bus/leakage_per_wire": (1e-9, 1e-5),
    "bus/length": (1e-5, 0.05),
    "bus/pitch": (2e-8, 2e-6),
    "bus/mesh/area": (1e-9, 1e-5),
    "bus/mesh/power": (1e-3, 1),
    "bus/power": (1e-4, 1),
    "bus/tile_pitch": (1e-5, 5e-3),
    "cell/bound_high": (2e-6, 5e-3),
    "cell/bound_low": (1e-7, 5e-4),
    "cell/drift_reference": (1e-7, 5e-4),
    "cell/drift_t0": (1, 1e4),
    "cell/faults_off_range": (1e-8, 1e-4),
    "cell/faults_on_range": (1e-5, 1e-2),
    "cell/conduction_scale": (0.01, 10),
    "cell/g_max": (2e-6, 5e-3),
    "cell/g_min": (1e-7, 5e-4),
    "cell/programming_amplitude": (1e-9, 1e-5),
    "cell/programming_half_width": (1e-8, 1e-4),
    "cell/programming_reference": (1e-7, 5e-4),
    "cell/programming_scale": (1e-7, 1e-4),
    "cell/read_noise_amplitude": (1e-9, 1e-5),
    "cell/read_noise_reference": (1e-7, 5e-4),
    "cell/read_noise_scale": (1e-7, 1e-4),
    "cell/read_noise_strength": (1e-10, 1e-6),
    "cell/read_noise_t_read": (1e-8, 1e-4),
    "cell/relaxation_amplitudes": (1e-9, 1e-5),
    "cell/relaxation_coefficients": (1e-7, 1e-3),
    "cell/relaxation_mean_slope": (1e-9, 1e-5),
    "cell/relaxation_onset": (0.01, 100),
    "cell/relaxation_reference": (1e-7, 5e-4),
    "cell/relaxation_scales": (1e-7, 1e-4),
    "cell/relaxation_shift_targets": (2e-6, 5e-3),
    "cell/relaxation_shifts": (1e-8, 5e-6),
    "cell/relaxation_sigma_g": (1e-7, 1e-4),
    "cell/relaxation_sigma_offset": (1e-8, 1e-4),
    "cell/relaxation_sigma_slope": (1e-9, 1e-5),
    "cell/relaxation_times": (1e3, 1e7),
    "cell/write_decade": (0.01, 10),
    "cell/write_first_step": (1e-8, 1e-4),
    "cell/write_voltage_limit": (0.3, 30),
    "cell/write_reset_voltage": (0.3, 6),
    "cell/write_set_voltage": (0.3, 6),
    "cell/write_time": (1e-8, 1e-4),
    "cell/access/write_time": (2e-11, 5e-7),
    "cell/write_energy": (5e-16, 5e-12),
    "cell/write_verify_time": (1e-8, 1e-4),
    "cell/write_voltage_step": (1e-3, 1),
    "cell/write_window": (1e-8, 1e-4),
    "chip/adc_area": (1e-8, 1e-4),
    "chip/adc_energy": (5e-14, 1e-10),
    "chip/adc_rate": (2e6, 5e9),
    "chip/adc_step_energy": (1e-14, 1e-11),
    "chip/array_area": (1e-7, 1e-4),
    "chip/array_energy": (5e-13, 5e-10),
    "chip/cell_area": (1, 1e3),
    "chip/input_energy": (1e-15, 1e-12),
    "chip/integrate_energy": (1e-14, 1e-11),
    "chip/lsb_time": (2e-11, 5e-7),
    "chip/macro_area": (1e-8, 1e-4),
    "chip/mean_conductance": (1e-6, 1e-3),
    "chip/near_memory_area": (1e-8, 1e-4),
    "chip/near_memory_energy": (5e-13, 5e-10),
    "chip/neuron_energy": (1e-15, 1e-12),
    "chip/phase_time": (1e-8, 1e-5),
    "chip/published_density": (1e16, 1e20),
    "chip/published_efficiency": (5e11, 5e14),
    "chip/published_efficiency_long": (1e11, 1e15),
    "chip/published_efficiency_short": (1e11, 1e15),
    "chip/published_energy_long": (1e-7, 1e-4),
    "chip/published_energy_short": (1e-8, 1e-5),
    "chip/published_mvm_energy": (1e-9, 1e-6),
    "chip/published_mvm_time": (1e-7, 1e-4),
    "chip/published_peak": (1e11, 5e14),
    "chip/published_peak_long": (1e12, 1e15),
    "chip/published_peak_short": (1e12, 1e15),
    "chip/published_density_long": (1e16, 1e20),
    "chip/published_density_short": (1e16, 1e20),
    "chip/published_power_long": (0.1, 1e3),
    "chip/published_power_short": (0.1, 1e3),
    "chip/published_time_long": (1e-8, 1e-5),
    "chip/published_time_short": (1e-8, 1e-5),
    "chip/pulse_time": (1e-8, 1e-5),
    "chip/read_time": (1e-9, 1e-5),
    "chip/read_voltage": (0.01, 1),
    "chip/sample_energy": (1e-14, 1e-11),
    "chip/shift_add_energy": (1e-15, 1e-12),
    "chip/sparsity_area": (1e-8, 1e-4),
    "chip/step_time": (1e-8, 1e-5),
    "chip/word_line_energy": (1e-15, 1e-12),
    "dac/amplitude/area": (1e-12, 1e-9),
    "dac/bit_serial/area": (1e-14, 1e-11),
    "dac/pulse_width/area": (1e-11, 1e-8),
    "dac/cycle": (1e-9, 1e-5),
    "dac/energy": (2e-14, 5e-11),
    "dac/leakage": (1e-8, 1e-4),
    "dac/power": (1e-5, 1e-2),
    "dac/rate": (1e7, 1e11),
    "digital/add_area": (1e-11, 1e-8),
    "digital/add_energy": (5e-15, 5e-12),
    "digital/add_leakage": (1e-7, 1e-4),
    "digital/compare_area": (1e-12, 1e-9),
    "digital/compare_energy": (1e-15, 1e-12),
    "digital/control_area": (1e-11, 1e-8),
    "digital/control_power": (1e-6, 1e-3),
    "digital/multiply_area": (1e-10, 1e-7),
    "digital/multiply_energy": (1e-13, 1e-10),
    "digital/multiply_leakage": (1e-6, 1e-3),
    "digital/register_area": (1e-13, 1e-10),
    "digital/register_energy": (1e-16, 1e-12),
    "digital/register_leakage": (1e-9, 1e-6),
    "gpu/bandwidth": (1e11, 1e14),
    "standby/suspend_power": (0.01, 5.0),
    "standby/wake_time": (0.05, 20.0),
    "standby/wake_power": (0.3, 30.0),
    "gpu/idle_power": (0.3, 300),
    "gpu/launch_overhead": (5e-7, 2e-4),
    "gpu/power": (2, 2000),
    "link/area": (1e-9, 2e-6),
    "link/bandwidth": (1e9, 1e12),
    "link/energy_per_bit": (5e-14, 1e-10),
    "link/latency": (5e-10, 2e-6),
    "link/leakage": (1e-4, 0.1),
    "memory/access_rate": (1e8, 1e10),
    "memory/area": (2e-10, 3e-7),
    "memory/area_per_byte": (1e-13, 1e-10),
    "memory/energy": (1e-12, 1e-9),
    "memory/leakage": (1e-5, 1e-1),
    "memory/leakage_per_byte": (1e-9, 1e-6),
    "memory/power": (3e-5, 0.3),
    "memory/word": (8, 1024),
    "off_chip/area": (1e-7, 1e-4),
    "off_chip/bandwidth": (1e10, 5e13),
    "off_chip/energy_per_bit": (1e-13, 1e-9),
    "off_chip/leakage": (1e-3, 10),
    "off_chip/power": (0.1, 100),
    "power/rail_capacitance": (1e-4, 1e-1),
    "power/wake_time": (1e-8, 1e-4),
    "scaling/area_nodes": (5e-9, 250e-9),
    "wires/capacitance": (2e-11, 2e-9),
    "wires/column_capacitance_48f2_32": (1e-18, 1e-15),
    "wires/column_resistance_48f2_32": (0.02, 50),
    "wires/resistance": (1e5, 1e9),
    "wires/row_capacitance_48f2_32": (1e-18, 1e-15),
    "wires/row_resistance_48f2_32": (0.02, 100),
}

# Names of published figures of layers and networks on a chip, by what they end with.
LAYERS: Mapping[str, Window] = {
    "chip/published_one_phase_peak": (1e10, 1e14),
    "chip/published_one_phase_efficiency": (5e11, 5e14),
    "chip/published_cifar10_energy_*": (5e-7, 2e-3),
    "chip/published_*_peak_*": (1e11, 1e15),
    "chip/published_*_efficiency_*": (1e11, 1e15),
    "chip/published_*_energy_*": (1e-8, 1e-4),
    "chip/published_*_density_*": (1e16, 1e20),
    "chip/published_*_time_*": (1e-8, 1e-4),
}

# Bare numbers of a published chip, by name: counts, bits, shares. The first that fits counts.
NUMBERS: Mapping[str, Window] = {
    "published_pipeline_cycles": (1, 1e3),
    "published_*": (5e-3, 1),
    "activity": (5e-3, 1),
    "*bits*": (1, 32),
    "*rows": (16, 8192),
    "*columns": (16, 8192),
    "*_shape": (16, 65536),
    "cifar10_layers": (16, 65536),
    "*case*": (1, 32),
    "tiles": (1, 1e3),
    "cores": (1, 1e3),
    "adcs*": (1, 512),
    "*": (1, 64),
}

# kind/numerator/denominator: ratio in SI. GPUs span 10³ among themselves, their balance does not.
RATIOS: Mapping[str, Window] = {
    "gpu/peak_fp16/bandwidth": (0.1, 200),  # operations per bit; CPUs lie lowest
    "gpu/peak_fp32/bandwidth": (0.1, 30),
    "gpu/peak_int8/bandwidth": (1, 400),
}

# Power over area [W/m^2] of the parts of a chip: 0.08 to 24 W/mm^2 in the published tables.
DENSITY: Window = (3e4, 7e7)

# Spread of the programmed conductance at G_max [S]; the coefficients themselves span 10^4.
SPREAD: Window = (5e-9, 5e-5)


def window_of(card: Card, entry: Entry) -> Window | None:
    """Return the window of a card's entry in SI, None if there is none."""
    part = f"{entry.name.split('_')[0]}_form"
    named = next((name for name in ("form", part) if name in card), None)
    form = card[named].text + "/" if named is not None else ""
    for key in (f"{card.kind}/{form}{entry.name}", f"{card.kind}/{entry.name}", f"*/{entry.name}"):
        if key in WINDOWS:
            return WINDOWS[key]
    name = f"{card.kind}/{entry.name}"
    return next((window for key, window in LAYERS.items() if fnmatchcase(name, key)), None)


def implausible(card: Card) -> list[str]:
    """Return what is implausible about a card's dimensional numbers, one line each."""
    return [*_outside(card), *_numbers(card), *_ratios(card), *_spread(card), *_densities(card)]


def _outside(card: Card) -> Iterator[str]:
    for entry in card.parameters.values():
        if entry.scaled is None or entry.dimension in ("number", "level"):
            continue
        size = float(np.max(np.abs(np.asarray(entry.scaled, dtype=float))))
        window = window_of(card, entry)
        if window is None or size == 0:
            continue
        if not window[0] <= size <= window[1]:
            unit = si_unit_of(parse_unit(entry.unit))
            low, high = (format_si(bound, unit) for bound in window)
            yield (
                f"{card.name}: parameters.{entry.name}: {format_si(size, unit)} is outside of "
                f"what is plausible, {low} to {high}; check its unit"
            )


def _numbers(card: Card) -> Iterator[str]:
    if card.kind != "chip":
        return
    for entry in card.parameters.values():
        if entry.scaled is None or entry.dimension not in ("number", "level"):
            continue
        size = float(np.max(np.abs(np.asarray(entry.scaled, dtype=float))))
        low, high = next(w for name, w in NUMBERS.items() if fnmatchcase(entry.name, name))
        if not low <= size <= high:
            yield (
                f"{card.name}: parameters.{entry.name}: {size:g} is outside of what is plausible, "
                f"{low:g} to {high:g}"
            )


def _ratios(card: Card) -> Iterator[str]:
    for key, (low, high) in RATIOS.items():
        kind, above, below = key.split("/")
        if kind != card.kind or above not in card or below not in card:
            continue
        ratio = card[above].si / card[below].si
        if not low <= ratio <= high:
            yield (
                f"{card.name}: {above} over {below} is {ratio:.3g}, outside of what is plausible, "
                f"{low:g} to {high:g}; check both units"
            )


def _spread(card: Card) -> Iterator[str]:
    wanted = ("programming_coefficients", "programming_reference", "g_max")
    if not all(name in card for name in wanted):
        return
    coefficients = card["programming_coefficients"].array
    relative = card["g_max"].si / card["programming_reference"].si
    sigma = abs(float(np.polynomial.polynomial.polyval(relative, coefficients)))
    if not SPREAD[0] <= sigma <= SPREAD[1]:
        yield (
            f"{card.name}: the programming error at g_max is {format_si(sigma, 'S')}, outside of "
            f"what is plausible, {format_si(SPREAD[0], 'S')} to {format_si(SPREAD[1], 'S')}; "
            "check the units of programming_coefficients, programming_reference and g_max"
        )


def _densities(card: Card) -> Iterator[str]:
    if card.kind != "chip":
        return
    for name, power in card.parameters.items():
        area = card.parameters.get(f"{name.removesuffix('_power')}_area")
        if not name.endswith("_power") or area is None:
            continue
        density = power.si / area.si
        if not DENSITY[0] <= density <= DENSITY[1]:
            yield (
                f"{card.name}: {name} over {area.name} is {density / 1e6:.3g} W/mm^2, outside of "
                f"what is plausible, {DENSITY[0] / 1e6:g} to {DENSITY[1] / 1e6:g}; check both units"
            )
