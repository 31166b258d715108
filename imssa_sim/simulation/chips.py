"""The executions on chip instances: one is read while the next is programmed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.simulation.inputs import part_of
from imssa_sim.simulation.schedule import schedule
from imssa_sim.simulation.stream import blocks, joined, run_chip
from imssa_sim.threads import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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


@contextmanager
def programmed(
    config: RunConfig, placed: Placed, numbers: Iterable[int] | None = None
) -> Iterator[Iterator[AnalogNetwork]]:
    """Give chip instances, each programmed while the one before is read.

    Two are held at a time. The first is begun with the ``with`` block. ``numbers``: by default
    those of ``evaluate.chips``.
    """

    def of_chip(chip: int) -> AnalogNetwork:
        return AnalogNetwork(
            placed.program,
            config.hardware,
            seed=config.seed,
            chip=chip,
            time=config.evaluate.time_since_programming,
            calibration=placed.column_sums,
        )

    wanted = range(config.evaluate.chips) if numbers is None else numbers
    with ahead(of_chip, wanted) as chips:
        yield chips


def run_on_chips(
    config: RunConfig,
    inputs: Inputs,
    placed: Placed,
    chips: Iterator[AnalogNetwork],
    streaming: Streaming | None,
    clock: Clock,
) -> list[ChipRun]:
    """Run every chip instance, from `programmed`, on its samples."""
    samples = len(inputs.labels)
    return [
        _on_chip(
            config,
            inputs,
            placed,
            chips,
            spread(samples, config.evaluate.chip_samples, chip),
            streaming,
            clock,
            f"chip {chip + 1} of {config.evaluate.chips}",
        )
        for chip in range(config.evaluate.chips)
    ]


def _on_chip(
    config: RunConfig,
    inputs: Inputs,
    placed: Placed,
    chips: Iterator[AnalogNetwork],
    chosen: IntArray,
    streaming: Streaming | None,
    clock: Clock,
    name: str,
) -> ChipRun:
    """Run the next chip instance; its tiles are gone before the one after the next is made."""
    evaluate, evaluated = config.evaluate, config.model.measure
    threads = None if evaluate.threads == "auto" else int(evaluate.threads)
    with clock.phase(f"analog {evaluated}, {name}", len(chosen)):
        analog = next(chips)
        result, residual, fits = _run(
            analog, config, placed, inputs, chosen, threads, clock.told.advance
        )
    stream = None
    if streaming is not None:
        with clock.phase(f"analog stream, {name}", sum(map(len, streaming.parts))):
            stream = run_chip(
                analog, config, inputs, streaming.parts, streaming.plan, placed.column_sums,
                threads, clock.told.advance,
            )  # fmt: skip
    return ChipRun(chosen, result, analog.programming, residual, fits, stream)


def _run(
    analog: AnalogNetwork,
    config: RunConfig,
    placed: Placed,
    inputs: Inputs,
    chosen: IntArray,
    threads: int | None,
    advance: Callable[[int], None],
) -> tuple[AnalogResult, float, list[ColumnFit]]:
    """Return the result of a chip's samples, the largest residual of wires, and all calibrations.

    In passes each batch of samples meets weights that were written anew.
    """
    partition = config.hardware.partition
    size = partition.batch if partition.passes > 1 else max(1, len(chosen))
    result, residual = None, 0.0
    fits: list[ColumnFit] = []
    for writing, start in enumerate(range(0, len(chosen), size)):
        part = chosen[start : start + size]
        if writing:
            analog = AnalogNetwork(
                analog.program, config.hardware, seed=config.seed, chip=analog.instance.chip,
                time=config.evaluate.time_since_programming, calibration=placed.column_sums,
                writing=writing,
            )  # fmt: skip
        result = analog.run(
            part_of(inputs.inputs, part),
            inputs.sample_ids[part],
            batch=config.evaluate.batch,
            threads=threads,
            progress=lambda done, total, start=start: advance(start + done),  # type: ignore[misc]
            before=result,
            lengths=inputs.lengths_of(part),
        )
        residual = max(residual, analog.wire_residual)
        fits += analog.instance.fits.values()
    assert result is not None  # a run has samples
    return result, residual, fits


def spread(samples: int, wanted: int | str, turn: int = 0) -> IntArray:
    """Return ``wanted`` places of ``samples``, evenly spread; all of them for "all".

    The places of different turns do not overlap, as far as there are enough.
    """
    if wanted == "all" or int(wanted) >= samples:
        return np.arange(samples)
    count = int(wanted)
    return np.arange(count) * samples // count + turn % (samples // count)
