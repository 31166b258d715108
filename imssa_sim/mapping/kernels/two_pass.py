"""New states from one read, the output from a second one with them; D·u is added digitally."""

from __future__ import annotations

from imssa_sim.mapping.kernels.base import TileMapping
from imssa_sim.mapping.kernels.cells import Read
from imssa_sim.ssm.forms import SEPARATE


class TwoPass(TileMapping):
    """Two reads per step, each of which converts its columns; the output columns hold C.

    The input lines are driven in the second read too; the output columns hold zeros there.
    """

    name = "two_pass"
    form = SEPARATE
    reads = (Read(states=True, outputs=False), Read(states=False, outputs=True))
