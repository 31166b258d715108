"""Weights cut into slices: digits against the definition, and what cells compute with them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.circuits.array import write_tiles
from imssa_sim.circuits.slices import cut_weights, put_together

SCHEMES = ("differential", "one_sided", "offset")


@settings(max_examples=200, deadline=None)
@given(
    limit=st.integers(1, 2**18),
    number=st.integers(1, 8),
    scheme=st.sampled_from(SCHEMES),
    scope=st.sampled_from(["column", "tile"]),
    seed=st.integers(0, 2**16),
)
def test_digits_stand_for_the_weights(limit, number, scheme, scope, seed):
    rng = np.random.default_rng(seed)
    reach = np.maximum(1, (limit * rng.random((2, 1, 3))).astype(np.int64))
    weights = rng.integers(-reach, reach + 1, (2, 9, 3))
    found = cut_weights(weights, number, scheme, scope)
    assert found.weights.shape == (2, 9, 3 * number)
    for t in range(2):
        for j in range(3):
            shared = weights[t] if scope == "tile" else weights[t, :, j]
            bits = max(1, int(np.abs(shared).max())).bit_length() + (scheme == "offset")
            width = -(-bits // number)
            assert found.shift[t, j * number : (j + 1) * number].tolist() == [
                k * width if number > 1 else 0 for k in range(number)
            ]
            for i in range(9):
                digits = found.weights[t, i, j * number : (j + 1) * number].tolist()
                w = int(weights[t, i, j])
                assert sum(d * 2 ** (k * width) for k, d in enumerate(digits)) == w
                if number == 1:
                    continue
                if scheme == "offset":
                    assert all(-(2 ** (width - 1)) <= d <= 2 ** (width - 1) for d in digits)
                else:
                    assert all(abs(d) < 2**width and d * w >= 0 for d in digits)
    np.testing.assert_array_equal(put_together(found.weights, found.shift, number), weights)
    if number == 1:
        np.testing.assert_array_equal(found.weights, weights)


def test_eight_bits_in_cells_of_two_and_of_four():
    """127 = 1 33 33 in base 4, as sign and magnitude; -128 … 127 balanced beside a middle line."""
    weights = np.array([[[127], [-100], [0]]])
    four = cut_weights(weights, 4, "differential", "column")
    assert four.weights[0].tolist() == [[3, 3, 3, 1], [0, -1, -2, -1], [0, 0, 0, 0]]
    assert four.shift[0].tolist() == [0, 2, 4, 6]
    two = cut_weights(weights, 2, "offset", "column")
    assert two.weights[0].tolist() == [[-1, 8], [-4, -6], [0, 0]]
    assert two.shift[0].tolist() == [0, 4]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_levels_of_a_cell_hold_digits_exactly(hardware, scheme, tmp_path):
    """Seven-bit magnitudes want 128 levels a cell; in slices of four bits 16 (17 balanced) do."""
    card = tmp_path / "cell.yaml"
    levels = 17 if scheme == "offset" else 16
    if scheme == "differential":  # the balanced pair stands at half steps from the middle
        levels = 31
    card.write_text(
        "name: few\nkind: cell\ntitle: few levels\nparameters:\n"
        "  g_min: {value: 1, unit: uS, status: assumed}\n"
        "  g_max: {value: 101, unit: uS, status: assumed}\n"
        f"  levels: {{value: {levels}, unit: 1, status: assumed}}\n"
    )
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, (1, 40, 5))
    weights[0, 0] = 127
    chip = hardware(
        str(card), tile={"weights": scheme, "weight_scale": "tile"}, level_grid=True
    )  # fmt: skip

    def error(number):
        held = cut_weights(weights, number, scheme, "tile")
        tiles = write_tiles(
            held.weights, np.array([40]), np.array([5 * number]), chip, seed=0, chip=0, stage=0
        ).at(0.0)
        return np.abs(put_together(tiles.weights, held.shift, number) - weights).max()

    assert error(1) > 1
    assert error(2) < 1e-9
