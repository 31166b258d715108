"""Chips and sequences are added until the accuracy is known as well as ``evaluate.until`` asks.

Both only ever grow: sequences in the order in which a run of any number draws them, chips by their
numbers. So what is found is that of a run with the final numbers. Looking at an interval again and
again to stop when it is narrow costs little of its level (Chow, Robbins, Ann. Math. Stat. 36
(1965) 457), in contrast to stopping at a wanted value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.data.lengths import true_steps
from imssa_sim.errors import InputError
from imssa_sim.simulation.chips import ChipRun, programmed
from imssa_sim.simulation.crossed import crossed
from imssa_sim.simulation.inputs import first_drawn, only, part_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from imssa_sim.config.schema import RunConfig
    from imssa_sim.functional.analog import AnalogNetwork
    from imssa_sim.simulation.clock import Clock
    from imssa_sim.simulation.crossed import CrossedShare
    from imssa_sim.simulation.inputs import Inputs
    from imssa_sim.simulation.quantisation import Placed

    IntArray = NDArray[np.int64]

LARGEST_STEP = 2
"""Growth of either number in one step: what is measured meanwhile corrects what was foreseen."""


@dataclass(frozen=True)
class Reached:
    """How far an adaptive evaluation came.

    Attributes
    ----------
    wanted : float
        Half the interval that was asked for.
    accuracy : CrossedShare
    looks : int
        How often the interval was looked at.
    end : str
        Why it ended short of what was wanted; empty if it did not.
    """

    wanted: float
    accuracy: CrossedShare
    looks: int
    end: str


@dataclass(frozen=True)
class Adaptive:
    """What an adaptive evaluation ran; ``inputs`` are those of its sequences."""

    inputs: Inputs
    runs: list[ChipRun]
    reached: Reached


def run_until(config: RunConfig, inputs: Inputs, placed: Placed, clock: Clock) -> Adaptive:
    """Run chips and sequences until the interval is as narrow as wanted, or there are no more.

    Parameters
    ----------
    config : RunConfig
        With ``evaluate.until``.
    inputs : Inputs
        As many sequences as may be evaluated.
    placed : Placed
    clock : Clock

    Raises
    ------
    InputError
        There is a single test sequence.
    """
    wanted = config.evaluate.until
    assert wanted is not None  # the caller looked
    most_chips, most = config.evaluate.at_most.chips, len(inputs.labels)
    if most < 2:
        raise InputError("evaluate.until: an interval needs two test sequences, and there is one")
    first = config.evaluate.samples
    chips, sequences = config.evaluate.chips, most if first == "all" else min(first, most)
    runs: list[ChipRun] = []
    found: CrossedShare | None = None
    looks = 0
    while True:
        chosen = first_drawn(inputs, sequences, config.seed)
        try:
            runs = _grown(config, inputs, placed, runs, chips, chosen, clock, _so_far(found))
        except KeyboardInterrupt:
            if found is not None:
                clock.told.note(
                    f"so far{_so_far(found)}; nothing is kept, but a run with evaluate.until=null "
                    f"evaluate.chips={found.chips} evaluate.samples={found.sequences} gives this "
                    "accuracy again"
                )
            raise
        found, looks = crossed(_hits(runs, inputs)), looks + 1
        end = _end(found, wanted, most_chips, most)
        if end is not None:
            break
        chips, sequences = grow(found, wanted, most_chips, most)
    places = {int(place): number for number, place in enumerate(chosen)}
    runs = [replace(r, chosen=np.array([places[int(c)] for c in r.chosen])) for r in runs]
    return Adaptive(only(inputs, chosen), runs, Reached(wanted, found, looks, end))


def grow(found: CrossedShare, wanted: float, most_chips: int, most: int) -> tuple[int, int]:
    """Return how many chips and sequences to have next: more of what narrows the interval more.

    Parameters
    ----------
    found : CrossedShare
    wanted : float
        Half the interval to reach.
    most_chips, most : int
        Chips and sequences that there are, more than were evaluated of one of them at least.
    """
    chips, sequences = found.chips, found.sequences
    goal = found.variance * (wanted / found.half) ** 2
    if sequences < most and (found.held_by_sequences or chips == most_chips):
        shrinks, stays = found.of_sequences + found.of_both, found.of_chips
        return chips, _next(sequences, shrinks, goal - stays, most)
    shrinks, stays = found.of_chips + found.of_both, found.of_sequences
    return _next(chips, shrinks, goal - stays, most_chips), sequences


def _next(number: int, shrinks: float, allowed: float, most: int) -> int:
    """Return the number that brings a variance that falls with it to what is allowed."""
    needed = LARGEST_STEP * number
    if allowed > 0.0:
        needed = min(needed, math.ceil(number * shrinks / allowed))
    return min(most, max(number + 1, needed))


def _end(found: CrossedShare, wanted: float, most_chips: int, most: int) -> str | None:
    """Return why to stop: empty if the interval is as narrow as wanted, None to go on."""
    if found.half <= wanted:
        return ""
    more_chips, more = found.chips < most_chips, found.sequences < most
    if not (more_chips or more):
        return "no more chips and sequences are allowed"
    least = found.least(chips=more_chips, sequences=more)
    if least > wanted:
        held = f"{found.chips} chips" if more else f"{found.sequences} sequences"
        return f"its {held} alone, of which there are no more, leave ± {100 * least:.2g} %"
    return None


def _so_far(found: CrossedShare | None) -> str:
    if found is None:
        return ""
    return (
        f" ({found.chips} chips, {found.sequences} sequences: {found.share.value:.1%} "
        f"± {found.half:.1%})"
    )


def _hits(runs: Sequence[ChipRun], inputs: Inputs) -> NDArray[np.float64]:
    """Return the share of steps that each chip had right of each sequence."""
    found = []
    labels = inputs.labels
    for run in runs:
        order = np.argsort(run.chosen)
        predictions = run.result.predictions[order]
        own = labels[run.chosen[order]]
        right = predictions == own.reshape(-1, *[1] * (predictions.ndim - 1))
        each = right.reshape(len(own), -1)
        lengths = inputs.lengths_of(run.chosen[order])
        if lengths is None or each.shape[1] == 1:
            found.append(each.mean(axis=1))
        else:
            found.append((each & true_steps(lengths, each.shape[1])).sum(axis=1) / lengths)
    return np.array(found)


def _grown(
    config: RunConfig,
    inputs: Inputs,
    placed: Placed,
    runs: Sequence[ChipRun],
    chips: int,
    chosen: IntArray,
    clock: Clock,
    so_far: str,
) -> list[ChipRun]:
    """Return the runs of ``chips`` chips on the chosen sequences, those that ran carried on."""
    lacking = [
        chip for chip in range(chips) if chip >= len(runs) or len(runs[chip].chosen) < len(chosen)
    ]
    grown = list(runs)
    with programmed(config, placed, lacking) as networks:
        for chip in lacking:
            ran = runs[chip] if chip < len(runs) else None
            name = f"analog accuracy, chip {chip + 1}"
            new = chosen if ran is None else np.setdiff1d(chosen, ran.chosen)
            with clock.phase(name, len(new), so_far):
                run = _more(config, inputs, next(networks), ran, new, clock)
            grown[chip : chip + 1] = [run]
    return grown


def _more(
    config: RunConfig,
    inputs: Inputs,
    chip: AnalogNetwork,
    ran: ChipRun | None,
    new: IntArray,
    clock: Clock,
) -> ChipRun:
    """Run new sequences on a chip, after those that it ran already."""
    evaluate = config.evaluate
    result = chip.run(
        part_of(inputs.inputs, new),
        inputs.sample_ids[new],
        batch=evaluate.batch,
        threads=None if evaluate.threads == "auto" else int(evaluate.threads),
        progress=lambda done, total: clock.told.advance(done),
        before=None if ran is None else ran.result,
        lengths=inputs.lengths_of(new),
    )
    whole = new if ran is None else np.concatenate([ran.chosen, new])
    fits = list(chip.instance.fits.values())
    return ChipRun(whole, result, chip.programming, chip.wire_residual, fits, None)
