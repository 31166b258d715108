"""Column sums on calibration data, from which ADC ranges are taken.

The quantised network runs digitally; at every tile set its integer weights turn the codes that
arrive into the sums that the ADCs will see. Exact magnitudes of the largest sums are kept from
all steps, samples of the sums from evenly spaced ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.functional.columns import Columns, columns_of, slices_of, word_line_limit
from imssa_sim.functional.digital import checked_inputs
from imssa_sim.mapping.program import KernelTiles, LinearTiles
from imssa_sim.program.integers import Integers
from imssa_sim.program.interpret import walk
from imssa_sim.program.operations.recurrence import FLOAT32_EXACT
from imssa_sim.quantisation.quantisers import clipping_range

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from imssa_sim.circuits.slices import Slices
    from imssa_sim.config.schema import AdcConfig, HardwareConfig
    from imssa_sim.mapping.program import Program
    from imssa_sim.program.graph import Node

    FloatArray = NDArray[np.float64]
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
        Sums at evenly spaced steps.
    probes : int16 array (T, n, R)
        Codes that came to the word lines at evenly spaced steps, as many as a calibration of the
        programmed array reads (`hardware.adc.calibration_reads`); none where it is not configured.
    """

    maximum: FloatArray
    values: NDArray[np.float32]
    probes: Codes

    def span(self, adc: AdcConfig) -> FloatArray:
        """Return the magnitude (T, C) that the configured policy wants inside the range."""
        if adc.range == "aligned" or adc.range == "max":
            return self.maximum
        return clipping_range(self.values, adc.range, adc.bits, adc.percentile)


