"""The values of a run: float, quantised digital, and analog on every chip instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.data.lengths import true_steps
from imssa_sim.functional.digital import run_digital
from imssa_sim.kept import Kept
from imssa_sim.reference.forward import forward
from imssa_sim.simulation.adaptive import run_until
from imssa_sim.simulation.chips import programmed, run_on_chips, streaming_of
from imssa_sim.simulation.quantisation import place, settings_of_network
from imssa_sim.simulation.regression import at_each_step, regression_of, table_of
from imssa_sim.simulation.tally import (
    NOT_EVALUATED,
    accuracy_of,
    activity_of,
    activity_of_unequal,
    overflow_of,
    saturation_of,
    step_by_step,
)
from imssa_sim.simulation.upkeep import column_calibration, upkeep_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from typing import Any

    from numpy.typing import NDArray

    from imssa_sim.config.schema import RunConfig
    from imssa_sim.ledger.one_off import Upkeep
    from imssa_sim.mapping.placements import Placements
    from imssa_sim.model.quantised import QuantisedNetwork
    from imssa_sim.simulation.adaptive import Reached
    from imssa_sim.simulation.clock import Clock
    from imssa_sim.simulation.inputs import Inputs
    from imssa_sim.simulation.quantisation import Placed
    from imssa_sim.simulation.regression import Regression
    from imssa_sim.simulation.result import (
        Accuracy,
        AdcSaturation,
        ColumnCalibration,
        DataUsed,
        Stream,
    )
    from imssa_sim.simulation.tally import ChipActivity

_RESULTS: Kept[NDArray[np.float64]] = Kept(16)


@dataclass(frozen=True)
class Values:
    """Values of a run; all that depends on data, weights and the array, nothing on costs.

    ``wire_residual``: the largest of all tiles and chips, 0 without effects.ir_drop.
    ``overflow``: share of the sums that exceed an accumulator of states, where there are such.
    ``upkeep``: what was done to the chips beside inferences. ``reached``: with evaluate.until.
    ``accuracy`` of classes, ``regression`` of values; the other one is None.
    """

    placements: Placements
    sequence_length: int
    data: DataUsed
    accuracy: Accuracy | None
    saturation: tuple[AdcSaturation, ...]
    predictions: Mapping[str, NDArray[Any]]
    activity: ChipActivity
    upkeep: Upkeep
    regression: Regression | None = None
    wire_residual: float = 0.0
    stream: Stream | None = None
    calibration: ColumnCalibration | None = None
    overflow: float | None = None
    reached: Reached | None = None

    @property
    def network(self) -> QuantisedNetwork:
        """The quantised network."""
        return self.placements.network


def run_values(
    config: RunConfig,
    inputs: Inputs,
    clock: Clock,
    in_float: Callable[[], NDArray[Any]] | None = None,
) -> Values:
    """Evaluate the network in floating point, in integers, and on each chip instance.

    What does not depend on the chip is kept for further runs of the process: the quantised
    network, and the results of both networks. ``in_float`` waits for those of `run_in_float`,
    where it has been begun.

    Raises
    ------
    ImssaError
        From any of the parts.
    """
    predictions: dict[str, NDArray[Any]] = {}
    reached, streaming = None, None
    if config.evaluate.until is None:
        _in_float(config, inputs, clock, predictions, in_float)
        with clock.phase("quantisation"):
            placed = place(config, inputs, clock.told.note)
        streaming = streaming_of(config, len(inputs.labels))
        with programmed(config, placed) as chips:
            _in_integers(config, inputs, placed, clock, predictions)
            runs = run_on_chips(config, inputs, placed, chips, streaming, clock)
    else:
        with clock.phase("quantisation"):
            placed = place(config, inputs, clock.told.note)
        adaptive = run_until(config, inputs, placed, clock)
        inputs, runs, reached = adaptive.inputs, adaptive.runs, adaptive.reached
        _in_float(config, inputs, clock, predictions)
        _in_integers(config, inputs, placed, clock, predictions)
    samples = len(inputs.labels)
    given = {}
    for chip, run in enumerate(runs):
        found = _read(config, inputs, run.result.logits)
        whole = np.full((samples, *found.shape[1:]), NOT_EVALUATED, dtype=found.dtype)
        whole[run.chosen] = found
        predictions[f"chip{chip}"] = whole
        given[f"chip{chip}"] = np.isin(np.arange(samples), run.chosen)
    accuracy, regression = None, None
    if config.model.task == "regression":
        targets, values = at_each_step(inputs.labels, predictions)
        true = None
        if inputs.lengths is not None and targets.shape[1] > 1:
            true = true_steps(inputs.lengths, targets.shape[1])
        regression = regression_of(targets, values, given, true)
        predictions = table_of(targets, values, given, inputs.sample_ids, true)
    else:
        predictions = step_by_step({"labels": inputs.labels} | predictions, inputs.lengths)
        accuracy = accuracy_of(predictions, samples, inputs.lengths)
    results = [run.result for run in runs]
    fits = [fit for run in runs for fit in run.fits]
    plan = streaming.plan if streaming else None
    return Values(
        placements=placed.placements,
        sequence_length=inputs.inputs.shape[1],
        data=inputs.used,
        accuracy=accuracy,
        regression=regression,
        saturation=saturation_of(results),
        overflow=overflow_of(results, placed.network),
        reached=reached,
        predictions=predictions,
        activity=activity_of(results)
        if inputs.lengths is None
        else activity_of_unequal(
            results, placed.program, [inputs.lengths[run.chosen] for run in runs]
        ),
        wire_residual=max(run.wire_residual for run in runs),
        upkeep=upkeep_of(config, [run.programming for run in runs], plan),
        stream=streaming.joined(runs, inputs.labels) if streaming else None,
        calibration=column_calibration(fits, config.hardware.adc.calibration_reads),
    )


def _read(config: RunConfig, inputs: Inputs, results: NDArray[np.float64]) -> NDArray[Any]:
    """Return what an execution's results (…, K) mean: classes (…), or values (…, K)."""
    if config.model.task == "classification":
        return np.asarray(results.argmax(axis=-1))
    return results if inputs.scaling is None else inputs.scaling.undone(results)


