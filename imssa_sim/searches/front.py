"""The front of a search, its knee, and how much of the space it dominates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imssa_sim.searches.plan import SearchPlan
    from imssa_sim.searches.trial import Evaluation

Vector = tuple[float, ...]


@dataclass(frozen=True)
class Member:
    """A point of the front: the number of its trial, and what came of it."""

    trial: int
    record: Evaluation


def vector(plan: SearchPlan, record: Evaluation) -> Vector:
    """Return the objectives of a whole trial so that less is better."""
    return tuple(o.signed(record.value(o.stat)) for o in plan.objectives)


def dominates(a: Vector, b: Vector) -> bool:
    """Tell whether ``a`` is nowhere worse than ``b``, and somewhere better."""
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


def front_of(plan: SearchPlan, records: Mapping[int, Evaluation]) -> tuple[Member, ...]:
    """Return the feasible trials that none dominates, the best of the first objective first.

    Of trials with equal objectives the first.
    """
    found: dict[Vector, Member] = {}
    for trial, record in sorted(records.items()):
        if record.feasible:
            found.setdefault(vector(plan, record), Member(trial, record))
    kept = nondominated(list(found))
    return tuple(found[place] for place in sorted(kept))


def nondominated(places: Sequence[Vector]) -> list[Vector]:
    """Return the places that no other dominates."""
    return [p for p in places if not any(dominates(q, p) for q in places)]


def knee_of(plan: SearchPlan, front: Sequence[Member]) -> Member | None:
    """Return the point nearest to the best of each objective, in the front's own ranges.

    None of fewer than three points, or of one objective.
    """
    if len(front) < 3 or len(plan.objectives) < 2:
        return None
    places = [vector(plan, point.record) for point in front]
    low, high = _corners(places)
    return min(
        zip(places, front, strict=True),
        key=lambda pair: math.hypot(*_scaled(pair[0], low, high)),
    )[1]


def volumes(plan: SearchPlan, records: Mapping[int, Evaluation]) -> tuple[float, ...]:
    """Return the share of the feasible box that the front dominates, after each trial.

    The box reaches from the best to the worst value of each objective that feasible trials have,
    of all of the search.
    """
    places = {n: vector(plan, r) for n, r in sorted(records.items()) if r.feasible}
    if not places:
        return tuple(0.0 for _ in records)
    low, high = _corners(list(places.values()))
    found, front, volume = [], list[Vector](), 0.0
    for number in sorted(records):
        if number in places:
            place = _scaled(places[number], low, high)
            if place not in front and not any(dominates(other, place) for other in front):
                front = [other for other in front if not dominates(place, other)] + [place]
                volume = hypervolume(front, (1.0,) * len(place))
        found.append(volume)
    return tuple(found)


def hypervolume(places: Sequence[Vector], reference: Vector) -> float:
    """Return the volume that places dominate up to a reference, less being better.

    Exact, by exclusive volumes (While et al., IEEE Trans. Evol. Comput. 16 (2012) 86).
    """
    inside = [p for p in places if all(x < r for x, r in zip(p, reference, strict=True))]
    inside = sorted(set(nondominated(inside)))
    if len(reference) == 1:
        return reference[0] - inside[0][0] if inside else 0.0
    if len(reference) == 2:
        total, edge = 0.0, reference[1]
        for x, y in inside:
            total += (reference[0] - x) * (edge - y)
            edge = y
        return total
    total = 0.0
    for k, place in enumerate(inside):
        own = math.prod(r - x for x, r in zip(place, reference, strict=True))
        later = [tuple(map(max, place, other)) for other in inside[k + 1 :]]
        total += own - hypervolume(later, reference)
    return total


def _corners(places: Sequence[Vector]) -> tuple[Vector, Vector]:
    columns = list(zip(*places, strict=True))
    return tuple(map(min, columns)), tuple(map(max, columns))


def _scaled(place: Vector, low: Vector, high: Vector) -> Vector:
    return tuple(
        (x - a) / (b - a) if b > a else 0.0 for x, a, b in zip(place, low, high, strict=True)
    )
