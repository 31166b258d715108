"""One trial of a search: costs first, then accuracy in heats as long as it may matter."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from imssa_sim.config.load import load_config
from imssa_sim.errors import ImssaError
from imssa_sim.searches.goals import ACCURACY
from imssa_sim.simulation.intervals import accuracy, right
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.sweeps.execute import overrides_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imssa_sim.searches.plan import SearchPlan
    from imssa_sim.simulation.intervals import Share
    from imssa_sim.simulation.result import RunResult

WHOLE = "whole"
"""End of a trial that was evaluated as the workload says."""
BROKEN = 1e3
"""Excess over its constraints of a trial that cannot be run: more than any other has."""


@dataclass(frozen=True)
class Evaluation:
    """What came of a trial.

    Attributes
    ----------
    settings : mapping
        Its overrides.
    end : str
        Why it ended: `WHOLE`, or in words.
    costs : mapping
        Statistics of the plan without values; cells priced by their fixed activity.
    stats : mapping
        All that are numbers, of the whole evaluation; empty where it did not come so far.
    share : tuple of float, or None
        Accuracy, and the bounds of its 95 % interval, as far as it was measured.
    excess : tuple of float
        Over each constraint, 0 or less where it holds.
    heats : int
        Evaluations that it took.
    error : str
    """

    settings: Mapping[str, Any]
    end: str
    costs: Mapping[str, float] = field(default_factory=dict)
    stats: Mapping[str, float] = field(default_factory=dict)
    share: tuple[float, float, float] | None = None
    excess: tuple[float, ...] = ()
    heats: int = 0
    error: str = ""

    @property
    def whole(self) -> bool:
        """Whether it was evaluated as the workload says."""
        return self.end == WHOLE

    @property
    def feasible(self) -> bool:
        """Whether it is whole and holds all constraints."""
        return self.whole and all(value <= 0 for value in self.excess)

    def value(self, stat: str) -> float:
        """Return the best that is known of a statistic; not a number if nothing is."""
        if stat in self.stats:
            return self.stats[stat]
        if stat == ACCURACY:
            return self.share[0] if self.share else math.nan
        return self.costs.get(stat, math.nan)

    def to_plain(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return asdict(self)


class Recent(OrderedDict[str, Any]):
    """What runs share, the most recently used of it: a search makes thousands of runs."""

    LARGEST = 48

    def __getitem__(self, key: str) -> Any:
        self.move_to_end(key)
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        while len(self) > self.LARGEST:
            self.popitem(last=False)


def evaluate(
    plan: SearchPlan, settings: Mapping[str, Any], others: Sequence[Evaluation], memory: Recent
) -> Evaluation:
    """Evaluate a point as far as it may matter.

    Costs alone come first. A point that breaks a bound on a cost needs no accuracy. Then each heat
    measures the accuracy on more sequences, until the upper bound of its 95 % interval is below
    what it must exceed: the bound on the accuracy, and the accuracy of every whole trial that costs
    no more in each objective.

    Parameters
    ----------
    plan : SearchPlan
    settings : mapping
        Overrides of the point.
    others : sequence of Evaluation
        Trials that ended before.
    memory : Recent
    """
    try:
        return _evaluate(plan, settings, others, memory)
    except ImssaError as error:
        text = " ".join(str(error).splitlines()[0].split())
    except Exception as error:
        text = " ".join(f"internal error: {type(error).__name__}: {error}".split())
    return Evaluation(settings, "cannot be run", excess=_all(plan, BROKEN), error=text)


def _evaluate(
    plan: SearchPlan, settings: Mapping[str, Any], others: Sequence[Evaluation], memory: Recent
) -> Evaluation:
    found = _numbers(_simulate(plan, settings, memory, values=False))
    costs = {stat: found[stat] for stat in plan.stats if stat != ACCURACY}
    excess = _excess(plan, costs)
    broken = next((c for c, e in zip(plan.constraints, excess, strict=True) if e > 0), None)
    if broken is not None:
        return Evaluation(settings, f"breaks {broken.text}", costs, excess=excess)
    if not plan.needs_accuracy:
        return Evaluation(settings, WHOLE, costs, found, excess=excess)
    needed, why = _needed(plan, costs, others)
    if needed >= 1.0:
        return Evaluation(settings, why, costs, excess=excess)
    for number, (sequences, chips) in enumerate(plan.race, 1):
        heat = {
            "evaluate.until": None, "evaluate.chips": chips, "evaluate.chip_samples": sequences,
            "evaluate.float": False, "evaluate.digital": False,
        }  # fmt: skip
        share = accuracy(right(_simulate(plan, {**settings, **heat}, memory).predictions))
        if share.high < needed:
            values = {**costs, ACCURACY: share.value}
            return Evaluation(
                settings, why, costs, share=_plain(share), excess=_excess(plan, values),
                heats=number,
            )  # fmt: skip
    result = _simulate(plan, settings, memory)
    stats = _numbers(result)
    share = accuracy(right(result.predictions))
    return Evaluation(
        settings, WHOLE, costs, stats, _plain(share), _excess(plan, stats), len(plan.race) + 1
    )


def _needed(
    plan: SearchPlan, costs: Mapping[str, float], others: Sequence[Evaluation]
) -> tuple[float, str]:
    """Return the accuracy that a point must exceed, and what it is below of if it does not."""
    needed, why = -math.inf, ""
    for constraint in plan.constraints:
        if constraint.stat == ACCURACY and constraint.bound > needed:
            needed, why = constraint.bound, f"breaks {constraint.text}"
    if any(o.stat == ACCURACY for o in plan.objectives):
        goals = [o for o in plan.objectives if o.stat != ACCURACY]
        for other in others:
            if other.feasible and other.stats[ACCURACY] > needed and all(
                o.signed(other.costs[o.stat]) <= o.signed(costs[o.stat]) for o in goals
            ):  # fmt: skip
                needed, why = other.stats[ACCURACY], "dominated"
    return needed, why


def _excess(plan: SearchPlan, values: Mapping[str, float]) -> tuple[float, ...]:
    return tuple(c.excess(values[c.stat]) if c.stat in values else 0.0 for c in plan.constraints)


def _all(plan: SearchPlan, value: float) -> tuple[float, ...]:
    return tuple(value for _ in plan.constraints) or (value,)


def _simulate(
    plan: SearchPlan, settings: Mapping[str, Any], memory: Recent, values: bool = True
) -> RunResult:
    loaded = load_config(plan.workload, overrides_of(settings))
    return simulate(loaded, memory=memory, accuracy=values)


def _numbers(result: RunResult) -> dict[str, float]:
    return {
        stat.name: float(stat.value)
        for stat in collect(result)
        if isinstance(stat.value, int | float) and not stat.name.startswith("host.")
    }


def _plain(share: Share) -> tuple[float, float, float]:
    return share.value, share.low, share.high
