"""Weights cut into slices: digits against the definition, and what cells compute with them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.circuits.array import write_tiles
from imssa_sim.circuits.literal import literal_sums
from imssa_sim.circuits.slices import cut_weights, put_together
from imssa_sim.functional.configured import cell_array

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
    np.testing.assert_array_equal(put_together(found.weights, found), weights)
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
            held.weights,
            np.array([40]),
            np.array([5 * number]),
            cell_array(chip),
            seed=0,
            chip=0,
            site=0,
        ).at(0.0)
        return np.abs(put_together(tiles.weights, held) - weights).max()

    assert error(1) > 1
    assert error(2) < 1e-9


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("devices", [1, 2])
def test_literal_reads_of_slices_fold_to_their_shifted_variances(hardware, scheme, devices):
    """Every device of every digit drawn apart; |z| < 5 in each column, 20,000 reads."""
    rng = np.random.default_rng(2)
    weights, codes = rng.integers(-100, 101, (1, 16, 4)), rng.integers(-127, 128, 16)
    chip = hardware(
        "cells/taox_imssa", tile={"weights": scheme, "devices": devices, "slices": 3},
        read_noise=True, programming_error=True,
    )  # fmt: skip
    held = cut_weights(weights, 3, scheme, "column")
    written = write_tiles(
        held.weights,
        np.array([16]),
        np.array([12]),
        cell_array(chip),
        seed=1,
        chip=0,
        site=0,
        shift=held.shift,
    )
    tiles = written.at(60.0)
    each = codes.astype(float) ** 2 @ (tiles.variance[0] + tiles.flat_variance[0])
    variance = (each * 4.0 ** held.shift[0]).reshape(4, 3).sum(axis=1)
    mean = codes @ put_together(tiles.weights, held)[0]
    reads = 20_000
    drawn = literal_sums(
        written, 0, np.tile(codes, (reads, 1)), 60.0, np.random.default_rng(1), clipped=False
    )
    samples = put_together(drawn[None], held)[0]
    assert np.all(np.abs(samples.mean(axis=0) - mean) < 5 * np.sqrt(variance / reads))
    z = (samples.var(axis=0, ddof=1) / variance - 1) / np.sqrt(2 / (reads - 1))
    assert np.all(np.abs(z) < 5)


@pytest.mark.parametrize("scheme", ["differential", "one_sided"])
@pytest.mark.parametrize("number", [2, 4])
def test_errors_of_slices_are_weighted_by_their_place(hardware, scheme, number):
    """Σ_k 4^(b·k)·2σ²/s_k² in a weight; a chi-square of 1,200, fails by accident below 1e-6."""
    sigma = 0.2e-6
    rng = np.random.default_rng(5)
    weights = rng.integers(-127, 128, (1, 60, 20))
    weights[0, 0] = 127
    chip = hardware(
        tile={"weights": scheme, "programming_sigma": f"{sigma} S"}, programming_error=True
    )
    held = cut_weights(weights, number, scheme, "column")
    tiles = write_tiles(
        held.weights,
        np.array([60]),
        np.array([20 * number]),
        cell_array(chip),
        seed=0,
        chip=0,
        site=0,
    ).at(0.0)
    error = (put_together(tiles.weights, held) - weights)[0]
    each = (2.0 ** held.shift[0] / tiles.scale[0]) ** 2 * 2 * sigma**2
    expected = each.reshape(20, number).sum(axis=1)
    # Of a whole weight's error, from the card's range alone, √(112² + 15²) / 127 is left, or
    # √(64² + 48² + 12² + 3²) / 127.
    whole = 2 * (sigma * 127 / (300e-6 - 1e-6)) ** 2
    assert np.sqrt(expected / whole) == pytest.approx({2: 0.8898, 4: 0.6374}[number], abs=1e-4)
    measured = (error**2 / expected).sum() / error.size
    assert abs(measured - 1) < 5 * np.sqrt(2 / error.size)
