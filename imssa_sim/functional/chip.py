"""One chip instance: every tile set of a Program programmed, with its converters, ready to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.periphery import read_circuit
from imssa_sim.circuits.slices import put_together
from imssa_sim.functional.calibrate_columns import fit_columns, read_probes
from imssa_sim.functional.columns import columns_of, input_limits, kernel_of, linear_at, slices_of
from imssa_sim.functional.configured import cell_array, periphery
from imssa_sim.functional.conversion import Conversion, lossless, nominal, sliced, without_sums
from imssa_sim.kernels.read_circuit import DenseWiring, FusedOutput, RecurrentWiring
from imssa_sim.mapping.tiles import rows_and_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from imssa_sim.circuits.adc.converters import Converters, Trim
    from imssa_sim.circuits.programming import ProgrammingCost
    from imssa_sim.circuits.slices import Slices
    from imssa_sim.circuits.written import ProgrammedTiles, WrittenTiles
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.functional.calibrate_adc import ColumnSums
    from imssa_sim.functional.calibrate_columns import ColumnFit
    from imssa_sim.functional.columns import Columns
    from imssa_sim.kernels.dense import DenseTiles
    from imssa_sim.kernels.read_circuit import ReadCircuit
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
        self.array, self.periphery = cell_array(hardware), periphery(hardware)
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
                slices.weights, rows, columns * slices.number, self.array, seed=self.seed,
                chip=self.chip, stage=tiles.stage, writing=self.writing, shift=slices.shift,
            )  # fmt: skip
        return self.written[tiles.path].at(self.time, self.calibrated)

    def _circuit(
        self,
        tiles: KernelTiles | LinearTiles,
        conversion: Conversion,
        slices: Slices,
        programmed: ProgrammedTiles,
        limit: int,
    ) -> ReadCircuit:
        """Return array, drivers and converters, these set against what a calibration finds."""
        rows, columns = rows_and_columns(tiles)

        def circuit(programmed: ProgrammedTiles, trim: Trim | None = None) -> ReadCircuit:
            return read_circuit(
                programmed, self.periphery, conversion.adc, rows_used=rows, columns_used=columns,
                limit=limit, where=Coordinates(self.seed, self.chip, tiles.stage),
                slices=slices.number, slice_gain=conversion.slice_gain, trim=trim,
            )  # fmt: skip

        if self.hardware.ideal or not self.hardware.adc.calibrate:
            return circuit(programmed)
        then = programmed
        if self.calibrated != self.time:
            then = self.written[tiles.path].at(self.calibrated, self.calibrated)
        fit = self._calibrate(tiles, conversion.adc, slices, circuit(then))
        self.fits[tiles.path] = fit
        return circuit(programmed, fit.trim)

    def _calibrate(
        self,
        tiles: KernelTiles | LinearTiles,
        nominal: Converters,
        slices: Slices,
        circuit: ReadCircuit,
    ) -> ColumnFit:
        """Return the gains and offsets found by reads at the time of the last calibration."""
        sums = self.calibration.get(tiles.path)
        if sums is None:
            raise without_sums(tiles.path)
        apart = circuit.column_by_column()
        where = Coordinates(self.seed, self.chip, tiles.stage, self.writing)
        codes = read_probes(sums.probes, apart, where, age=self.calibrated)
        acc = np.einsum("tnr,trc->ntc", sums.probes.astype(np.float64), slices.weights)
        used = np.arange(slices.weights.shape[2]) < apart.columns_used[:, None]
        promised = acc * nominal.scale + nominal.offset
        return fit_columns(promised, codes, nominal.low, nominal.high, used)

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
        output = None
        if not columns.split.any():
            output = FusedOutput(
                tiles.output_channel, after, kernel.output_requant.limit, kernel.channels
            )
        limit = max(state_limit, input_limit)
        wiring = RecurrentWiring(
            n_states=tiles.n_states,
            input_channel=tiles.input_channel,
            state_gain=conversion.after[:, :states],
            state_limit=state_limit,
            output=output,
        )
        packed = pack_tiles(self._circuit(tiles, conversion, slices, programmed, limit), wiring)
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
            fused=output is not None,
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
            self._circuit(tiles, conversion, slices, programmed, limit),
            DenseWiring(tiles.row_start),
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
