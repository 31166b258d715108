"""Chips drawn for training: the forward pass runs on freshly programmed tiles.

The simulator itself reads the tiles (`imssa_sim.kernels`), one step at a time so that the states
are known; the backward pass goes through the same recurrence at the weights that the programmed
cells have, stray cells between packed kernels included. Derivatives by those weights reach the
network's parameters at the cells that stand for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from imssa_sim.errors import InputError
from imssa_sim.functional.calibrate_adc import calibrate_adc
from imssa_sim.functional.chip import ChipInstance
from imssa_sim.functional.counts import ActionCounter
from imssa_sim.functional.reads import Reader
from imssa_sim.functional.tile_set import ReadyKernel
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.program.saturation import Saturation
from imssa_sim.quantisation.requantiser import requantiser_scale
from imssa_sim.training.tile_cells import TileCells, gathered, tile_cells

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import KernelTiles
    from imssa_sim.model.quantised import QuantisedNetwork
    from imssa_sim.ssm.quantised import QuantisedKernel
    from imssa_sim.training.recurrence import Gains

    Codes = NDArray[np.int16]

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
                f"hardware-aware training knows hardware.mapping.kernel {', '.join(known)}, "
                f"not {hardware.mapping.kernel}"
            )
        self.hardware, self.seed, self.time = hardware, seed + SEED_OFFSET, time
        self.calibration = np.asarray(calibration)[:STAGE_SAMPLES]
        self.threads = threads
        self._cells: dict[tuple[str, tuple[int, ...]], TileCells] = {}

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

    def cells(self, ready: ReadyKernel, kernel: QuantisedKernel) -> TileCells:
        """Return which parameter each cell of a tile set holds; kept, as it depends on shapes."""
        key = (ready.tiles.path, kernel.a_re.shape)
        if key not in self._cells:
            if not ready.fused:
                raise InputError(
                    f"{ready.tiles.path}: hardware-aware training needs kernels that fit one tile; "
                    "enlarge hardware.chip.tile or map the kernels digitally"
                )
            self._cells[key] = tile_cells(ready.tiles, kernel, self.hardware)
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

    def states(self, ready: ReadyKernel, u: Codes) -> tuple[Codes, Codes, Codes]:
        """Run tiles step by step, and to the last output where outputs come late.

        Read noise depends on the step's number, as in one uninterrupted run. L counts the steps
        that end a sequence too.

        Returns
        -------
        outputs : int16 array (B, L, H)
        states : int16 array (L + 1, T, B, S)
            Before each step, and after the last.
        drives : int16 array (L, T, B, S)
            The codes that they drive with, before those are clipped.
        """
        from imssa_sim.kernels.recurrent import run_recurrent

        tiles, instance = ready.tiles, self.instance
        late = tiles.mapping.delay
        u = np.concatenate([u, np.zeros_like(u[:, :late])], axis=1) if late else u
        samples, steps, channels = u.shape
        ids = np.arange(samples)
        kept = np.empty((steps + 1, tiles.tiles, samples, tiles.states), np.int16)
        driven = np.empty((steps, *kept.shape[1:]), np.int16)
        out = np.empty((samples, steps, channels), np.int16)
        state = np.zeros((samples, tiles.tiles, kept.shape[3]), np.int32)
        rest = np.zeros_like(state)
        below = ready.kernel.drive_shift
        for step in range(steps):
            kept[step] = state.transpose(1, 0, 2)
            driven[step] = ((state + rest + (1 << below >> 1)) >> below).transpose(1, 0, 2)
            result = run_recurrent(
                ready.packed, np.ascontiguousarray(u[:, step : step + 1]), sample_ids=ids,
                seed=instance.seed, chip=instance.chip, site=tiles.site, first_step=step,
                state=state, rest=rest, threads=self.source.threads,
            )  # fmt: skip
            out[:, step] = result.outputs[:, 0]
            state, rest = result.state, result.rest
        kept[steps] = state.transpose(1, 0, 2)
        return out, kept, driven

    def read_linear(self, path: str, codes: Codes) -> tuple[Codes, NDArray[np.float64]]:
        """Return the output codes of a linear layer, and the gains (K, out, in) of its cells.

        Of four lines K is 2: those of codes above zero, and below.
        """
        ready = self.linears[path]
        linear = self.instance.program.linear_at(path)
        out = self.reader.linear(path, codes, np.arange(codes.shape[0]))
        tiles = ready.tiles
        programmed = ready.on_chip.weights_by_sign
        real = np.zeros((len(programmed), *linear.weight.shape))
        for t in range(tiles.tiles):
            rows = slice(tiles.row_start[t], tiles.row_start[t] + tiles.row_count[t])
            columns = slice(tiles.column_start[t], tiles.column_start[t] + tiles.column_count[t])
            held = programmed[:, t, : tiles.row_count[t], : tiles.column_count[t]]
            real[:, columns, rows] = held.swapaxes(1, 2)
        gain = np.broadcast_to(requantiser_scale(linear.requant), linear.bias.shape)
        return out, real * gain[:, None]

    def read_logits(self, pooled: Codes) -> NDArray[np.float64]:
        """Return the logits (…, K) of codes (B, H) or (B, L, H), where the decoder is on tiles."""
        steps = pooled.reshape(len(pooled), -1, pooled.shape[-1])
        sums = self.reader.sums("chip.decoder", steps, np.arange(len(pooled)))
        return (sums * self.instance.program.network.logit_scale).reshape(*pooled.shape[:-1], -1)


def _exchange(tiles: KernelTiles) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return places and signs (T, 1, S) of the states that increments are added to."""
    return tiles.state_source[:, None, :], tiles.state_sign[:, None, :]


