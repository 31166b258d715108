"""Runs one network on many chips, and keeps what each gives or why it cannot."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imssa_sim.comparison.one_node import AtNode, LogicNode, at_node
from imssa_sim.errors import ImssaError, InputError
from imssa_sim.simulation.intervals import Share, accuracy, right, wilson
from imssa_sim.simulation.run import simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imssa_sim.config import Base
    from imssa_sim.config.load import LoadedConfig
    from imssa_sim.simulation.progress import Progress
    from imssa_sim.simulation.result import RunResult

OWN = "own"
"""Name of the workload's own hardware."""


@dataclass(frozen=True)
class Candidate:
    """A chip to run on.

    Attributes
    ----------
    name : str
        `OWN`, or that of a base.
    base : Base or None
        Where the hardware comes from; None for a workload's own that rests on none.
    loaded : LoadedConfig or None
        The workload on it; None where that cannot be.
    error : str
        Why it cannot be.
    """

    name: str
    base: Base | None
    loaded: LoadedConfig | None
    error: str = ""


@dataclass(frozen=True)
class ChipOutcome:
    """A network on a chip; all numbers are None where ``error`` says why there are none.

    Attributes
    ----------
    name : str
    base : Base or None
    accuracy : Share or None
        On the chip, mean over its instances, with its 95 % interval.
    digital : float or None
        Accuracy of the quantised network in the form that this chip needs, 0 to 1.
    result : RunResult or None
    scaled : AtNode or None
        With the digital parts at the common node; None outside of what the scaling holds for.
    error : str
        Why the chip cannot hold the network, or why there is no ``scaled``.
    """

    name: str
    base: Base | None
    accuracy: Share | None = None
    digital: float | None = None
    result: RunResult | None = None
    scaled: AtNode | None = None
    error: str = ""


@dataclass(frozen=True)
class ChipsCompared:
    """One network on many chips.

    Attributes
    ----------
    loaded : LoadedConfig
        The workload, with its own hardware.
    ideal : Share or None
        Accuracy in floating point.
    node : LogicNode
        To which digital parts are scaled: the workload's own.
    outcomes : tuple of ChipOutcome
        The workload's own hardware first.
    sequences, chips : int
        Sequences of a run, and instances of each chip.
    changed : tuple of str
        Overrides that were laid over every chip.
    seconds : float
        All runs took [s].
    interrupted : bool
    """

    loaded: LoadedConfig
    ideal: Share | None
    node: LogicNode
    outcomes: tuple[ChipOutcome, ...]
    sequences: int
    chips: int
    changed: tuple[str, ...]
    seconds: float
    interrupted: bool

    @property
    def guessing(self) -> float:
        """Accuracy of a guess, 0 to 1."""
        return 1 / self.loaded.config.model.results


class _First:
    """Passes on what the user should know, each thing once; the comparison has its own phases."""

    def __init__(self, told: Progress) -> None:
        self._told = told
        self._said: set[str] = set()
        self.prefix = ""

    def note(self, message: str) -> None:
        """Say something that was not said before, and of which chip."""
        if message not in self._said:
            self._said.add(message)
            self._told.note(f"{self.prefix}{message}")

    def phase(self, name: str, total: int) -> None:
        """Say nothing."""

    def advance(self, done: int) -> None:
        """Say nothing."""


def compare(
    candidates: Sequence[Candidate], progress: Progress, changed: tuple[str, ...] = ()
) -> ChipsCompared:
    """Run a network on chips one after another; an interrupt ends with what is there.

    Parameters
    ----------
    candidates : sequence of Candidate
        The first is the workload's own hardware.
    progress : Progress
        Told of the chips, and of what their runs note.
    changed : tuple of str
        Overrides that were laid over every chip, to be kept with the results.

    Raises
    ------
    ImssaError
        The network cannot run on the workload's own hardware.
    """
    begin = time.monotonic()
    own = candidates[0].loaded
    assert own is not None  # the caller has loaded it
    chip, evaluate = own.config.hardware.chip, own.config.evaluate
    if own.config.model.task == "regression":
        raise InputError(
            "model.task: regression: compare-chips compares accuracies, and there is none; run the "
            "workload with hardware.base of each chip, or sweep it with y: [r2]"
        )
    if evaluate.stream.duration:
        raise InputError(
            "evaluate.stream: compare-chips compares single times; leave the stream out "
            "(--set evaluate.stream.duration='0 s')"
        )
    node = LogicNode(chip.technology, chip.supply)
    told, memory = _First(progress), dict[str, Any]()
    progress.phase(f"{own.config.workload} on {len(candidates)} chips", len(candidates))
    outcomes: list[ChipOutcome] = []
    interrupted = False
    for number, candidate in enumerate(candidates, 1):
        told.prefix = f"{candidate.name}: " if number > 1 else ""
        try:
            outcomes.append(_run(candidate, node, told, memory))
        except ImssaError as error:
            if number == 1:
                raise
            outcomes.append(ChipOutcome(candidate.name, candidate.base, error=_short(error)))
        except KeyboardInterrupt:
            if not outcomes:
                raise
            interrupted = True
            break
        progress.advance(number)
    first = outcomes[0].result
    assert first is not None  # it ran, or there is no comparison
    a = first.accuracy
    assert a is not None  # values were computed
    ideal = None if a.float_correct is None else wilson(a.float_correct / a.decisions, a.decisions)
    return ChipsCompared(
        own, ideal, node, tuple(outcomes), a.analog_samples, evaluate.chips, changed,
        time.monotonic() - begin, interrupted,
    )  # fmt: skip


def _run(
    candidate: Candidate, node: LogicNode, told: Progress, memory: dict[str, Any]
) -> ChipOutcome:
    if candidate.loaded is None:
        return ChipOutcome(candidate.name, candidate.base, error=candidate.error)
    result = simulate(candidate.loaded, told, memory=memory)
    a = result.accuracy
    assert a is not None  # values were computed
    scaled, error = None, ""
    try:
        scaled = at_node(result.ledger, candidate.loaded.config.hardware.chip, node)
    except ImssaError as unscaled:
        error = _short(unscaled)
    return ChipOutcome(
        candidate.name,
        candidate.base,
        accuracy(right(result.predictions)) if a.analog_correct else None,
        None if a.digital_correct is None else a.digital_correct / a.decisions,
        result,
        scaled,
        error,
    )


def _short(error: ImssaError) -> str:
    """Return the first problem of an error, in one line."""
    return " ".join(str(error).splitlines()[0].split())
