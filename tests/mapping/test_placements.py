"""What programs of one network share is what each would make for itself."""

import numpy as np
import pytest

from imssa_sim.mapping import placements as module
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.placements import Placements
from imssa_sim.mapping.tiles import tile_shape

SIDES = (16, 24, 16, 40)


def hardware(random_networks, side, **mapping):
    tile = {"rows": side, "columns": 2 * side}
    return random_networks.hardware(mapping={"kernel": "fused_lookahead"} | mapping, tile=tile)


@pytest.fixture
def shared(random_networks):
    return Placements(random_networks.network(0))


@pytest.mark.parametrize("places", [{}, {"linear": "digital"}, {"digital_layers": (1,)}])
def test_programs_with_shared_placements_are_those_without(random_networks, shared, places):
    # Each chip twice, in between others: tiles of one may not stand in for those of another.
    for side in (*SIDES, *SIDES):
        chip = hardware(random_networks, side, **places)
        own, found = (
            build_program(shared.network, chip, placements=kept) for kept in (None, shared)
        )
        assert found.stages == own.stages
        assert found.use == own.use
        assert found.array_macs == own.array_macs
        for one, other in zip(
            (*own.kernels, *own.linears), (*found.kernels, *found.linears), strict=True
        ):
            assert one.path == other.path
            np.testing.assert_array_equal(one.weights, other.weights)
            np.testing.assert_array_equal(one.useful, other.useful)


def test_cells_are_made_where_they_are_asked_for_and_belong_to_their_program(
    random_networks, shared
):
    chip = hardware(random_networks, 16)
    first, second = (build_program(shared.network, chip, placements=shared) for _ in range(2))
    assert second.use == first.use  # the first made cells to count them
    assert "cells" not in vars(second.kernels[0])
    weights = second.kernels[0].weights.copy()
    first.kernels[0].weights[:] = 0
    np.testing.assert_array_equal(second.kernels[0].weights, weights)


def test_a_sum_over_the_cells_is_found_once_for_all_that_it_depends_on(random_networks, shared):
    chip = hardware(random_networks, 16)
    first, second = (
        build_program(shared.network, chip, placements=shared).kernels[0] for _ in range(2)
    )
    assert first.total(("sum", 1), lambda: 3.5) == 3.5
    assert second.total(("sum", 1), lambda: 4.5) == 3.5
    assert second.total(("sum", 2), lambda: 4.5) == 4.5


def test_no_more_than_so_many_are_kept(random_networks, shared, monkeypatch):
    shared._placed.most = 2
    made = []
    real = module.kernel_tiles

    def counted(*given, **named):
        made.append(named["path"])
        return real(*given, **named)

    monkeypatch.setattr(module, "kernel_tiles", counted)
    for side in (16, 24, 16, 40, 16, 24):  # 40 takes the place of 24, which went unused longest
        chip = hardware(random_networks, side)
        shared.placed(chip, tile_shape(chip.chip.tile))
    assert len(made) == 4 * len(shared.network.layers)
