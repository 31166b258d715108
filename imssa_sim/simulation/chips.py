"""The executions on chip instances, one chip after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.simulation.inputs import part_of
from imssa_sim.simulation.schedule import schedule
from imssa_sim.simulation.stream import blocks, joined, run_chip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.circuits.programming import ProgrammingEffort
    from imssa_sim.config.schema import RunConfig
    from imssa_sim.functional.analog import AnalogResult
    from imssa_sim.functional.calibrate_columns import ColumnFit
    from imssa_sim.simulation.clock import Clock
    from imssa_sim.simulation.inputs import Inputs
    from imssa_sim.simulation.quantisation import Placed
    from imssa_sim.simulation.result import Stream
    from imssa_sim.simulation.schedule import StreamSchedule

    IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class ChipRun:
    """What is kept of one chip instance; ``chosen`` are the places of its samples."""

    chosen: IntArray
    result: AnalogResult
    programming: dict[str, ProgrammingEffort]
    wire_residual: float
    fits: list[ColumnFit]
    stream: list[AnalogResult | None] | None


@dataclass(frozen=True)
class Streaming:
    """When a stream evaluates, and the places of the samples of each point."""

    plan: StreamSchedule
    parts: list[IntArray]

    def joined(self, runs: list[ChipRun], labels: IntArray) -> Stream:
        """Return the stream of all chip instances."""
        streams = [run.stream for run in runs if run.stream is not None]
        return joined(self.plan, self.parts, streams, labels)


def streaming_of(config: RunConfig, samples: int) -> Streaming | None:
    """Return the stream that a configuration asks for; None without one."""
    plan = schedule(config.evaluate)
    if plan is None:
        return None
    chosen = spread(samples, config.evaluate.chip_samples)
    return Streaming(plan, blocks(chosen, plan, config.evaluate.stream.samples == "divided"))


def run_on_chips(
    config: RunConfig, inputs: Inputs, placed: Placed, streaming: Streaming | None, clock: Clock
) -> list[ChipRun]:
    """Run every chip instance on its samples."""
    samples = len(inputs.labels)
    return [
        _on_chip(
            config,
            inputs,
            placed,
            chip,
            spread(samples, config.evaluate.chip_samples, chip),
            streaming,
            clock,
        )
        for chip in range(config.evaluate.chips)
    ]


def _on_chip(
    config: RunConfig,
    inputs: Inputs,
    placed: Placed,
    chip: int,
    chosen: IntArray,
    streaming: Streaming | None,
    clock: Clock,
) -> ChipRun:
    """Program a chip instance and run it; its tiles are gone before the next one is made."""
    evaluate = config.evaluate
    threads = None if evaluate.threads == "auto" else int(evaluate.threads)
    with clock.phase(f"analog accuracy, chip {chip + 1} of {evaluate.chips}", len(chosen)):
        analog = AnalogNetwork(
            placed.program,
            config.hardware,
            seed=config.seed,
            chip=chip,
            time=evaluate.time_since_programming,
            calibration=placed.column_sums,
        )
        result = analog.run(
            part_of(inputs.inputs, chosen),
            inputs.sample_ids[chosen],
            batch=evaluate.batch,
            threads=threads,
            progress=lambda done, total: clock.told.advance(done),
        )
    stream = None
    if streaming is not None:
        name = f"analog stream, chip {chip + 1} of {evaluate.chips}"
        with clock.phase(name, sum(map(len, streaming.parts))):
            stream = run_chip(
                analog, config, inputs, streaming.parts, streaming.plan, placed.column_sums,
                threads, clock.told.advance,
            )  # fmt: skip
    fits = list(analog.instance.fits.values())
    return ChipRun(chosen, result, analog.programming, analog.wire_residual, fits, stream)


def spread(samples: int, wanted: int | str, turn: int = 0) -> IntArray:
    """Return ``wanted`` places of ``samples``, evenly spread; all of them for "all".

    The places of different turns do not overlap, as far as there are enough.
    """
    if wanted == "all" or int(wanted) >= samples:
        return np.arange(samples)
    count = int(wanted)
    return np.arange(count) * samples // count + turn % (samples // count)
