"""Kernels on a vector unit: no tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.errors import InternalError
from imssa_sim.mapping.kernels.base import KernelMapping, digital
from imssa_sim.ssm.forms import SEPARATE

if TYPE_CHECKING:
    from imssa_sim.components.action import Action
    from imssa_sim.mapping.kernels.base import PlacedKernels
    from imssa_sim.mapping.kernels.cells import CellBlock, Part
    from imssa_sim.quantisation.widths import BitWidths


class DigitalKernels(KernelMapping):
    """The recurrence as a program of a vector unit."""

    name = "digital"
    form = SEPARATE
    reads = ()
    trained_on_chip = True

    def block(self, part: Part) -> CellBlock:
        """Refuse: nothing stands on tiles."""
        raise InternalError("digital kernels have no cells")

    def word_line_bits(self, bits: BitWidths) -> int:
        """Refuse: nothing drives word lines."""
        raise InternalError("digital kernels drive no word lines")

    def actions(self, placed: PlacedKernels) -> tuple[list[Action], list[Action]]:
        """Return the actions of one step that close the recurrence, and those behind them."""
        hardware, path, operation = placed.hardware, placed.path, placed.operation
        return (
            [digital(hardware, path, work) for work in operation.loop()],
            [digital(hardware, path, work) for work in operation.output()],
        )
