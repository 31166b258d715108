"""`imssa_sim.why` and `Run.why`: table, figure, files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

import imssa_sim


@pytest.fixture(scope="module")
def study(tiny: dict[str, Any]) -> imssa_sim.Why:
    return imssa_sim.why(tiny, runs=8, seconds=1000.0, chips=1)


def test_table_has_a_row_a_change(study: imssa_sim.Why) -> None:
    table = study.table
    assert table.loc[0, "part"] == "as it is"
    assert ((table.accuracy_low <= table.accuracy) & (table.accuracy <= table.accuracy_high))[
        table.error == ""
    ].all()
    assert table.error.eq("").sum() == study.study.runs == 8


def test_html_and_figure_show_it(study: imssa_sim.Why) -> None:
    assert "<table" in study._repr_html_()
    labels = [text.get_text() for text in study.figure().axes[0].get_yticklabels()]
    assert "drift" in labels


def test_files_hold_the_table(study: imssa_sim.Why, tmp_path: Path) -> None:
    folder = study.save(tmp_path / "why")
    assert sorted(p.name for p in folder.iterdir()) == [
        "config.resolved.yaml", "why.csv", "why.png", "why.txt",
    ]  # fmt: skip
    with (folder / "why.csv").open(encoding="utf-8", newline="") as file:
        assert [row["change"] for row in csv.DictReader(file)] == list(study.table.change)


def test_screen_fits_80_columns(study: imssa_sim.Why) -> None:
    assert max(map(len, study.summary().splitlines())) <= 80


def test_a_stored_run_gives_what_its_workload_gives(
    done: imssa_sim.Run, study: imssa_sim.Why, tmp_path: Path
) -> None:
    stored = imssa_sim.open_run(done.save(tmp_path / "run", figures=False))
    for run in (done, stored):
        again = run.why(runs=8, seconds=1000.0, chips=1).table
        assert again.accuracy.equals(study.table.accuracy)


def test_bad_budgets_are_refused(tiny: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(imssa_sim.InputError, match="runs"):
        imssa_sim.why(tiny, runs=0)
    with pytest.raises(imssa_sim.InputError, match="not the directory of a run"):
        imssa_sim.why(tmp_path)
