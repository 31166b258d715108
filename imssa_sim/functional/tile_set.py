"""A set of tiles as it stands on a chip, and its kernels or linear layer ready to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.circuits.slices import put_together, put_together_by_sign
from imssa_sim.kernels.read_circuit import (
    Accumulator,
    DenseWiring,
    Exchange,
    FusedOutput,
    RecurrentWiring,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.circuits.slices import Slices
    from imssa_sim.circuits.written import ProgrammedTiles
    from imssa_sim.functional.columns import Columns
    from imssa_sim.functional.conversion import Conversion
    from imssa_sim.kernels.dense import DenseTiles
    from imssa_sim.kernels.read_circuit import ReadCircuit
    from imssa_sim.kernels.tiles import RecurrentTiles
    from imssa_sim.mapping.program import KernelTiles, LinearTiles, Program
    from imssa_sim.ssm.quantised import QuantisedKernel

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

BIAS_FRACTION = 8
"""Bits after the binary point, in ADC codes, of a bias that is added behind the converters."""


@dataclass(frozen=True)
class OnChip:
    """What stands on a set of tiles at one time.

    Attributes
    ----------
    slices : Slices
        Weights as their columns hold them.
    programmed : ProgrammedTiles
    columns : Columns
        What the columns must resolve.
    conversion : Conversion
        Nominal converters.
    limit : int
        Largest code on a word line.
    """

    slices: Slices
    programmed: ProgrammedTiles
    columns: Columns
    conversion: Conversion
    limit: int

    @property
    def weights(self) -> FloatArray:
        """Weights (T, R, C) that the programmed cells stand for, slices put together."""
        return put_together(self.programmed.weights, self.slices)

    @property
    def weights_by_sign(self) -> FloatArray:
        """Those of codes above zero and below, (2, T, R, C), or (1, T, R, C) of both."""
        return put_together_by_sign(self.programmed.weights, self.slices)


@dataclass(frozen=True)
class ReadyKernel:
    """The kernel tiles of one layer and direction on this chip.

    ``fused``: every channel has one output column, requantised inside the kernel; otherwise
    ``order`` sorts the output columns (flattened tile, place) by channel and ``first`` tells where
    each channel's begin.
    """

    tiles: KernelTiles
    kernel: QuantisedKernel
    on_chip: OnChip
    packed: RecurrentTiles
    fused: bool
    order: IntArray
    first: IntArray
    after: FloatArray  # (H,) digital gain of the joined sum


@dataclass(frozen=True)
class ReadyLinear:
    """The tiles of one linear layer on this chip.

    ``bias`` (out,) is what is added behind the converters, in ADC codes x 2**``fraction``.
    """

    tiles: LinearTiles
    on_chip: OnChip
    packed: DenseTiles
    row_tiles: int
    bias: IntArray
    fraction: int
    after: FloatArray  # (out,)
    step: FloatArray  # (out,) column sum per ADC code, per unit of weight with slices


def ready_kernel(
    program: Program, tiles: KernelTiles, on_chip: OnChip, circuit: ReadCircuit
) -> ReadyKernel:
    """Wire kernel tiles: states back to their rows, outputs to their channels."""
    from imssa_sim.kernels.tiles import pack_tiles

    kernel, gains = program.kernels_at(tiles.path), on_chip.conversion.after
    valid = tiles.output_channel >= 0
    place = tiles.n_states[:, None] + np.arange(valid.shape[1])
    after = np.take_along_axis(gains, np.where(valid, place, 0), axis=1)
    output = None
    if not on_chip.columns.split.any():
        output = FusedOutput(
            tiles.output_channel, after, kernel.output_requant.limit, kernel.channels
        )
    wiring = RecurrentWiring(
        n_states=tiles.n_states,
        input_channel=tiles.input_channel,
        state_gain=gains[:, : tiles.states],
        state_limit=kernel.state_requant.limit,
        output=output,
        accumulator=_accumulator(kernel, tiles),
        signs_apart=on_chip.slices.signs_apart,
    )
    flat = np.flatnonzero(valid)
    channel = tiles.output_channel.ravel()[flat]
    sort = np.argsort(channel, kind="stable")
    first = np.searchsorted(channel[sort], np.arange(kernel.channels))
    return ReadyKernel(
        tiles=tiles,
        kernel=kernel,
        on_chip=on_chip,
        packed=pack_tiles(circuit, wiring),
        fused=output is not None,
        order=flat[sort],
        first=first,
        after=after.ravel()[flat[sort][first]],
    )


def _accumulator(kernel: QuantisedKernel, tiles: KernelTiles) -> Accumulator | None:
    if not kernel.form.accumulates:
        return None
    turned = Exchange(tiles.state_source, tiles.state_sign) if kernel.turns.any() else None
    return Accumulator(kernel.drive_shift, kernel.drive_limit, kernel.form.feeds_back, turned)


def ready_linear(
    program: Program, tiles: LinearTiles, on_chip: OnChip, circuit: ReadCircuit
) -> ReadyLinear:
    """Wire the tiles of a linear layer, and set what is added behind their converters."""
    from imssa_sim.kernels.dense import pack_dense

    linear, columns, conversion = (
        program.linear_at(tiles.path),
        on_chip.columns,
        on_chip.conversion,
    )
    outputs = linear.weight.shape[0]
    after, step = np.zeros(outputs), np.ones(outputs)
    after[columns.group[columns.used]] = conversion.after[columns.used]
    step[columns.group[columns.used]] = conversion.unit[columns.used]
    row_tiles = int((tiles.column_start == 0).sum())
    fraction, bias = 0, linear.bias
    if conversion.trimmed and (row_tiles > 1 or on_chip.slices.signs_apart):
        fraction = BIAS_FRACTION
        bias = np.rint(np.ldexp(linear.bias / step, fraction)).astype(np.int64)
    elif conversion.trimmed:
        bias = np.zeros_like(linear.bias)
    return ReadyLinear(
        tiles=tiles,
        on_chip=on_chip,
        packed=pack_dense(circuit, DenseWiring(tiles.row_start * on_chip.slices.lines_per_row)),
        row_tiles=row_tiles,
        bias=bias,
        fraction=fraction,
        after=after,
        step=step,
    )
