import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.circuits.array import program_tiles, write_tiles
from imssa_sim.circuits.transfer import transfer_matrix
from imssa_sim.circuits.weights import effective, targets, unit_conductance
from imssa_sim.circuits.wires import Wires
from imssa_sim.errors import InputError, ValidityError
from imssa_sim.functional.configured import cell_array

SCHEMES = ("differential", "one_sided", "offset")


def sparse_weights(tiles=3, rows=20, columns=11, limit=127, share=0.3, seed=0):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-limit, limit + 1, (tiles, rows, columns))
    weights[rng.random(weights.shape) > share] = 0
    weights[:, -2:] = 0  # padding
    weights[:, :, -1:] = 0
    return weights


def program(weights, chip_hardware, time=3600.0, **coordinates):
    tiles, rows, columns = weights.shape
    where = {"seed": 5, "chip": 1, "site": 2, **coordinates}
    return program_tiles(
        weights,
        np.full(tiles, rows - 2),
        np.full(tiles, columns - 1),
        cell_array(chip_hardware),
        time_since_programming=time,
        **where,
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_effect_gives_the_integers_exactly(hardware, scheme):
    weights = sparse_weights()
    for chip in (
        hardware(tile={"weights": scheme}),
        hardware(
            tile={"weights": scheme},
            ideal=True,
            programming_error=True,
            read_noise=True,
            faults=True,
        ),
        hardware("cells/ideal", tile={"weights": scheme}, programming_error=True, drift=True),
    ):
        tiles = program(weights, chip)
        assert np.array_equal(tiles.weights, weights)
        assert tiles.variance is None
        assert not tiles.noisy


@given(
    st.integers(1, 4000),
    st.sampled_from(SCHEMES),
    st.sampled_from(("column", "tile")),
    st.integers(0, 2**32),
)
def test_targets_stay_in_range_and_stand_for_the_weights(limit, scheme, scope, seed):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-limit, limit + 1, (2, 5, 4))
    scale = unit_conductance(weights, scheme, scope, 1e-6, 3e-4)
    g = targets(weights, scale, scheme, 1e-6, 3e-4)
    assert g.min() >= 1e-6
    assert g.max() <= 3e-4
    np.testing.assert_allclose(effective(g, scale, scheme), weights, atol=limit * 1e-12)
    used = np.abs(weights).max() if scope == "tile" else np.abs(weights).max(axis=1)
    reach = scale * np.maximum(used, 1)
    if scope == "column":
        np.testing.assert_allclose(reach, (3e-4 - 1e-6) / (2 if scheme == "offset" else 1))


SWITCHES = (
    ("cells/taox_imssa", "programming_error"),
    ("cells/hfox_neurram", "relaxation"),
    ("cells/taox_imssa", "read_noise"),
    ("cells/pcm_joshi_2020", "drift"),
    ("cells/hfox_neurram", "faults"),
    ("cells/taox_imssa", "level_grid"),
    ("cells/taox_imssa", "ir_drop"),
    ("cells/hfox_neurram", "write_verify"),
)


@pytest.mark.parametrize(("cell", "effect"), SWITCHES)
def test_each_effect_acts_alone(hardware, cell, effect):
    weights = sparse_weights()
    tiles = program(weights, hardware(cell, **{effect: True}))
    changed = not np.array_equal(tiles.weights, weights)
    assert changed == (effect != "read_noise")
    assert tiles.noisy == (effect == "read_noise")


def test_programming_error_has_the_size_of_the_card(hardware):
    weights = sparse_weights(8, 100, 60, share=0.6)
    tiles = program(weights, hardware(programming_error=True))
    inside = (weights != 0) & (np.abs(weights) < 120)  # cells whose window meets no bound
    error = ((tiles.weights - weights) * tiles.scale[:, None, :])[inside]
    half_width = (300 - 1) / 63 / 2 * 1e-6
    n = error.size
    # two independent cells, each uniform within the window
    assert error.std() == pytest.approx(half_width * math.sqrt(2 / 3), rel=5 / math.sqrt(2 * n))
    assert np.abs(error).max() <= 2 * half_width + 1e-12
    # at the lower end conductances are clipped at zero, which narrows the spread
    empty = (tiles.weights * tiles.scale[:, None, :])[:, :-2, :-1][weights[:, :-2, :-1] == 0]
    assert np.abs(empty).max() <= 1e-6 + half_width


