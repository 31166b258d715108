"""One chip instance: every tile set of a Program programmed, with its converters, ready to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.periphery import periphery
from imssa_sim.circuits.slices import put_together
from imssa_sim.functional.calibrate_columns import fit_columns, read_probes
from imssa_sim.functional.columns import columns_of, input_limits, kernel_of, linear_at, slices_of
from imssa_sim.functional.conversion import Conversion, lossless, nominal, sliced, without_sums
from imssa_sim.mapping.tiles import rows_and_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from imssa_sim.circuits.adc import Trim
    from imssa_sim.circuits.array import ProgrammedTiles, WrittenTiles
    from imssa_sim.circuits.programming import ProgrammingCost
    from imssa_sim.circuits.slices import Slices
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.functional.calibrate_adc import ColumnSums
    from imssa_sim.functional.calibrate_columns import ColumnFit
    from imssa_sim.functional.columns import Columns
    from imssa_sim.kernels.dense import DenseTiles
    from imssa_sim.kernels.tiles import RecurrentTiles
    from imssa_sim.mapping.program import KernelTiles, LinearTiles, Program

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

BIAS_FRACTION = 8
"""Bits after the binary point, in ADC codes, of a bias that is added behind the converters."""


@dataclass(frozen=True)
class ReadyKernel:
    """The kernel tiles of one layer and direction on this chip.

    ``fused``: every channel has one output column, requantised inside the kernel; otherwise
    ``order`` sorts the output columns (flattened tile, place) by channel and ``first`` tells where
    each channel's begin.
    """

    tiles: KernelTiles
    packed: RecurrentTiles
    conversion: Conversion
    columns: Columns
    slices: Slices
    programmed: ProgrammedTiles
    limit: int  # largest code on a word line
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
    packed: DenseTiles
    conversion: Conversion
    columns: Columns
    slices: Slices
    programmed: ProgrammedTiles
    limit: int
    row_tiles: int
    bias: IntArray
    fraction: int
    after: FloatArray  # (out,)
    step: FloatArray  # (out,) column sum per ADC code, per unit of weight with slices


def weights_of(ready: ReadyKernel | ReadyLinear) -> FloatArray:
    """Return the weights (T, R, C) that the programmed cells stand for, slices put together."""
    return put_together(ready.programmed.weights, ready.slices.shift, ready.slices.number)


class ChipInstance:
    """All tile sets of a Program on one chip instance.

    Parameters
    ----------
    program : Program
    hardware : HardwareConfig
    seed, chip : int
        Coordinates of programming errors, faults and noise.
    time : float
        Time since programming [s].
    calibration : mapping
        Column sums by path, where converters are set by them.
    writing : int
        How often the tiles were written before.
    calibrated : float, optional
        Time since programming at which drift compensation and columns were last calibrated [s];
        by default just now.
    written : mapping, optional
        The tile sets of this chip, where they have been written already.
    """

    def __init__(
        self,
        program: Program,
        hardware: HardwareConfig,
        *,
        seed: int,
        chip: int,
        time: float,
        calibration: Mapping[str, ColumnSums],
        writing: int = 0,
        calibrated: float | None = None,
        written: Mapping[str, WrittenTiles] | None = None,
    ) -> None:
        self.program, self.hardware = program, hardware
        self.seed, self.chip = seed, chip
        self.writing, self.calibration = writing, calibration
        self.time = 0.0 if hardware.ideal else time
        self.calibrated = self.time if calibrated is None else calibrated
        self.written: dict[str, WrittenTiles] = dict(written or {})
        self.fits: dict[str, ColumnFit] = {}
        self.kernels: dict[str, ReadyKernel] = {}
        self.dense: dict[str, ReadyLinear] = {}
        for kernel in program.kernels:
            self.kernels[kernel.path] = self._kernel(kernel, calibration.get(kernel.path))
        for linear in program.linears:
            self.dense[linear.path] = self._linear(linear, calibration.get(linear.path))

    def later(self, time: float, calibrated: float | None = None) -> ChipInstance:
        """Return this chip at another time since its programming [s]."""
        return ChipInstance(
            self.program, self.hardware, seed=self.seed, chip=self.chip, time=time,
            calibration=self.calibration, writing=self.writing, calibrated=calibrated,
            written=self.written,
        )  # fmt: skip

    @property
    def programming(self) -> dict[str, ProgrammingCost]:
        """What writing each tile set took, once, by its path."""
        ready: dict[str, ReadyKernel | ReadyLinear] = {**self.kernels, **self.dense}
        return {path: entry.programmed.programming for path, entry in ready.items()}

    @property
    def wire_residual(self) -> float:
        """Largest residual of the wire equations of all tiles; 0 where wires do not resist."""
        entries: list[ReadyKernel | ReadyLinear] = [*self.kernels.values(), *self.dense.values()]
        return max((entry.programmed.wire_residual for entry in entries), default=0.0)

    def _programmed(self, tiles: KernelTiles | LinearTiles, slices: Slices) -> ProgrammedTiles:
        from imssa_sim.circuits.array import write_tiles

        if tiles.path not in self.written:
            rows, columns = rows_and_columns(tiles)
            self.written[tiles.path] = write_tiles(
                slices.weights, rows, columns * slices.number, self.hardware, seed=self.seed,
                chip=self.chip, stage=tiles.stage, writing=self.writing, shift=slices.shift,
            )  # fmt: skip
        return self.written[tiles.path].at(self.time, self.calibrated)

    def _circuits(
        self,
        tiles: KernelTiles | LinearTiles,
        conversion: Conversion,
        slices: Slices,
        programmed: ProgrammedTiles,
        limit: int,
    ) -> dict[str, Any]:
        """Return what the compiled kernels take of array, drivers and converters."""
        trim = None
        if self.hardware.adc.calibrate and not self.hardware.ideal:
            trim = self._calibrate(tiles, conversion, slices, programmed, limit)
        circuits = self._parts(tiles, conversion, slices, programmed, limit, trim)
        return circuits | {"slices": slices.number, "slice_gain": conversion.slice_gain}

    def _calibrate(
        self,
        tiles: KernelTiles | LinearTiles,
        conversion: Conversion,
        slices: Slices,
        programmed: ProgrammedTiles,
        limit: int,
    ) -> Trim:
        """Return the gains and offsets found by reads at the time of the last calibration."""
        then = programmed
        if self.calibrated != self.time:
            then = self.written[tiles.path].at(self.calibrated, self.calibrated)
        rows, columns = rows_and_columns(tiles)
        sums = self.calibration.get(tiles.path)
        if sums is None:
            raise without_sums(tiles.path)
        codes = read_probes(
            sums.probes, then.weights, self._parts(tiles, conversion, slices, then, limit, None),
            rows, columns * slices.number,
            Coordinates(self.seed, self.chip, tiles.stage, self.writing),
            limit=limit, age=self.calibrated,
        )  # fmt: skip
        acc = np.einsum("tnr,trc->ntc", sums.probes.astype(np.float64), slices.weights)
        used = np.arange(slices.weights.shape[2]) < (columns * slices.number)[:, None]
        self.fits[tiles.path] = fit_columns(
            acc * conversion.scale + conversion.offset, codes, conversion.low, conversion.high, used
        )
        return self.fits[tiles.path].trim

    def _parts(
        self,
        tiles: KernelTiles | LinearTiles,
        conversion: Conversion,
        slices: Slices,
        programmed: ProgrammedTiles,
        limit: int,
        trim: Trim | None,
    ) -> dict[str, Any]:
        around = periphery(
            programmed,
            self.hardware,
            scale=conversion.scale,
            offset=conversion.offset,
            low=conversion.low,
            high=conversion.high,
            columns_used=rows_and_columns(tiles)[1] * slices.number,
            limit=limit,
            where=Coordinates(self.seed, self.chip, tiles.stage),
            trim=trim,
        )
        variance, flat = programmed.variance, programmed.flat_variance
        return {
            "variance": None if variance is None else variance + flat[:, None, :],
            "flat_variance": flat,
            "extra_variance": around.converters.variance,
            "shot_variance": around.shot_variance,
            "pulse_power": around.pulse_power,
            "dac_levels": around.dac_levels,
            "adc_scale": around.converters.scale,
            "adc_offset": around.converters.offset,
            "adc_low": around.converters.low,
            "adc_high": around.converters.high,
            "adc_table": around.converters.table,
        }

    def _conversion(
        self,
        tiles: KernelTiles | LinearTiles,
        sums: ColumnSums | None,
        slices: Slices,
        programmed: ProgrammedTiles,
    ) -> tuple[Columns, Conversion]:
        columns, adc = columns_of(self.program, tiles), self.hardware.adc
        if self.hardware.ideal:
            limit = max(input_limits(self.program, tiles))
            return columns, lossless(columns, slices, limit)
        if slices.number > 1:
            return columns, sliced(columns, adc, sums, slices, tiles.path)
        return columns, nominal(columns, adc, sums, programmed.scale, tiles.path)

    def _kernel(self, tiles: KernelTiles, sums: ColumnSums | None) -> ReadyKernel:
        from imssa_sim.kernels.tiles import pack_tiles

        slices = slices_of(tiles, self.hardware.chip.tile)
        programmed = self._programmed(tiles, slices)
        columns, conversion = self._conversion(tiles, sums, slices, programmed)
        kernel = kernel_of(self.program, tiles)
        state_limit, input_limit = input_limits(self.program, tiles)
        states, outputs = tiles.state_multiplier.shape[1], tiles.output_channel.shape[1]
        place = tiles.n_states[:, None] + np.arange(outputs)
        valid = tiles.output_channel >= 0
        place = np.where(valid, place, 0)
        after = np.take_along_axis(conversion.after, place, axis=1)
        fused = not columns.split.any()
        multiplier, shift = _dyadic(conversion.after[:, :states])
        fusing: dict[str, Any] = {}
        if fused:
            output_multiplier, output_shift = _dyadic(after)
            fusing = {
                "output_channel": tiles.output_channel,
                "output_multiplier": output_multiplier,
                "output_shift": output_shift,
                "output_limit": kernel.output_requant.limit,
                "channels": kernel.channels,
            }
        limit = max(state_limit, input_limit)
        packed = pack_tiles(
            programmed.weights,
            n_states=tiles.n_states,
            n_inputs=tiles.n_inputs,
            n_outputs=tiles.n_outputs,
            input_channel=tiles.input_channel,
            state_multiplier=multiplier,
            state_shift=shift,
            state_limit=state_limit,
            input_limit=input_limit,
            **self._circuits(tiles, conversion, slices, programmed, limit),
            **fusing,
        )
        flat = np.flatnonzero(valid)
        channel = tiles.output_channel.ravel()[flat]
        sort = np.argsort(channel, kind="stable")
        first = np.searchsorted(channel[sort], np.arange(kernel.channels))
        return ReadyKernel(
            tiles=tiles,
            packed=packed,
            conversion=conversion,
            columns=columns,
            slices=slices,
            programmed=programmed,
            limit=limit,
            fused=fused,
            order=flat[sort],
            first=first,
            after=after.ravel()[flat[sort][first]],
        )

    def _linear(self, tiles: LinearTiles, sums: ColumnSums | None) -> ReadyLinear:
        from imssa_sim.kernels.dense import pack_dense

        slices = slices_of(tiles, self.hardware.chip.tile)
        programmed = self._programmed(tiles, slices)
        columns, conversion = self._conversion(tiles, sums, slices, programmed)
        linear = linear_at(self.program, tiles.path)
        outputs = linear.weight.shape[0]
        limit = max(input_limits(self.program, tiles))
        packed = pack_dense(
            programmed.weights,
            row_start=tiles.row_start,
            row_count=tiles.row_count,
            column_count=tiles.column_count,
            input_limit=limit,
            **self._circuits(tiles, conversion, slices, programmed, limit),
        )
        after, step = np.zeros(outputs), np.ones(outputs)
        after[columns.group[columns.used]] = conversion.after[columns.used]
        step[columns.group[columns.used]] = conversion.unit[columns.used]
        row_tiles = int((tiles.column_start == 0).sum())
        fraction, bias = 0, linear.bias
        if conversion.trimmed:
            fraction = BIAS_FRACTION if row_tiles > 1 else 0
            bias = np.rint(np.ldexp(linear.bias / step, fraction)).astype(np.int64)
            if row_tiles == 1:
                bias = np.zeros_like(linear.bias)
        return ReadyLinear(
            tiles=tiles,
            packed=packed,
            conversion=conversion,
            columns=columns,
            slices=slices,
            programmed=programmed,
            limit=limit,
            row_tiles=row_tiles,
            bias=bias,
            fraction=fraction,
            after=after,
            step=step,
        )


def _dyadic(gain: FloatArray) -> tuple[IntArray, IntArray]:
    """Return multiplier and shift of gains with at most 24 significant bits, exactly."""
    mantissa, exponent = np.frexp(gain)
    return np.ldexp(mantissa, 24).astype(np.int64), 24 - exponent.astype(np.int64)
