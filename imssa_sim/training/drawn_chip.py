"""Chips drawn for training: the forward pass runs on freshly programmed tiles.

The simulator itself reads the tiles (`imssa_sim.kernels`), one step at a time so that the states
are known; the backward pass goes through the same recurrence at the weights that the programmed
cells have, stray cells between packed kernels included. Derivatives by those weights reach the
network's parameters at the cells that stand for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from imssa_sim.errors import InputError
from imssa_sim.functional.calibrate_adc import calibrate_adc
from imssa_sim.functional.chip import ChipInstance
from imssa_sim.functional.counts import ActionCounter
from imssa_sim.functional.reads import Reader
from imssa_sim.functional.tile_set import ReadyKernel
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.mapping.tiles import kernel_tiles, tile_shape
from imssa_sim.program.saturation import Saturation
from imssa_sim.quantisation.requantiser import requantiser_scale

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import KernelTiles
    from imssa_sim.model.quantised import QuantisedNetwork
    from imssa_sim.ssm.quantised import QuantisedKernel
    from imssa_sim.training.recurrence import Gains

    Codes = NDArray[np.int16]
    IntArray = NDArray[np.int64]

EVALUATION_CHIPS = 1 << 20
"""Numbers of the chips on which validation runs begin here; those of training are random."""
SEED_OFFSET = 0x5EED
"""Added to the training's seed, so that no chip of an evaluation is ever trained on."""
STAGE_SAMPLES = 16


class ChipSource:
    """Programs a chip for every batch.

    Parameters
    ----------
    hardware : HardwareConfig
    seed : int
    time : float
        Time since programming [s].
    calibration : array (B, L, d_in)
        For ADC ranges that depend on data.
    threads : int
        Of the compiled kernels.

    Raises
    ------
    InputError
        The mapping of the kernels has no derivative here.
    """

    def __init__(
        self,
        hardware: HardwareConfig,
        *,
        seed: int,
        time: float,
        calibration: ArrayLike,
        threads: int = 1,
    ) -> None:
        if not KERNEL_MAPPINGS[hardware.mapping.kernel].trained_on_chip:
            known = [name for name in KERNEL_MAPPINGS if KERNEL_MAPPINGS[name].trained_on_chip]
            raise InputError(
                f"hardware-aware training knows hardware.mapping.kernel {' and '.join(known)}, "
                f"not {hardware.mapping.kernel}"
            )
        self.hardware, self.seed, self.time = hardware, seed + SEED_OFFSET, time
        self.calibration = np.asarray(calibration)[:STAGE_SAMPLES]
        self.threads = threads
        self._cells: dict[tuple[str, tuple[int, ...]], _Cells] = {}

    def draw(self, network: QuantisedNetwork, evaluation: int | None = None) -> DrawnChip:
        """Return a chip that holds a network.

        Parameters
        ----------
        network : QuantisedNetwork
        evaluation : int, optional
            Number of an evaluation chip, the same in every epoch; by default PyTorch's generator
            draws one.
        """
        if evaluation is None:
            number = int(torch.randint(EVALUATION_CHIPS, ()))
        else:
            number = EVALUATION_CHIPS + evaluation
        program = build_program(network, self.hardware)
        instance = ChipInstance(
            program,
            self.hardware,
            seed=self.seed,
            chip=number,
            time=self.time,
            calibration=calibrate_adc(program, self.hardware, self.calibration),
        )
        return DrawnChip(instance, self)

    def cells(self, ready: ReadyKernel, kernel: QuantisedKernel) -> _Cells:
        """Return which parameter each cell of a tile set holds; kept, as it depends on shapes."""
        key = (ready.tiles.path, kernel.a_re.shape)
        if key not in self._cells:
            if not ready.fused:
                raise InputError(
                    f"{ready.tiles.path}: hardware-aware training needs kernels that fit one tile; "
                    "enlarge hardware.chip.tile or map the kernels digitally"
                )
            self._cells[key] = _cells(ready.tiles, kernel, self.hardware)
        return self._cells[key]


