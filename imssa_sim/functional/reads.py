"""Reads of kernels and linear layers from the tiles that they stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.circuits.dac import top_step
from imssa_sim.circuits.energy import read_energy
from imssa_sim.circuits.slices import codes_apart
from imssa_sim.components.dac import (
    conversions_per_product,
    drives_per_product,
    reads_per_product,
)
from imssa_sim.components.tile_read import additions_per_product, joint
from imssa_sim.functional.activity import Activity, bits_of_inputs, bits_of_states
from imssa_sim.mapping.tiles import rows_and_columns
from imssa_sim.threads import current

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.functional import tile_set
    from imssa_sim.functional.chip import ChipInstance
    from imssa_sim.functional.counts import ActionCounter
    from imssa_sim.program.saturation import Saturation
    from imssa_sim.ssm.quantised import QuantisedKernel

    Codes = NDArray[np.int16]
    IntArray = NDArray[np.int64]

Held = tuple[Any, Any]
"""States (B, T, S), and what is fed back to them."""
CHUNK_BYTES = 32 << 20
"""Largest block of ADC codes that is held while partial sums are joined."""


class Reader:
    """Reads layers and counts what that takes.

    Parameters
    ----------
    instance : ChipInstance
    counter : ActionCounter
    saturation : Saturation
    threads : int or None
    noise : bool
    """

    def __init__(
        self,
        instance: ChipInstance,
        counter: ActionCounter,
        saturation: Saturation,
        *,
        threads: int | None,
        noise: bool,
    ) -> None:
        self.instance = instance
        self.counter = counter
        self.saturation = saturation
        self.threads = threads or current()
        self.noise = noise
        self.serial = instance.hardware.dac.encoding == "bit_serial"
        self.activity = {path: Activity() for path in (*instance.kernels, *instance.dense)}

    # Kernels.

    def kernel(self, path: str, kernel: QuantisedKernel, u: Codes, ids: IntArray) -> Codes:
        """Return what the tiles of one layer and direction give, codes (B, L, H)."""
        ready = self.instance.kernels[path]
        reverse = ready.tiles.reverse
        source = np.ascontiguousarray(u[:, ::-1]) if reverse else u
        y = self._read_kernel(path, ready, kernel, source, ids)
        return np.ascontiguousarray(y[:, ::-1]) if reverse else y

    def _read_kernel(
        self,
        path: str,
        ready: tile_set.ReadyKernel,
        kernel: QuantisedKernel,
        u: Codes,
        ids: IntArray,
    ) -> Codes:
        tiles = ready.tiles
        samples, steps, channels = u.shape
        late = tiles.mapping.delay
        if late:  # y_k leaves the array with read k + delay
            u = np.concatenate([u, np.zeros((samples, late, channels), u.dtype)], axis=1)
        if ready.fused:
            y: Codes = self._read(path, ready, u, ids, 0, None)[0]
        else:
            y = self._joined(path, ready, kernel, u, ids)
        states = int(tiles.n_states.sum()) * samples * u.shape[1]
        self.counter.add(f"{path}.requantiser", "requantise", states)
        if kernel.form.accumulates:
            self.counter.add(
                f"{path}.accumulator", "accumulate", states * (1 + kernel.form.feeds_back)
            )
        self.counter.add(f"{path}.register", "write", states)
        y = y[:, late:]
        self.counter.add(f"{path}.output_requantiser", "requantise", y.size)
        parts = int(tiles.n_outputs.sum()) - channels
        self.counter.add(f"{path}.shift_add", "add", parts * samples * steps)
        return y

    def _read(
        self,
        path: str,
        ready: tile_set.ReadyKernel,
        u: Codes,
        ids: IntArray,
        first_step: int,
        held: Held | None,
    ) -> tuple[Any, Held]:
        """Return the outputs of recurrent tiles, and what their registers then hold."""
        read = self._bit_serial if self.serial else self._recurrent
        return read(path, ready, u, ids, first_step, held)

    def _recurrent(
        self,
        path: str,
        ready: tile_set.ReadyKernel,
        u: Codes,
        ids: IntArray,
        first_step: int,
        held: Held | None,
    ) -> tuple[Any, Held]:
        from imssa_sim.kernels.recurrent import run_recurrent

        tiles, instance = ready.tiles, self.instance
        state, rest = held or (None, None)
        result = run_recurrent(
            ready.packed, u, sample_ids=ids, seed=instance.seed, chip=instance.chip,
            site=tiles.site, first_step=first_step, state=state, rest=rest,
            two_pass=tiles.drives_per_step == 2, noise=self.noise, threads=self.threads,
        )  # fmt: skip
        self._count_reads(path, ready, result)
        if ready.kernel.form.accumulates:
            site = f"{path.removeprefix('chip.')}.state"
            added = int(tiles.n_states.sum()) * result.drives
            self.saturation.add(site, int(result.saturated_states.sum()), added)
        return result.outputs, (result.state, result.rest)

    def _bit_serial(
        self,
        path: str,
        ready: tile_set.ReadyKernel,
        u: Codes,
        ids: IntArray,
        first_step: int,
        held: Held | None,
    ) -> tuple[Any, Held]:
        """Read step by step, to see the bits of the states that drive the rows."""
        tiles = ready.tiles
        twice = tiles.drives_per_step == 2
        states = tiles.states
        if held is None:
            nothing = np.zeros((u.shape[0], tiles.tiles, states), np.int32)
            held = nothing, nothing
        slices = ready.on_chip.slices
        bits = np.zeros((tiles.tiles, states * slices.lines_per_row), np.int64)
        outputs = []
        for step in range(u.shape[1]):
            before = held
            part = np.ascontiguousarray(u[:, step : step + 1])
            codes, held = self._recurrent(path, ready, part, ids, first_step + step, before)
            outputs.append(codes)
            for each in (before, held) if twice else (before,):
                driven, _ = ready.kernel.driven(*each)
                driven = np.abs(codes_apart(driven, slices))
                bits += np.bitwise_count(driven).sum(axis=0, dtype=np.int64)
        self.activity[path].add_bits(bits_of_states(tiles, slices, bits, u, 2 if twice else 1))
        return np.concatenate(outputs, axis=1), held

    def _joined(
        self,
        path: str,
        ready: tile_set.ReadyKernel,
        kernel: QuantisedKernel,
        u: Codes,
        ids: IntArray,
    ) -> Codes:
        """Read split kernels in blocks of steps, and add the parts of each output."""
        samples, steps, _ = u.shape
        out = np.empty(u.shape, np.int16)
        block = max(1, CHUNK_BYTES // (4 * samples * ready.tiles.output_channel.size))
        held = None
        for start in range(0, steps, block):
            part = np.ascontiguousarray(u[:, start : start + block])
            codes, held = self._read(path, ready, part, ids, start, held)
            flat = codes.reshape(-1, ready.tiles.output_channel.size)
            sums = np.add.reduceat(flat[:, ready.order], ready.first, axis=1)
            y = self._requantised(
                sums, 0, ready.after, kernel.output_requant.limit, f"{path}.output"
            )
            out[:, start : start + block] = y.reshape(part.shape)
        return out

    # Linear layers.

    def linear(self, path: str, codes: Codes, ids: IntArray) -> Codes:
        """Return the output codes (B, L, out) of a linear layer of codes (B, L, in)."""
        ready = self.instance.dense[path]
        tokens = codes.size // codes.shape[-1]
        linear = self.instance.program.linear_at(path)
        outputs = linear.weight.shape[0]
        out = np.empty((tokens, outputs), np.int16)
        for part, sums in self._blocks(path, ready, codes, ids):
            out[part] = self._requantised(
                np.left_shift(sums, ready.fraction), ready.bias,
                np.ldexp(ready.after, -ready.fraction), linear.requant.limit, f"{path}.output",
            )  # fmt: skip
        self.counter.add(f"{path}.requantiser", "requantise", out.size)
        return out.reshape(*codes.shape[:-1], outputs)

    def sums(self, path: str, codes: Codes, ids: IntArray) -> NDArray[np.float64]:
        """Return the biased sums (B · L, out) in accumulator units of codes (B, L, in)."""
        ready = self.instance.dense[path]
        out = np.empty((codes.shape[0] * codes.shape[1], len(ready.step)))
        for part, sums in self._blocks(path, ready, codes, ids):
            out[part] = (sums + np.ldexp(ready.bias, -ready.fraction)) * ready.step
        return out

    def _blocks(self, path: str, ready: tile_set.ReadyLinear, codes: Codes, ids: IntArray) -> Any:
        """Yield (token range, joined ADC codes (tokens, out)) of blocks of bounded size."""
        from imssa_sim.kernels.dense import read_dense

        tiles, instance = ready.tiles, self.instance
        samples, steps, width = codes.shape
        flat = np.ascontiguousarray(codes_apart(codes.reshape(-1, width), ready.on_chip.slices))
        sample, step = np.repeat(ids, steps), np.tile(np.arange(steps), samples)
        block = max(1, CHUNK_BYTES // (4 * tiles.tiles * tiles.weights.shape[2]))
        for start in range(0, len(flat), block):
            part = slice(start, min(start + block, len(flat)))
            result = read_dense(
                ready.packed, flat[part], sample_ids=sample[part], steps=step[part],
                seed=instance.seed, chip=instance.chip, site=tiles.site,
                noise=self.noise, threads=self.threads,
            )  # fmt: skip
            self._count_reads(path, ready, result)
            if self.serial:
                bits = bits_of_inputs(tiles, ready.on_chip.slices, flat[part])
                self.activity[path].add_bits(bits)
            yield part, self._join_rows(path, ready, result.outputs)

    def _join_rows(
        self, path: str, ready: tile_set.ReadyLinear, codes: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        tiles, rows = ready.tiles, ready.row_tiles
        tokens = codes.shape[0]
        if rows > 1:
            codes = codes.reshape(tokens, -1, rows, codes.shape[2]).sum(axis=2, dtype=np.int32)
            outputs = int(tiles.column_count[::rows].sum())
            self.counter.add(f"{path}.shift_add", "add", (rows - 1) * outputs * tokens)
        counts = tiles.column_count[::rows]
        if (counts == codes.shape[2]).all():
            return codes.reshape(tokens, -1)
        used = np.arange(codes.shape[2]) < counts[:, None]
        return codes[:, used]

    # What both share.

    def _requantised(
        self, sums: NDArray[Any], bias: Any, gain: NDArray[np.float64], limit: int, site: str
    ) -> Codes:
        from imssa_sim.kernels.digital import requantise_rows

        width = sums.shape[1]
        out = np.empty(sums.shape, np.int16)
        clipped = np.zeros(len(sums), np.int64)
        offset = np.ascontiguousarray(np.broadcast_to(np.asarray(bias, np.int64), (width,)))
        requantise_rows(sums, offset, gain, limit, out, clipped)
        self.saturation.add(site.removeprefix("chip."), int(clipped.sum()), out.size)
        return out

    def _count_reads(
        self, path: str, ready: tile_set.ReadyKernel | tile_set.ReadyLinear, result: Any
    ) -> None:
        """Count drives, reads, conversions and energy of one call of a kernel."""
        tiles, hardware, activity = ready.tiles, self.instance.hardware, self.activity[path]
        activity.add(result)
        rows, columns = rows_and_columns(tiles)
        bits = ready.on_chip.limit.bit_length() + 1
        joined = int(columns.sum()) * (result.drives // tiles.drives_per_step)
        each = conversions_per_product(hardware, bits)
        tile = hardware.chip.tile
        conversions = joined * tile.columns_per_weight
        activity.conversions += conversions
        drives = result.drives * drives_per_product(hardware, bits) * tile.lines_per_row
        reads = result.drives * reads_per_product(hardware, bits)
        added = joined * additions_per_product(hardware, bits)
        self.counter.add(f"{path}.dac", "drive", int(rows.sum()) * drives)
        self.counter.add(f"{path}.array", "read", tiles.tiles * reads)
        self.counter.add(f"{path}.adc", "convert", conversions * each)
        self.counter.add(f"{path}.{joint(hardware)}", "add", added)

    def close(self) -> None:
        """Work out the array energies from all that was counted."""
        hardware = self.instance.hardware
        for path, activity in self.activity.items():
            ready = self.instance.kernels.get(path) or self.instance.dense[path]
            energy = read_energy(
                ready.on_chip.programmed.row_conductance,
                encoding=hardware.dac.encoding,
                top=top_step(ready.on_chip.limit, hardware.driver_bits, hardware.dac.encoding),
                read_voltage=hardware.chip.tile.read_voltage,
                read_time=hardware.chip.tile.read_time,
                lsb_time=hardware.dac.lsb_time,
                sum_squares=activity.sum_squares,
                sum_magnitudes=activity.sum_magnitudes,
                bits_set=activity.bits_set if activity.bits_set.size else None,
            )
            activity.energy = float(energy.sum())
