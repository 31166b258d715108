"""Every number of every cell's card moves what it is called after, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from imssa_sim.cards import list_cards
from imssa_sim.devices.cell import cell_of
from imssa_sim.devices.write import IncrementalPulses
from imssa_sim.devices.write_verify import write_verify

CELLS = {card.name: card for card in list_cards("cell")}
ASPECTS = ("programming", "relaxation", "drift", "read_noise", "faults", "conduction", "write")
TIMES = (0.0, 0.5, 1.0, 30.0, 4e3, 8e4, 1.2e5, 4e5, 5e5, 1e6, 4e7)
NORMALS = (-2.5, -1.0, 0.0, 1.0, 2.5)
STEP = 1.03
FINE = 1.001
"""Of numbers of a list: polynomials stay positive."""

STILL = {
    "cells/hfox_neurram": {"write_reversals", "write_voltage_limit"},
    "cells/taox_imssa": {"write_voltage_step", "write_window"},
    "cells/sram_charge_65nm": {"write_set_voltage", "write_reset_voltage"},
    "cells/pcm_hermes_1": {"drift_mean[2]", "read_noise_below[2]"},
    "cells/pcm_hermes_2": {"drift_mean[2]"},
}
"""Bounds that are not reached here, and what a form leaves out that is known by its mean number of
pulses, or by the energy of one."""


def measured(cell, g_max):
    """Return what a cell does at targets up to beyond ``g_max`` [S], by aspect."""
    low, high = np.geomspace(1e-5, 0.05, 12), np.linspace(0.06, 1.3, 400)
    x = np.concatenate([low, high]) * g_max
    one, found = np.ones(len(x)), {}
    if cell.programming is not None:
        held = cell.programming
        found["programming"] = [held.sigma(x), *(held.error(x, n * one) for n in NORMALS)]
    if cell.relaxation is not None:
        found["relaxation"] = [cell.relaxation.shift(x, t, n * one) for t in TIMES for n in NORMALS]
    if cell.drift is not None:
        exponents = [cell.drift.exponents(x, n * one) for n in NORMALS]
        found["drift"] = [*exponents, *(cell.drift.factor(exponents[3], t) for t in TIMES)]
    if cell.read_noise is not None:
        found["read_noise"] = [
            cell.read_noise.sigma(0.8 * x, x, t, r) for t in TIMES for r in (None, 1e-7)
        ]
    if cell.faults is not None:
        u = np.linspace(0, 1, 200_001)[1:-1]
        kinds = cell.faults.kinds(u)
        found["faults"] = [
            np.array([(kinds > 0).sum(), (kinds < 0).sum()]),
            *(cell.faults.conductance(np.array([k]), np.array([p])) for k in (-1, 1)
              for p in (0.1, 0.9)),
        ]  # fmt: skip
    if cell.conduction is not None:
        v = 0.3 * one
        found["conduction"] = [cell.conduction.current(x, v), cell.conduction.slope(x, v)]
    if cell.write is not None:
        once = [cell.write.cell_time(), cell.write.endurance or 0.0]
        found["write"] = [np.array(once), cell.write.cell_energy(x)]
    if isinstance(cell.write, IncrementalPulses):
        made = write_verify(cell.write, x[::-1], x, lambda n: np.sin(7.0 * n + np.arange(len(x))))
        found["write"] += [made.conductance, made.energy, made.time]
    levels = [cell.on_grid(x)] if cell.levels is not None else []
    ends = [cell.g_min, cell.g_max, cell.bound_low, cell.bound_high, cell.unformed_stuck]
    found["range"] = [np.array([*ends, cell.unformed or 0.0]), *levels]
    return found


def changes(name, scaled, step=STEP):
    """Yield (which number, the value with that one a little larger)."""
    if isinstance(scaled, tuple):
        for n, item in enumerate(scaled):
            for which, other in changes(name, item, FINE):
                yield f"[{n}]{which}", (*scaled[:n], other, *scaled[n + 1 :])
    elif scaled:
        yield "", scaled + 1 if name == "levels" else scaled * step


@pytest.mark.parametrize("name", CELLS)
def test_a_number_moves_its_own_aspect_alone(name):
    card = CELLS[name]
    before = measured(cell_of(card), card["g_max"].si)
    still = set()
    for entry in card.parameters.values():
        if entry.scaled is None:
            continue
        aspect = next((a for a in ASPECTS if entry.name.startswith(f"{a}_")), "range")
        for which, value in changes(entry.name, entry.scaled):
            parameters = dict(card.parameters) | {entry.name: replace(entry, scaled=value)}
            other = replace(card, parameters=MappingProxyType(parameters))
            after = measured(cell_of(other), card["g_max"].si)
            moved = {
                a for a in before
                if any(not np.array_equal(x, y) for x, y in zip(before[a], after[a], strict=True))
            }  # fmt: skip
            assert moved <= {aspect}, (entry.name, value)
            if not moved:
                still.add(entry.name + which)
    assert still == STILL.get(name, set())


GRIDS = [name for name, card in CELLS.items() if {"levels", "level_values"} & set(card.parameters)]


@pytest.mark.parametrize("name", GRIDS)
def test_targets_go_to_the_nearest_level(name):
    cell = cell_of(CELLS[name])
    card = cell.card.parameters
    if "level_values" in card:
        assert cell.levels == pytest.approx(card["level_values"].scaled)
    else:
        count = int(card["levels"].scaled)
        assert cell.levels == pytest.approx(np.linspace(cell.g_min, cell.g_max, count))
    x = np.random.default_rng(2).uniform(cell.g_min, cell.g_max, 2000)
    found = cell.on_grid(x)
    nearest = np.abs(x[:, None] - cell.levels).min(axis=1)
    np.testing.assert_allclose(np.abs(found - x), nearest, rtol=0, atol=1e-18)
    assert set(found) <= set(cell.levels)
    assert cell.on_grid(cell.levels).tolist() == cell.levels.tolist()


def test_cells_with_grids_are_walked():
    assert GRIDS
    free = next(cell_of(card) for name, card in CELLS.items() if name not in GRIDS)
    x = np.linspace(free.g_min, free.g_max, 9)
    assert free.on_grid(x).tolist() == x.tolist()
