import math

import numpy as np
import pytest

from imssa_sim.circuits.array import program_tiles, write_tiles
from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.faults import (
    GOOD,
    OPEN,
    STUCK_OFF,
    STUCK_ON,
    FaultRates,
    assign_columns,
    draw_faults,
)
from imssa_sim.devices.cell import load_cell
from imssa_sim.errors import InputError
from imssa_sim.functional.configured import cell_array

WHERE = Coordinates(3, 0, 1)
SHAPE = (4, 250, 500)
CELLS = math.prod(SHAPE)


def faults(cell="cells/taox_imssa", shape=SHAPE, **faulty):
    return draw_faults(load_cell(cell), FaultRates(**faulty), WHERE, shape)


def neighbours(kinds):
    """Chance that the right-hand neighbour of a stuck-on cell is stuck on as well."""
    on = kinds == STUCK_ON
    return (on[:, :, :-1] & on[:, :, 1:]).sum() / on[:, :, :-1].sum()


@pytest.mark.parametrize("clustering", [0.0, 0.6])
def test_clustering_keeps_the_rate_and_gathers_the_faults(clustering):
    found = faults(stuck_on=0.05, stuck_off=0.02, clustering=clustering, cluster_size=4)
    # 4x4 blocks share their luck: as few as CELLS/16 independent draws
    for kind, rate in ((STUCK_ON, 0.05), (STUCK_OFF, 0.02)):
        error = math.sqrt(rate / CELLS * (16 if clustering else 1))
        assert abs((found.kinds == kind).mean() - rate) < 5 * error
    if clustering:
        # three of four neighbours share a block: bivariate normal, r = .6, beyond the 5 % point
        from scipy.stats import multivariate_normal, norm

        both = multivariate_normal.cdf([norm.ppf(0.05)] * 2, cov=[[1, 0.6], [0.6, 1]])
        expected = 0.75 * both / 0.05 + 0.25 * 0.05
        assert neighbours(found.kinds) == pytest.approx(expected, abs=0.02)
    else:
        assert neighbours(found.kinds) == pytest.approx(0.05, abs=0.005)


def test_dead_lines_have_no_current():
    found = faults(stuck_on=0.0, stuck_off=0.0, dead_rows=0.1, dead_columns=0.05)
    dead = found.kinds == OPEN
    rows, lines = dead.all(axis=2), dead.all(axis=1)
    assert np.array_equal(dead, rows[:, :, None] | lines[:, None, :])
    assert abs(rows.mean() - 0.1) < 5 * math.sqrt(0.09 / rows.size)
    assert abs(lines.mean() - 0.05) < 5 * math.sqrt(0.0475 / lines.size)
    assert np.all(found.conductance[dead] == 0)


def test_dead_rows_silence_their_weights(hardware):
    weights = np.full((1, 30, 10), 50)
    chip = hardware(faulty={"dead_rows": 0.2, "stuck_on": 0.0, "stuck_off": 0.0}, faults=True)
    written = write_tiles(
        weights, np.array([30]), np.array([10]), cell_array(chip), seed=0, chip=0, site=0
    )
    dead = (written.faults[0] == OPEN).all(axis=1)
    assert 0 < dead.sum() < 30
    tiles = written.at(0.0)
    assert np.all(tiles.weights[0, dead] == 0)
    assert np.all(tiles.row_conductance[0, dead] == 0)
    np.testing.assert_allclose(tiles.weights[0, ~dead], 50)


def test_rates_override_the_card():
    assert np.all(faults(stuck_on=0.0, stuck_off=0.0, shape=(1, 99, 99)).kinds == GOOD)
    with pytest.raises(InputError, match="has no faults_form"):
        faults("cells/rram_milo", stuck_on=0.1)
    assert np.all(faults("cells/rram_milo", shape=(1, 9, 9)).kinds == GOOD)
    with pytest.raises(InputError, match="add to more than 1"):
        faults(stuck_on=0.7, stuck_off=0.7)


@pytest.mark.parametrize("scheme", ["differential", "offset"])
def test_the_worst_columns_move_to_the_best_spares(scheme):
    columns, spares, rows = 4, 2, 3
    width = 2 * (columns + spares) if scheme == "differential" else columns + spares + 1
    line = 2 if scheme == "differential" else 1
    kinds = np.zeros((1, rows, width), np.int8)
    kinds[0, 1, 1 * line] = STUCK_ON  # column 1
    kinds[0, :2, 2 * line] = STUCK_OFF  # column 2: less harmful
    kinds[0, 0, 3 * line] = STUCK_ON  # column 3
    kinds[0, 1, 3 * line] = STUCK_OFF  # … and worse than column 1
    kinds[0, 2, 4 * line] = STUCK_OFF  # the first spare is not perfect
    lines = assign_columns(kinds, np.array([rows]), np.array([columns]), columns, spares, scheme)[0]
    chosen = lines[: columns * line : line] // line
    assert chosen.tolist() == [0, 4, 2, 5]  # the worst gets the perfect spare
    if scheme == "offset":
        assert lines[-1] == width - 1
    unused = assign_columns(kinds, np.array([rows]), np.array([1]), columns, spares, scheme)[0]
    assert np.array_equal(unused[: columns * line : line] // line, range(columns))


def test_spare_columns_take_stuck_cells_out(hardware):
    rng = np.random.default_rng(0)
    weights = rng.integers(-60, 61, (6, 40, 20))
    used = np.full(6, 40), np.full(6, 20)
    worst = []
    for spares in (0, 4, 12):
        chip = hardware(
            tile={"spare_columns": spares},
            faulty={"stuck_on": 0.002, "stuck_off": 0.0},
            faults=True,
        )
        tiles = program_tiles(
            weights, *used, cell_array(chip), seed=0, chip=0, site=0, time_since_programming=0.0
        )
        worst.append(np.abs(tiles.weights - weights).mean())
    assert worst[0] > 2 * worst[1]
    assert worst[2] == pytest.approx(0, abs=1e-9)


def test_spares_do_not_move_good_columns(hardware):
    weights = np.full((2, 10, 8), 7)
    used = np.full(2, 10), np.full(2, 8)
    results = [
        program_tiles(
            weights, *used, cell_array(hardware(tile={"spare_columns": s}, programming_error=True)),
            seed=0, chip=0, site=0, time_since_programming=0.0,
        ).weights
        for s in (0, 3)
    ]  # fmt: skip
    assert np.array_equal(*results)


def test_spare_columns_are_kept_free_by_the_mapping(hardware):
    from imssa_sim.mapping.tiles import tile_shape

    def logical(spares, scheme="differential"):
        tile = {"columns": 41 if scheme == "offset" else 40, "weights": scheme}
        return tile_shape(hardware(tile={**tile, "spare_columns": spares}).chip.tile).columns

    assert [logical(n) for n in (0, 3, 19)] == [20, 17, 1]
    assert logical(3, "offset") == 37
    with pytest.raises(InputError, match="leaves none of the tile"):
        logical(20)
