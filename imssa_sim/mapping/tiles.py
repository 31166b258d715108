"""Places weights on crossbar tiles: kernels packed along the diagonal or split, linears split.

A logical column is one signed weight wide: two physical bit lines as a differential pair, one with
an offset column, which every tile then has in addition; several times that with slices of weights
or several devices in parallel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from imssa_sim.errors import InputError, InternalError
from imssa_sim.mapping.packing import kernel_cells, lines_of, split
from imssa_sim.mapping.program import KernelTiles, LinearTiles, TileContents, TileUse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.config.schema import TileConfig
    from imssa_sim.mapping.kernels.base import KernelMapping
    from imssa_sim.model.quantised import QuantisedLinear
    from imssa_sim.ssm.quantised import QuantisedKernel

    IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class TileShape:
    """Capacity of one tile: rows (codes) and logical columns, and how it holds signed weights."""

    rows: int
    columns: int
    weights: Literal["differential", "one_sided", "offset", "four_line"]
    slices: int = 1
    devices: int = 1

    @property
    def lines_per_row(self) -> int:
        """Word lines of one row."""
        return 2 if self.weights == "four_line" else 1

    @property
    def ports(self) -> int:
        """Rows of an input and columns of an output; four lines hold complex ones."""
        return 2 if self.weights == "four_line" else 1

    def side(self, modes: int) -> int:
        """Return the rows and columns that a kernel of so many modes takes."""
        return 2 * modes + self.ports

    @property
    def lines_per_column(self) -> int:
        """Physical bit lines of one logical column."""
        return self.slices * self.devices * (1 if self.weights == "offset" else 2)

    def bit_lines(self, logical: int) -> int:
        """Return the physical bit lines that ``logical`` columns of one tile occupy."""
        if logical == 0:
            return 0
        common = self.devices if self.weights == "offset" else 0
        return logical * self.lines_per_column + common


def tile_shape(tile: TileConfig) -> TileShape:
    """Return the logical capacity of the configured tile, its spare columns kept free.

    Raises
    ------
    InputError
        The tile is too narrow for one column, or the spare columns leave none to use.
    """
    lines = tile.columns // tile.devices
    columns = lines - 1 if tile.weights == "offset" else lines // 2
    if columns < 1:
        raise InputError(
            f"hardware.chip.tile: {tile.columns} columns (bit lines) hold no weight of "
            f"weights: {tile.weights} with devices: {tile.devices}; give more columns or fewer "
            "devices"
        )
    left = (columns - tile.spare_columns) // tile.slices
    if left < 1:
        sliced = f", {tile.slices} for each weight (slices)" if tile.slices > 1 else ""
        raise InputError(
            f"hardware.chip.tile.spare_columns: {tile.spare_columns} leaves none of the tile's "
            f"{columns} logical columns{sliced}; give fewer, or a tile with more columns"
        )
    return TileShape(tile.rows // tile.lines_per_row, left, tile.weights, tile.slices, tile.devices)


def kernel_tiles(
    kernel: QuantisedKernel,
    shape: TileShape,
    mapping: KernelMapping,
    *,
    path: str,
    site: int,
    layer: int,
    reverse: bool,
) -> KernelTiles:
    """Place the S4D kernels of one layer and direction on tiles.

    Kernels whose block of (2M + 1) rows and columns is smaller than the tile pack along its
    diagonal. Larger ones are split along their modes, as many modes per part as fit; each part
    has a row for the channel's input and a column for its partial output, and the feed-through
    weight stands in the first part only. Four lines hold inputs and outputs as complex numbers, so
    that blocks are (2M + 2) wide: the rows and columns of the imaginary parts come last, and rest.

    Parameters
    ----------
    kernel : QuantisedKernel
        H channels of M modes.
    shape : TileShape
        Capacity of one tile.
    mapping : KernelMapping
        Says which cells the weights take.
    path, site, layer, reverse
        See `KernelTiles`.

    Raises
    ------
    InputError
        The tile cannot hold a single mode.
    InternalError
        The kernel has the wrong output form for the mapping.
    """
    if kernel.form not in (mapping.form, mapping.form.fed_back()):
        raise InternalError(
            f"{path}: mapping {mapping.name} needs the form {mapping.form}, not {kernel.form}"
        )
    placed = split(kernel.modes_of, shape, path)
    tiles = len(placed)
    n_parts = np.array([len(parts) for parts in placed])
    n_states = np.array([2 * sum(part.modes for part in parts) for parts in placed])
    states, ports = int(n_states.max()), int(n_parts.max())
    n_idle = n_parts * (shape.ports - 1)
    lines = [lines_of(parts, paired=shape.ports > 1) for parts in placed]
    port_channel = np.full((tiles, ports), -1, dtype=np.int64)
    state_index = np.full((tiles, states), -1, dtype=np.int64)
    requant = kernel.state_requant
    scale = np.ldexp(requant.multiplier.astype(np.float64), -requant.shift)
    gain = np.broadcast_to(scale, kernel.a_re.shape)
    state_gain = np.zeros((tiles, states))
    state_source = np.tile(np.arange(states), (tiles, 1))
    state_sign = np.ones((tiles, states), dtype=np.int64)
    for t, parts in enumerate(placed):
        port_channel[t, : len(parts)] = [part.channel for part in parts]
        for part, (re, im, _) in zip(parts, lines[t], strict=True):
            c, modes = part.channel, part.span
            number = (c * kernel.modes + np.arange(modes.start, modes.stop)) * 2
            state_index[t, re], state_index[t, im] = number, number + 1
            state_gain[t, re] = state_gain[t, im] = gain[c, modes]
            turns = kernel.turns[c, modes]
            exchanged = turns % 2 == 1
            state_source[t, re] = np.where(exchanged, im, re)
            state_source[t, im] = np.where(exchanged, re, im)
            state_sign[t, re] = np.where((turns == 1) | (turns == 2), -1, 1)
            state_sign[t, im] = np.where(turns >= 2, -1, 1)
    return KernelTiles(
        path=path,
        site=site,
        tiles=tiles,
        fill=partial(kernel_cells, kernel, mapping, placed, lines),
        layer=layer,
        reverse=reverse,
        mapping=mapping,
        n_states=n_states,
        n_inputs=n_parts,
        n_outputs=n_parts.copy(),
        n_idle=n_idle,
        input_channel=port_channel,
        output_channel=port_channel.copy(),
        state_index=state_index,
        state_gain=state_gain,
        state_source=state_source,
        state_sign=state_sign,
    )


def _chunks(length: int, capacity: int) -> tuple[IntArray, IntArray]:
    """Return start and size of the fewest, most equal pieces of at most ``capacity``."""
    pieces = -(-length // capacity)
    edges = (np.arange(pieces + 1) * length) // pieces
    return edges[:-1], np.diff(edges)


def linear_tiles(linear: QuantisedLinear, shape: TileShape, *, path: str, site: int) -> LinearTiles:
    """Split a linear layer over row tiles x column tiles of most equal size.

    Tiles are ordered by output column, then by input row, so that the partial sums of one output
    stand side by side.
    """
    outputs, inputs = linear.weight.shape
    row_start, row_count = _chunks(inputs, shape.rows)
    column_start, column_count = _chunks(outputs, shape.columns)
    n_rows, n_columns = len(row_start), len(column_start)
    tiled = (
        np.tile(row_start, n_columns),
        np.tile(row_count, n_columns),
        np.repeat(column_start, n_rows),
        np.repeat(column_count, n_rows),
    )
    return LinearTiles(
        path, site, n_rows * n_columns, partial(_linear_cells, linear.weight, *tiled), *tiled
    )


def _linear_cells(
    weight: IntArray, row: IntArray, rows: IntArray, column: IntArray, columns: IntArray
) -> TileContents:
    """Return what the cells of a linear layer's tiles hold; starts and counts are by tile."""
    size = (len(row), int(rows.max()), int(columns.max()))
    weights = np.zeros(size, dtype=np.int64)
    useful = np.zeros(size, dtype=np.bool_)
    for t, (r, m, c, n) in enumerate(zip(row, rows, column, columns, strict=True)):
        weights[t, :m, :n] = weight[c : c + n, r : r + m].T
        useful[t, :m, :n] = True
    return TileContents(weights, useful)


