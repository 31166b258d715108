"""States and output from one read, the output of the step before; D·u is added digitally."""

from __future__ import annotations

from imssa_sim.mapping.kernels.base import TileMapping
from imssa_sim.ssm.forms import SEPARATE


class FusedDelayed(TileMapping):
    """One read per step and one more for the last output; the output columns hold C."""

    name = "fused_delayed"
    form = SEPARATE
    delay = 1
    trained_on_chip = True
