"""Which parameter of a kernel each cell of its tiles holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from imssa_sim.mapping.tiles import kernel_tiles, tile_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import KernelTiles
    from imssa_sim.ssm.quantised import QuantisedKernel

    IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class TileCells:
    """What the cells of kernel tiles stand for, rows (states, inputs) by columns (states, outputs).

    Attributes
    ----------
    parameter : int64 Tensor (T, S + I, S + O)
        Place in the flattened `Gains`; the one behind the last for cells without a weight.
    sign : Tensor (T, S + I, S + O)
    row, column : int array (T, S + I), (T, S + O)
        Place on the tile, whose states and ports stand close together; -1: none.
    """

    parameter: Tensor
    sign: Tensor
    row: IntArray
    column: IntArray


def tile_cells(tiles: KernelTiles, kernel: QuantisedKernel, hardware: HardwareConfig) -> TileCells:
    """Place a kernel whose weights are the numbers of its parameters, and read them off."""
    shape, count = kernel.a_re.shape, kernel.a_re.size
    names = ("a_re", "a_im", "b_re", "b_im", "c_re", "c_im")
    numbered: dict[str, Any] = {
        name: 1 + i * count + np.arange(count).reshape(shape) for i, name in enumerate(names)
    }
    numbered["d"] = 1 + 6 * count + np.arange(kernel.channels)
    for name in ("a_shift", "b_shift", "c_shift", "d_shift"):
        numbered[name] = np.zeros_like(getattr(kernel, name))
    placed = kernel_tiles(
        replace(kernel, **numbered),
        tile_shape(hardware.chip.tile),
        tiles.mapping,
        path=tiles.path,
        site=tiles.site,
        layer=tiles.layer,
        reverse=tiles.reverse,
    )
    row = _places(tiles.n_states, tiles.n_inputs, tiles.state_index, tiles.input_channel)
    column = _places(tiles.n_states, tiles.n_outputs, tiles.state_index, tiles.output_channel)
    label = gathered(placed.weights, row, column)
    nowhere = 6 * count + kernel.channels
    parameter = np.where(label != 0, np.abs(label) - 1, nowhere).astype(np.int64)
    return TileCells(
        torch.from_numpy(parameter),
        torch.from_numpy(np.sign(label).astype(np.float32)),
        row,
        column,
    )


def _places(n_states: IntArray, n_ports: IntArray, states: Any, ports: Any) -> IntArray:
    """Return the line of each state and port on its tile (T, S + P), -1 where there is none."""
    s, p = np.arange(states.shape[1]), np.arange(ports.shape[1])
    of_states = np.where(s < n_states[:, None], s, -1)
    of_ports = np.where(p < n_ports[:, None], n_states[:, None] + p, -1)
    return np.concatenate([of_states, of_ports], axis=1)


def gathered(values: NDArray[Any], row: IntArray, column: IntArray) -> NDArray[Any]:
    """Return values (T, R, C) at the places of rows and columns; zero at -1."""
    tile = np.arange(len(values))[:, None, None]
    taken = values[tile, row[:, :, None], column[:, None, :]]
    return np.where((row[:, :, None] >= 0) & (column[:, None, :] >= 0), taken, 0)