def test_a_configured_spread_replaces_the_card(hardware):
    weights = sparse_weights(8, 100, 60, share=0.6)
    tile = {"programming_sigma": "7 uS", "weights": "one_sided"}
    tiles = program(weights, hardware(tile=tile, programming_error=True))
    inside = np.abs(weights) > 30  # far from the bound at zero, on one line of the pair
    error = ((tiles.weights - weights) * np.sign(weights) * tiles.scale[:, None, :])[inside]
    # the other line sits at 1 µS and is cut off at zero: moments of a cut normal
    z = 1 / 7
    phi, cdf = math.exp(-z * z / 2) / math.sqrt(2 * math.pi), (1 + math.erf(z / math.sqrt(2))) / 2
    mean = z * cdf + phi
    cut = (z * z + 1) * cdf + z * phi - mean**2
    expected = 7e-6 * math.sqrt(1 + cut)
    assert error.std() == pytest.approx(expected, rel=5 / math.sqrt(2 * error.size))
    assert error.mean() == pytest.approx(
        1e-6 - 7e-6 * mean, abs=5 * expected / math.sqrt(error.size)
    )


def test_empty_cells_leak_and_fluctuate_but_padding_does_not(hardware):
    weights = np.zeros((1, 6, 5), dtype=np.int64)
    tiles = program(weights, hardware(read_noise=True, programming_error=True))
    assert np.all(tiles.row_conductance[0, :4] > 0)
    assert np.all(tiles.row_conductance[0, 4:] == 0)
    variance = tiles.variance + tiles.flat_variance[:, None, :]
    assert np.all(variance[0, :4, :4] > 0)
    assert np.all(variance[0, 4:] == 0)
    assert np.all(variance[0, :, 4:] == 0)
    assert np.all(tiles.weights[0, 4:] == 0)


def test_equal_empty_cells_share_one_variance(hardware):
    weights = sparse_weights()
    tiles = program(weights, hardware(read_noise=True))
    excess = tiles.variance[:, :-2, :-1]
    empty = weights[:, :-2, :-1] == 0
    assert np.all(excess[empty] == 0)
    assert np.all(excess[~empty] > 0)
    expected = 2 * (0.01 * 1e-6 / tiles.scale[:, :-1]) ** 2
    np.testing.assert_allclose(tiles.flat_variance[:, :-1], expected)


def test_variance_is_the_sum_of_both_cells(hardware):
    weights = np.array([[[100], [-30], [0], [0]]])
    scale = (3e-4 - 1e-6) / 100
    tiles = program_tiles(
        weights, np.array([4]), np.array([1]), cell_array(hardware(read_noise=True)),
        seed=0, chip=0, site=0, time_since_programming=0.0,
    )  # fmt: skip
    middle = (3e-4 + 1e-6) / 2
    for row, weight in enumerate((100, -30)):
        plus, minus = middle + weight * scale / 2, middle - weight * scale / 2
        expected = (0.01 / scale) ** 2 * (plus**2 + minus**2)
        assert tiles.variance[0, row, 0] + tiles.flat_variance[0, 0] == pytest.approx(expected)


def test_row_conductance_adds_up_all_lines(hardware):
    weights = sparse_weights()
    g = targets(weights, unit_conductance(weights, "one_sided", "column", 1e-6, 3e-4),
                "one_sided", 1e-6, 3e-4)  # fmt: skip
    tiles = program(weights, hardware(tile={"weights": "one_sided"}))
    np.testing.assert_allclose(tiles.row_conductance[:, :-2], g[:, :-2, :-2].sum(axis=2))


def test_a_cell_does_not_depend_on_the_shape_or_the_other_tiles(hardware):
    weights = sparse_weights(4, 20, 12)
    everything = {"programming_error": True, "relaxation": True, "read_noise": True, "faults": True}
    chip = hardware("cells/hfox_neurram", tile={"weight_scale": "tile"}, **everything)
    weights[:, 0, 0] = 127  # one scale for every cut
    whole = program(weights, chip)
    few = program(weights[:2], chip)
    assert np.array_equal(whole.weights[:2], few.weights)
    cut = program(weights[:, :13, :7], chip)
    assert np.array_equal(whole.weights[:, :11, :6], cut.weights[:, :11, :6])


def test_chips_stages_and_seeds_differ(hardware):
    weights = sparse_weights()
    chip = hardware(programming_error=True)
    reference = program(weights, chip).weights
    for other in ({"seed": 6}, {"chip": 2}, {"site": 3}):
        assert not np.array_equal(reference, program(weights, chip, **other).weights)
    assert np.array_equal(reference, program(weights, chip).weights)


