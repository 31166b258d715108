"""Placement against the definition of the recurrence, written out weight by weight."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.errors import InputError, InternalError
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.mapping.tiles import (
    TileShape,
    kernel_tiles,
    linear_tiles,
    rows_and_columns,
    tile_use,
)

CHANNELS = st.integers(1, 7)
MODES = st.integers(1, 9)
SIDE = st.integers(3, 40)
FORMS = st.sampled_from(["lookahead", "separate", "delta"])


def place(kernel, rows, columns):
    mapping = "fused_lookahead" if kernel.form.ahead else "two_pass"
    mapping = "fused_delta" if kernel.form.accumulates else mapping
    return kernel_tiles(
        kernel, TileShape(rows, columns, "differential"), KERNEL_MAPPINGS[mapping],
        path="chip.layer0.kernel", site=1, layer=0, reverse=False,
    )  # fmt: skip


def joined(tiles, channels, modes):
    """One matrix over all states and channels: rows (states, inputs), columns (states, outputs).

    Parts of one sum add up, as the chip adds partial sums.
    """
    states = 2 * channels * modes
    whole = np.zeros((states + channels, states + channels), dtype=np.int64)
    cells = np.zeros_like(whole)
    for t in range(tiles.tiles):
        s, i, o = tiles.n_states[t], tiles.n_inputs[t], tiles.n_outputs[t]
        rows = [*tiles.state_index[t, :s], *(states + tiles.input_channel[t, :i])]
        columns = [*tiles.state_index[t, :s], *(states + tiles.output_channel[t, :o])]
        for a, row in enumerate(rows):
            for b, column in enumerate(columns):
                whole[row, column] += tiles.weights[t, a, b]
                cells[row, column] += tiles.useful[t, a, b]
    return whole, cells


def defined(kernel):
    """The same matrix from the formulas of QuantisedKernel, and which cells hold a weight."""
    channels, modes = kernel.a_re.shape
    states = 2 * channels * modes
    whole = np.zeros((states + channels, states + channels), dtype=np.int64)
    cells = np.zeros_like(whole)
    for c in range(channels):
        u = states + c
        for n in range(modes):
            re, im = 2 * (c * modes + n), 2 * (c * modes + n) + 1
            a, b = 2 ** kernel.a_shift[c, n], 2 ** kernel.b_shift[c, n]
            whole[re, re] = kernel.a_re[c, n] * a
            whole[im, re] = -kernel.a_im[c, n] * a
            whole[re, im] = kernel.a_im[c, n] * a
            whole[im, im] = kernel.a_re[c, n] * a
            whole[u, re] = kernel.b_re[c, n] * b
            whole[u, im] = kernel.b_im[c, n] * b
            whole[re, u] = kernel.c_re[c, n] * 2 ** kernel.c_shift[c]
            whole[im, u] = kernel.c_im[c, n] * 2 ** kernel.c_shift[c]
            cells[np.ix_([re, im, u], [re, im, u])] = 1
        cells[u, u] = kernel.form.ahead
        if kernel.form.ahead:
            whole[u, u] = kernel.d[c] * 2 ** kernel.d_shift[c]
    return whole, cells


@settings(max_examples=60, deadline=None)
@given(CHANNELS, MODES, SIDE, SIDE, FORMS, st.integers(0, 2**16))
def test_tiles_add_up_to_the_kernel(random_networks, channels, modes, rows, columns, form, seed):
    rng = np.random.default_rng(seed)
    kernel = random_networks.kernel(rng, channels, modes, form, random_networks.bit_widths())
    tiles = place(kernel, rows, columns)
    whole, cells = joined(tiles, channels, modes)
    expected, useful = defined(kernel)
    np.testing.assert_array_equal(whole, expected)
    np.testing.assert_array_equal(cells, useful)
    used_rows, used_columns = rows_and_columns(tiles)
    assert used_rows.max() <= rows
    assert used_columns.max() <= columns
    # Every state stands in one place, with its own requantiser.
    index = tiles.state_index[tiles.state_index >= 0]
    assert sorted(index) == list(range(2 * channels * modes))
    requant = kernel.state_requant
    flat = (requant.multiplier / 2.0**requant.shift).ravel()[index // 2]
    np.testing.assert_array_equal(tiles.state_gain[tiles.state_index >= 0], flat)
    # The exchange of states is the turn of the modes, and padding stays what it is.
    x = rng.normal(size=(channels, modes)) + 1j * rng.normal(size=(channels, modes))
    turned = x * np.array([1, 1j, -1, -1j])[kernel.turns]
    flat = np.append(np.stack([x.real, x.imag], axis=-1).ravel(), 0.0)
    expected = np.append(np.stack([turned.real, turned.imag], axis=-1).ravel(), 0.0)
    before = flat[tiles.state_index]  # index -1: the padding's zero
    found = tiles.state_sign * np.take_along_axis(before, tiles.state_source, axis=1)
    np.testing.assert_array_equal(found, expected[tiles.state_index])
    # Padding is silent.
    for t in range(tiles.tiles):
        assert not tiles.weights[t, used_rows[t] :].any()
        assert not tiles.weights[t, :, used_columns[t] :].any()


@pytest.mark.parametrize(
    ("channels", "modes", "rows", "columns", "tiles", "parts"),
    [
        (4, 3, 7, 7, 4, 1),  # a block of 7 fills the tile
        (4, 3, 14, 14, 2, 1),  # two fit along the diagonal
        (5, 3, 14, 15, 3, 1),
        (4, 3, 6, 14, 6, 2),  # 2 modes a tile; the remainders (1 mode) pair up: 4 + 2
        (2, 8, 7, 7, 6, 3),  # 3 + 3 + 2 modes, and blocks of 5 do not share a tile of 7
    ],
)
def test_number_of_tiles(random_networks, channels, modes, rows, columns, tiles, parts):
    rng = np.random.default_rng(0)
    kernel = random_networks.kernel(rng, channels, modes, "lookahead", random_networks.bit_widths())
    placed = place(kernel, rows, columns)
    assert placed.tiles == tiles
    assert int(placed.n_outputs.sum()) == channels * parts


def test_tile_too_small_for_one_mode(random_networks):
    rng = np.random.default_rng(0)
    kernel = random_networks.kernel(rng, 1, 1, "lookahead", random_networks.bit_widths())
    with pytest.raises(InputError, match=r"chip\.layer0\.kernel: .* 2 logical columns"):
        place(kernel, 8, 2)


def test_form_must_suit_the_mapping(random_networks):
    rng = np.random.default_rng(0)
    kernel = random_networks.kernel(rng, 1, 1, "separate", random_networks.bit_widths())
    with pytest.raises(InternalError, match="needs the form lookahead"):
        kernel_tiles(
            kernel, TileShape(8, 8, "differential"), KERNEL_MAPPINGS["fused_lookahead"],
            path="p", site=0, layer=0, reverse=False,
        )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), SIDE, SIDE, st.integers(0, 2**16))
def test_linear_tiles_add_up_to_the_matrix(random_networks, outputs, inputs, rows, columns, seed):
    rng = np.random.default_rng(seed)
    linear = random_networks.linear(rng, outputs, inputs, random_networks.bit_widths())
    tiles = linear_tiles(linear, TileShape(rows, columns, "offset"), path="p", site=0)
    whole = np.zeros((inputs, outputs), dtype=np.int64)
    for t in range(tiles.tiles):
        r0, c0 = tiles.row_start[t], tiles.column_start[t]
        r, c = tiles.row_count[t], tiles.column_count[t]
        whole[r0 : r0 + r, c0 : c0 + c] += tiles.weights[t, :r, :c]
        assert tiles.useful[t].sum() == r * c
    np.testing.assert_array_equal(whole.T, linear.weight)
    assert tiles.row_count.max() <= rows
    assert tiles.column_count.max() <= columns
    assert tiles.tiles == -(-inputs // rows) * -(-outputs // columns)
    assert np.ptp(tiles.row_count) <= 1
    assert np.ptp(tiles.column_count) <= 1


@pytest.mark.parametrize(
    ("weights", "lines"), [("differential", 10), ("one_sided", 10), ("offset", 6)]
)
def test_bit_lines(weights, lines):
    assert TileShape(8, 8, weights).bit_lines(5) == lines
    assert TileShape(8, 8, weights).bit_lines(0) == 0


WAYS = [
    # how a tile holds signed weights, slices, devices: word lines of a row, bit lines of a column
    # and of all columns together
    ("differential", 1, 1, 1, 2, 0), ("differential", 2, 1, 1, 4, 0), ("one_sided", 1, 3, 1, 6, 0),
    ("offset", 1, 1, 1, 1, 1), ("offset", 2, 2, 1, 4, 2), ("four_line", 1, 1, 2, 2, 0),
]  # fmt: skip


@pytest.mark.parametrize(("weights", "slices", "devices", "word", "bit", "common"), WAYS)
def test_cells_are_counted_by_hand(random_networks, weights, slices, devices, word, bit, common):
    """A linear map of 5 inputs and 7 outputs on tiles of 3 rows and 4 columns: 2 by 2 of them."""
    linear = random_networks.linear(np.random.default_rng(0), 7, 5, random_networks.bit_widths())
    shape = TileShape(3, 4, weights, slices, devices)
    tiles = linear_tiles(linear, shape, path="chip.encoder", site=0)
    use = tile_use(tiles, shape, SimpleNamespace(rows=8, columns=40))
    assert use.tiles == 4
    assert use.cells == 4 * 8 * 40
    assert use.cells_useful == 35 * word * bit
    # Rows of 2 and 3, columns of 3 and 4, and what all columns of a tile have together.
    assert use.cells_used == word * 5 * (7 * bit + 2 * common)
    assert (use.rows_used, use.columns_used) == (3 * word, 4 * bit + common)