def run_in_float(config: RunConfig, inputs: Inputs) -> NDArray[Any]:
    """Return what the network gives in floating point: classes (…), or values (…, K)."""
    logits = _kept(
        inputs,
        ("float",),
        lambda: forward(inputs.network, inputs.inputs, precision="single", lengths=inputs.lengths),
    )
    return _read(config, inputs, logits)


def _in_float(
    config: RunConfig,
    inputs: Inputs,
    clock: Clock,
    predictions: dict[str, NDArray[Any]],
    begun: Callable[[], NDArray[Any]] | None = None,
) -> None:
    """Evaluate the network in floating point, where wanted."""
    if config.evaluate.float:
        with clock.phase(f"float {config.model.measure}"):
            predictions["float"] = run_in_float(config, inputs) if begun is None else begun()


def _in_integers(
    config: RunConfig,
    inputs: Inputs,
    placed: Placed,
    clock: Clock,
    predictions: dict[str, NDArray[Any]],
) -> None:
    """Evaluate the quantised network, where wanted."""
    if config.evaluate.digital:
        threads = None if config.evaluate.threads == "auto" else int(config.evaluate.threads)
        with clock.phase(f"quantised digital {config.model.measure}", len(inputs.labels)):
            many, told = config.evaluate.batch, clock.told.advance
            logits = _kept(
                inputs,
                (*settings_of_network(config), threads, many),
                lambda: (
                    run_digital(
                        placed.network, inputs.inputs, threads, many, told, inputs.lengths
                    ).logits
                ),
            )
            predictions["digital"] = _read(config, inputs, logits)


def _kept(
    inputs: Inputs, key: tuple[Hashable, ...], find: Callable[[], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return results without a chip, kept where all that they depend on is known."""
    if inputs.evaluated is None:
        return find()
    return _RESULTS.of((*inputs.evaluated, *key), find).copy()
