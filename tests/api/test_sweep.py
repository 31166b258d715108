"""Sweeps as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import imssa_sim
from imssa_sim.api.workload import load
from imssa_sim.config import dump_resolved
from imssa_sim.errors import InputError


@pytest.fixture(scope="module")
def file(tiny: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workload") / "tiny.yaml"
    path.write_text(dump_resolved(load(tiny, {"evaluate.chips": 1})), "utf-8")
    return path


def test_a_grid_gives_a_row_a_run(file: Path, tmp_path: Path) -> None:
    grid = {"hardware.adc.bits": (6, 8)}
    table = imssa_sim.sweep(file, grid, seeds=[0, 1], jobs=1, save=tmp_path / "s", figures=False)
    assert list(table["hardware.adc.bits"]) == [6, 6, 8, 8]
    assert list(table["seed"]) == [0, 1, 0, 1]
    assert (table["error"] == "").all()
    alone = imssa_sim.run(file, set={"hardware.adc.bits": 8}, seed=1)
    assert table["energy.inference"].iloc[3] == alone["energy.inference"]
    assert (tmp_path / "s" / "table.csv").is_file()
    again = imssa_sim.sweep(file, grid, seeds=[0, 1], jobs=1, save=tmp_path / "s", figures=False)
    assert again.equals(table)


def test_points_and_common_values(file: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    table = imssa_sim.sweep(
        file, points=[{"hardware.adc.bits": 6}, {}], set={"evaluate.samples": 4}, jobs=1
    )
    assert list(table["accuracy.samples"]) == [4, 4]
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_file(file: Path) -> None:
    path = file.with_name("sweep.yaml")
    path.write_text("workload: tiny.yaml\ngrid:\n  hardware.adc.bits: [6]\n", "utf-8")
    assert len(imssa_sim.sweep(path, jobs=1)) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"grid": {"hardware.adc.bits": []}}, "grid.hardware.adc.bits: expected a list"),
        ({"grid": {"hardware.adc.bitz": [1]}}, "did you mean 'hardware.adc.bits'"),
        ({"grid": {"seed": [1]}, "points": [{}]}, "either 'grid' or 'list'"),
        ({"grid": {"hardware.adc.bits": [6, 6]}}, "repeats point 1"),
        ({"set": {"seed": 1}}, "go with a grid or points"),
        ({"grid": {"seed": 3}}, "grid.seed: expected values"),
    ],
)
def test_bad_arguments_are_refused(file: Path, given: Any, said: str) -> None:
    with pytest.raises(imssa_sim.InputError, match=said):
        imssa_sim.sweep(file, jobs=1, **given)


def test_run_directories_and_further_tables_are_written(file: Path, tmp_path: Path) -> None:
    grid, save = {"hardware.adc.bits": [6, 8]}, tmp_path / "s"
    common = {"jobs": 1, "save": save, "figures": False}
    bare = imssa_sim.sweep(file, grid, **common)
    table = imssa_sim.sweep(file, grid, keep_runs=True, formats=["parquet", "latex"], **common)
    fixed = [name for name in table if not name.startswith("host.")]
    assert table[fixed].equals(bare[fixed])
    for number, bits in ((1, 6), (2, 8)):
        run = imssa_sim.open_run(save / "runs" / str(number))
        assert run.config["hardware.adc.bits"] == bits
        assert run["energy.inference"] == table["energy.inference"].iloc[number - 1]
    assert pd.read_parquet(save / "table.parquet").equals(table)
    text = (save / "table.tex").read_text("utf-8")
    assert r"\begin{tabular}{lrrrrr}" in text
    assert text.count(r" \\") == 3
    before = (save / "runs" / "1" / "stats.json").stat().st_mtime_ns
    imssa_sim.sweep(file, grid, keep_runs=True, **common)
    assert (save / "runs" / "1" / "stats.json").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="did you mean 'latex'"):
        imssa_sim.sweep(file, grid, formats=["latx"], **common)
