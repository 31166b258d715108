"""Increments and output from one read; the states lie in accumulators (docs/decisions/0017)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from imssa_sim.components.tile_read import behind_adc
from imssa_sim.mapping.kernels.base import TileMapping
from imssa_sim.ssm.forms import DELTA

if TYPE_CHECKING:
    from imssa_sim.components.action import Action
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.kernels.base import KernelSite
    from imssa_sim.quantisation.widths import BitWidths


class FusedDelta(TileMapping):
    """One read per step; the state columns hold Ā - 1, and what they give is added up digitally.

    Requantisers and accumulators follow each conversion while the next one runs: behind the last
    conversion of a step only its own remain.
    """

    name = "fused_delta"
    form = DELTA

    def word_line_bits(self, bits: BitWidths) -> int:
        """Return the width of the widest code on a word line, of the layer's bits."""
        return max(bits.driving, bits.kernel_input)

    def _behind_states(self, site: KernelSite, tiles: int) -> list[Action]:
        """Return what adds the codes of the state columns to the states.

        Error feedback adds what was cut off before a state drives, and keeps it beside the state.
        """
        hardware, path, states = site.hardware, site.path, site.kernel.states
        bits, fed_back = site.bits, site.kernel.form.feeds_back
        scale = behind_adc(
            hardware, f"{path}.requantiser", "requantiser", "requantise", tiles, states, bits.state
        )
        add = behind_adc(
            hardware, f"{path}.accumulator", "accumulator", "accumulate", tiles,
            states * (1 + fed_back), bits.state,
        )  # fmt: skip
        kept = replace(site.register, bits=bits.state + (bits.state - bits.driving) * fed_back)
        return [
            replace(scale, serial=_behind(hardware, scale.serial)),
            replace(add, serial=_behind(hardware, add.serial)),
            kept,
        ]


def _behind(hardware: HardwareConfig, each: int) -> int:
    """Return the cycles that remain behind the last conversion, of ``each`` for one unit.

    One is done a cycle while conversions run; more than the last remain where a converter is
    faster than the clock.
    """
    late = 1 - hardware.chip.clock / hardware.adc.rate
    return 1 + math.ceil(max(0.0, late) * (each - 1) - 1e-9) if each else 0
