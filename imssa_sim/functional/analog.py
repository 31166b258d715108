"""Execution of a Program with its crossbar products read from programmed tiles.

A backend of the graph's interpreter: everything that is digital on the chip is computed like in the
golden model; kernels and linear layers that stand on tiles are read with their programming errors,
noise and converters.
Results depend on the seed, the chip instance and a sample's own number alone: not on the batch,
the threads, or the other samples.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.data.lengths import Gathered, cut
from imssa_sim.errors import InputError
from imssa_sim.functional import digital
from imssa_sim.functional.chip import ChipInstance
from imssa_sim.functional.counts import ActionCounter
from imssa_sim.functional.reads import Reader
from imssa_sim.program.integers import Integers
from imssa_sim.program.interpret import walk
from imssa_sim.program.operations.head import Head
from imssa_sim.program.operations.recurrence import KernelRecurrence
from imssa_sim.program.saturation import ClipCounter, Saturation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from imssa_sim.circuits.programming import ProgrammingEffort
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.functional.activity import Activity
    from imssa_sim.functional.calibrate_adc import ColumnSums
    from imssa_sim.mapping.program import Program
    from imssa_sim.program.graph import Node

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
    logits : array (B, K), or (B, L, K) without pooling
        In the network's real units.
    predictions : array (B,) or (B, L)
        Index of the largest logit.
    samples : int
        B.
    counts : mapping
        Executed actions of all samples by (component, action), the keys of the Program's stages.
    activity : mapping
        By path of a tile set: conversions, saturation, row activity and array energy.
    saturation : Saturation
        Values that the digital quantisers clipped.
    """

    logits: FloatArray
    predictions: IntArray
    samples: int
    counts: Mapping[tuple[str, str], int]
    activity: Mapping[str, Activity]
    saturation: Saturation = field(default_factory=Saturation)

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
    def programming(self) -> dict[str, ProgrammingEffort]:
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
        before: AnalogResult | None = None,
        lengths: ArrayLike | None = None,
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
        before : AnalogResult, optional
            Of other sequences on the same chip: the result is of both, these after those.
        lengths : int array (B,), optional
            Steps of each sequence; the chip runs no padding behind them, and results of each step
            are followed by zeros.

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
        gathered, done = Gathered(total, x.shape[1]), 0
        if before is not None:
            run.add(before)
        with digital.numba_threads(threads):
            for length, places in digital.batches(total, size, lengths, x.shape[1]):
                if length is None:
                    part = x[places[0] : places[-1] + 1]
                else:
                    part = cut(x, places, length)
                    run.backend.for_length(length)
                gathered.put(places, run.sequences(part, ids[places]))
                done += len(places)
                if progress is not None:
                    progress(done, total)
        run.reader.close()
        joined = gathered.whole
        if before is not None:
            joined = np.concatenate([before.logits, joined])
        return AnalogResult(
            logits=joined,
            predictions=joined.argmax(axis=-1).astype(np.int64),
            samples=len(joined),
            counts=run.counter.counts,
            activity=run.reader.activity,
            saturation=run.saturation,
        )


class _Run:
    """One execution: the batches of `AnalogNetwork.run`, and what they add up."""

    def __init__(self, network: AnalogNetwork, *, threads: int | None, noise: bool) -> None:
        self.graph = network.program.graph
        self.counter = ActionCounter(network.program)
        self.saturation = Saturation()
        self.reader = Reader(
            network.instance, self.counter, self.saturation, threads=threads, noise=noise
        )
        self.backend = _Chip(network.program, self.reader)

    def add(self, before: AnalogResult) -> None:
        """Add what another execution counted."""
        for (component, action), count in before.counts.items():
            self.counter.add(component, action, count)
        self.saturation.merge(before.saturation)
        for path, activity in before.activity.items():
            self.reader.activity[path].merge(activity)

    def sequences(self, x: NDArray[Any], ids: IntArray) -> FloatArray:
        """Return the logits of one batch."""
        self.backend.ids = ids
        logits: FloatArray = walk(self.graph, self.backend, x)
        return logits


class _Chip(Integers):
    """Recurrences and linear maps are read where they stand on tiles; all else is digital.

    Each node counts its work by the tokens that came to it; reads count by themselves.
    """

    ids: IntArray

    def __init__(self, program: Program, reader: Reader) -> None:
        super().__init__(program.network, reader.saturation)
        self.graph, self.reader, self.count = program.graph, reader, reader.counter
        self.planned = {stage.path for stage in program.stages}

    def run(self, node: Node, *values: Any) -> Any:
        """Return the value of a node, and count what it took."""
        path, stage, operation = f"chip.{node.name}", f"chip.{node.stage}", node.operation
        tokens = values[0].size // values[0].shape[-1]
        parameters = self.parameters[node.name]
        if isinstance(operation, KernelRecurrence) and path in self.reader.instance.kernels:
            value = self.reader.kernel(path, parameters, values[0], self.ids)
            clips = ClipCounter(node.name, self.saturation)
            value = operation.beside(parameters, values[0], value, clips)
        elif path not in self.reader.instance.dense:
            value = super().run(node, *values)
            self.count.work(stage, operation.work(), tokens)
        elif isinstance(operation, Head):
            codes = values[0].astype(np.int16)
            steps = codes.reshape(len(codes), -1, codes.shape[-1])
            sums = self.reader.sums(path, steps, self.ids) * parameters.scale
            value = sums.reshape(*codes.shape[:-1], -1)
        else:
            value = self.reader.linear(path, values[0], self.ids)
        if isinstance(operation, KernelRecurrence):
            beside = f"chip.{self.graph.beside(node)}"
            self.count.work(beside, operation.feedthrough(), tokens)
        if "chip.input" in self.planned and node.name in ("input", "decoder"):
            self.count.at(stage, "off_chip", "transfer", value.size)
        if stage in self.planned and self.graph.hands_on(node):
            self.count.hand_over(stage, value.size)
        return value
