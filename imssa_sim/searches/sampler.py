"""Samplers of a search; trial n draws from the search's seed and n alone."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from imssa_sim.searches.plan import SearchPlan

STARTUP = 16
"""Random trials before a model of the space is made."""
POPULATION = 24
"""Of the genetic algorithm; of Optuna's 50, four generations would need 200 trials."""

PATIENCE = 4
"""Proposals in a row that were there already, after which one is drawn from all points."""


def sampler_of(plan: SearchPlan) -> Any:
    """Return a sampler for Optuna."""
    from optuna.samplers import BaseSampler

    class OfTrial(BaseSampler):
        """Passes each trial to a fresh sampler, seeded by the trial's number.

        A resumed search goes on as one that was never interrupted, and processes at work on one
        study do not draw the same numbers.
        """

        def __init__(self) -> None:
            self._number, self._inner = -1, _inner(plan, 0)

        def _of(self, study: Any, trial: Any) -> Any:
            if trial.number != self._number:
                repeats = _repeats(study, trial.number)
                self._number = trial.number
                self._inner = _inner(plan, trial.number, stuck=repeats >= PATIENCE)
            return self._inner

        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            return self._of(study, trial).infer_relative_search_space(study, trial)

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
            return self._of(study, trial).sample_relative(study, trial, search_space)

        def sample_independent(self, study: Any, trial: Any, name: str, of: Any) -> Any:
            return self._of(study, trial).sample_independent(study, trial, name, of)

        def before_trial(self, study: Any, trial: Any) -> None:
            self._of(study, trial).before_trial(study, trial)

        def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
            self._of(study, trial).after_trial(study, trial, state, values)

    return OfTrial()


def _repeats(study: Any, number: int) -> int:
    """Return how many proposals just before a trial were there already."""
    from optuna.trial import TrialState

    failed = {t.number for t in study.get_trials(deepcopy=False, states=(TrialState.FAIL,))}
    return next(k for k in range(number + 1) if number - 1 - k not in failed)


def _inner(plan: SearchPlan, number: int, stuck: bool = False) -> Any:
    from optuna import samplers

    seed = int(np.random.SeedSequence([plan.seed, number]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of options that may still change
        if plan.sampler == "random" or (stuck and plan.sampler != "grid"):
            return samplers.RandomSampler(seed=seed)
        if plan.sampler == "nsga2":
            return samplers.NSGAIISampler(seed=seed, population_size=POPULATION)
        if plan.sampler == "tpe":
            return samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
        # A grid: all points one after the other, the first knob changing last.
        digits: dict[str, int] = {}
        for knob in reversed(plan.knobs):
            number, digits[knob.name] = divmod(number, len(knob.choices))
        return samplers.PartialFixedSampler(digits, samplers.RandomSampler(seed=seed))