def _accumulated(
    ready: ReadyKernel, states: Codes, within: NDArray[np.bool_]
) -> tuple[Tensor, Tensor]:
    """Return what increments have of their derivatives by sums, and drives of theirs by states.

    Parameters
    ----------
    ready : ReadyKernel
    states : int16 array (L + 1, T, B, S)
    within : bool array (L, T, B, S)
        Drives that are not clipped.

    Returns
    -------
    read : bool Tensor (L, T, B, S)
        False at the end of a converter's range. Slices are added up before they are known: True.
    share : Tensor (L, T, B, S)
    """
    conversion = ready.on_chip.conversion
    share = torch.from_numpy(np.ldexp(within.astype(np.float32), -ready.kernel.drive_shift))
    after = conversion.after[:, : states.shape[3]]
    if conversion.adc.scale.shape != conversion.after.shape:
        return torch.ones(share.shape, dtype=torch.bool), share
    end = np.floor(conversion.adc.high * after + 0.5)[:, None, :]
    wide = states.astype(np.int32)
    source, sign = _exchange(ready.tiles)
    increments = wide[1:] - sign * np.take_along_axis(wide[:-1], source[None], axis=3)
    return torch.from_numpy(np.abs(increments) < end), share


class _TileRecurrence(Function):
    """Packed kernels read from programmed tiles; adjoint at the programmed weights."""

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, weights: Tensor, chip: DrawnChip, ready: ReadyKernel, cells: TileCells
    ) -> Tensor:
        out, states, drives = chip.states(ready, u.numpy().astype(np.int16))
        out = out[:, ready.tiles.mapping.delay :]
        gain = ready.on_chip.conversion.after / ready.on_chip.conversion.unit
        ctx.real = [
            torch.from_numpy(gathered(real, cells.row, cells.column).astype(np.float32))
            for real in ready.on_chip.weights_by_sign * gain[:, None, :]
        ]
        ctx.ready, ctx.states, ctx.drives = ready, states, drives
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
        length, late = u.shape[1], tiles.mapping.delay
        inputs, outputs = tiles.input_channel, tiles.output_channel
        # Of reads, whose outputs come late.
        u = functional.pad(u, (0, 0, 0, late))
        passed = functional.pad(upstream * (y.abs() < output_limit), (0, 0, late, 0))
        samples, steps, _ = u.shape
        by_output = passed[:, :, np.maximum(outputs, 0)].permute(1, 2, 0, 3)
        by_output = by_output * torch.from_numpy((outputs >= 0).astype(np.float32))[:, None, :]
        columns = torch.zeros(steps, tiles.tiles, samples, real[0].shape[2])
        columns[..., states:] = by_output
        inside = torch.from_numpy(np.abs(ctx.states[1:]) < state_limit)
        accumulates, largest = ready.kernel.form.accumulates, ready.kernel.drive_limit
        driven = np.clip(ctx.drives, -largest, largest)
        if accumulates:
            read, share = _accumulated(ready, ctx.states, driven == ctx.drives)
            source, sign = _exchange(tiles)
            places = torch.from_numpy(source).expand(-1, samples, -1)
            signs = torch.from_numpy(sign.astype(np.float32))
        to_rows = [held.mT.contiguous() for held in real]
        given = u[:, :, np.maximum(inputs, 0)].permute(1, 2, 0, 3)
        given = given * torch.from_numpy((inputs >= 0).astype(np.float32))[:, None, :]
        before = torch.cat([torch.from_numpy(driven.astype(np.float32)), given], dim=-1)
        to_port = torch.empty(steps, tiles.tiles, samples, inputs.shape[1])
        adjoint = torch.zeros(tiles.tiles, samples, states)
        for k in range(steps - 1, -1, -1):
            adjoint = adjoint * inside[k]
            columns[k, :, :, :states] = adjoint * read[k] if accumulates else adjoint
            rows = torch.bmm(columns[k], to_rows[0])
            if len(to_rows) > 1:  # lines of their own for codes below zero
                rows = torch.where(before[k] < 0, torch.bmm(columns[k], to_rows[1]), rows)
            by_drive = rows[..., :states]
            if accumulates:
                adjoint = torch.zeros_like(adjoint).scatter_add_(2, places, signs * adjoint)
            adjoint = adjoint + share[k] * by_drive if accumulates else by_drive
            to_port[k] = rows[..., states:]
        to_weights = torch.bmm(
            before.transpose(0, 1).flatten(1, 2).mT, columns.transpose(0, 1).flatten(1, 2)
        )
        used = inputs.ravel() >= 0
        flat = to_port.permute(2, 0, 1, 3).flatten(2)[:, :, used]
        to_u = torch.zeros_like(u)
        to_u.index_add_(2, torch.from_numpy(inputs.ravel()[used]), flat)
        ctx.states = ctx.drives = ctx.ready = None
        return to_u[:, :length], to_weights, None, None, None
