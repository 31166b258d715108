"""New states and the output of the same step from one read: its weights look one step ahead."""

from __future__ import annotations

from imssa_sim.mapping.kernels.base import TileMapping
from imssa_sim.ssm.forms import LOOKAHEAD


class FusedLookahead(TileMapping):
    """One read per step; the output columns hold C·Ā and C·B̄ + D."""

    name = "fused_lookahead"
    form = LOOKAHEAD
    trained_on_chip = True
