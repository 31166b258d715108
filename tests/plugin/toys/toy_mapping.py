"""A kernel mapping: the look-ahead cells, but outputs and states are converted in two reads."""

from __future__ import annotations

from imssa_sim.mapping.kernels.base import TileMapping
from imssa_sim.mapping.kernels.cells import Read
from imssa_sim.ssm.forms import LOOKAHEAD


class OutputsFirst(TileMapping):
    """Outputs look one step ahead, so the states need not be there when they are read."""

    name = "toy_outputs_first"
    form = LOOKAHEAD
    reads = (Read(states=False, outputs=True), Read(states=True, outputs=False))


OUTPUTS_FIRST = OutputsFirst()
