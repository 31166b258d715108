"""The values of a run: float, quantised digital, and analog on every chip instance."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from imssa_sim.errors import InternalError
from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.functional.calibrate_adc import calibrate_adc
from imssa_sim.functional.digital import run_digital
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.quantisation.options import CalibrationOptions, Granularities
from imssa_sim.quantisation.widths import bits_from
from imssa_sim.reference.forward import forward
from imssa_sim.reference.quantise import quantise
from imssa_sim.simulation.inputs import part_of
from imssa_sim.simulation.result import Accuracy, Saturation
from imssa_sim.simulation.schedule import schedule
from imssa_sim.simulation.stream import blocks, joined, run_chip
from imssa_sim.simulation.upkeep import column_calibration, upkeep_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from imssa_sim.circuits.programming import ProgrammingCost
    from imssa_sim.config.schema import RunConfig
    from imssa_sim.functional.analog import AnalogResult
    from imssa_sim.functional.calibrate_adc import ColumnSums
    from imssa_sim.functional.calibrate_columns import ColumnFit
    from imssa_sim.ledger.one_off import Upkeep
    from imssa_sim.mapping.program import Program
    from imssa_sim.model.quantised import QuantisedNetwork
    from imssa_sim.simulation.clock import Clock
    from imssa_sim.simulation.inputs import Inputs
    from imssa_sim.simulation.result import ColumnCalibration, DataUsed, Stream
    from imssa_sim.simulation.schedule import Schedule
    from imssa_sim.ssm.forms import OutputForm

    IntArray = NDArray[np.int64]


NOT_EVALUATED = -1
"""Prediction of a sequence that a chip instance was not given."""


@dataclass(frozen=True)
class ChipActivity:
    """What the functional execution counted, per inference.

    ``counts`` are exact and equal for every sample; ``array_energy`` [J] is the mean over samples
    and chip instances, by component path.
    """

    counts: Mapping[tuple[str, str], int]
    array_energy: Mapping[str, float]


@dataclass(frozen=True)
class Values:
    """Values of a run; all that depends on data, weights and the array, nothing on costs.

    ``wire_residual``: the largest of all tiles and chips, 0 without effects.ir_drop.
    ``upkeep``: what was done to the chips beside inferences.
    """

    network: QuantisedNetwork
    sequence_length: int
    data: DataUsed
    accuracy: Accuracy
    saturation: tuple[Saturation, ...]
    predictions: Mapping[str, IntArray]
    activity: ChipActivity
    upkeep: Upkeep
    wire_residual: float = 0.0
    stream: Stream | None = None
    calibration: ColumnCalibration | None = None


def output_form(config: RunConfig) -> OutputForm:
    """Return how the configured mapping forms the kernels' outputs."""
    return KERNEL_MAPPINGS[config.hardware.mapping.kernel].form


def quantise_network(
    config: RunConfig, inputs: Inputs, note: Callable[[str], None] = lambda text: None
) -> QuantisedNetwork:
    """Quantise the network of a run as its ``bits`` and ``calibration`` sections say.

    Trained quantisers are used where they were trained for just these bits, form and length;
    otherwise ranges come from calibration data, and ``note`` is told why.
    """
    options = CalibrationOptions(
        activations=config.calibration.activations,
        weights=config.calibration.weights,
        percentile=config.calibration.percentile,
        granularity=Granularities(**config.calibration.granularity.model_dump()),
    )
    bits = bits_from(config.bits.model_dump())
    form, trained = output_form(config), inputs.quantisers
    if trained is not None:
        difference = trained.difference(bits, form, inputs.inputs.shape[1], options)
        if not difference:
            return trained.quantise(inputs.network)
        note(f"the quantisers of {inputs.used.checkpoint} were trained for other settings "
             f"({difference}): ranges are calibrated anew")  # fmt: skip
    return quantise(inputs.network, bits, inputs.calibration, form, options)


def run_values(config: RunConfig, inputs: Inputs, clock: Clock) -> Values:
    """Evaluate the network in floating point, in integers, and on each chip instance.

    Raises
    ------
    ImssaError
        From any of the parts.
    """
    samples = len(inputs.labels)
    threads = None if config.evaluate.threads == "auto" else int(config.evaluate.threads)
    predictions: dict[str, IntArray] = {"labels": inputs.labels}
    if config.evaluate.float:
        with clock.phase("float accuracy"):
            logits = forward(inputs.network, inputs.inputs, precision="single")
            predictions["float"] = logits.argmax(axis=1)
    with clock.phase("quantisation"):
        network = quantise_network(config, inputs, clock.told.note)
        program = build_program(network, config.hardware, inputs.inputs.shape[1])
        column_sums = calibrate_adc(program, config.hardware, inputs.calibration)
    if config.evaluate.digital:
        with clock.phase("quantised digital accuracy", samples):
            predictions["digital"] = run_digital(
                network,
                inputs.inputs,
                threads,
                config.evaluate.batch,
                clock.told.advance,
            ).predictions
    plan = schedule(config.evaluate)
    streamed = spread(samples, config.evaluate.chip_samples)
    parts = blocks(streamed, plan, config.evaluate.stream.samples == "divided") if plan else []
    chips = []
    for chip in range(config.evaluate.chips):
        chosen = spread(samples, config.evaluate.chip_samples, chip)
        run = _on_chip(config, inputs, program, column_sums, chip, chosen, clock, (plan, parts))
        predictions[f"chip{chip}"] = np.full(samples, NOT_EVALUATED)
        predictions[f"chip{chip}"][chosen] = run.result.predictions
        chips.append(run)
    results = [run.result for run in chips]
    fits = [fit for run in chips for fit in run.fits]
    streams = [run.stream for run in chips if run.stream is not None]
    return Values(
        network=network,
        sequence_length=inputs.inputs.shape[1],
        data=inputs.used,
        accuracy=_accuracy(predictions, samples),
        saturation=_saturation(results),
        predictions=predictions,
        activity=_activity(results),
        wire_residual=max(run.wire_residual for run in chips),
        upkeep=upkeep_of(config, [run.programming for run in chips], plan),
        stream=joined(plan, parts, streams, inputs.labels) if plan else None,
        calibration=column_calibration(fits, config.hardware.adc.calibration_reads),
    )


