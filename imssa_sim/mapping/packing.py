"""How runs of modes share tiles: which stand where, on which lines, and what their cells hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError
from imssa_sim.mapping.kernels.cells import Part, complex_ports
from imssa_sim.mapping.program import TileContents

if TYPE_CHECKING:
    from imssa_sim.mapping.kernels.base import KernelMapping
    from imssa_sim.mapping.tiles import TileShape
    from imssa_sim.ssm.quantised import QuantisedKernel

IntArray = NDArray[np.int64]
Lines = tuple[IntArray, IntArray, IntArray]
"""Lines of a tile that a run takes: of real parts, of imaginary parts, of its ports."""


@dataclass(frozen=True)
class ModeRun:
    """A run of modes of one channel, with its own input row and output column."""

    channel: int
    start: int
    modes: int

    @property
    def span(self) -> slice:
        """Its modes among those of the channel."""
        return slice(self.start, self.start + self.modes)


def split(modes_of: IntArray, shape: TileShape, path: str) -> list[list[ModeRun]]:
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
        ModeRun(channel, start, min(largest, modes - start))
        for channel, modes in enumerate(modes_of.tolist())
        for start in range(0, modes, largest)
    ]
    parts.sort(key=lambda part: -part.modes)
    tiles: list[list[ModeRun]] = []
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


def lines_of(parts: list[ModeRun], paired: bool) -> list[Lines]:
    """Return the lines of a tile that each part takes: its real and imaginary states, its ports.

    A real input or output has one line, behind those of all states; the imaginary parts of
    complex ones come last.
    """
    found, first = [], 0
    states = 2 * sum(part.modes for part in parts)
    for i, part in enumerate(parts):
        if paired:
            re = np.arange(first, first + 2 * part.modes, 2)
            im, port = re + 1, np.array([states + i, states + len(parts) + i])
        else:
            re = np.arange(first, first + part.modes)
            im, port = re + part.modes, np.array([states + i])
        found.append((re, im, port))
        first += 2 * part.modes
    return found


def kernel_cells(
    kernel: QuantisedKernel,
    mapping: KernelMapping,
    placed: list[list[ModeRun]],
    lines: list[list[Lines]],
) -> TileContents:
    """Return what the cells of a kernel's tiles hold."""
    side = max(sum(len(line) for of_part in of_tile for line in of_part) for of_tile in lines)
    weights = np.zeros((len(placed), side, side), dtype=np.int64)
    useful = np.zeros((len(placed), side, side), dtype=np.bool_)
    for t, parts in enumerate(placed):
        for part, own in zip(parts, lines[t], strict=True):
            held = _weights_of(kernel, part)
            block = mapping.block(held)
            if len(own[-1]) > 1:
                block = complex_ports(block, held)
            taken = np.concatenate(own)
            place = np.ix_(taken, taken)
            weights[t][place], useful[t][place] = block.weights, block.useful
    return TileContents(weights, useful)


def _weights_of(kernel: QuantisedKernel, part: ModeRun) -> Part:
    """Return the integers of a run of modes: real parts of the states, then imaginary ones."""
    c, modes = part.channel, part.span
    a_re, a_im = (a[c, modes] << kernel.a_shift[c, modes] for a in (kernel.a_re, kernel.a_im))
    b_re, b_im = (b[c, modes] << kernel.b_shift[c, modes] for b in (kernel.b_re, kernel.b_im))
    c_re, c_im = (w[c, modes] << kernel.c_shift[c] for w in (kernel.c_re, kernel.c_im))
    re = np.arange(part.modes)
    im = re + part.modes
    state = np.zeros((2 * part.modes, 2 * part.modes), dtype=np.int64)
    held = np.zeros(state.shape, dtype=np.bool_)
    for row, column, values in ((re, re, a_re), (re, im, -a_im), (im, re, a_im), (im, im, a_re)):
        state[row, column], held[row, column] = values, True
    return Part(
        state=state,
        held=held,
        into=np.concatenate([b_re, b_im]),
        out=np.concatenate([c_re, c_im]),
        through=int(kernel.d[c] << kernel.d_shift[c]),
        first=part.start == 0,
    )
