"""What every number of a card moves, and how: the energies and areas by kind of component.

A letter an account (D dynamic, L leakage, O off-chip, A area) and the power with which the amount
follows the entry: ``D+2`` grows with its square, ``L-1`` falls as it grows. ``+`` and ``-`` alone
stand for amounts that rest on other numbers too.
"""

from __future__ import annotations

import math
from collections import defaultdict

import pytest

from imssa_sim.cards import load_card
from imssa_sim.costs.model import CostModel
from imssa_sim.ledger import build_ledger

STEP = 1.25
MOVES = {
    "adc/hermes_cco": {
        "rate_max": {"adc": "D-1"},
        "power": {"adc": "D+1 L+1"},
        "area": {"adc": "A+1"},
        "idle_fraction": {"adc": "D- L+1"},
    },
    "adc/isaac_saberi": {
        "rate_max": {"adc": "L+1"},
        "energy_spread": {"adc": "D+1 L+1"},
        "idle_fraction": {"adc": "D- L+1"},
    },
    "adc/jia_sar_65nm": {
        "step_time": {"adc": "L-"},
        "sample_time": {"adc": "L-"},
        "area": {"adc": "A+1"},
        "idle_fraction": {"adc": "D- L+1"},
    },
    "adc/kull_2013": {
        "rate_max": {"adc": "D-1"},
        "power": {"adc": "D+1 L+1"},
        "area": {"adc": "A+1"},
        "idle_fraction": {"adc": "D- L+1"},
    },
    "adc/puma_linear": {
        "power_per_bit": {"adc": "D+1"},
        "leakage_per_bit": {"adc": "D- L+1"},
        "sweep": {"adc": "D+1"},
        "columns_per_sweep": {"adc": "D-1"},
        "area_8": {"adc": "A+1"},
    },
    "adc/sar_22nm": {
        "power_per_bit": {"adc": "D+ L+"},
        "power_base": {"adc": "D+ L+"},
        "power_column": {"adc": "D+ L+"},
        "column_slope": {"adc": "D- L-"},
        "column_resistance": {"adc": "D- L-"},
        "cycle": {"adc": "D+1 L+"},
        "area_8": {"adc": "A+1"},
        "idle_fraction": {"adc": "D- L+1"},
    },
    "adc/survey_andrulis_2024": {
        "fom_bits_level": {"adc": "A- D- L-"},
        "fom_bits_slope": {"adc": "A- D- L-"},
        "energy_constant": {"adc": "A+ D+ L+"},
        "energy_node": {"adc": "A+ D+ L+"},
        "energy_bits": {"adc": "A- D- L-"},
        "energy_offset": {"adc": "A- D- L-"},
        "area_constant": {"adc": "A+"},
        "area_node": {"adc": "A+"},
        "area_rate": {"adc": "A+"},
        "area_energy": {"adc": "A+"},
        "energy_spread": {"adc": "A+ D+1 L+1"},
        "idle_fraction": {"adc": "D- L+1"},
    },
    "adc/zigzag_imc_28nm": {
        "supply": {"adc": "D+2 L+2"},
        "energy_linear": {"adc": "D+ L+"},
        "energy_exponential": {"adc": "D+ L+"},
        "area_slope": {"adc": "A-"},
        "area_level": {"adc": "A+"},
        "delay_per_row": {"adc": "L-"},
        "delay_per_bit": {"adc": "L-"},
        "energy_spread": {"adc": "D+1 L+1"},
        "idle_fraction": {"adc": "D- L+1"},
    },
    "dac/isaac_1bit": {
        "energy": {"dac": "D+1 L+1"},
        "area": {"dac": "A+1"},
        "cycle": {"dac": "L-1"},
        "idle_fraction": {"dac": "D- L+1"},
    },
    "dac/mnsim_amplitude": {
        "rate": {"dac": "D-1"},
        "energy_spread": {"dac": "D+1 L+1"},
        "idle_fraction": {"dac": "D- L+1"},
    },
    "dac/neurram_pulse": {
        "bits": {"dac": "A-1 D- L-1"},
        "energy": {"dac": "D+1"},
        "sign_bits": {"dac": "D+"},
        "area": {"dac": "A+1"},
        "leakage": {"dac": "L+1"},
    },
    "dac/pwm_40nm": {
        "bits": {"dac": "A-1 D-1 L-1"},
        "energy": {"dac": "D+1"},
        "area": {"dac": "A+1"},
        "leakage": {"dac": "L+1"},
    },
    "digital/cmos_40nm": {
        "supply": {
            "adder": "D-",
            "mac": "D-",
            "multiplier": "D-",
            "norm": "D-",
            "register": "D-",
            "requantiser": "D-",
        },
        "add_energy": {"adder": "D+1", "mac": "D+", "norm": "D+", "requantiser": "D+"},
        "add_area": {"adder": "A+1", "mac": "A+", "norm": "A+", "requantiser": "A+ L-"},
        "add_leakage": {"adder": "L+1", "mac": "L+", "norm": "L+", "requantiser": "L+"},
        "multiply_energy": {"mac": "D+", "multiplier": "D+1", "norm": "D+", "requantiser": "D+"},
        "multiply_area": {"mac": "A+", "multiplier": "A+1", "norm": "A+", "requantiser": "A+"},
        "multiply_leakage": {"mac": "L+", "multiplier": "L+1", "norm": "L+", "requantiser": "L+"},
        "compare_energy": {"requantiser": "D+"},
        "compare_area": {"requantiser": "A+ L+"},
        "register_energy": {"register": "D+1"},
        "register_area": {"mac": "A+", "norm": "A+", "register": "A+1"},
        "register_leakage": {"mac": "L+", "norm": "L+", "register": "L+1"},
        "norm_multiplies": {"norm": "D+"},
        "norm_adds": {"norm": "D+"},
        "norm_divides": {"norm": "D+"},
        "control_power": {"control": "L+1"},
        "control_area": {"control": "A+1"},
    },
    "memory/edram_32nm_isaac": {
        "power": {"buffer": "D+1 L+1", "lut": "D+1 L+1", "memory": "D+1 L+1"},
        "area": {"buffer": "A+1", "lut": "A+1", "memory": "A+1"},
        "word": {"buffer": "D-1", "lut": "D-1", "memory": "D-1"},
        "clock": {"buffer": "D-1", "lut": "D-1", "memory": "D-1"},
        "activity": {"buffer": "D-1", "lut": "D-1", "memory": "D-1"},
        "idle_fraction": {"buffer": "D- L+1", "lut": "D- L+1", "memory": "D- L+1"},
    },
    "memory/sram_32nm_puma": {
        "access_rate": {"buffer": "D-1", "lut": "D-1", "memory": "D-1"},
        "word": {"buffer": "D-1", "lut": "D-1", "memory": "D-1"},
    },
    "memory/sram_45nm_horowitz": {
        "word": {"buffer": "D-1", "lut": "D-1", "memory": "D-1"},
        "area_per_byte": {"buffer": "A+1", "lut": "A+1", "memory": "A+1"},
        "leakage_per_byte": {"buffer": "L+1", "lut": "L+1", "memory": "L+1"},
    },
    "bus/htree_32nm": {
        "capacitance": {"bus": "D+1"},
        "tile_pitch": {"bus": "A+1 D+1"},
        "supply": {"bus": "D+2"},
        "activity": {"bus": "D+1"},
        "pitch": {"bus": "A+1"},
        "leakage_per_wire": {"bus": "L+1"},
    },
    "bus/isaac_32nm": {
        "wires": {"bus": "A-1 D-1 L-1"},
        "power": {"bus": "D+1 L+1"},
        "area": {"bus": "A+1"},
        "clock": {"bus": "D-1"},
        "activity": {"bus": "D-1"},
        "idle_fraction": {"bus": "D- L+1"},
    },
    "bus/mesh_isaac": {
        "power": {"bus": "D+ L+1"},
        "area": {"bus": "A+1"},
        "clock": {"bus": "D-"},
        "wires": {"bus": "D-"},
        "hops": {"bus": "D+"},
        "capacitance": {"bus": "D+"},
        "tile_pitch": {"bus": "D+"},
        "supply": {"bus": "D+"},
        "activity": {"bus": "D+"},
        "idle_fraction": {"bus": "D- L+1"},
    },
    "bus/wire_32nm": {
        "capacitance": {"bus": "D+1"},
        "length": {"bus": "A+1 D+1"},
        "supply": {"bus": "D+2"},
        "activity": {"bus": "D+1"},
        "pitch": {"bus": "A+1"},
        "leakage_per_wire": {"bus": "L+1"},
    },
    "off_chip/hbm2": {
        "energy_per_bit": {"off_chip": "O+1"},
        "area": {"off_chip": "A+1"},
        "leakage": {"off_chip": "L+1"},
    },
    "off_chip/hypertransport_isaac": {
        "power": {"off_chip": "L+1 O+1"},
        "area": {"off_chip": "A+1"},
        "bandwidth": {"off_chip": "O-1"},
        "idle_fraction": {"off_chip": "L+1 O-"},
    },
    "arrays/crossbar_1t1r": {
        "cell_area": {"array": "A+1", "bit_line": "D+", "word_line": "D+"},
        "gate_capacitance": {"word_line": "D+"},
        "coupling_capacitance": {"word_line": "D+"},
        "driver_capacitance": {"word_line": "D+"},
        "reference_node": {"bit_line": "D-", "word_line": "D-"},
        "word_line_voltage": {"word_line": "D+2"},
        "word_line_toggle": {"word_line": "D+1"},
        "activity_mean": {"array": "D+1"},
        "junction_capacitance": {"bit_line": "D+"},
        "driver_area": {"driver": "A+1"},
        "driver_leakage": {"driver": "L+1"},
        "sample_energy": {"sample_hold": "D+1"},
        "sample_area": {"sample_hold": "A+1"},
    },
}

