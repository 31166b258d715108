"""Execution of a Program with its crossbar products read from programmed tiles.

Everything that is digital on the chip runs through the building blocks of `digital`; kernels and
linear layers that stand on tiles are read with their programming errors, noise and converters.
Results depend on the seed, the chip instance and a sample's own number alone: not on the batch,
the threads, or the other samples.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.errors import InputError
from imssa_sim.functional import digital
from imssa_sim.functional.chip import ChipInstance
from imssa_sim.functional.counts import ActionCounter
from imssa_sim.functional.reads import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from imssa_sim.circuits.programming import ProgrammingCost
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.functional.activity import Activity
    from imssa_sim.functional.calibrate_adc import ColumnSums
    from imssa_sim.mapping.program import Program
    from imssa_sim.model.quantised import QuantisedLayer

    Codes = NDArray[np.int16]
    IntArray = NDArray[np.int64]
    FloatArray = NDArray[np.float64]

DEFAULT_BATCH = 32
HELD_CODES = 1 << 23
"""Largest residual stream (samples x steps x channels) of a batch; longer sequences run in smaller
batches, with the same results."""


@dataclass(frozen=True)
class AnalogResult:
    """What the execution of a Program on one chip instance gives.

    Attributes
    ----------
    logits : array (B, K)
        In the network's real units.
    predictions : array (B,)
        Index of the largest logit.
    samples : int
        B.
    counts : mapping
        Executed actions of all samples by (component, action), the keys of the Program's stages.
    activity : mapping
        By path of a tile set: conversions, saturation, row activity and array energy.
    saturation : digital.Saturation
        Values that the digital quantisers clipped.
    """

    logits: FloatArray
    predictions: IntArray
    samples: int
    counts: Mapping[tuple[str, str], int]
    activity: Mapping[str, Activity]
    saturation: digital.Saturation = field(default_factory=digital.Saturation)

    @property
    def array_energy(self) -> dict[str, float]:
        """Energy dissipated in the cells, all samples, by component ``….array`` [J]."""
        return {f"{path}.array": activity.energy for path, activity in self.activity.items()}


class AnalogNetwork:
    """A Program on one programmed chip instance, ready to run any number of batches.

    Parameters
    ----------
    program : Program
    hardware : HardwareConfig
    seed : int
        Master seed; with ``chip`` it fixes programming errors, faults and noise.
    chip : int
        Number of the chip instance.
    time : float
        Time since programming [s].
    calibration : mapping, optional
        Column sums from `calibrate_adc.calibrate_adc`, by path of the tile set.
    writing : int
        How often the chip was programmed before.
    calibrated : float, optional
        Time since programming of the last calibration [s]; by default just now.

    Raises
    ------
    InputError
        Converters need calibration data and there is none.
    """

    def __init__(
        self,
        program: Program,
        hardware: HardwareConfig,
        *,
        seed: int = 0,
        chip: int = 0,
        time: float = 0.0,
        calibration: Mapping[str, ColumnSums] | None = None,
        writing: int = 0,
        calibrated: float | None = None,
    ) -> None:
        self.program = program
        self.hardware = hardware
        self.instance = ChipInstance(
            program, hardware, seed=seed, chip=chip, time=time, calibration=calibration or {},
            writing=writing, calibrated=calibrated,
        )  # fmt: skip

    def later(self, time: float, calibrated: float | None = None) -> AnalogNetwork:
        """Return the same chip at another time since its programming [s]."""
        other = copy(self)
        other.instance = self.instance.later(time, calibrated)
        return other

    @property
    def programming(self) -> dict[str, ProgrammingCost]:
        """What writing each tile set took, once, by its path."""
        return self.instance.programming

    @property
    def wire_residual(self) -> float:
        """Largest residual of the wire equations, see `ChipInstance.wire_residual`."""
        return self.instance.wire_residual

    def run(
        self,
        inputs: ArrayLike,
        sample_ids: ArrayLike | None = None,
        *,
        batch: int = DEFAULT_BATCH,
        threads: int | None = None,
        noise: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> AnalogResult:
        """Run sequences; memory is bounded by the batch.

        Parameters
        ----------
        inputs : array (B, L, d_in)
            Real inputs; L is the Program's sequence length.
        sample_ids : int array (B,), optional
            Numbers of the samples, which their noise depends on; 0 … B-1 by default.
        batch : int
            Sequences held at a time, at most.
        threads : int or None
            Threads of the compiled kernels; None: all that Numba has.
        noise : bool
            False leaves read noise out (programming errors stay).
        progress : callable, optional
            Called with (done, total) after each batch.

        Raises
        ------
        InputError
            Wrong shape, values that are not finite, or as many sample numbers as there are not.
        """
        x = digital.checked_inputs(self.program.network, inputs)
        total = x.shape[0]
        ids = np.arange(total) if sample_ids is None else np.asarray(sample_ids, dtype=np.int64)
        if ids.shape != (total,):
            raise InputError(f"{total} sequences need {total} sample numbers, not {ids.shape}")
        width = self.program.network.encoder.weight.shape[0]
        size = max(1, min(batch, HELD_CODES // (x.shape[1] * width)))
        run = _Run(self, threads=threads, noise=noise)
        logits = []
        with digital.numba_threads(threads):
            for start in range(0, total, size):
                part = slice(start, start + size)
                logits.append(run.sequences(x[part], ids[part]))
                if progress is not None:
                    progress(min(start + size, total), total)
        run.reader.close()
        joined = np.concatenate(logits)
        return AnalogResult(
            logits=joined,
            predictions=joined.argmax(axis=1).astype(np.int64),
            samples=total,
            counts=run.counter.counts,
            activity=run.reader.activity,
            saturation=run.saturation,
        )


class _Run:
    """One execution: the batches of `AnalogNetwork.run`, and what they add up."""

    def __init__(self, network: AnalogNetwork, *, threads: int | None, noise: bool) -> None:
        self.program = network.program
        self.network = network.program.network
        self.counter = ActionCounter(network.program)
        self.saturation = digital.Saturation()
        self.reader = Reader(
            network.instance, self.counter, self.saturation, threads=threads, noise=noise
        )

    def sequences(self, x: NDArray[Any], ids: IntArray) -> FloatArray:
        """Return the logits of one batch."""
        network, count, saturation = self.network, self.counter, self.saturation
        codes = digital.quantise_inputs(network, x, saturation)
        if "chip.input" in self.reader.stages:
            count.at("chip.input", "off_chip", "transfer", codes.size)
            count.hand_over("chip.input", codes.size)
        r = self.linear("chip.encoder", codes, ids)
        for index, layer in enumerate(network.layers):
            r = self.layer(index, layer, r, ids)
        count.at("chip.pool", "adder", "add", r.size)
        pooled = digital.pool(network, r, saturation)
        count.at("chip.decoder", "requantiser", "requantise", pooled.size)
        logits = self.decode(pooled, ids)
        if "chip.input" in self.reader.stages:
            count.at("chip.decoder", "off_chip", "transfer", logits.size)
        return logits

    def layer(self, index: int, layer: QuantisedLayer, r: Codes, ids: IntArray) -> Codes:
        """Return the next residual codes of one block."""
        count, saturation, path = self.counter, self.saturation, f"chip.layer{index}"
        site = f"layer{index}"
        u = digital.input_codes(layer, r, saturation, site)
        kind, action = ("norm", "normalise")
        if layer.norm_position != "pre":
            kind, action = ("requantiser", "requantise")
        count.at(f"{path}.input", kind, action, r.size if kind == "norm" else u.size)
        count.hand_over(f"{path}.input", u.size)

        y = self.reader.kernel(f"{path}.kernel", layer.kernel, u, ids)
        if layer.kernel_reverse is not None:
            other = self.reader.kernel(f"{path}.kernel_reverse", layer.kernel_reverse, u, ids)
            limit = layer.kernel.output_requant.limit
            y = digital.add_codes(y, other, limit, saturation, f"{site}.directions")
            count.at(f"{path}.activation", "adder", "add", y.size)
        g = digital.gelu(layer, y)
        count.at(f"{path}.activation", "lut", "lookup", g.size)
        count.hand_over(f"{path}.activation", g.size)

        z = self.linear(f"{path}.linear", g, ids)
        r = digital.glu_residual_norm(layer, z, r, saturation, site)
        stage = f"{path}.output"
        count.at(stage, "lut", "lookup", r.size)
        count.at(stage, "multiplier", "multiply", 3 * r.size)  # gate, and two scales of the sum
        count.at(stage, "adder", "add", r.size)
        last = (
            ("requantiser", "requantise")
            if layer.norm_position != "post"
            else ("norm", "normalise")
        )
        count.at(stage, *last, r.size)
        count.hand_over(stage, r.size)
        return r

    def linear(self, path: str, codes: Codes, ids: IntArray) -> Codes:
        """Return the output codes of a linear layer, on tiles or digital."""
        out = self.reader.linear(path, codes, ids)
        self.counter.hand_over(path, out.size)
        return out

    def decode(self, pooled: IntArray, ids: IntArray) -> FloatArray:
        """Return the logits (B, K) of pooled codes (B, H)."""
        decoder = self.network.decoder
        if "chip.decoder" in self.reader.instance.dense:
            sums = self.reader.sums("chip.decoder", pooled.astype(np.int16)[:, None, :], ids)
            return sums * self.network.logit_scale
        self.counter.at("chip.decoder", "mac", "mac", pooled.shape[0] * decoder.weight.size)
        return digital.decode(self.network, pooled)
