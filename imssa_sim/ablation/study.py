"""Runs a workload, each change of it, and the changes that help together, within a budget."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.ablation.variations import Variation, together, variations
from imssa_sim.config.dump import plain
from imssa_sim.config.load import load_tree
from imssa_sim.errors import ImssaError, InputError
from imssa_sim.simulation.intervals import Difference, Share, accuracy, difference, right, wilson
from imssa_sim.simulation.run import simulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from imssa_sim.config.load import LoadedConfig
    from imssa_sim.simulation.progress import Progress
    from imssa_sim.simulation.result import RunResult

ROUNDS = 3
"""Changes that are put together at most."""
FEWEST = 40
"""Sequences a chip below which no accuracy is told from another; fewer are not run."""
ENOUGH = 0.01
"""Points below the quantised network from which nothing more is looked for, as a share."""
_FAILURES_SHOWN = 160


@dataclass(frozen=True)
class Budget:
    """What a study may cost.

    Attributes
    ----------
    runs : int
        Runs at most.
    seconds : float
        From its begin [s]; no run is begun that would not end before, by the time of the last
        ones. The first run ends in any case.
    """

    runs: int = 96
    seconds: float = 110.0


@dataclass(frozen=True)
class Outcome:
    """A run: what was changed, and what came of it; ``error`` says why there is no result.

    Attributes
    ----------
    variation : Variation or None
        None: the workload as it is.
    accuracy : Share or None
    gain : Difference or None
        Against the workload as it is, on the same sequences and chip instances.
    energy, latency, area : float
        Per inference [J], end to end [s], of the chip [m²]; not a number where there is no result.
    right : float array (sequences,), or None
        Share of the chips that were right; not a number where a sequence did not run.
    """

    variation: Variation | None
    accuracy: Share | None = None
    gain: Difference | None = None
    energy: float = float("nan")
    latency: float = float("nan")
    area: float = float("nan")
    error: str = ""
    right: NDArray[np.float64] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Study:
    """All runs of a study.

    Attributes
    ----------
    loaded : LoadedConfig
        The workload.
    base : Outcome
        The workload as it is.
    ideal, digital : Share or None
        Accuracy in floating point, and of the quantised network without arrays.
    outcomes : tuple of Outcome
        Single changes, in the order of `variations`.
    combined : tuple of Outcome
        Changes together, all that were tried.
    path : tuple of Outcome
        Of these the best of each number of changes, as far as each is clearly better than the last.
    sequences, chips : int
        Sequences of a run, and chip instances.
    runs, skipped : int
        Runs that were made, and that the budget did not allow.
    seconds : float
        They took [s].
    interrupted : bool
    """

    loaded: LoadedConfig
    base: Outcome
    ideal: Share | None
    digital: Share | None
    outcomes: tuple[Outcome, ...]
    combined: tuple[Outcome, ...]
    path: tuple[Outcome, ...]
    sequences: int
    chips: int
    runs: int
    skipped: int
    seconds: float
    interrupted: bool

    @property
    def guessing(self) -> float:
        """Accuracy of a guess, 0 to 1."""
        return 1 / self.loaded.config.model.results


class _Noted:
    """Passes on what the user should know of the first run, and phases of none."""

    def __init__(self, told: Progress) -> None:
        self.note = told.note

    def phase(self, name: str, total: int) -> None:
        """Say nothing: the study has its own."""

    def advance(self, done: int) -> None:
        """Say nothing: the study has its own."""


def study(
    loaded: LoadedConfig,
    progress: Progress,
    budget: Budget | None = None,
    chips: int | None = None,
    sequences: int | None = None,
) -> Study:
    """Find what the accuracy of a workload on its chip dies of, and what brings it back.

    Each change of `variations` runs alone. The changes that can be built and leave the kernels in
    their arrays then run together: the best one with each other one, the best two with each other
    one, as long as the accuracy rises clearly. An interrupt ends the study with what is there.

    Parameters
    ----------
    loaded : LoadedConfig
    progress : Progress
        Told of the runs, and of what the first one notes.
    budget : Budget, optional
    chips : int, optional
        Chip instances of each run; by default those of the workload, two at most.
    sequences : int, optional
        Test sequences a chip; by default those of the workload, fewer where the budget asks.

    Raises
    ------
    ImssaError
        The workload as it is cannot be run.
    """
    return _Runner(loaded, progress, budget or Budget(), chips, sequences).all()


class _Runner:
    """The state of a study: runs made, time taken, and the sequences that were right at first."""

    def __init__(
        self,
        loaded: LoadedConfig,
        told: Progress,
        budget: Budget,
        chips: int | None,
        sequences: int | None,
    ) -> None:
        evaluate = loaded.config.evaluate
        if loaded.config.model.task == "regression":
            raise InputError(
                "model.task: regression: why finds what an accuracy dies of, and there is none; "
                "run the workload with single hardware.effects off, or sweep them with y: [r2]"
            )
        if evaluate.stream.duration:
            raise InputError(
                "evaluate.stream: why compares single times; leave the stream out "
                "(--set evaluate.stream.duration='0 s'), ages are tried by themselves"
            )
        self.loaded, self.told, self.budget = loaded, told, budget
        self.tree = plain(loaded.config)
        self.tree["evaluate"]["until"] = None  # its numbers of chips and sequences are its own
        self.chips = min(2, evaluate.chips) if chips is None else chips
        self.sequences = sequences
        self.memory: dict[str, Any] = {}
        self.begin = time.monotonic()
        self.runs = self.skipped = 0
        self.longest = 0.0
        self.done = 0
        self.predictions: Mapping[str, NDArray[np.int64]]
        self.first: NDArray[np.float64]
        self.target = 1.0
        self.path: list[Outcome] = []

    def all(self) -> Study:
        """Run everything."""
        singles = variations(self.loaded.config)
        self._phase(f"why {self.loaded.config.workload}", 1 + len(singles))
        base, ideal, digital = self._base()
        whole = base.right
        outcomes: list[Outcome] = []
        combined: list[Outcome] = []
        interrupted = False
        try:
            self._fit(1 + len(singles))
            if self.first is not whole:
                base = replace(base, accuracy=accuracy(self.first), right=self.first)
            for variation in singles:
                outcomes += self._within(variation)
            for outcome in self._together(outcomes):
                combined.append(outcome)
        except KeyboardInterrupt:
            interrupted = True
        ran = self.first[~np.isnan(self.first)]
        return Study(
            self.loaded, base, ideal, digital, tuple(outcomes), tuple(combined),
            tuple(self.path), self.sequences or len(ran), self.chips, self.runs, self.skipped,
            time.monotonic() - self.begin, interrupted,
        )  # fmt: skip

    def _phase(self, name: str, total: int) -> None:
        self.done = 0
        self.told.phase(name, total)

    def _advance(self) -> None:
        self.done += 1
        self.told.advance(self.done)

    def _base(self) -> tuple[Outcome, Share | None, Share | None]:
        """Run the workload as it is; floating point and integers run here alone."""
        values = {"evaluate.chips": self.chips} | self._amount()
        before = time.monotonic()
        result = simulate(self._loaded(values), _Noted(self.told), memory=self.memory)
        a = result.accuracy
        assert a is not None  # values were computed
        self.runs = 1
        self._advance()
        # What all runs share took time here that none of the others takes.
        shared = sum(s for name, s in result.host_seconds.items() if "analog" not in name)
        self.longest = max(0.1, time.monotonic() - before - shared)
        self.predictions, self.first = result.predictions, right(result.predictions)
        ideal, digital = (
            None if correct is None else wilson(correct / a.decisions, a.decisions)
            for correct in (a.float_correct, a.digital_correct)
        )
        if digital is not None:
            self.target = digital.value - ENOUGH
        return replace(self._outcome(None, result), right=self.first), ideal, digital

    def _fit(self, expected: int) -> None:
        """Run fewer chips, then fewer sequences, where all changes would not fit into the time."""
        rounds = expected * 1.6  # with those together
        left = self.budget.seconds - (time.monotonic() - self.begin)
        wanted = min(rounds, self.budget.runs) * self.longest
        if wanted > left and self.chips > 1:
            wanted /= self.chips
            self.chips = 1
            # Changes are compared with the chip that they run on.
            self.first = right({name: self.predictions[name] for name in ("labels", "chip0")})
        if wanted > left and self.sequences is None:
            whole = int((~np.isnan(self.first)).sum())
            fewer = max(FEWEST, int(whole * max(left, 0.0) / wanted))
            if fewer < whole:
                self.sequences = fewer

    def _amount(self) -> dict[str, Any]:
        return {} if self.sequences is None else {"evaluate.chip_samples": self.sequences}

    def _loaded(self, values: Mapping[str, Any]) -> LoadedConfig:
        texts = tuple(f"{path}={json.dumps(value)}" for path, value in values.items())
        return load_tree(self.tree, texts, self.loaded.path)

    def _within(self, variation: Variation) -> Iterator[Outcome]:
        """Yield the outcome of a change; nothing where the budget does not allow it."""
        self._advance()
        over = time.monotonic() - self.begin + self.longest > self.budget.seconds
        if over or self.runs >= self.budget.runs:
            self.skipped += 1
            return
        alone = {
            "evaluate.float": False, "evaluate.digital": False, "evaluate.chips": self.chips,
        } | self._amount()  # fmt: skip
        before = time.monotonic()
        try:
            loaded = self._loaded(alone | dict(variation.set))
            result = simulate(loaded, memory=self.memory)
        except ImssaError as error:
            yield Outcome(variation, error=_short(error))
            return
        self.runs += 1
        self.longest = 0.7 * self.longest + 0.3 * (time.monotonic() - before)
        yield self._outcome(variation, result)

    def _outcome(self, variation: Variation | None, result: RunResult) -> Outcome:
        found = right(result.predictions)
        return Outcome(
            variation,
            accuracy(found),
            difference(found, self.first) if variation is not None else None,
            result.ledger.energy,
            result.timing.end_to_end,
            result.ledger.area,
            right=found,
        )

    def _together(self, outcomes: list[Outcome]) -> Iterator[Outcome]:
        """Yield the outcomes of changes together, all that were tried; see `study`."""
        single = {o.variation: o for o in outcomes if o.variation and o.accuracy}
        parts = [v for v in single if v.built and not v.digital and not v.coarser]
        if not parts:
            return
        chosen: tuple[Variation, ...] = (max(parts, key=lambda part: _value(single[part])),)
        best = single[chosen[0]]
        while len(chosen) < ROUNDS and _value(best) < self.target:
            found: dict[Variation, Outcome] = {}
            tried = [(part, joined) for part in parts if (joined := together((*chosen, part)))]
            self._phase(f"{chosen[-1].words} with a further change", len(tried))
            for part, joined in tried:
                for outcome in self._within(joined):
                    yield outcome
                    if outcome.accuracy:
                        found[part] = outcome
            better = max(found, key=lambda part: _value(found[part]), default=None)
            if better is None or not _rises(found[better], best):
                return
            chosen, best = (*chosen, better), found[better]
            self.path.append(best)


def _rises(outcome: Outcome, before: Outcome) -> bool:
    """Tell whether an outcome is clearly better than another one."""
    if outcome.right is None or before.right is None:
        return False
    gain = difference(outcome.right, before.right)
    return gain.value > 0 and gain.clear


def _value(outcome: Outcome) -> float:
    return outcome.accuracy.value if outcome.accuracy else -1.0


def _short(error: ImssaError) -> str:
    """Return the first problem of an error, in one line."""
    text = " ".join(str(error).splitlines()[0].split())
    return text if len(text) <= _FAILURES_SHOWN else text[: _FAILURES_SHOWN - 1] + "…"