STILL = {  # at the operating points of this walk
    "node": "where the card's numbers hold",
    "bits": "where the card's numbers hold",
    "enob": "of the point, for comparison",
    "word": "width that the numbers stand for",
    "bytes": "size that the numbers stand for",
    "bandwidth": "time alone",
    "tiles_per_router": "how many routers there are",
    "area_growth": "bits other than eight",
    "fom_rate_level": "rates beyond the corner",
    "fom_rate_slope": "rates beyond the corner",
    "fom_bits_cap": "resolutions beyond it",
    "activity_square": "behind non-linear cells",
}


def sections_of(card):
    """Return the hardware sections of a chip with a card, where the card holds."""
    if card.kind == "array":
        return {"tile": {"array": card.name}}
    section = {"card": card.name}
    if card.kind in ("adc", "dac"):
        low, high = (int(b) for b in card.valid["bits"])
        section["bits"] = min(max(8, low), high)
    if card.kind == "adc":
        section["rate"] = 4e5 if "step_time" in card else 1e7
    if card.kind == "dac":
        section["encoding"] = card["form"].text
    return {card.kind: section}


def amounts(ledger):
    """Return energies and areas by kind of component and letter of the account."""
    found = defaultdict(list)
    for row in ledger.rows:
        if row.account != "programming":
            found[row.kind, row.account[0].upper()].append(row.energy)
    for row in ledger.areas:
        found[row.kind, "A"].append(row.area)
    return {key: math.fsum(values) for key, values in found.items()}


def moved(before, after):
    """Return what moved, in the words of the table."""
    words = defaultdict(str)
    for (kind, letter), value in sorted(before.items()):
        if after[kind, letter] != value:
            power = math.log(after[kind, letter] / value) / math.log(STEP)
            whole = round(power)
            sign = "+" if power > 0 else "-"
            exact = whole and abs(power - whole) < 1e-6
            words[kind] += f" {letter}{sign}{abs(whole) if exact else ''}"
    return {kind: text.strip() for kind, text in words.items()}


@pytest.mark.parametrize("name", MOVES)
def test_an_entry_moves_what_it_stands_for(make, name):
    card = load_card(name)
    case = make(**sections_of(card))
    before = amounts(build_ledger(case.program, case.costs, case.timing))
    found = {}
    for entry in card.parameters.values():
        if isinstance(entry.scaled, (int, float)):
            costs = CostModel(
                case.program, case.hardware, {(name, entry.name): entry.scaled * STEP}
            )
            after = amounts(build_ledger(case.program, costs, case.timing))
            found[entry.name] = moved(before, after)
    assert {name: kinds for name, kinds in found.items() if kinds} == MOVES[name]
    assert {name for name, kinds in found.items() if not kinds} <= set(STILL)
