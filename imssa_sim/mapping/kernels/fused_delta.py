"""Increments and output from one read; the states lie in accumulators (docs/decisions/0017)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from imssa_sim.mapping.actions import behind_adc
from imssa_sim.mapping.kernels.base import TileMapping
from imssa_sim.ssm.forms import DELTA

if TYPE_CHECKING:
    from imssa_sim.mapping.kernels.base import KernelSite
    from imssa_sim.mapping.program import Action
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
        """Return what adds the codes of the state columns to the states."""
        each = [
            behind_adc(
                site.hardware, f"{site.path}.{part}", part, verb, tiles, site.kernel.states,
                site.bits.state,
            )
            for part, verb in (("requantiser", "requantise"), ("accumulator", "accumulate"))
        ]  # fmt: skip
        return [*(_pipelined(site, action) for action in each), site.register]


def _pipelined(site: KernelSite, action: Action) -> Action:
    """Return an action whose last occurrence alone comes behind the conversions.

    More remain where converters are faster than the clock: one a cycle is done meanwhile.
    """
    hardware = site.hardware
    late = 1 - hardware.chip.clock / hardware.adc.rate
    waiting = math.ceil((action.serial - 1) * late - 1e-9) if late > 0 else 0
    return replace(action, serial=min(action.serial, 1 + waiting))
