"""What one read does, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.circuits.dac import top_step
from imssa_sim.components.dac import driven_bits
from imssa_sim.components.tile_read import joined_slices, tile_read
from imssa_sim.config import load_config
from imssa_sim.errors import ConfigError
from imssa_sim.mapping.program import Stage
from imssa_sim.timing.durations import durations


@pytest.mark.parametrize("encoding", ["pulse_width", "amplitude", "bit_serial"])
@pytest.mark.parametrize(("code_bits", "dac_bits"), [(8, 4), (8, 8), (6, 10), (16, 8)])
def test_a_drive_lasts_as_long_as_its_longest_pulse(random_networks, encoding, code_bits, dac_bits):
    """The time of a drive is that of the step of the largest code, as the cells see it."""
    hardware = random_networks.hardware(dac={"encoding": encoding, "bits": dac_bits})
    ones = np.ones(1, np.int64)
    actions = tile_read(hardware, "chip.encoder", ones, ones, code_bits)
    table = durations([Stage("chip.encoder", actions, 3, 1, False, "step")], hardware).table
    top = top_step(2 ** (code_bits - 1) - 1, dac_bits, encoding)
    drive, read = (float(table[action].seconds) for action in actions[:2])
    if encoding == "pulse_width":
        assert driven_bits(hardware, code_bits) == min(code_bits, dac_bits)
        assert drive == pytest.approx(top * hardware.dac.lsb_time)
    else:
        pulses = 1 if encoding == "amplitude" else top.bit_length()
        assert read == pytest.approx(pulses * hardware.chip.tile.read_time)


def seconds(hardware, actions):
    stage = Stage("chip.encoder", tuple(actions), len(actions), 1, False, "step")
    table = durations([stage], hardware).table
    return [float(table[action].seconds) for action in actions]


@pytest.mark.parametrize(("phases", "drives"), [(1, 1), (2, 1), (4, 2)])
def test_signs_read_apart_take_a_read_and_a_conversion_each(random_networks, phases, drives):
    """A word line is driven in the phases of its code's sign, columns are converted in each."""
    hardware = random_networks.hardware(dac={"phases": phases}, adc={"per_tile": 2})
    once = random_networks.hardware(dac={"phases": 1}, adc={"per_tile": 2})
    shape = np.full(3, 5), np.full(3, 4)
    several, one = (tile_read(h, "chip.encoder", *shape, 8) for h in (hardware, once))
    assert [action.count for action in several] == [15 * drives, 3 * phases, 12 * phases]
    for a, b in zip(seconds(hardware, several), seconds(once, one), strict=True):
        assert a == pytest.approx(phases * b)
    joined = joined_slices(hardware, "chip.encoder", np.full(3, 4), 8)
    assert sum(action.count for action in joined) == 12 * (phases - 1)


def test_each_pulse_is_converted_while_the_next_is_read(random_networks):
    serial = {"encoding": "bit_serial", "card": "dac/isaac_1bit"}
    adc, digital = {"per_tile": 48, "each_pulse": True}, {"card": "digital/cmos_40nm"}
    hardware = random_networks.hardware(dac=serial, adc=adc, digital=digital)
    late = random_networks.hardware(dac=serial, adc=adc | {"each_pulse": False}, digital=digital)
    shape = np.full(3, 5), np.full(3, 4)
    each, one = (tile_read(h, "chip.encoder", *shape, 8) for h in (hardware, late))
    assert [action.count for action in each] == [15 * 7, 3 * 7, 12 * 7]
    assert [action.count for action in one] == [15 * 7, 3 * 7, 12]
    assert seconds(hardware, each) == pytest.approx(seconds(late, one))
    (sums,) = joined_slices(hardware, "chip.encoder", np.full(3, 4), 8)
    assert sums.count == 12 * 6
    assert seconds(hardware, [sums])[0] < 12 * 6 / hardware.chip.clock


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["hardware.adc.each_pulse=true"], "goes with bit-serial inputs, not with pulse_width"),
        (["hardware.base=chips/puma", "hardware.adc.rate=100 MHz"], "longer than the next pulse"),
        (["hardware.base=chips/puma", "hardware.power_gating=true"], "are not told apart"),
    ],
)
def test_a_conversion_a_pulse_is_refused_where_it_cannot_be(settings, message):
    with pytest.raises(ConfigError, match=message):
        load_config("sdigits", settings)