def rows_and_columns(tiles: KernelTiles | LinearTiles) -> tuple[IntArray, IntArray]:
    """Return the word lines and the logical columns in use per tile, each (T,)."""
    if isinstance(tiles, LinearTiles):
        return tiles.row_count, tiles.column_count
    return tiles.n_states + tiles.n_inputs, tiles.n_states + tiles.n_outputs


def rows_and_columns_held(tiles: KernelTiles | LinearTiles) -> tuple[IntArray, IntArray]:
    """Return the word lines and the logical columns with cells, those that rest too."""
    rows, columns = rows_and_columns(tiles)
    idle = tiles.n_idle if isinstance(tiles, KernelTiles) else 0
    return rows + idle, columns + idle


def tile_use(tiles: KernelTiles | LinearTiles, shape: TileShape, tile: TileConfig) -> TileUse:
    """Return how a set of tiles uses its physical lines and cells."""
    rows, columns = rows_and_columns_held(tiles)
    rows = rows * shape.lines_per_row
    lines = np.array([shape.bit_lines(int(c)) for c in columns])
    useful = tiles.total("useful", lambda: int(tiles.useful.sum()))
    return TileUse(
        path=tiles.path,
        tiles=tiles.tiles,
        rows_used=int(rows.max()),
        columns_used=int(lines.max()),
        cells=tiles.tiles * tile.rows * tile.columns,
        cells_used=int((rows * lines).sum()),
        cells_useful=int(useful) * shape.lines_per_column * shape.lines_per_row,
    )


def partial_sums(tiles: KernelTiles | LinearTiles, outputs: int) -> int:
    """Return the additions that join the partial sums of ``outputs`` values."""
    if isinstance(tiles, KernelTiles):
        return int(tiles.n_outputs.sum()) - outputs
    _, columns = rows_and_columns(tiles)
    return int(columns.sum()) - outputs
