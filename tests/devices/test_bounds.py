"""Conductances stay within physical bounds at every time, whatever departs from targets."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.cards import list_cards
from imssa_sim.devices.cell import load_cell


def cells() -> list[str]:
    return [card.name for card in list_cards("cell")]


@pytest.mark.parametrize("name", cells())
def test_extremes_of_programming_and_relaxation_end_at_the_bounds(name: str) -> None:
    """Normals of ten sigma, at both ends of the range: nothing leaves the bounds before drift."""
    cell = load_cell(name)
    targets = np.linspace(cell.g_min, cell.g_max, 7)
    limits = (cell.bound_low, cell.bound_high)
    time = min(max(cell.valid.get("time", (0.0, 3600.0))[0], 60.0),
               cell.valid.get("time", (0.0, 3600.0))[1])  # fmt: skip
    for sign in (-10.0, 10.0):
        normals = np.full(7, sign)
        for written in (cell.program(targets, normals), targets):
            for relaxation in (normals, None):
                found = cell.after(written, targets, time, relaxation=relaxation)
                assert np.all(found >= limits[0])
                assert np.all(found <= limits[1])


def test_the_bounds_matter_to_some_cell() -> None:
    """Relaxation alone takes a cell of some card beyond its bounds: the clamp has work to do."""
    beyond = set()
    for name in cells():
        cell = load_cell(name)
        if cell.relaxation is None:
            continue
        targets = np.linspace(cell.g_min, cell.g_max, 7)
        for sign in (-10.0, 10.0):
            moved = targets + cell.relaxation.shift(targets, 3600.0, np.full(7, sign))
            if np.any(moved < cell.bound_low) or np.any(moved > cell.bound_high):
                beyond.add(name)
    assert beyond
