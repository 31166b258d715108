"""What the executions on all chip instances add up to: accuracy, counts, saturation."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from imssa_sim.data.lengths import true_steps
from imssa_sim.errors import InternalError
from imssa_sim.mapping.counts import action_counts
from imssa_sim.simulation.result import Accuracy, AdcSaturation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from imssa_sim.functional.analog import AnalogResult
    from imssa_sim.mapping.program import Program
    from imssa_sim.model.quantised import QuantisedNetwork

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


def step_by_step(
    predictions: Mapping[str, IntArray], lengths: IntArray | None = None
) -> dict[str, IntArray]:
    """Return predictions (n,) as they are, and those of every step (n, L) one after another.

    Each step then has its sequence's label; steps behind a sequence's length are left out.
    """
    shape = max((values.shape for values in predictions.values()), key=len)
    if len(shape) == 1:
        return dict(predictions)
    true = np.ones(shape, dtype=bool) if lengths is None else true_steps(lengths, shape[1])
    return {
        name: np.broadcast_to(values.reshape(len(values), -1), shape)[true]
        for name, values in predictions.items()
    }


def accuracy_of(
    predictions: Mapping[str, IntArray], samples: int, lengths: IntArray | None = None
) -> Accuracy:
    """Return how many samples each execution got right, and how many it was given.

    Predictions have one entry a sample, or as many as its steps, one after another.
    """
    labels = predictions["labels"]
    each = len(labels) > samples
    unequal = lengths if each else None
    steps = int(unequal.max()) if unequal is not None else len(labels) // samples
    counts = np.full(samples, steps) if unequal is None else unequal
    owner = np.repeat(np.arange(samples), counts)

    def correct(name: str) -> int | None:
        return int(np.sum(predictions[name] == labels)) if name in predictions else None

    chips = [name for name in predictions if name.startswith("chip")]
    given = np.array([predictions[name] != NOT_EVALUATED for name in chips])
    return Accuracy(
        samples=samples,
        analog_samples=len(np.unique(owner[given[0]])) if chips else 0,
        analog_alike=bool(np.all(given == given[:1])),
        float_correct=correct("float"),
        digital_correct=correct("digital"),
        analog_correct=tuple(cast("int", correct(name)) for name in chips),
        steps=steps,
        results=None if unequal is None else (len(labels), int(given[0].sum()) if chips else 0),
    )


def activity_of(results: list[AnalogResult]) -> ChipActivity:
    """Return counts and energies per inference.

    Raises
    ------
    InternalError
        If a count is not the same for every sample.
    """
    counts, energy = _totals(results)
    inferences = sum(result.samples for result in results)
    per_inference = {}
    for key, count in counts.items():
        each, rest = divmod(count, inferences)
        if rest:
            raise InternalError(f"{key[0]} {key[1]}: {count} actions in {inferences} inferences")
        per_inference[key] = each
    return ChipActivity(per_inference, {key: total / inferences for key, total in energy.items()})


def activity_of_unequal(
    results: list[AnalogResult], program: Program, lengths: Sequence[IntArray]
) -> ChipActivity:
    """Return counts and energies of an inference of the padded length, the Program's.

    Parameters
    ----------
    results : list of AnalogResult
    program : Program
    lengths : sequence of int array
        Of the sequences of each result. Counts are those that their steps take, or it is an error;
        energies are those of a mean step, times the Program's.

    Raises
    ------
    InternalError
        If counts are not those of the steps.
    """
    counts, energy = _totals(results)
    each = np.concatenate(lengths)
    planned: Counter[tuple[str, str]] = Counter()
    for length, number in zip(*np.unique(each, return_counts=True), strict=True):
        own = action_counts(replace(program, sequence_length=int(length)))
        planned.update({key: count * int(number) for key, count in own.items()})
    for key, count in counts.items():
        if count != planned[key]:
            raise InternalError(
                f"{key[0]} {key[1]}: {count} actions, where sequences of these lengths take "
                f"{planned[key]}"
            )
    steps = program.sequence_length / float(each.mean())
    whole = {}
    for component, joules in energy.items():
        node = program.graph[component.removeprefix("chip.").removesuffix(".array")]
        once = program.graph.per_sequence(node)
        whole[component] = joules / len(each) * (1.0 if once else steps)
    return ChipActivity({key: action_counts(program)[key] for key in counts}, whole)


def _totals(
    results: list[AnalogResult],
) -> tuple[Counter[tuple[str, str]], defaultdict[str, float]]:
    """Return executed actions and the energy of the cells [J], of all inferences."""
    counts: Counter[tuple[str, str]] = Counter()
    energy: defaultdict[str, float] = defaultdict(float)
    for result in results:
        counts.update(result.counts)
        for component, joules in result.array_energy.items():
            energy[component] += joules
    return counts, energy


def overflow_of(results: list[AnalogResult], network: QuantisedNetwork) -> float | None:
    """Return the share of sums that exceeded an accumulator of states; None without such."""
    kernels = network.layers[0].kernels
    if not kernels or not kernels[0].form.accumulates:
        return None
    clipped = total = 0
    for result in results:
        counts = result.saturation
        for site in (site for site in counts.total if site.endswith(".state")):
            clipped, total = clipped + counts.clipped[site], total + counts.total[site]
    return clipped / total


def saturation_of(results: list[AnalogResult]) -> tuple[AdcSaturation, ...]:
    """Return the conversions of each group of ADCs that hit either end of its range."""
    totals: dict[str, list[int]] = {}
    for result in results:
        for path, activity in result.activity.items():
            entry = totals.setdefault(f"{path}.adc", [0, 0, 0])
            entry[0] += activity.conversions
            entry[1] += int(np.sum(activity.low))
            entry[2] += int(np.sum(activity.high))
    return tuple(AdcSaturation(path, *entry) for path, entry in totals.items())
