"""Which physical lines stand for weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.circuits.draws import Coordinates, normals
from imssa_sim.circuits.faults import STUCK_ON, assign_columns
from imssa_sim.circuits.placement import Placement
from imssa_sim.circuits.weights import physical_lines

WHERE = Coordinates(1, 2, 3)


@given(
    scheme=st.sampled_from(["differential", "one_sided", "offset", "four_line"]),
    devices=st.integers(1, 2),
    columns=st.integers(1, 5),
)
def test_without_spares_each_line_stands_for_itself(scheme, devices, columns):
    lines = physical_lines(columns, scheme) * devices
    kinds = np.full((2, 3, lines), STUCK_ON, np.int8)
    used = np.array([3, 3]), np.array([columns, columns])
    expected = assign_columns(kinds, *used, columns, 0, scheme, devices)
    np.testing.assert_array_equal(expected, np.tile(np.arange(lines), (2, 1)))
    place = Placement(WHERE, np.ones((2, 3, columns), np.int64), *used, scheme, 0, devices)
    drawn = [normals(WHERE, tile, "programming", 3, lines) for tile in range(2)]
    np.testing.assert_array_equal(place.normals("programming"), np.reshape(drawn, (2, 3, lines)))


@pytest.mark.parametrize("spares", [1, 2])
def test_with_spares_the_lines_of_the_columns_are_drawn(spares):
    used = np.array([3]), np.array([4])
    place = Placement(WHERE, np.ones((1, 3, 4), np.int64), *used, "differential", spares)
    drawn = normals(WHERE, 0, "programming", 3, 8 + 2 * spares)
    np.testing.assert_array_equal(place.normals("programming")[0], drawn[:, :8])
