"""Places weights on crossbar tiles: kernels packed along the diagonal or split, linears split.

A logical column is one signed weight wide: two physical bit lines as a differential pair, one with
an offset column, which every tile then has in addition; several times that with slices of weights
or several devices in parallel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from imssa_sim.errors import InputError, InternalError
from imssa_sim.mapping.kernels.cells import Part, complex_ports
from imssa_sim.mapping.program import KernelTiles, LinearTiles, TileUse

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


@dataclass(frozen=True)
class _Part:
    """A run of modes of one channel, with its own input row and output column."""

    channel: int
    start: int
    modes: int


def _split(modes_of: IntArray, shape: TileShape, path: str) -> list[list[_Part]]:
    """Return the parts that each tile holds, first fit, the largest parts first.

    ``modes_of`` (H,) are the modes of each channel.
    """
    capacity = min(shape.rows, shape.columns)
    largest = (capacity - shape.ports) // 2
    if largest < 1:
        raise InputError(
            f"{path}: a tile of {shape.rows} rows and {shape.columns} logical columns cannot hold "
            f"one complex mode, which needs {shape.side(1)} of each (Re, Im, input); enlarge "
            "hardware.chip.tile"
        )
    parts = [
        _Part(channel, start, min(largest, modes - start))
        for channel, modes in enumerate(modes_of.tolist())
        for start in range(0, modes, largest)
    ]
    parts.sort(key=lambda part: -part.modes)
    tiles: list[list[_Part]] = []
    room: list[int] = []
    first: dict[int, int] = {}  # tiles before this one have no room for a part of that size
    for part in parts:
        t = first.get(part.modes, 0)
        while t < len(tiles) and room[t] < shape.side(part.modes):
            t += 1
        first[part.modes] = t
        if t == len(tiles):
            tiles.append([])
            room.append(capacity)
        tiles[t].append(part)
        room[t] -= shape.side(part.modes)
    return tiles


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
    placed = _split(kernel.modes_of, shape, path)
    tiles = len(placed)
    n_parts = np.array([len(parts) for parts in placed])
    n_states = np.array([2 * sum(part.modes for part in parts) for parts in placed])
    states, ports = int(n_states.max()), int(n_parts.max())
    n_idle = n_parts * (shape.ports - 1)
    side = int((n_states + n_parts + n_idle).max())
    weights = np.zeros((tiles, side, side), dtype=np.int64)
    useful = np.zeros((tiles, side, side), dtype=np.bool_)
    port_channel = np.full((tiles, ports), -1, dtype=np.int64)
    state_index = np.full((tiles, states), -1, dtype=np.int64)
    requant = kernel.state_requant
    scale = np.ldexp(requant.multiplier.astype(np.float64), -requant.shift)
    gain = np.broadcast_to(scale, kernel.a_re.shape)
    state_gain = np.zeros((tiles, states))
    state_source = np.tile(np.arange(states), (tiles, 1))
    state_sign = np.ones((tiles, states), dtype=np.int64)
    for t, parts in enumerate(placed):
        first = 0
        for i, part in enumerate(parts):
            c, modes = part.channel, slice(part.start, part.start + part.modes)
            re = np.arange(first, first + part.modes)
            im = re + part.modes
            held = _weights_of(kernel, part)
            block = mapping.block(held)
            port = [n_states[t] + i]
            if n_idle[t]:
                re = np.arange(first, first + 2 * part.modes, 2)
                im = re + 1
                block = complex_ports(block, held)
                port.append(n_states[t] + n_parts[t] + i)
            lines = np.concatenate([re, im, port])
            place = np.ix_(lines, lines)
            weights[t][place], useful[t][place] = block.weights, block.useful
            port_channel[t, i] = c
            number = (c * kernel.modes + np.arange(modes.start, modes.stop)) * 2
            state_index[t, re], state_index[t, im] = number, number + 1
            state_gain[t, re] = state_gain[t, im] = gain[c, modes]
            turns = kernel.turns[c, modes]
            exchanged = turns % 2 == 1
            state_source[t, re] = np.where(exchanged, im, re)
            state_source[t, im] = np.where(exchanged, re, im)
            state_sign[t, re] = np.where((turns == 1) | (turns == 2), -1, 1)
            state_sign[t, im] = np.where(turns >= 2, -1, 1)
            first += 2 * part.modes
    return KernelTiles(
        path=path,
        site=site,
        layer=layer,
        reverse=reverse,
        mapping=mapping,
        weights=weights,
        useful=useful,
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


def _weights_of(kernel: QuantisedKernel, part: _Part) -> Part:
    """Return the integers of a run of modes: real parts of the states, then imaginary ones."""
    c, modes = part.channel, slice(part.start, part.start + part.modes)
    a_re, a_im = (a[c, modes] << kernel.a_shift[c, modes] for a in (kernel.a_re, kernel.a_im))
    b_re, b_im = (b[c, modes] << kernel.b_shift[c, modes] for b in (kernel.b_re, kernel.b_im))
    c_re, c_im = (w[c, modes] << kernel.c_shift[c] for w in (kernel.c_re, kernel.c_im))
    return Part(
        state=np.block([[np.diag(a_re), np.diag(-a_im)], [np.diag(a_im), np.diag(a_re)]]),
        held=np.tile(np.eye(part.modes, dtype=np.bool_), (2, 2)),
        into=np.concatenate([b_re, b_im]),
        out=np.concatenate([c_re, c_im]),
        through=int(kernel.d[c] << kernel.d_shift[c]),
        first=part.start == 0,
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
    size = (n_rows * n_columns, int(row_count.max()), int(column_count.max()))
    weights = np.zeros(size, dtype=np.int64)
    useful = np.zeros(size, dtype=np.bool_)
    for j in range(n_columns):
        columns = slice(column_start[j], column_start[j] + column_count[j])
        for i in range(n_rows):
            rows = slice(row_start[i], row_start[i] + row_count[i])
            t = j * n_rows + i
            weights[t, : row_count[i], : column_count[j]] = linear.weight[columns, rows].T
            useful[t, : row_count[i], : column_count[j]] = True
    return LinearTiles(
        path=path,
        site=site,
        weights=weights,
        useful=useful,
        row_start=np.tile(row_start, n_columns),
        row_count=np.tile(row_count, n_columns),
        column_start=np.repeat(column_start, n_rows),
        column_count=np.repeat(column_count, n_rows),
    )


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
    return TileUse(
        path=tiles.path,
        tiles=tiles.tiles,
        rows_used=int(rows.max()),
        columns_used=int(lines.max()),
        cells=tiles.tiles * tile.rows * tile.columns,
        cells_used=int((rows * lines).sum()),
        cells_useful=int(tiles.useful.sum()) * shape.lines_per_column * shape.lines_per_row,
    )


def partial_sums(tiles: KernelTiles | LinearTiles, outputs: int) -> int:
    """Return the additions that join the partial sums of ``outputs`` values."""
    if isinstance(tiles, KernelTiles):
        return int(tiles.n_outputs.sum()) - outputs
    _, columns = rows_and_columns(tiles)
    return int(columns.sum()) - outputs