def test_stuck_cells_keep_their_conductance(hardware):
    weights = sparse_weights(4, 60, 40)
    chip = hardware("cells/hfox_neurram", faults=True, relaxation=True)
    tiles, rows, columns = weights.shape
    written = write_tiles(
        weights,
        np.full(tiles, rows),
        np.full(tiles, columns),
        cell_array(chip),
        seed=0,
        chip=0,
        site=0,
    )
    on, off = written.faults > 0, written.faults < 0
    assert on.sum() > 50
    assert off.sum() > 50
    late = written.conductance(1e5)
    assert np.array_equal(late[on | off], written.written[on | off])
    assert np.all(late[on] >= 40e-6)
    assert np.all(late[off] <= 1e-6)
    assert not np.array_equal(late, written.conductance(0.1))


def test_drift_lowers_the_weights_with_time(hardware):
    weights = sparse_weights(2, 40, 30)
    chip = hardware("cells/pcm_joshi_2020", drift=True)
    early, late = (program(weights, chip, time=t).weights for t in (3600.0, 86400.0))
    used = np.abs(weights) == np.abs(weights).max(axis=1, keepdims=True)
    ratio = np.mean(np.abs(late[used])) / np.mean(np.abs(early[used]))
    # the largest conductances have the mean exponent .049
    assert ratio == pytest.approx((86400 / 3600) ** -0.049, rel=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_global_compensation_restores_each_tile_s_gain(hardware, scheme):
    """The gain is the slope of the real weights over those meant, by NumPy's least squares."""
    weights = sparse_weights(2, 60, 40, share=0.8)
    effects = {"drift": True, "programming_error": True, "read_noise": True}
    tile = {"weights": scheme}
    plain = hardware("cells/pcm_joshi_2020", tile=tile, **effects)
    chip = hardware("cells/pcm_joshi_2020", tile=tile, drift_compensation=True, **effects)
    day = 86400.0

    def slopes(tiles):
        pairs = zip(weights, tiles.weights, strict=True)
        return [np.linalg.lstsq(w.reshape(-1, 1), real.ravel())[0][0] for w, real in pairs]

    quiet, loud = program(weights, plain, time=day), program(weights, chip, time=day)
    start = slopes(program(weights, plain, time=20.0))
    np.testing.assert_allclose(slopes(loud), start, rtol=1e-9)
    assert max(slopes(quiet)) < 0.8 * min(start)
    gain = loud.weights[0, 0, 0] / quiet.weights[0, 0, 0]
    np.testing.assert_allclose(loud.variance[0] + loud.flat_variance[0],
                               gain**2 * (quiet.variance[0] + quiet.flat_variance[0]))  # fmt: skip


def test_the_sum_of_all_cells_would_compensate_balanced_pairs_too_much(hardware):
    """Their common mode drifts faster than the difference: the sum promises a larger gain."""
    weights = sparse_weights(1, 60, 40, share=0.8)
    chip = hardware("cells/pcm_hermes_2", drift=True)
    _, rows, columns = weights.shape
    written = write_tiles(
        weights, np.array([rows]), np.array([columns]), cell_array(chip), seed=5, chip=1, site=2
    )
    now = written.conductance(86400.0)
    real = effective(now, written.scale, "differential")
    needed = (weights * weights).sum() / (weights * real).sum()
    assert written.written.sum() / now.sum() > 1.1 * needed


def test_level_grid_rounds_to_the_nearest_level(hardware):
    weights = np.arange(-127, 128)[None, :, None]
    chip = hardware(tile={"weights": "one_sided"}, level_grid=True)
    tiles = program_tiles(
        weights, np.array([255]), np.array([1]), cell_array(chip),
        seed=0, chip=0, site=0, time_since_programming=0.0,
    )  # fmt: skip
    found = tiles.weights[0, :, 0]
    nearest = np.sign(weights[0, :, 0]) * np.rint(np.abs(weights[0, :, 0]) * 63 / 127) * 127 / 63
    np.testing.assert_allclose(found, nearest, atol=1e-9)


def test_a_level_grid_without_levels_is_refused(hardware):
    with pytest.raises(InputError, match="pcm_joshi_2020 has none"):
        program(sparse_weights(), hardware("cells/pcm_joshi_2020", level_grid=True))


def test_programming_is_accounted_for(hardware):
    weights = sparse_weights(2, 10, 6)
    cost = program(weights, hardware()).programming
    cells = 8 * 5 * 2
    assert cost.cells.tolist() == [cells, cells]
    np.testing.assert_allclose(cost.pulses, cells * 8.52)
    np.testing.assert_allclose(cost.time, cells * 8.52 * 2e-6)
    assert np.all(cost.energy > 0)


def test_outside_of_validity_is_refused(hardware):
    weights = sparse_weights()
    with pytest.raises(ValidityError, match="read voltage 1 V is outside"):
        program(weights, hardware(tile={"read_voltage": "1 V"}))
    with pytest.raises(ValidityError, match=r"time 3 d"):
        program(weights, hardware("cells/reram_wan_2022"), time=3 * 86400.0)
    # an ideal chip has no cells that could leave their validity
    program(weights, hardware("cells/reram_wan_2022", ideal=True), time=3 * 86400.0)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_wires_enter_through_the_transfer_matrix(hardware, scheme):
    weights = sparse_weights(2, 12, 9)
    wires = {"word_resistance": "40 ohm", "bit_resistance": "30 ohm", "drive": "right"}
    chip = hardware(tile={"weights": scheme, "wires": wires}, ir_drop=True, read_noise=True)
    tiles = program(weights, chip)
    assert 0 < tiles.wire_residual < 1e-10
    scale = unit_conductance(weights, scheme, "column", 1e-6, 3e-4)
    g = targets(weights, scale, scheme, 1e-6, 3e-4)
    lines = g.shape[2] - (2 if scheme != "offset" else 1)  # the last logical column is padding
    keep = [*range(8), 9] if scheme == "offset" else list(range(lines))
    for t in range(2):
        k = np.zeros_like(g[t])
        k[np.ix_(range(10), keep)] = transfer_matrix(
            g[t][np.ix_(range(10), keep)], Wires(40.0, 30.0, drive="right")
        ).matrix
        np.testing.assert_allclose(
            tiles.weights[t], effective(k[None], scale[t : t + 1], scheme)[0], atol=1e-9
        )
    quiet = program(weights, hardware(tile={"weights": scheme}, read_noise=True))
    total = tiles.variance + tiles.flat_variance[:, None, :]
    more = quiet.variance + quiet.flat_variance[:, None, :]
    assert np.all(total[:, :-2, :-1] < more[:, :-2, :-1])


def test_write_verify_replaces_the_closed_form(hardware):
    weights = sparse_weights(2, 40, 20)
    chip = hardware("cells/hfox_neurram", write_verify=True, programming_error=True, faults=True)
    tiles, rows, columns = weights.shape
    written = write_tiles(
        weights,
        np.full(tiles, rows),
        np.full(tiles, columns),
        cell_array(chip),
        seed=0,
        chip=0,
        site=0,
    )
    good = written.faults == 0
    assert np.abs((written.written - written.targets)[good]).max() <= 1e-6  # the window
    bad = ~good
    assert np.abs((written.written - written.targets)[bad]).max() > 1e-6
    cost = written.programming
    assert np.all(cost.pulses / cost.cells > 1)
    closed = write_tiles(
        weights, np.full(tiles, rows), np.full(tiles, columns),
        cell_array(hardware("cells/hfox_neurram", programming_error=True)), seed=0, chip=0, site=0,
    ).programming  # fmt: skip
    assert not np.array_equal(cost.pulses, closed.pulses)
    with pytest.raises(InputError, match="take cells/hfox_neurram"):
        program(weights, hardware(write_verify=True))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_read_noise_of_a_sum_does_not_depend_on_how_it_is_split(hardware, scheme):
    """Parts of one scale: means are equal, and the variances of the parts add up."""
    rng = np.random.default_rng(2)
    weights = rng.integers(-127, 128, (1, 24, 6))
    weights[:, ::12] = 127  # the largest weight of every column in both halves
    chip = hardware(read_noise=True, tile={"weights": scheme})
    whole, parts = (
        program_tiles(
            w, np.full(len(w), w.shape[1]), np.full(len(w), 6), cell_array(chip),
            seed=0, chip=0, site=0, time_since_programming=0.0,
        )
        for w in (weights, weights.reshape(2, 12, 6))
    )  # fmt: skip
    codes = rng.integers(-127, 128, (50, 24)).astype(np.float64)
    halves = codes.reshape(50, 2, 12)
    np.testing.assert_array_equal(
        np.einsum("ntr,trc->nc", halves, parts.weights), codes @ whole.weights[0]
    )
    total = np.square(codes) @ (whole.variance + whole.flat_variance[:, None, :])[0]
    split = parts.variance + parts.flat_variance[:, None, :]
    np.testing.assert_allclose(np.einsum("ntr,trc->nc", halves**2, split), total, rtol=1e-12)
