"""What each kernel mapping puts on tiles, reads and does digitally."""

import numpy as np
import pytest

from imssa_sim.errors import InputError, InternalError
from imssa_sim.mapping.kernels.base import TileMapping
from imssa_sim.mapping.kernels.cells import Part, Read
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS

ON_TILES = [name for name in KERNEL_MAPPINGS if KERNEL_MAPPINGS[name].reads]


def part(first=True):
    """One mode: two states, 2 -3 / 3 2."""
    return Part(
        state=np.array([[2, -3], [3, 2]]), held=np.ones((2, 2), np.bool_), into=np.array([5, 6]),
        out=np.array([7, 8]), through=9, first=first,
    )  # fmt: skip


@pytest.mark.parametrize("name", ON_TILES)
def test_a_block_computes_the_recurrence(name):
    mapping, given = KERNEL_MAPPINGS[name], part()
    x, u = np.array([10, -11]), 12
    sums = np.append(x, u) @ mapping.block(given).weights
    np.testing.assert_array_equal(sums[:2], given.state @ x + given.into * u)
    through = given.through * u if mapping.form.ahead else 0
    assert sums[2] == given.out @ x + through


@pytest.mark.parametrize("name", ON_TILES)
def test_the_feed_through_has_a_cell_once(name):
    mapping = KERNEL_MAPPINGS[name]
    other = mapping.block(part(first=False))
    assert other.weights[2, 2] == 0
    assert not other.useful[2, 2]
    assert mapping.block(part()).useful[2, 2] == (mapping.form.ahead)


def test_empty_cells_between_modes_are_not_useful():
    held = np.tile(np.eye(2, dtype=np.bool_), (2, 2))
    given = Part(np.zeros((4, 4), np.int64), held, np.ones(4, int), np.ones(4, int), 1, True)
    useful = KERNEL_MAPPINGS["fused_lookahead"].block(given).useful
    np.testing.assert_array_equal(useful[:4, :4], held.T)
    assert useful[4].all()
    assert useful[:, 4].all()


@pytest.mark.parametrize("name", ON_TILES)
def test_the_reads_of_a_step_convert_each_column_once(name):
    reads = KERNEL_MAPPINGS[name].reads
    states, outputs = np.array([4, 2]), np.array([1, 3])
    total = sum(read.columns(states, outputs) for read in reads)
    np.testing.assert_array_equal(total, states + outputs)
    assert reads[0].states


def test_columns_of_a_read():
    states, outputs = np.array([4, 2]), np.array([1, 3])
    for read, wanted in ((Read(True, False), [4, 2]), (Read(False, True), [1, 3])):
        np.testing.assert_array_equal(read.columns(states, outputs), wanted)


def test_digital_kernels_have_no_cells():
    with pytest.raises(InternalError, match="no cells"):
        KERNEL_MAPPINGS["digital"].block(part())


def test_an_unknown_mapping_is_named_with_its_neighbour():
    with pytest.raises(InputError, match="did you mean 'fused_delayed'"):
        KERNEL_MAPPINGS["fused_delay"]


def test_a_mapping_may_hold_other_cells():
    class Increments(TileMapping):
        name = "increments"
        form = KERNEL_MAPPINGS["fused_lookahead"].form

        def block(self, part):
            less = part.state - np.eye(len(part.into), dtype=np.int64)
            return super().block(Part(less, part.held, part.into, part.out, part.through, True))

    given = part()
    x, u = np.array([10, -11]), 12
    sums = np.append(x, u) @ Increments().block(given).weights
    np.testing.assert_array_equal(x + sums[:2], given.state @ x + given.into * u)
