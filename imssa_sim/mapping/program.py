"""The Program: what the chip executes, shared by the functional and the timing execution.

Shapes: T tiles, R word lines (rows) in use, C logical columns in use (a differential pair is one
logical column), S state rows, I input rows, O output columns per tile. Unused places are padded
with zeros (weights) or -1 (indices).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from imssa_sim.components.action import Action
from imssa_sim.model.quantised import QuantisedNetwork
from imssa_sim.program.graph import Graph
from imssa_sim.program.integers import integer_parameters
from imssa_sim.program.operations.head import HeadParameters

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from imssa_sim.mapping.kernels.base import KernelMapping
    from imssa_sim.model.quantised import QuantisedLinear
    from imssa_sim.ssm.quantised import QuantisedKernel

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class TileContents:
    """What stands in the cells of a tile set.

    Attributes
    ----------
    weights : int array (T, R, C)
        In accumulator units (already shifted).
    useful : bool array (T, R, C)
        Cells that hold a weight of the network (zero-valued ones too).
    """

    weights: IntArray
    useful: BoolArray


@dataclass(frozen=True)
class TileSet:
    """Crossbar tiles of one layer: where everything stands, and on demand what the cells hold.

    Attributes
    ----------
    path : str
        For instance chip.layer0.kernel.
    site : int
        Number that enters the noise coordinates, unique in the Program.
    tiles : int
        Number of tiles T.
    fill : callable
        Makes the cells, most of a Program's memory.
    totals : dict
        Sums over the cells, by what else they depend on.
    """

    path: str
    site: int
    tiles: int
    fill: Callable[[], TileContents]
    totals: dict[Hashable, float] = field(
        default_factory=dict, kw_only=True, compare=False, repr=False
    )

    @cached_property
    def cells(self) -> TileContents:
        """What the cells hold."""
        return self.fill()

    @property
    def weights(self) -> IntArray:
        """Integer weights (T, R, C) in accumulator units."""
        return self.cells.weights

    @property
    def useful(self) -> BoolArray:
        """Cells (T, R, C) that hold a weight of the network."""
        return self.cells.useful

    def total(self, key: Hashable, find: Callable[[], float]) -> float:
        """Return a sum over the cells, found once for each ``key``."""
        if key not in self.totals:
            self.totals[key] = find()
        return self.totals[key]

    def emptied(self) -> Self:
        """Return a copy that shares the totals, but has its cells yet to be made."""
        return replace(self)


@dataclass(frozen=True)
class KernelTiles(TileSet):
    """The crossbar tiles of one layer's S4D kernels in one direction.

    A tile's rows are its state rows, then its input rows; its columns are its state columns (in
    the order of the state rows: the feedback of column j goes to row j), then its output columns.
    A channel's modes may be spread over several tiles; the partial outputs are then digitised
    apart and added digitally. Kernels pack along the diagonal.
    """

    layer: int
    reverse: bool
    mapping: KernelMapping
    n_states: IntArray  # (T,)
    n_inputs: IntArray  # (T,)
    n_outputs: IntArray  # (T,)
    n_idle: IntArray  # (T,) rows and columns behind these whose cells are never read
    input_channel: IntArray  # (T, I) channel that drives each input row, or -1
    output_channel: IntArray  # (T, O) channel that each output column belongs to, or -1
    # Channels are those that have a kernel, M their largest number of modes (QuantisedKernel).
    state_index: IntArray  # (T, S) (channel * M + mode) * 2 + part, part 0 = Re, 1 = Im, or -1
    state_gain: FloatArray  # (T, S) multiplier / 2**shift of QuantisedKernel.state_requant
    # What a quarter turn makes of the states (QuantisedKernel.turns): sign times that of a place.
    state_source: IntArray  # (T, S) place of the same tile; its own without a turn
    state_sign: IntArray  # (T, S) 1 or -1

    @property
    def states(self) -> int:
        """State rows S of the fullest tile."""
        return int(self.state_index.shape[1])

    @property
    def drives_per_step(self) -> int:
        """Drives of each row per step; each column is converted in one of them."""
        return len(self.mapping.reads)


@dataclass(frozen=True)
class LinearTiles(TileSet):
    """The crossbar tiles of one linear layer, split over rows and columns."""

    row_start: IntArray  # (T,) first input that the tile takes
    row_count: IntArray  # (T,)
    column_start: IntArray  # (T,) first output that the tile gives
    column_count: IntArray  # (T,)

    @property
    def drives_per_step(self) -> int:
        """Drives of each row per token."""
        return 1


@dataclass(frozen=True)
class Stage:
    """A pipeline stage: its actions run in order for each token (time step).

    ``loop``: the first ``loop`` actions close the recurrence; the next token may start them
    only when all of them are done. The others are pipelined stations of their own. A component
    that occurs in several stages is one shared resource (bus, vector unit) with arbitration.
    The FIFO behind a stage (kind "buffer") has a port for its write and one for its read.
    ``extra_steps`` repeat the loop alone; `mapping.counts.action_counts` is the sum over all.
    """

    path: str
    actions: tuple[Action, ...]
    loop: int
    buffer_tokens: int  # capacity of the FIFO behind the stage
    barrier: bool  # starts only when the whole sequence has arrived (reverse direction)
    per: Literal["step", "sequence"]
    extra_steps: int = 0  # further reads at the end of a sequence (a mapping's delay)


@dataclass(frozen=True)
class Bypass:
    """A connection that skips stages: values, ``words`` of ``bits`` a token, wait in a FIFO."""

    source: str  # path of the stage whose output is kept ("input" for the encoder's)
    target: str  # path of the stage that adds it
    capacity: int  # tokens
    words: int = 1
    bits: int = 8
    part: str = "bypass"

    @property
    def bytes(self) -> float:
        """Size of its FIFO."""
        return self.capacity * self.words * self.bits / 8


@dataclass(frozen=True)
class TileUse:
    """How a set of tiles uses its cells (physical bit lines and cells)."""

    path: str
    tiles: int
    rows_used: int  # word lines in use in the fullest tile
    columns_used: int  # physical bit lines in use in the fullest tile
    cells: int  # physical cells of the tiles
    cells_used: int  # within the used rows and columns
    cells_useful: int  # that hold a weight of the network


@dataclass(frozen=True)
class Program:
    """A quantised network placed on a chip."""

    network: QuantisedNetwork
    graph: Graph
    sequence_length: int
    kernels: tuple[KernelTiles, ...]  # empty with digital kernels
    linears: tuple[LinearTiles, ...]
    stages: tuple[Stage, ...]  # in the order of the flow
    bypasses: tuple[Bypass, ...]
    use: tuple[TileUse, ...]
    tiles_needed: int
    tiles_available: int
    useful_macs: int  # of the network per inference, empty cells not counted (Graph.useful_macs)
    array_macs: int  # driven rows x converted logical columns, all reads of one inference

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Integers of each node (`integer_parameters`), by its path on the chip."""
        return {f"chip.{name}": held for name, held in integer_parameters(self.network).items()}

    def kernels_at(self, path: str) -> QuantisedKernel:
        """Return the quantised kernels of a path: chip.layer<i>.kernel, …."""
        found: QuantisedKernel = self.parameters[path]
        return found

    def linear_at(self, path: str) -> QuantisedLinear:
        """Return the quantised linear map of a path: chip.encoder, chip.layer<i>.linear, …."""
        held = self.parameters[path]
        found: QuantisedLinear = held.linear if isinstance(held, HeadParameters) else held
        return found