def calibrate_adc(
    program: Program, hardware: HardwareConfig, inputs: ArrayLike, samples: int = 16
) -> dict[str, ColumnSums]:
    """Collect the column sums of every tile set whose converters are set by them.

    Parameters
    ----------
    program : Program
    hardware : HardwareConfig
    inputs : array (B, L, d_in)
        Calibration sequences, of which the first ``samples`` are used.

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
    walk(program.graph, _Ranging(program, hardware, wanted, found), x)
    return found


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
        self.program, self.tile = program, hardware.chip.tile
        self.wanted, self.found = wanted, found
        self.probes = hardware.adc.calibration_reads if hardware.adc.calibrate else 0

    def run(self, node: Node, *values: Any) -> Any:
        """Return the value of a node from those of its inputs."""
        tiles = self.wanted.get(f"chip.{node.name}")
        if tiles is not None:
            cut = slices_of(tiles, self.tile)
            self.found[tiles.path] = (
                _kernel_sums(self.program, tiles, cut, values[0], self.probes)
                if isinstance(tiles, KernelTiles)
                else _linear_sums(self.program, tiles, cut, values[0].astype(np.int16), self.probes)
            )
        return super().run(node, *values)


def _needed(program: Program, tiles: KernelTiles | LinearTiles, hardware: HardwareConfig) -> bool:
    columns = columns_of(program, tiles)
    free = (columns.gain == 0) | columns.ranged
    unaligned = hardware.adc.range != "aligned" or bool(free[columns.used].any())
    sliced, calibrated = hardware.chip.tile.slices > 1, hardware.adc.calibrate
    return unaligned or bool(columns.split.any()) or sliced or calibrated


def _stride(samples: int, steps: int) -> int:
    return max(1, samples * steps // KEPT)


def _linear_sums(
    program: Program, tiles: LinearTiles, slices: Slices, codes: Codes, probes: int
) -> ColumnSums:
    columns: Columns = columns_of(program, tiles)
    trimmed = columns.bias if slices.number == 1 else np.zeros(slices.shift.shape)
    bound = int(np.abs(slices.weights).sum(axis=1).max()) * word_line_limit(program, tiles)
    # Sums of codes are exact in single precision below 2**24; the bias joins in double.
    word: Any = np.float32 if bound < FLOAT32_EXACT else np.float64
    flat = codes.reshape(-1, codes.shape[-1]).astype(word)
    kept = flat[:: _stride(1, len(flat))]
    maximum = np.zeros(trimmed.shape)
    values = np.zeros((*trimmed.shape, len(kept)), dtype=np.float32)
    probed = np.zeros((tiles.tiles, probes, tiles.weights.shape[1]), dtype=np.int16)
    chosen = flat[np.arange(probes) * len(flat) // max(probes, 1)]
    for t in range(tiles.tiles):
        rows = slice(tiles.row_start[t], tiles.row_start[t] + tiles.row_count[t])
        weights = slices.weights[t, : tiles.row_count[t]].astype(word)
        sums = flat[:, rows] @ weights
        ends = np.stack([sums.min(axis=0), sums.max(axis=0)]) + trimmed[t]
        maximum[t] = np.abs(ends).max(axis=0)
        values[t] = (kept[:, rows] @ weights + trimmed[t]).T
        probed[t, :, : tiles.row_count[t]] = chosen[:, rows]
    return ColumnSums(maximum, values, probed)


def _kernel_sums(
    program: Program, tiles: KernelTiles, slices: Slices, u: Codes, probes: int
) -> ColumnSums:
    """Run the recurrence of the tiles step by step in exact arithmetic, all samples at once."""
    kernel = program.kernels_at(tiles.path)
    limit = kernel.state_requant.limit
    samples, steps, _ = u.shape
    count, _, _ = tiles.weights.shape
    states = tiles.states
    gain = tiles.state_gain[:, None, :]
    # States of tiles that have fewer than S stand beside their input rows; give both fixed places.
    weights, back = _apart(tiles, tiles.weights)
    parts, number = weights, slices.number
    if number > 1:
        digits = slices.weights.reshape(*tiles.weights.shape, number)
        each = [_apart(tiles, digits[..., k])[0] for k in range(number)]
        parts = np.stack(each, axis=3).reshape(*weights.shape[:2], -1)
        place = np.where(back >= 0, back * number, -1)[:, :, None]
        back = np.where(place >= 0, place + np.arange(number), -1).reshape(count, -1)
    source = u[:, ::-1] if tiles.reverse else u
    v = np.zeros((count, samples, weights.shape[1]))
    stride = _stride(samples, steps)
    maximum = np.zeros((count, parts.shape[2]))
    values = []
    probed = np.zeros((count, probes, tiles.weights.shape[1]), dtype=np.int16)
    due = np.arange(probes) * steps // max(probes, 1)
    two_pass = tiles.drives_per_step == 2
    state = rest = np.zeros((count, samples, states))
    for step in range(steps):
        v[:, :, states:] = source[:, step, tiles.input_channel].transpose(1, 0, 2)
        v[:, :, states:] *= (tiles.input_channel >= 0)[:, None, :]
        v[:, :, :states], rest = kernel.driven(state, rest)
        for k in np.flatnonzero(due == step):
            _put_codes(probed[:, k], tiles, v[:, k % samples])
        acc = v @ weights
        new = np.floor(acc[:, :, :states] * gain + 0.5)
        state = np.clip(state + new if kernel.form.accumulates else new, -limit, limit)
        acc = acc if number == 1 else v @ parts
        if two_pass:
            v[:, :, :states] = state
            acc[:, :, states * number :] = v @ parts[:, :, states * number :]
        maximum = np.maximum(maximum, np.abs(acc).max(axis=1))
        if step % stride == 0:
            values.append(acc.astype(np.float32).transpose(0, 2, 1))
    kept = np.concatenate(values, axis=2)
    place = np.arange(count)[:, None]
    return ColumnSums(
        np.where(back >= 0, maximum[place, back], 0.0),
        np.where((back >= 0)[:, :, None], kept[place, back], np.float32(0)),
        probed,
    )


def _put_codes(rows: Codes, tiles: KernelTiles, apart: FloatArray) -> None:
    """Put codes (T, S + I) at fixed places onto the word lines (T, R) of their tiles."""
    states = tiles.states
    for t in range(tiles.tiles):
        s, i = int(tiles.n_states[t]), int(tiles.n_inputs[t])
        rows[t, :s] = apart[t, :s]
        rows[t, s : s + i] = apart[t, states : states + i]


def _apart(tiles: KernelTiles, values: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return weights (T, S + I, S + O) with fixed places, and each tile column's place there."""
    count = tiles.tiles
    states = tiles.states
    ports, outs = tiles.input_channel.shape[1], tiles.output_channel.shape[1]
    weights = np.zeros((count, states + ports, states + outs))
    back = np.full((count, tiles.weights.shape[2]), -1, dtype=np.int64)
    for t in range(count):
        s, i, o = int(tiles.n_states[t]), int(tiles.n_inputs[t]), int(tiles.n_outputs[t])
        rows = np.concatenate([np.arange(s), states + np.arange(i)])
        columns = np.concatenate([np.arange(s), states + np.arange(o)])
        weights[t][np.ix_(rows, columns)] = values[t, : s + i, : s + o]
        back[t, : s + o] = columns
    return weights, back
