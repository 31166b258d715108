"""Small programs for the tests: stages of plain operations, and durations in nanoseconds."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from imssa_sim.components.action import Action
from imssa_sim.components.duration import Duration
from imssa_sim.mapping.program import Bypass, Stage
from imssa_sim.timing.durations import Durations


def operation(component, ticks, kind="lut", action="do", count=None):
    return Action(component, kind, action, ticks if count is None else count, 1, ticks, 8)


def stage(path, *operations, loop=0, buffer=1, barrier=False, per="step", extra=0):
    return Stage(path, tuple(operations), loop, buffer, barrier, per, extra)


def serial(op):
    """One tick per serial action."""
    return op.serial


def table(stages, tick=Fraction(1, 10**9)):
    operations = {op for s in stages for op in s.actions}
    return Durations(tick, {op: Duration(op.serial * tick, "", False) for op in operations})


def pipeline(ticks, capacity=4):
    return [
        stage(f"chip.s{i}", operation(f"chip.s{i}.unit", d), buffer=capacity)
        for i, d in enumerate(ticks)
    ]


@st.composite
def programs(draw, *, shared=False, barriers=False, extras=True, min_stages=1):
    """(stages, bypasses) of 1 to 6 stages with loops, bounded buffers and bypasses."""
    ticks = st.integers(1, 12)
    number = draw(st.integers(min_stages, 6))
    stages = []
    for i in range(number):
        path = f"chip.s{i}"
        loop = draw(st.integers(0, 3))
        after = draw(st.integers(0 if loop else 1, 2))
        operations = [operation(f"{path}.u{j}", draw(ticks)) for j in range(loop + after)]
        if shared:
            for j in range(loop + after):
                if draw(st.booleans()):
                    unit = draw(st.sampled_from(["chip.bus", "chip.vector"]))
                    operations[j] = operation(unit, draw(ticks), "bus")
        capacity = draw(st.integers(1, 4))
        if draw(st.booleans()):
            operations += [
                operation(f"{path}.buffer", draw(ticks), "buffer", action)
                for action in ("write", "read")
            ]
        extra = draw(st.sampled_from([0, 0, 1])) if extras and loop else 0
        barrier = barriers and i > 0 and draw(st.booleans())
        stages.append(
            stage(path, *operations, loop=loop, buffer=capacity, barrier=barrier, extra=extra)
        )
    bypasses = []
    for _ in range(draw(st.integers(0, 2))) if number > 1 else ():
        source = draw(st.integers(0, number - 2))
        target = draw(st.integers(source + 1, number - 1))
        late = sum(s.extra_steps for s in stages[source : target + 1])
        capacity = draw(st.integers(1, 6)) + late
        if all((b.source, b.target) != (f"chip.s{source}", f"chip.s{target}") for b in bypasses):
            bypasses.append(Bypass(f"chip.s{source}", f"chip.s{target}", capacity))
    return stages, bypasses
