"""The one-off account: what the write-verify loop of each chip really took."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from imssa_sim.circuits.array import write_tiles
from imssa_sim.config import LoadedConfig
from imssa_sim.functional.configured import cell_array
from imssa_sim.mapping.tiles import rows_and_columns
from imssa_sim.report.screen import screen
from imssa_sim.simulation.memory import functional_key
from imssa_sim.simulation.result import RunResult
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect

Load = Callable[..., LoadedConfig]
NEURRAM = "hardware.chip.tile.cell=cells/hfox_neurram"
QUICK = ("evaluate.samples=2", "evaluate.float=false", "evaluate.digital=false")


@pytest.fixture(scope="module")
def looped(load: Load) -> RunResult:
    return simulate(load(NEURRAM, "hardware.effects.write_verify=true", *QUICK))


def stats_of(result: RunResult) -> dict[str, object]:
    return {stat.name: stat.value for stat in collect(result)}


def by_hand(result: RunResult) -> list[list[tuple[int, float, float, float, float, int]]]:
    """(cells, pulses, time, row time, energy, failed) of every tile, chip by chip."""
    config, program = result.loaded.config, result.program
    chips = []
    for chip in range(config.evaluate.chips):
        tiles = []
        for each in (*program.kernels, *program.linears):
            cost = write_tiles(
                each.weights, *rows_and_columns(each), cell_array(config.hardware),
                seed=config.seed, chip=chip, site=each.site,
            ).programming  # fmt: skip
            tiles += list(
                zip(cost.cells, cost.pulses, cost.time, cost.row_time, cost.energy, cost.failed,
                    strict=True)
            )  # fmt: skip
        chips.append(tiles)
    return chips


def test_the_account_is_that_of_the_simulated_loops(looped: RunResult) -> None:
    chips = by_hand(looped)
    cells, pulses, _, _, energy, failed = (
        np.mean([[tile[n] for tile in tiles] for tiles in chips], axis=0).sum() for n in range(6)
    )
    ledger, stats = looped.ledger, stats_of(looped)
    assert ledger.programming_energy == pytest.approx(energy, rel=1e-12)
    assert stats["programming.cells"] == cells
    # Counts are whole numbers in each of four tile sets.
    assert stats["programming.pulses_per_cell"] == pytest.approx(pulses / cells, abs=4 / cells)
    assert stats["programming.yield"] == pytest.approx(1 - failed / cells)
    assert 0.95 < 1 - failed / cells < 1
    rows = [row for row in ledger.rows if row.account == "programming"]
    assert {row.action for row in rows} == {"program"}
    assert sum(row.count for row in rows) == pytest.approx(pulses, abs=len(rows) / 2)


@pytest.mark.parametrize(
    ("parallel", "time"),
    [
        ("none", lambda tiles: sum(tile[2] for tile in tiles)),
        ("tiles", lambda tiles: max(tile[2] for tile in tiles)),
        ("rows", lambda tiles: max(tile[3] for tile in tiles)),
    ],
)
def test_programming_time_says_what_is_written_at_a_time(
    load: Load, looped: RunResult, parallel: str, time: Callable[..., float]
) -> None:
    memory: dict[str, object] = {}
    config = load(NEURRAM, "hardware.effects.write_verify=true", *QUICK,
                  f"hardware.programming.parallel={parallel}")  # fmt: skip
    found = simulate(config, memory=memory).ledger.programming_time
    # The slowest tile set of the mean chip: the mean over chips is taken within a set.
    chips = by_hand(looped)
    assert found == pytest.approx(np.mean([time(tiles) for tiles in chips]), rel=0.1)
    assert (found == looped.ledger.programming_time) == (parallel == "tiles")
    if parallel == "none":
        assert found == pytest.approx(np.mean([time(tiles) for tiles in chips]), rel=1e-9)


def test_rows_take_as_long_as_their_slowest_cells(looped: RunResult) -> None:
    for tiles in by_hand(looped):
        for _, _, time, row_time, _, _ in tiles:
            assert 0 < row_time < time


@pytest.mark.parametrize("parallel", ["none", "tiles", "rows"])
def test_without_the_loop_the_card_s_mean_counts(load: Load, parallel: str) -> None:
    result = simulate(load(NEURRAM, *QUICK, f"hardware.programming.parallel={parallel}"))
    stats = stats_of(result)
    assert stats["programming.pulses_per_cell"] == pytest.approx(8.52, rel=1e-3)
    assert stats["programming.yield"] is None
    turns = {"none": sum(use.cells for use in result.program.use), "tiles": 24 * 48, "rows": 24}
    each = 8.52 * (1e-6 + 5.57e-6)
    assert stats["programming.time"] == pytest.approx(turns[parallel] * each)


def test_the_parallelism_changes_no_value(load: Load) -> None:
    one, other = load(), load("hardware.programming.parallel=none")
    assert functional_key(one.config) == functional_key(other.config)


def test_the_screen_tells_pulses_and_yield(looped: RunResult, tmp_path) -> None:  # type: ignore[no-untyped-def]
    text = " ".join(screen(looped, tmp_path).split())
    assert "pulses a cell" in text
    assert "written)" in text