@dataclass(frozen=True)
class _ChipRun:
    """What is kept of one chip instance."""

    result: AnalogResult
    programming: dict[str, ProgrammingCost]
    wire_residual: float
    fits: list[ColumnFit]
    stream: list[AnalogResult | None] | None


def _on_chip(
    config: RunConfig,
    inputs: Inputs,
    program: Program,
    column_sums: Mapping[str, ColumnSums],
    chip: int,
    chosen: IntArray,
    clock: Clock,
    streaming: tuple[Schedule | None, list[IntArray]],
) -> _ChipRun:
    """Program a chip instance and run it; its tiles are gone before the next one is made."""
    evaluate, (plan, parts) = config.evaluate, streaming
    threads = None if evaluate.threads == "auto" else int(evaluate.threads)
    with clock.phase(f"analog accuracy, chip {chip + 1} of {evaluate.chips}", len(chosen)):
        analog = AnalogNetwork(
            program,
            config.hardware,
            seed=config.seed,
            chip=chip,
            time=evaluate.time_since_programming,
            calibration=column_sums,
        )
        result = analog.run(
            part_of(inputs.inputs, chosen),
            inputs.sample_ids[chosen],
            batch=evaluate.batch,
            threads=threads,
            progress=lambda done, total: clock.told.advance(done),
        )
    stream = None
    if plan is not None:
        name = f"analog stream, chip {chip + 1} of {evaluate.chips}"
        with clock.phase(name, sum(map(len, parts))):
            stream = run_chip(
                analog, config, inputs, parts, plan, column_sums, threads, clock.told.advance
            )
    fits = list(analog.instance.fits.values())
    return _ChipRun(result, analog.programming, analog.wire_residual, fits, stream)


def spread(samples: int, wanted: int | str, turn: int = 0) -> IntArray:
    """Return ``wanted`` places of ``samples``, evenly spread; all of them for "all".

    The places of different turns do not overlap, as far as there are enough.
    """
    if wanted == "all" or int(wanted) >= samples:
        return np.arange(samples)
    count = int(wanted)
    return np.arange(count) * samples // count + turn % (samples // count)


def _accuracy(predictions: Mapping[str, IntArray], samples: int) -> Accuracy:
    labels = predictions["labels"]

    def correct(name: str) -> int | None:
        return int(np.sum(predictions[name] == labels)) if name in predictions else None

    chips = [name for name in predictions if name.startswith("chip")]
    given = np.array([predictions[name] != NOT_EVALUATED for name in chips])
    return Accuracy(
        samples=samples,
        analog_samples=int(given[0].sum()) if chips else 0,
        analog_alike=bool(np.all(given == given[:1])),
        float_correct=correct("float"),
        digital_correct=correct("digital"),
        analog_correct=tuple(cast("int", correct(name)) for name in chips),
    )


def _activity(results: list[AnalogResult]) -> ChipActivity:
    """Return counts and energies per inference.

    Raises
    ------
    InternalError
        If a count is not the same for every sample.
    """
    counts: Counter[tuple[str, str]] = Counter()
    energy: defaultdict[str, float] = defaultdict(float)
    inferences = sum(result.samples for result in results)
    for result in results:
        counts.update(result.counts)
        for component, joules in result.array_energy.items():
            energy[component] += joules
    per_inference = {}
    for key, count in counts.items():
        each, rest = divmod(count, inferences)
        if rest:
            raise InternalError(f"{key[0]} {key[1]}: {count} actions in {inferences} inferences")
        per_inference[key] = each
    return ChipActivity(per_inference, {key: total / inferences for key, total in energy.items()})


def _saturation(results: list[AnalogResult]) -> tuple[Saturation, ...]:
    totals: dict[str, list[int]] = {}
    for result in results:
        for path, activity in result.activity.items():
            entry = totals.setdefault(f"{path}.adc", [0, 0, 0])
            entry[0] += activity.conversions
            entry[1] += int(np.sum(activity.low))
            entry[2] += int(np.sum(activity.high))
    return tuple(Saturation(path, *entry) for path, entry in totals.items())
