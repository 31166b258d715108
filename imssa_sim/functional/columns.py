"""What the columns of a tile set must resolve: quantiser gains, which sums are split, biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.circuits.slices import Slices, cut_weights
from imssa_sim.circuits.weights import unit_conductance
from imssa_sim.components.path import ComponentPath
from imssa_sim.functional.configured import cell_of
from imssa_sim.mapping.program import KernelTiles, LinearTiles
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.quantisation.quantisers import code_limit
from imssa_sim.quantisation.requantiser import requantiser_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.config.schema import HardwareConfig, TileConfig
    from imssa_sim.mapping.program import Program

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Columns:
    """The logical columns of a tile set, each array (T, C); padding has ``used`` False.

    Attributes
    ----------
    used : bool array
        Columns that are converted.
    gain : float array
        Codes of the following quantiser per unit of the column sum; 0 where none follows.
    bits : int array
        Width of that quantiser's codes.
    group : int array
        Columns with one number hold parts of one sum; -1 in the padding.
    ranged : bool array
        The converter's range is that of the sums, whatever quantiser follows: what is added to a
        state is small against it.
    split : bool array
        The sum has parts in other columns too, so it is complete only after digital addition.
    bias : float array
        Constant of the sum that its quantiser adds [weight units x code units]; 0 where split.
    """

    used: BoolArray
    gain: FloatArray
    bits: IntArray
    group: IntArray
    ranged: BoolArray
    split: BoolArray
    bias: FloatArray


def word_line_limit(program: Program, tiles: KernelTiles | LinearTiles) -> int:
    """Return the largest code on a word line."""
    operation = program.graph[tiles.path.removeprefix("chip.")].operation
    if isinstance(operation, LinearMap):
        return code_limit(operation.input_bits)
    bits, layer = program.network.bits, ComponentPath(tiles.path).layer_number
    of_layer = bits if layer is None else bits.of_layer(layer)
    assert isinstance(tiles, KernelTiles)
    return code_limit(tiles.mapping.word_line_bits(of_layer))


def slices_of(tiles: KernelTiles | LinearTiles, tile: TileConfig) -> Slices:
    """Return the weights of a tile set as its columns hold them."""
    return cut_weights(tiles.weights, tile.slices, tile.weights, tile.weight_scale)


def leak(slices: Slices, hardware: HardwareConfig) -> FloatArray:
    """Return what every cell of a column has beyond its weight (T, C · K) [weight units].

    Nothing where a second line is subtracted before the conversion, or where the array is ideal.
    """
    tile = hardware.chip.tile
    if not slices.signs_apart or hardware.ideal:
        return np.zeros(slices.shift.shape)
    cell = cell_of(hardware)
    scale = unit_conductance(
        slices.weights, tile.weights, tile.weight_scale, cell.g_min, cell.g_max
    )
    return np.asarray(cell.g_min / scale)


def columns_of(program: Program, tiles: KernelTiles | LinearTiles) -> Columns:
    """Return what the columns of a tile set must resolve."""
    if isinstance(tiles, LinearTiles):
        return _linear_columns(program, tiles)
    return _kernel_columns(program, tiles)


def _kernel_columns(program: Program, tiles: KernelTiles) -> Columns:
    kernel = program.kernels_at(tiles.path)
    shape = (tiles.tiles, tiles.weights.shape[2])
    place = np.arange(shape[1])
    n_states = tiles.n_states[:, None]
    is_state = place < n_states
    is_output = (place >= n_states) & (place < n_states + tiles.n_outputs[:, None])
    gain = np.zeros(shape)
    bits = np.full(shape, kernel.state_requant.bits, dtype=np.int64)
    group = np.full(shape, -1, dtype=np.int64)
    in_use = is_state[:, : tiles.states]
    gain[:, : tiles.states][in_use] = tiles.state_gain[in_use]
    group[:, : tiles.states][in_use] = kernel.channels + tiles.state_index[in_use]
    channel = tiles.output_channel[tiles.output_channel >= 0]  # row-major, as the mask selects
    scale = np.broadcast_to(requantiser_scale(kernel.output_requant), (kernel.channels,))
    gain[is_output] = scale[channel]
    bits[is_output] = kernel.output_requant.bits
    group[is_output] = channel
    parts = np.bincount(channel, minlength=kernel.channels)
    split = np.zeros(shape, dtype=np.bool_)
    split[is_output] = parts[channel] > 1
    ranged = is_state & kernel.form.accumulates
    return Columns(is_state | is_output, gain, bits, group, ranged, split, np.zeros(shape))


def _linear_columns(program: Program, tiles: LinearTiles) -> Columns:
    linear = program.linear_at(tiles.path)
    outputs = linear.weight.shape[0]
    shape = (tiles.tiles, tiles.weights.shape[2])
    place = np.arange(shape[1])
    used = place < tiles.column_count[:, None]
    output = np.where(used, tiles.column_start[:, None] + place, 0)
    parts = np.bincount(output[used], minlength=outputs)
    gains = np.broadcast_to(requantiser_scale(linear.requant), (outputs,))
    if tiles.path == "chip.decoder":  # logits are not requantised
        gains = np.zeros(outputs)
    split = used & (parts[output] > 1)
    bias = np.where(used & ~split, linear.bias[output], 0.0)
    return Columns(
        used=used,
        gain=np.where(used, gains[output], 0.0),
        bits=np.full(shape, linear.requant.bits, dtype=np.int64),
        group=np.where(used, output, -1),
        ranged=np.zeros(shape, dtype=np.bool_),
        split=split,
        bias=bias,
    )
