"""Cells that stay pristine: what they conduct, that nothing moves them, and what weights become."""

import numpy as np
import pytest

from imssa_sim.circuits.array import CellArray, write_tiles
from imssa_sim.circuits.faults import FaultRates
from imssa_sim.circuits.weights import formed_cells
from imssa_sim.devices.cell import load_cell
from imssa_sim.errors import InputError

WEIGHTS = np.array([[[100, 0, -7], [0, -50, 0], [3, 0, 127]]])


def written(unformed, scheme="one_sided", cell="cells/taox_imssa", **effects):
    array = CellArray(load_cell(cell), scheme, unformed=unformed, **effects)
    three = np.array([3])
    return write_tiles(WEIGHTS, three, three, array, seed=1, chip=0, site=2)


@pytest.mark.parametrize(("unformed", "count"), [("none", 18), ("pairs", 10), ("cells", 5)])
def test_only_cells_of_weights_are_formed(unformed, count):
    tiles = written(unformed)
    assert int(formed_cells(WEIGHTS, "one_sided", unformed).sum()) == count
    assert tiles.programming.cells.tolist() == [count]
    present = tiles.conductance(0.0)
    assert np.all(present[~tiles.formed] == 0)
    assert np.all(present[tiles.formed] >= 1e-6)


@pytest.mark.parametrize("unformed", ["none", "pairs", "cells"])
@pytest.mark.parametrize("checked", [True, False])
def test_weights_stay_what_they_are(unformed, checked):
    read = written(unformed, checked=checked).at(0.0)
    np.testing.assert_allclose(read.weights, WEIGHTS, rtol=1e-12)


def test_a_weight_below_the_least_conductance_becomes_that():
    array = CellArray(load_cell("cells/taox_imssa"), "one_sided", unformed="cells")
    weights = np.array([[[1], [1000]]])
    tiles = write_tiles(weights, np.array([2]), np.array([1]), array, seed=1, chip=0, site=2)
    np.testing.assert_allclose(tiles.at(0.0).weights[0, :, 0], [1000 / 300, 1000], rtol=1e-12)


@pytest.mark.parametrize("scheme", ["one_sided", "differential"])
def test_nothing_moves_a_pristine_cell(scheme):
    tiles = written(
        "pairs", scheme, programming_error=True, relaxation=True, drift=True, read_noise=True,
        faults=FaultRates(stuck_on=0.3, stuck_off=0.3),
    )  # fmt: skip
    read = tiles.at(3600.0)
    assert np.all(read.weights[WEIGHTS == 0] == 0)
    assert np.all(read.flat_variance == 0)
    assert np.all(read.variance[WEIGHTS == 0] == 0)
    assert np.all(read.variance[WEIGHTS != 0] > 0)
    assert np.any(tiles.faults[tiles.formed] != 0)
    assert not np.any(tiles.faults[~tiles.formed])


def test_a_card_that_does_not_know_is_refused():
    with pytest.raises(InputError, match=r"hfox_stanford has none; .* unformed: none"):
        written("pairs", cell="cells/hfox_stanford")
