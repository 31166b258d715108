"""Column sums on calibration data, from which ADC ranges are taken.

The quantised network runs digitally; at every tile set its integer weights turn the codes that
arrive into the sums that the ADCs will see. Exact magnitudes of the largest sums are kept from
all steps, samples of the sums from evenly spaced ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.circuits.slices import codes_apart
from imssa_sim.data.lengths import by_length, checked_lengths, cut
from imssa_sim.functional.columns import Columns, columns_of, leak, slices_of, word_line_limit
from imssa_sim.functional.digital import checked_inputs
from imssa_sim.mapping.program import KernelTiles, LinearTiles
from imssa_sim.program.integers import Integers
from imssa_sim.program.interpret import walk, walk_in_slices
from imssa_sim.program.operations.recurrence import (
    ABREAST,
    FLOAT32_EXACT,
    room_for_states,
    run_steps,
)
from imssa_sim.program.tokens import SLICE
from imssa_sim.quantisation.quantisers import clipping_range
from imssa_sim.threads import ordered_map

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from imssa_sim.circuits.slices import Slices
    from imssa_sim.config.schema import AdcConfig, HardwareConfig
    from imssa_sim.mapping.program import Program
    from imssa_sim.program.graph import Node
    from imssa_sim.ssm.quantised import QuantisedKernel

    FloatArray = NDArray[Any]
    Codes = NDArray[np.int16]

KEPT = 2048  # sums kept per column for percentile and MSE


@dataclass(frozen=True)
class ColumnSums:
    """Sums of the columns of a tile set, trimmed bias included; of each slice, without bias.

    Attributes
    ----------
    maximum : float array (T, C · K)
        Largest magnitude over all calibration samples and steps.
    values : float32 array (T, C · K, n)
        Sums at evenly spaced steps; n = 0 where the policy asks for their maximum alone.
    probes : int16 array (T, n, R)
        Codes that came to the word lines at evenly spaced steps, as many as a calibration of the
        programmed array reads (`hardware.adc.calibration_reads`); none where it is not configured.
    """

    maximum: FloatArray
    values: NDArray[np.float32]
    probes: Codes

    def span(self, adc: AdcConfig, bits: int) -> FloatArray:
        """Return the magnitude (T, C) that the configured policy wants inside the range.

        ``bits`` are those of the codes, sign included, that hold the largest magnitude.
        """
        if adc.range == "aligned" or adc.range == "max":
            return self.maximum
        return clipping_range(self.values, adc.range, bits, adc.percentile)


def calibrate_adc(
    program: Program,
    hardware: HardwareConfig,
    inputs: ArrayLike,
    samples: int = 16,
    lengths: ArrayLike | None = None,
) -> dict[str, ColumnSums]:
    """Collect the column sums of every tile set whose converters are set by them.

    Parameters
    ----------
    program : Program
    hardware : HardwareConfig
    inputs : array (B, L, d_in)
        Calibration sequences, of which the first ``samples`` are used.
    lengths : int array (B,), optional
        Steps of each sequence; padding behind them enters nothing.

    Returns
    -------
    dict
        By path of the tile set; empty for a lossless chip.
    """
    network = program.network
    if hardware.ideal:
        return {}
    sets: list[KernelTiles | LinearTiles] = list(program.kernels)
    sets += program.linears
    wanted = {entry.path: entry for entry in sets if _needed(program, entry, hardware)}
    found: dict[str, ColumnSums] = {}
    if not wanted:
        return found
    x = checked_inputs(network, inputs)[:samples]
    if lengths is not None:
        sizes = checked_lengths(lengths, len(inputs), x.shape[1])[:samples]  # type: ignore[arg-type]
        groups = []
        for length, places in by_length(sizes, samples):
            own = _Ranging(program, hardware, wanted, {})
            own.for_length(length)
            walk(program.graph, own, cut(x, places, length))
            groups.append(own.found)
        return {path: _joined([group[path] for group in groups]) for path in wanted}
    backend = _Ranging(program, hardware, wanted, found)
    # Sums that are kept, and probes, are taken at places among all tokens.
    if backend.spread or backend.probes:
        walk(program.graph, backend, x)
    else:
        walk_in_slices(program.graph, backend, x, side_by_side=True)
    return found


def _joined(groups: list[ColumnSums]) -> ColumnSums:
    """Return the sums of groups of sequences of several lengths together.

    Each group keeps all of its sums, or `KEPT` evenly spaced ones; of its probes, an even choice
    makes up as many as one group has.
    """
    values = np.concatenate([group.values for group in groups], axis=-1)
    probes = np.concatenate([group.probes for group in groups], axis=1)
    wanted = groups[0].probes.shape[1]
    chosen = np.arange(wanted) * probes.shape[1] // max(wanted, 1)
    maximum = np.max([group.maximum for group in groups], axis=0)
    return ColumnSums(maximum, values, np.ascontiguousarray(probes[:, chosen]))


class _Ranging(Integers):
    """The golden model, which collects the sums of the wanted tile sets on the way."""

    def __init__(
        self,
        program: Program,
        hardware: HardwareConfig,
        wanted: Mapping[str, KernelTiles | LinearTiles],
        found: dict[str, ColumnSums],
    ) -> None:
        super().__init__(program.network)
        self.program, self.hardware = program, hardware
        self.wanted, self.found = wanted, found
        self.spread = hardware.adc.range in ("percentile", "mse")
        self.probes = hardware.adc.calibration_reads if hardware.adc.calibrate else 0
        self._cut: dict[str, Slices] = {}
        self._one = Lock()

    def run(self, node: Node, *values: Any) -> Any:
        """Return the value of a node from those of its inputs."""
        tiles = self.wanted.get(f"chip.{node.name}")
        if isinstance(tiles, KernelTiles):
            codes = np.ascontiguousarray(values[0], dtype=np.int16)
            cut = slices_of(tiles, self.hardware.chip.tile)
            self.found[tiles.path], y = _kernel_sums(
                self.program, tiles, cut, leak(cut, self.hardware), codes, self.probes, self.spread
            )
            return y
        if tiles is not None:
            cut = self._cut.get(tiles.path) or slices_of(tiles, self.hardware.chip.tile)
            self._cut[tiles.path] = cut
            rest = leak(cut, self.hardware)
            codes = np.ascontiguousarray(values[0], dtype=np.int16)
            sums = _linear_sums(self.program, tiles, cut, rest, codes, self.probes, self.spread)
            with self._one:  # slices of tokens may run side by side
                before = self.found.get(tiles.path)
                if before is not None:
                    sums = replace(sums, maximum=np.maximum(sums.maximum, before.maximum))
                self.found[tiles.path] = sums
        return super().run(node, *values)


def _needed(program: Program, tiles: KernelTiles | LinearTiles, hardware: HardwareConfig) -> bool:
    columns = columns_of(program, tiles)
    free = (columns.gain == 0) | columns.ranged
    unaligned = hardware.adc.range != "aligned" or bool(free[columns.used].any())
    sliced, calibrated = hardware.chip.tile.columns_per_weight > 1, hardware.adc.calibrate
    return unaligned or bool(columns.split.any()) or sliced or calibrated


def _stride(samples: int, steps: int) -> int:
    return max(1, samples * steps // KEPT)


def _linear_sums(
    program: Program, tiles: LinearTiles, slices: Slices, rest: FloatArray, codes: Codes,
    probes: int, spread: bool,
) -> ColumnSums:  # fmt: skip
    columns: Columns = columns_of(program, tiles)
    lines = slices.lines_per_row
    trimmed = columns.bias if slices.number == 1 else np.zeros(slices.shift.shape)
    word = _exact(slices, word_line_limit(program, tiles))  # the bias joins in double
    flat = codes_apart(codes.reshape(-1, codes.shape[-1]), slices)
    kept = flat[:: _stride(1, len(flat))] if spread else flat[:0]
    maximum = np.zeros(trimmed.shape)
    values = np.zeros((*trimmed.shape, len(kept)), dtype=np.float32)
    probed = np.zeros((tiles.tiles, probes, slices.weights.shape[1]), dtype=np.int16)
    chosen = flat[np.arange(probes) * len(flat) // max(probes, 1)]

    def of_tile(t: int) -> None:
        first, count = int(tiles.row_start[t]) * lines, int(tiles.row_count[t]) * lines
        rows = slice(first, first + count)
        weights = slices.weights[t, :count].astype(word)
        if rest.any():
            weights = weights + rest[t]
        for start in range(0, len(flat), SLICE):
            sums = flat[start : start + SLICE, rows].astype(word) @ weights
            ends = np.stack([sums.min(axis=0), sums.max(axis=0)]) + trimmed[t]
            maximum[t] = np.maximum(maximum[t], np.abs(ends).max(axis=0))
        values[t] = (kept[:, rows].astype(word) @ weights + trimmed[t]).T
        probed[t, :, :count] = chosen[:, rows]

    for _ in ordered_map(of_tile, range(tiles.tiles)):
        pass
    return ColumnSums(maximum, values, probed)


def _kernel_sums(
    program: Program, tiles: KernelTiles, slices: Slices, rest: FloatArray, u: Codes, probes: int,
    spread: bool,
) -> tuple[ColumnSums, Codes]:  # fmt: skip
    """Take the sums of each tile while the golden model's recurrence runs the kernels on it.

    The outputs that come with them are those of the golden model.

    Tiles run side by side; the states of one stay in a processor's own cache.
    """
    from imssa_sim.kernels.column_sums import TileColumns, add_up

    samples, steps, _ = u.shape
    count, rows, _ = tiles.weights.shape
    number, columns = slices.number, slices.weights.shape[2]
    word = _exact(slices, word_line_limit(program, tiles))
    stride = _stride(samples, steps)
    maximum = np.zeros((count, columns))
    kept = -(-steps // stride) * samples if spread else 0
    values = np.zeros((count, columns, kept), dtype=np.float32)
    probed = np.zeros((count, probes, rows), dtype=np.int16)
    due = np.arange(probes) * steps // max(probes, 1)
    kernel = program.kernels_at(tiles.path)
    constants = np.array(_driving(kernel), dtype=word)
    y = np.empty_like(u)

    def of_tile(t: int) -> None:
        index = tiles.state_index[t, : tiles.n_states[t]]
        channels, at = np.unique(index // (2 * kernel.modes), return_inverse=True)
        own = kernel.of_channels(channels)
        drive = np.ascontiguousarray(u[:, :, channels])
        states = room_for_states(own, samples, steps)
        out = np.empty_like(drive)
        run_steps(own, drive, out, tiles.reverse, states)
        y[:, :, channels] = out
        used = slice((len(index) + int(tiles.n_outputs[t])) * number)
        driven = (len(index) + int(tiles.n_inputs[t])) * slices.lines_per_row
        weights = slices.weights[t, :driven, used].T
        if slices.signs_apart:  # and a column of ones, by which the leak goes
            weights = np.concatenate([weights, np.ones((1, driven), np.int64)])
        column, row = np.nonzero(weights)
        of_columns = TileColumns(
            place=at * (2 * kernel.modes * steps) + index % (2 * kernel.modes),
            pitch=2 * kernel.modes,
            inputs=np.array(tiles.input_channel[t, : tiles.n_inputs[t]]),
            start=np.searchsorted(column, np.arange(len(weights) + 1)),
            row=row,
            value=weights[column, row].astype(word),
            constants=constants,
            accumulates=kernel.form.accumulates,
            feedback=kernel.form.feeds_back,
            second=len(index) * number if tiles.drives_per_step == 2 else -1,
            reverse=tiles.reverse,
            signs_apart=slices.signs_apart,
        )
        most = np.zeros(len(weights))
        sums = np.zeros((len(weights), kept), np.float32)
        for group, part in enumerate(states):
            add_up(
                of_columns, part.reshape(-1), u, group * ABREAST, stride, due, most, sums,
                probed[t],
            )  # fmt: skip
        end = used.stop
        leaking = rest[t, used, None]
        maximum[t, used] = most[:end] + leaking[:, 0] * most[end:].sum()
        values[t, used] = sums[:end] + leaking * sums[end:].sum(axis=0)

    for _ in ordered_map(of_tile, range(count)):
        pass
    found = ColumnSums(maximum, values, codes_apart(probed, slices))
    return found, kernel.form.in_place(y) if tiles.reverse else y


def _driving(kernel: QuantisedKernel) -> tuple[float, ...]:
    """Return what `QuantisedKernel.driven` goes by, as `TileColumns.constants`."""
    step = 1 << kernel.drive_shift
    return kernel.drive_limit, 1 / step, step, step // 2, 0.5


def _exact(slices: Slices, limit: int) -> Any:
    """Return a type in which sums of codes, integers up to ``limit``, are exact."""
    bound = int(np.abs(slices.weights).sum(axis=1).max()) * limit
    return np.float32 if bound < FLOAT32_EXACT else np.float64
