"""The maximum cycle ratio against a linear program."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from imssa_sim.errors import InputError
from imssa_sim.timing.build import build_graph
from imssa_sim.timing.constraints import event_system, schedule
from imssa_sim.timing.cycle_ratio import maximum_cycle_ratio

from .programs import pipeline, programs, serial


def by_linear_program(system):
    """Least λ with potentials p: p[target] >= p[source] + weight - λ marking for all arcs."""
    arcs, nodes = len(system.source), len(system.names)
    rows = np.zeros((arcs, nodes + 1))
    rows[np.arange(arcs), system.source] += 1
    rows[np.arange(arcs), system.target] -= 1
    rows[:, -1] = -system.marking
    cost = np.zeros(nodes + 1)
    cost[-1] = 1
    bounds = [(None, None)] * nodes + [(0, None)]
    solution = linprog(cost, A_ub=rows, b_ub=-system.weight.astype(float), bounds=bounds)
    assert solution.status == 0
    return solution.fun


@settings(max_examples=60, deadline=None)
@given(programs(shared=True), st.sampled_from(["fifo", "static"]))
def test_equals_linear_program(program, arbitration):
    (segment,) = build_graph(*program, 50, serial, arbitration).segments
    system = event_system(segment, relaxed=True)
    try:
        schedule(system)
    except InputError:
        assume(False)
    critical = maximum_cycle_ratio(system)
    assert float(critical.ratio) == pytest.approx(by_linear_program(system), rel=1e-7)
    arcs = list(critical.arcs)
    assert Fraction(int(system.weight[arcs].sum()), int(system.marking[arcs].sum())) == (
        critical.ratio
    )
    assert (np.roll(system.source[arcs], -1) == system.target[arcs]).all()


def test_the_slowest_station_of_a_pipeline():
    (segment,) = build_graph(pipeline([3, 5, 7, 4, 6, 2]), (), 10, serial).segments
    system = event_system(segment)
    critical = maximum_cycle_ratio(system)
    assert critical.ratio == 7
    names = {system.names[v] for v in system.source[list(critical.arcs)]}
    assert names == {"chip.s2.lut start", "chip.s2.lut end"}
