"""Searches in Python."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

pytest.importorskip("optuna")

import imssa_sim


@pytest.fixture(scope="module")
def found(tiny: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> imssa_sim.Search:
    path = tmp_path_factory.mktemp("search") / "tiny.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(tiny, file)
    return imssa_sim.search(
        path, {"hardware.adc.bits": {"from": 4, "to": 7}, "hardware.adc.per_tile": [1, 2]},
        ["energy", "latency", "area"], trials=12, sampler="nsga2",
    )  # fmt: skip


def test_tables(found: imssa_sim.Search) -> None:
    assert len(found.trials) == 8  # all points there are
    assert 0 < len(found.front) <= 8
    assert set(found.importances.columns) == {"energy.inference", "time.end_to_end", "area"}
    assert found.importances["energy.inference"].sum() == pytest.approx(1.0)
    assert found.trials["hypervolume"].is_monotonic_increasing
    assert "8 trials" in repr(found)
    assert found.path is None


def test_the_knee_is_on_the_front(found: imssa_sim.Search) -> None:
    if found.knee is not None:
        rows = found.front
        for path, value in found.knee.items():
            rows = rows[rows[path] == value]
        assert len(rows) == 1


def test_the_figure_has_all_panels(found: imssa_sim.Search) -> None:
    labels = {axes.get_xlabel() for axes in found.figure().axes}
    assert {"trials", "share of the variance [%]"} <= labels


def test_objectives_belong_to_knobs() -> None:
    with pytest.raises(imssa_sim.InputError, match="go with knobs"):
        imssa_sim.search("s.yaml", objectives=["energy"])