class DrawnChip:
    """One programmed chip, as a differentiable operation."""

    def __init__(self, instance: ChipInstance, source: ChipSource) -> None:
        self.instance, self.source = instance, source
        self.kernels, self.linears = instance.kernels, instance.dense
        self.reader = Reader(
            instance,
            ActionCounter(instance.program),
            Saturation(),
            threads=source.threads,
            noise=True,
        )

    def recur(self, path: str, u: Tensor, gains: Gains) -> Tensor:
        """Return the output codes (B, L, H) of the kernels on a set of tiles.

        Parameters
        ----------
        path : str
        u : Tensor (B, L, H)
            Input codes.
        gains : Gains
            Of the network; derivatives go there.
        """
        ready = self.kernels[path]
        tiles = ready.tiles
        cells = self.source.cells(ready, self.instance.program.kernels_at(tiles.path))
        meant = torch.cat([part.flatten() for part in gains] + [gains.d.new_zeros(1)])
        weights = meant[cells.parameter] * cells.sign
        source = u.flip(1) if tiles.reverse else u
        y: Tensor = _TileRecurrence.apply(source, weights, self, ready, cells)  # type: ignore[no-untyped-call]
        return y.flip(1) if tiles.reverse else y

    def states(self, ready: ReadyKernel, u: Codes) -> tuple[Codes, Codes]:
        """Run tiles step by step; outputs (B, L, H) and the states before each step (L, T, B, S).

        Read noise depends on the step's number, as in one uninterrupted run.
        """
        from imssa_sim.kernels.recurrent import run_recurrent

        samples, steps, channels = u.shape
        tiles, instance = ready.tiles, self.instance
        ids = np.arange(samples)
        kept = np.empty((steps, tiles.tiles, samples, tiles.states), np.int16)
        out = np.empty((samples, steps, channels), np.int16)
        state = np.zeros((samples, tiles.tiles, kept.shape[3]), np.int32)
        for step in range(steps):
            kept[step] = state.transpose(1, 0, 2)
            result = run_recurrent(
                ready.packed, np.ascontiguousarray(u[:, step : step + 1]), sample_ids=ids,
                seed=instance.seed, chip=instance.chip, stage=tiles.stage, first_step=step,
                state=state, threads=self.source.threads,
            )  # fmt: skip
            out[:, step] = result.outputs[:, 0]
            state = result.state
        return out, np.concatenate([kept, state.transpose(1, 0, 2)[None].astype(np.int16)])

    def read_linear(self, path: str, codes: Codes) -> tuple[Codes, NDArray[np.float64]]:
        """Return the output codes of a linear layer, and the gains (out, in) of its cells."""
        ready = self.linears[path]
        linear = self.instance.program.linear_at(path)
        out = self.reader.linear(path, codes, np.arange(codes.shape[0]))
        tiles = ready.tiles
        programmed = ready.on_chip.weights
        real = np.zeros(linear.weight.shape)
        for t in range(tiles.tiles):
            rows = slice(tiles.row_start[t], tiles.row_start[t] + tiles.row_count[t])
            columns = slice(tiles.column_start[t], tiles.column_start[t] + tiles.column_count[t])
            held = programmed[t, : tiles.row_count[t], : tiles.column_count[t]]
            real[columns, rows] = held.T
        gain = np.broadcast_to(requantiser_scale(linear.requant), linear.bias.shape)
        return out, real * gain[:, None]

    def read_logits(self, pooled: Codes) -> NDArray[np.float64]:
        """Return the logits (B, K) of pooled codes (B, H), where the decoder is on tiles."""
        sums = self.reader.sums("chip.decoder", pooled[:, None, :], np.arange(len(pooled)))
        return sums * self.instance.program.network.logit_scale


@dataclass(frozen=True)
class _Cells:
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


