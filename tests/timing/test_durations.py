"""Durations from the configuration, and the choice of the tick."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.components.action import Action
from imssa_sim.components.duration import exact
from imssa_sim.config.schema import (
    AdcConfig,
    BusConfig,
    ChipConfig,
    DacConfig,
    HardwareConfig,
    TileConfig,
)
from imssa_sim.errors import InputError
from imssa_sim.mapping.program import Stage
from imssa_sim.timing.durations import common_divisor, durations


def hardware(clock=1e9, rate=1e8, encoding="pulse_width", width=256):
    """A chip without a look at card files."""
    tile = TileConfig.model_construct(read_time=1e-8, cell="cells/none")
    return HardwareConfig.model_construct(
        chip=ChipConfig.model_construct(clock=clock, tile=tile),
        adc=AdcConfig.model_construct(rate=rate, bits=8),
        dac=DacConfig.model_construct(bits=8, encoding=encoding, lsb_time=1e-9),
        bus=BusConfig.model_construct(width=width),
    )


def one(kind, action, serial, bits=8, card=None, **chip):
    op = Action(f"chip.{kind}", kind, action, serial, 1, serial, bits, card)
    stage = Stage("chip.s", (op,), 0, 1, False, "step")
    found = durations((stage,), hardware(**chip))
    return found.ticks(op) * found.tick, found


NS = Fraction(1, 10**9)


@pytest.mark.parametrize(
    ("kind", "action", "serial", "chip", "seconds"),
    [
        ("dac", "drive", 1, {}, 127 * NS),  # the longest of the codes -127 … 127 at 1 ns
        ("dac", "drive", 1, {"encoding": "amplitude"}, 1 * NS),
        ("array", "read", 1, {}, 1 * NS),
        ("array", "read", 1, {"encoding": "amplitude"}, 10 * NS),
        ("array", "read", 7, {"encoding": "bit_serial"}, 70 * NS),
        ("adc", "convert", 5, {}, 50 * NS),
        ("adc", "convert", 3, {"rate": 1.28e9}, Fraction(3, 1_280_000_000)),
        ("bus", "transfer", 4, {}, 5 * NS),
        ("lut", "lookup", 6, {"clock": 1.2e9}, Fraction(6, 1_200_000_000)),
        ("buffer", "write", 2, {}, 2 * NS),
        ("off_chip", "transfer", 3, {}, 3 * NS),
    ],
)
def test_durations(kind, action, serial, chip, seconds):
    assert one(kind, action, serial, **chip)[0] == seconds


def test_nothing_to_do_takes_no_time():
    assert one("adder", "add", 0)[0] == 0


def test_off_chip_bandwidth_of_its_card():
    # HBM2: 256 GB/s is 2,048 bit per cycle of 1 ns; 300 words of 8 bits take two cycles.
    seconds, _ = one("off_chip", "transfer", 300, card="off_chip/hbm2")
    assert seconds == 2 * NS


def test_decimal_reading_of_floats():
    assert exact(1e-9) == Fraction(1, 10**9)
    assert exact(0.1) == Fraction(1, 10)


fractions = st.fractions(min_value=Fraction(1, 10**12), max_value=10**6, max_denominator=10**12)


@given(st.lists(fractions, min_size=1, max_size=6))
def test_the_tick_divides_all_and_is_the_largest(values):
    tick = common_divisor(values)
    multiples = [value / tick for value in values]
    assert all(multiple.denominator == 1 for multiple in multiples)
    assert math.gcd(*(multiple.numerator for multiple in multiples)) == 1


CARD = """\
name: mine
kind: digital
title: A vector unit whose normalisation takes four cycles
parameters:
  normalise_cycles: {value: VALUE, unit: "1", status: assumed}
"""


def test_cycles_of_the_digital_card(tmp_path):
    card = tmp_path / "mine.yaml"
    card.write_text(CARD.replace("VALUE", "4"), encoding="utf-8")
    assert one("norm", "normalise", 3, card=str(card))[0] == 12 * NS
    assert one("lut", "lookup", 3, card=str(card))[0] == 3 * NS  # no entry: one is assumed
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(CARD.replace("VALUE", "0.5"), encoding="utf-8")
    with pytest.raises(InputError, match=r"normalise_cycles: 0\.5 is no number of clock cycles"):
        one("norm", "normalise", 3, card=str(wrong))
