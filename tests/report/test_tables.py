from __future__ import annotations

import math

import numpy as np
import pytest

from imssa_sim.config import load_config
from imssa_sim.report.tables import EnergyTable, energy_table, layers_table
from imssa_sim.simulation.result import RunResult
from imssa_sim.simulation.run import simulate


@pytest.fixture(scope="module")
def result() -> RunResult:
    overrides = ("evaluate.samples=2", "evaluate.chips=1", "calibration.samples=4")
    return simulate(load_config("sdigits", list(overrides)))


def test_the_energy_table_holds_all_energy_of_an_inference(result: RunResult) -> None:
    table = energy_table(result)
    assert table.total == pytest.approx(result.ledger.energy, rel=1e-12)
    by_layer = dict(zip(table.layers, table.energy.sum(axis=1), strict=True))
    assert by_layer == pytest.approx(result.ledger.by_layer(), rel=1e-12)
    leakage = table.energy[:, table.kinds.index("leakage")].sum()
    assert leakage == pytest.approx(result.ledger.by_account()["leakage"], rel=1e-12)
    sums = table.energy.sum(axis=0)
    assert np.all(np.diff(sums) <= 0)
    assert table.layers[0] == "encoder"


def test_layers_add_up(result: RunResult) -> None:
    rows = layers_table(result)
    energy = math.fsum(float(row["energy_J"]) for row in rows)
    area = math.fsum(float(row["area_m2"]) for row in rows)
    assert energy == pytest.approx(result.ledger.energy, rel=1e-12)
    assert area == pytest.approx(result.ledger.area, rel=1e-12)


def test_a_layer_takes_what_is_its_own_also_beyond_ten() -> None:
    overrides = (
        "model.layers=12", "model.width=4", "model.state=2", "model.checkpoint=null",
        "evaluate.samples=1", "evaluate.chips=1", "calibration.samples=2"
    )  # fmt: skip
    deep = simulate(load_config("sdigits", list(overrides)))
    rows = {str(row["layer"]): row for row in layers_table(deep)}
    assert {f"layer{number}" for number in range(12)} < set(rows)
    # All layers are alike, so a layer that took another one's share would stand out.
    for column in ("tiles", "cells", "service_s"):
        assert len({rows[f"layer{number}"][column] for number in range(1, 11)}) == 1
    whole = {
        "service_s": math.fsum(row.service for row in deep.timing.latency),
        "waiting_s": math.fsum(row.waiting for row in deep.timing.latency),
        "tiles": sum(use.tiles for use in deep.program.use),
        "cells": sum(use.cells for use in deep.program.use),
        "cells_used": sum(use.cells_used for use in deep.program.use),
        "cells_useful": sum(use.cells_useful for use in deep.program.use),
    }
    for column, value in whole.items():
        assert math.fsum(float(row[column]) for row in rows.values()) == pytest.approx(value)


def test_small_kinds_are_drawn_as_one() -> None:
    energy = np.array([[50.0, 40.0, 0.3, 0.2], [5.0, 4.0, 0.1, 0.4]])
    table = EnergyTable(("a", "b"), ("adc", "dac", "lut", "bus"), energy)
    gathered = table.gathered(0.02)
    assert gathered.kinds == ("adc", "dac", "other")
    np.testing.assert_allclose(gathered.energy[:, 2], [0.5, 0.5])
    assert gathered.total == table.total
    assert table.gathered(0.0001) is table
    assert table.gathered(0.003) is table  # the smallest is a 250th
    one_small = EnergyTable(("a",), ("adc", "bus"), np.array([[9.99, 0.01]]))
    assert one_small.gathered(0.02) is one_small  # nothing to put together
