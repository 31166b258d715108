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
    from imssa_sim.mapping.kernels.base import PlacedKernels
    from imssa_sim.quantisation.widths import BitWidths


class FusedDelta(TileMapping):
    """One read per step; the state columns hold Ā - R, and what they give is added up digitally.

    R is the quarter turn nearest to Ā, one for each mode: before an increment is added to them,
    the two parts of a state change places and signs.

    Requantisers and accumulators follow each conversion while the next one runs: behind the last
    conversion of a step only its own remain.
    """

    name = "fused_delta"
    form = DELTA
    trained_on_chip = True

    def word_line_bits(self, bits: BitWidths) -> int:
        """Return the width of the widest code on a word line, of the layer's bits."""
        return max(bits.driving, bits.kernel_input)

    def _behind_states(self, placed: PlacedKernels, tiles: int) -> list[Action]:
        """Return what adds the codes of the state columns to the states.

        Error feedback adds what was cut off before a state drives, and keeps it beside the state.
        """
        hardware, path, states = placed.hardware, placed.path, placed.operation.states
        bits, fed_back = placed.operation.widths, placed.operation.form.feeds_back
        scale = behind_adc(
            hardware, f"{path}.requantiser", "requantiser", "requantise", tiles, states, bits.state
        )
        add = behind_adc(
            hardware, f"{path}.accumulator", "accumulator", "accumulate", tiles,
            states * (1 + fed_back), bits.state,
        )  # fmt: skip
        kept = replace(placed.register, bits=bits.state + (bits.state - bits.driving) * fed_back)
        columns = scale.serial
        return [
            *(replace(a, overlapped=_overlapped(a, columns, hardware)) for a in (scale, add)),
            kept,
        ]


def _overlapped(action: Action, columns: int, hardware: HardwareConfig) -> int:
    """Return how many actions of a unit are done before the last of its ``columns`` is converted.

    Those of all columns but the last, as far as the clock allows: one a cycle.
    """
    if not columns:
        return 0
    before = action.serial - action.serial // columns
    cycles = math.floor((columns - 1) * hardware.chip.clock / hardware.adc.rate + 1e-9)
    return min(before, cycles)