def _cells(tiles: KernelTiles, kernel: QuantisedKernel, hardware: HardwareConfig) -> _Cells:
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
        stage=tiles.stage,
        layer=tiles.layer,
        reverse=tiles.reverse,
    )
    row = _places(tiles.n_states, tiles.n_inputs, tiles.state_index, tiles.input_channel)
    column = _places(tiles.n_states, tiles.n_outputs, tiles.state_index, tiles.output_channel)
    label = _gathered(placed.weights, row, column)
    nowhere = 6 * count + kernel.channels
    parameter = np.where(label != 0, np.abs(label) - 1, nowhere).astype(np.int64)
    return _Cells(
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


def _gathered(values: NDArray[Any], row: IntArray, column: IntArray) -> NDArray[Any]:
    """Return values (T, R, C) at the places of rows and columns; zero at -1."""
    tile = np.arange(len(values))[:, None, None]
    taken = values[tile, row[:, :, None], column[:, None, :]]
    return np.where((row[:, :, None] >= 0) & (column[:, None, :] >= 0), taken, 0)


class _TileRecurrence(Function):
    """Packed kernels read from programmed tiles; adjoint at the programmed weights."""

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, weights: Tensor, chip: DrawnChip, ready: ReadyKernel, cells: _Cells
    ) -> Tensor:
        out, states = chip.states(ready, u.numpy().astype(np.int16))
        gain = ready.on_chip.conversion.after / ready.on_chip.conversion.unit
        real = ready.on_chip.weights * gain[:, None, :]
        ctx.real = torch.from_numpy(_gathered(real, cells.row, cells.column).astype(np.float32))
        ctx.ready, ctx.states = ready, states
        ctx.limits = (ready.packed.arrays.limits[2], ready.packed.arrays.limits[3])
        y = torch.from_numpy(out.astype(np.float32))
        ctx.save_for_backward(u, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        u, y = ctx.saved_tensors
        ready, real = ctx.ready, ctx.real
        state_limit, output_limit = (float(limit) for limit in ctx.limits)
        tiles: KernelTiles = ready.tiles
        states = tiles.states
        samples, steps, _ = u.shape
        inputs, outputs = tiles.input_channel, tiles.output_channel
        passed = upstream * (y.abs() < output_limit)
        by_output = passed[:, :, np.maximum(outputs, 0)].permute(1, 2, 0, 3)
        by_output = by_output * torch.from_numpy((outputs >= 0).astype(np.float32))[:, None, :]
        columns = torch.zeros(steps, tiles.tiles, samples, real.shape[2])
        columns[..., states:] = by_output
        codes = ctx.states
        inside = torch.from_numpy(np.abs(codes[1:]) < state_limit)
        to_rows = real.mT.contiguous()
        to_port = torch.empty(steps, tiles.tiles, samples, inputs.shape[1])
        adjoint = torch.zeros(tiles.tiles, samples, states)
        for k in range(steps - 1, -1, -1):
            columns[k, :, :, :states] = adjoint * inside[k]
            rows = torch.bmm(columns[k], to_rows)
            adjoint = rows[..., :states]
            to_port[k] = rows[..., states:]
        driven = u[:, :, np.maximum(inputs, 0)].permute(1, 2, 0, 3)
        driven = driven * torch.from_numpy((inputs >= 0).astype(np.float32))[:, None, :]
        before = torch.cat([torch.from_numpy(codes[:-1].astype(np.float32)), driven], dim=-1)
        to_weights = torch.bmm(
            before.transpose(0, 1).flatten(1, 2).mT, columns.transpose(0, 1).flatten(1, 2)
        )
        used = inputs.ravel() >= 0
        flat = to_port.permute(2, 0, 1, 3).flatten(2)[:, :, used]
        to_u = torch.zeros_like(u)
        to_u.index_add_(2, torch.from_numpy(inputs.ravel()[used]), flat)
        ctx.states = ctx.ready = None
        return to_u, to_weights, None, None, None
