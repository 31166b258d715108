"""A stream of inferences over hours on one chip instance, point by point of its schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.simulation.result import Stream, StreamPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from imssa_sim.config.schema import RunConfig
    from imssa_sim.functional.analog import AnalogResult
    from imssa_sim.functional.calibrate_adc import ColumnSums
    from imssa_sim.simulation.inputs import Inputs
    from imssa_sim.simulation.schedule import Moment, StreamSchedule

    IntArray = NDArray[np.int64]

POINT = 1 << 40
"""Added to the samples' numbers from point to point: each evaluation meets noise of its own."""


def blocks(chosen: IntArray, plan: StreamSchedule, divided: bool) -> list[IntArray]:
    """Return which samples each point of a stream evaluates; none where there are too few."""
    if divided:
        return np.array_split(chosen, len(plan.moments))
    return [chosen] * len(plan.moments)


def run_chip(
    first: AnalogNetwork,
    config: RunConfig,
    inputs: Inputs,
    parts: Sequence[IntArray],
    plan: StreamSchedule,
    calibration: Mapping[str, ColumnSums],
    threads: int | None,
    advance: Callable[[int], None],
) -> list[AnalogResult | None]:
    """Run the samples of every point on one chip instance.

    Parameters
    ----------
    first : AnalogNetwork
        The chip as first programmed, at any time.
    config : RunConfig
    inputs : Inputs
    parts : sequence of int array
        Places of the samples of each point; a point without samples gives None.
    plan : StreamSchedule
    calibration : mapping
        Column sums by path.
    threads : int or None
    advance : callable
        Told of the samples done.
    """
    chip, done = first, 0
    results: list[AnalogResult | None] = []
    for number, (moment, part) in enumerate(zip(plan.moments, parts, strict=True)):
        if not len(part):
            results.append(None)
            continue
        chip = _at(chip, moment, config, calibration)
        before = done
        result = chip.run(
            inputs.inputs[part],
            inputs.sample_ids[part] + number * POINT,
            batch=config.evaluate.batch,
            threads=threads,
            progress=lambda n, total, before=before: advance(before + n),  # type: ignore[misc]
            lengths=inputs.lengths_of(part),
        )
        done += len(part)
        results.append(result)
    return results


def _at(
    chip: AnalogNetwork,
    moment: Moment,
    config: RunConfig,
    calibration: Mapping[str, ColumnSums],
) -> AnalogNetwork:
    """Return a chip instance at a moment, written again where it is due."""
    instance = chip.instance
    if instance.writing == moment.writing:
        return chip.later(moment.age, moment.calibrated)
    return AnalogNetwork(
        chip.program, config.hardware, seed=config.seed, chip=instance.chip, time=moment.age,
        calibration=calibration, writing=moment.writing, calibrated=moment.calibrated,
    )  # fmt: skip


def joined(
    plan: StreamSchedule,
    parts: Sequence[IntArray],
    chips: Sequence[Sequence[AnalogResult | None]],
    labels: IntArray,
) -> Stream:
    """Return the stream of all chip instances; points without samples are left out."""
    points = []
    for number, (moment, part) in enumerate(zip(plan.moments, parts, strict=True)):
        found = [result for chip in chips if (result := chip[number]) is not None]
        if found:
            points.append(
                StreamPoint(
                    moment=moment,
                    samples=len(part),
                    correct=tuple(int(np.sum(r.predictions == labels[part])) for r in found),
                    array_energy=tuple(sum(r.array_energy.values()) / len(part) for r in found),
                )
            )
    return Stream(tuple(points), plan.rewritings, plan.calibrations)
