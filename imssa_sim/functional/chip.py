"""One chip instance: every tile set of a Program programmed, with its converters, ready to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.periphery import read_circuit
from imssa_sim.functional.calibrate_columns import fit_columns, read_probes
from imssa_sim.functional.columns import columns_of, leak, slices_of, word_line_limit
from imssa_sim.functional.configured import cell_array, driver, periphery
from imssa_sim.functional.conversion import (
    Conversion,
    lossless,
    nominal,
    signs_apart,
    sliced,
    without_sums,
)
from imssa_sim.functional.tile_set import (
    OnChip,
    ReadyKernel,
    ReadyLinear,
    ready_kernel,
    ready_linear,
)
from imssa_sim.mapping.tiles import rows_and_columns, rows_and_columns_held

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from imssa_sim.circuits.adc.converters import Trim
    from imssa_sim.circuits.programming import ProgrammingEffort
    from imssa_sim.circuits.slices import Slices
    from imssa_sim.circuits.written import ProgrammedTiles, WrittenTiles
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.functional.calibrate_adc import ColumnSums
    from imssa_sim.functional.calibrate_columns import ColumnFit
    from imssa_sim.functional.columns import Columns
    from imssa_sim.kernels.read_circuit import ReadCircuit
    from imssa_sim.mapping.program import KernelTiles, LinearTiles, Program

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]


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
        self.periphery = periphery(hardware)
        self.seed, self.chip = seed, chip
        self.writing, self.calibration = writing, calibration
        self.time = 0.0 if hardware.ideal else time
        self.calibrated = self.time if calibrated is None else calibrated
        self.written: dict[str, WrittenTiles] = dict(written or {})
        self.fits: dict[str, ColumnFit] = {}
        self.kernels: dict[str, ReadyKernel] = {}
        self.dense: dict[str, ReadyLinear] = {}
        for kernel in program.kernels:
            on_chip = self._on_chip(kernel)
            circuit = self._circuit(kernel, on_chip)
            self.kernels[kernel.path] = ready_kernel(program, kernel, on_chip, circuit)
        for linear in program.linears:
            on_chip = self._on_chip(linear)
            circuit = self._circuit(linear, on_chip)
            self.dense[linear.path] = ready_linear(program, linear, on_chip, circuit)

    def later(self, time: float, calibrated: float | None = None) -> ChipInstance:
        """Return this chip at another time since its programming [s]."""
        return ChipInstance(
            self.program, self.hardware, seed=self.seed, chip=self.chip, time=time,
            calibration=self.calibration, writing=self.writing, calibrated=calibrated,
            written=self.written,
        )  # fmt: skip

    @property
    def programming(self) -> dict[str, ProgrammingEffort]:
        """What writing each tile set took, once, by its path."""
        ready: dict[str, ReadyKernel | ReadyLinear] = {**self.kernels, **self.dense}
        return {path: entry.on_chip.programmed.programming for path, entry in ready.items()}

    @property
    def wire_residual(self) -> float:
        """Largest residual of the wire equations of all tiles; 0 where wires do not resist."""
        entries: list[ReadyKernel | ReadyLinear] = [*self.kernels.values(), *self.dense.values()]
        return max((entry.on_chip.programmed.wire_residual for entry in entries), default=0.0)

    def _on_chip(self, tiles: KernelTiles | LinearTiles) -> OnChip:
        """Return what stands on a set of tiles, written the first time that it is asked for."""
        from imssa_sim.circuits.array import write_tiles

        slices = slices_of(tiles, self.hardware.chip.tile)
        columns, limit = columns_of(self.program, tiles), word_line_limit(self.program, tiles)
        if tiles.path not in self.written:
            rows, used = rows_and_columns_held(tiles)
            rows = rows * slices.lines_per_row
            self.written[tiles.path] = write_tiles(
                slices.weights, rows, used * slices.number, cell_array(self.hardware, limit),
                seed=self.seed, chip=self.chip, site=tiles.site, writing=self.writing,
                shift=slices.shift,
            )  # fmt: skip
        programmed = self.written[tiles.path].at(self.time, self.calibrated)
        conversion = self._conversion(tiles, columns, slices, programmed, limit)
        return OnChip(slices, programmed, columns, conversion, limit)

    def _conversion(
        self,
        tiles: KernelTiles | LinearTiles,
        columns: Columns,
        slices: Slices,
        programmed: ProgrammedTiles,
        limit: int,
    ) -> Conversion:
        adc, sums = self.hardware.adc, self.calibration.get(tiles.path)
        if self.hardware.ideal:
            return lossless(columns, slices, limit)
        if slices.signs_apart:
            return signs_apart(columns, adc, sums, programmed.scale, tiles.path)
        if slices.number > 1:
            return sliced(columns, adc, sums, slices, tiles.path)
        return nominal(columns, adc, sums, programmed.scale, tiles.path)

    def _circuit(self, tiles: KernelTiles | LinearTiles, on_chip: OnChip) -> ReadCircuit:
        """Return array, drivers and converters, these set against what a calibration finds."""
        rows, columns = rows_and_columns(tiles)
        conversion = on_chip.conversion

        def circuit(programmed: ProgrammedTiles, trim: Trim | None = None) -> ReadCircuit:
            return read_circuit(
                programmed, self.periphery, conversion.adc,
                rows_used=rows * on_chip.slices.lines_per_row, columns_used=columns,
                limit=on_chip.limit, where=Coordinates(self.seed, self.chip, tiles.site),
                slices=on_chip.slices.number, slice_gain=conversion.slice_gain,
                dac_steps=driver(self.hardware).steps(on_chip.limit), trim=trim,
            )  # fmt: skip

        if self.hardware.ideal or not self.hardware.adc.calibrate:
            return circuit(on_chip.programmed)
        then = on_chip.programmed
        if self.calibrated != self.time:
            then = self.written[tiles.path].at(self.calibrated, self.calibrated)
        fit = self._calibrate(tiles, on_chip, circuit(then))
        self.fits[tiles.path] = fit
        return circuit(on_chip.programmed, fit.trim)

    def _calibrate(
        self, tiles: KernelTiles | LinearTiles, on_chip: OnChip, circuit: ReadCircuit
    ) -> ColumnFit:
        """Return the gains and offsets found by reads at the time of the last calibration."""
        sums, adc = self.calibration.get(tiles.path), on_chip.conversion.adc
        if sums is None:
            raise without_sums(tiles.path)
        apart = circuit.column_by_column()
        weights = on_chip.slices.weights + leak(on_chip.slices, self.hardware)[:, None, :]
        where = Coordinates(self.seed, self.chip, tiles.site, self.writing)
        codes = read_probes(sums.probes, apart, where, age=self.calibrated)
        acc = np.einsum("tnr,trc->ntc", sums.probes.astype(np.float64), weights)
        used = np.arange(weights.shape[2]) < apart.columns_used[:, None]
        return fit_columns(acc * adc.scale + adc.offset, codes, adc.low, adc.high, used)
