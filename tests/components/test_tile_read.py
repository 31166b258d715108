"""What one read does, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.circuits.dac import top_step
from imssa_sim.components.dac import driven_bits
from imssa_sim.components.tile_read import tile_read
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
