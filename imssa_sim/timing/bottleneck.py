"""What sets the interval of a segment: its critical cycle, put into words."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from imssa_sim.components.path import ComponentPath
from imssa_sim.timing.constraints import event_system
from imssa_sim.timing.cycle_ratio import maximum_cycle_ratio
from imssa_sim.timing.graph import Resource, Segment, Station
from imssa_sim.timing.result import Bottleneck

# Ticks as text with a unit.
TimeText = Callable[[Fraction], str]


def find_bottleneck(segment: Segment, text: TimeText) -> Bottleneck:
    """Return what bounds a segment's interval from below.

    Without dynamic arbitration the bound is the interval. With it, a resource that is shared
    needs at least the sum of its users' times per token.
    """
    system = event_system(segment, relaxed=True)
    critical = maximum_cycle_ratio(system)
    loaded = max(
        ((_load(segment, r), r) for r in segment.resources if r.dynamic),
        key=lambda pair: pair[0],
        default=None,
    )
    if loaded is not None and loaded[0] > critical.ratio:
        load, resource = loaded
        return Bottleneck(resource.path, Fraction(load), _shared(segment, resource, text))
    nodes = [int(system.source[a]) for a in critical.arcs]
    members = sorted({int(system.station[v]) for v in nodes})
    stations = [segment.stations[m] for m in members]
    if len(stations) == 1:
        return Bottleneck(stations[0].path, critical.ratio, _single(stations[0], text))
    ordered = [r for r in segment.resources if not r.dynamic]
    turns = [a for a in critical.arcs if system.clamp[a]]
    if turns and ordered:
        component = system.names[int(system.source[turns[0]])].rsplit(" at ", 1)[-1]
        resource = next(r for r in ordered if r.path == component)
        return Bottleneck(resource.path, critical.ratio, _shared(segment, resource, text))
    longest = max(stations, key=lambda s: s.ticks)
    tokens = sum(int(system.marking[a]) for a in critical.arcs)
    weight = sum(int(system.weight[a]) for a in critical.arcs)
    reason = (
        f"from {stations[0].path} to {stations[-1].path}: their buffers hold {tokens} tokens, "
        f"which take {text(Fraction(weight))} to pass"
    )
    return Bottleneck(longest.path, critical.ratio, reason)


def _load(segment: Segment, resource: Resource) -> int:
    return sum(segment.stations[s].phases[p].ticks for s, p in resource.users)


def _single(station: Station, text: TimeText) -> str:
    parts = [part for phase in station.phases for part in phase.parts]
    terms = " + ".join(
        f"{ComponentPath(part.component).part} {part.action} {text(Fraction(part.ticks))}"
        for part in parts
    )
    if len(parts) == 1:
        return f"{parts[0].component}: {terms}"
    return f"loop of {station.stage}, which the next token must await: {terms}"


def _shared(segment: Segment, resource: Resource, text: TimeText) -> str:
    number = len({station for station, _ in resource.users})
    return (
        f"{resource.path} serves {number} stations, {text(Fraction(_load(segment, resource)))} "
        "per token in all"
    )
