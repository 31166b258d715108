"""What a kernel mapping is: the cells it fills, the reads of a step, and what happens digitally.

A mapping of another package is an object of a class of its own below `KernelMapping`, mostly below
`TileMapping`, in the entry point group ``imssa_sim.kernel_mapping`` (docs/extending.md).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.components.action import Action
from imssa_sim.components.tile_read import behind_adc, joined_slices, tile_read
from imssa_sim.components.units import vector
from imssa_sim.mapping.kernels.cells import CellBlock, Part, Read
from imssa_sim.mapping.tiles import partial_sums

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import KernelTiles
    from imssa_sim.program.operation import DigitalWork
    from imssa_sim.program.operations.recurrence import KernelRecurrence
    from imssa_sim.quantisation.widths import BitWidths
    from imssa_sim.ssm.forms import OutputForm


def digital(hardware: HardwareConfig, path: str, work: DigitalWork) -> Action:
    """Return what a digital unit does for a node: a register beside it, or a vector unit."""
    if work.unit != "register":
        return vector(hardware, work.unit, work.verb, work.count, work.bits)
    component, card = f"{path}.register", hardware.digital.card
    return Action(component, work.unit, work.verb, work.count, work.count, 1, work.bits, card)


@dataclass(frozen=True)
class PlacedKernels:
    """Kernels of one layer and direction in their place on the chip.

    Attributes
    ----------
    hardware : HardwareConfig
    path : str
        Of the stage.
    operation : KernelRecurrence
    tiles : KernelTiles or None
        None: they stand on none.
    """

    hardware: HardwareConfig
    path: str
    operation: KernelRecurrence
    tiles: KernelTiles | None

    @property
    def register(self) -> Action:
        """The words that keep the states until the next step."""
        states, card = self.operation.states, self.hardware.digital.card
        bits = self.operation.widths.state
        return Action(f"{self.path}.register", "register", "write", states, states, 1, bits, card)


class KernelMapping(ABC):
    """How kernels run on the chip.

    Attributes
    ----------
    name : str
        As ``hardware.mapping.kernel`` gives it.
    form : OutputForm
        Output form of the quantised kernels that it needs.
    reads : tuple of Read
        The reads of one step in their order; none: the kernels stand on no tiles.
    delay : int
        Steps by which outputs leave the tiles late; so many further reads end a sequence.
    trained_on_chip : bool
        Whether hardware-aware training has the derivative of its reads.
    """

    name: str
    form: OutputForm
    reads: tuple[Read, ...]
    delay: int = 0
    trained_on_chip: bool = False

    @abstractmethod
    def block(self, part: Part) -> CellBlock:
        """Return the cells of a part."""

    @abstractmethod
    def word_line_bits(self, bits: BitWidths) -> int:
        """Return the width of the widest code on a word line, of the layer's bits."""

    @abstractmethod
    def actions(self, placed: PlacedKernels) -> tuple[list[Action], list[Action]]:
        """Return the actions of one step that close the recurrence, and those behind them."""


class TileMapping(KernelMapping):
    """Kernels on tiles whose state columns are requantised and drive their rows in the next step.

    Cells hold the recurrence as it is; word lines carry the states' own codes.
    """

    reads: tuple[Read, ...] = (Read(states=True, outputs=True),)

    def block(self, part: Part) -> CellBlock:
        """Return the cells of a part; the feed-through's is there in the look-ahead form."""
        size = len(part.into) + 1
        weights, useful = np.zeros((size, size), np.int64), np.ones((size, size), np.bool_)
        weights[:-1, :-1], useful[:-1, :-1] = part.state.T, part.held.T
        weights[-1, :-1], weights[:-1, -1] = part.into, part.out
        useful[-1, -1] = through = self.form.ahead and part.first
        weights[-1, -1] = part.through if through else 0
        return CellBlock(weights, useful)

    def word_line_bits(self, bits: BitWidths) -> int:
        """Return the width of the widest code on a word line, of the layer's bits."""
        return max(bits.state, bits.kernel_input)

    def actions(self, placed: PlacedKernels) -> tuple[list[Action], list[Action]]:
        """Return the actions of one step that close the recurrence, and those behind them."""
        hardware, path, tiles = placed.hardware, placed.path, placed.tiles
        if tiles is None:
            raise ValueError(f"{path}: mapping {self.name} needs tiles")
        rows = tiles.n_states + tiles.n_inputs
        loop: list[Action] = []
        after: list[Action] = []
        for read in self.reads:
            columns = read.columns(tiles.n_states, tiles.n_outputs)
            bits = self.word_line_bits(placed.operation.widths)
            loop += tile_read(hardware, path, rows, columns, bits)
            loop += joined_slices(hardware, path, columns, bits)
            if read.states:
                loop += self._behind_states(placed, tiles.tiles)
        channels = placed.operation.outputs
        parts = partial_sums(tiles, channels)
        if parts:
            after.append(
                behind_adc(
                    hardware, f"{path}.shift_add", "shift_add", "add", tiles.tiles, parts,
                    hardware.adc.bits,
                )
            )  # fmt: skip
        after.append(
            behind_adc(
                hardware, f"{path}.output_requantiser", "requantiser", "requantise", tiles.tiles,
                channels, placed.operation.widths.kernel_output,
            )
        )  # fmt: skip
        return loop, after

    def _behind_states(self, placed: PlacedKernels, tiles: int) -> list[Action]:
        """Return what turns the codes of the state columns into the states of the next step."""
        requantise = behind_adc(
            placed.hardware, f"{placed.path}.requantiser", "requantiser", "requantise", tiles,
            placed.operation.states, placed.operation.widths.state,
        )  # fmt: skip
        return [requantise, placed.register]
