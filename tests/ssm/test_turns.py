"""Quarter turns of states: which one is nearest, and that it is exact."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.ssm.forms import DELTA, LOOKAHEAD
from imssa_sim.ssm.turns import QUARTERS, nearest_turns


def test_quarters_are_powers_of_i():
    power = 1 + 0j
    for q in range(4):
        assert QUARTERS[q] == power
        power *= 1j


@given(radius=st.floats(0.01, 1.1), angle=st.floats(-10, 10))
def test_the_nearest_turn_leaves_least(radius, angle):
    a = np.array([radius * np.exp(1j * angle)])
    (q,) = nearest_turns(a)
    left = np.abs(a - QUARTERS)
    assert left[q] <= left.min() + 1e-12
    assert left[q] <= 2 * np.sin(np.pi / 8) + abs(1 - radius) + 1e-12


def test_only_increments_have_a_centre():
    a = np.array([[0.9, 0.9j, -0.9, -0.9j, 0]])
    assert DELTA.turns(a).tolist() == [[0, 1, 2, 3, 0]]
    assert DELTA.centre(DELTA.turns(a)).tolist() == [[1, 1j, -1, -1j, 1]]
    assert not LOOKAHEAD.turns(a).any()
    assert not LOOKAHEAD.centre(LOOKAHEAD.turns(a)).any()
