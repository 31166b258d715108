"""Every part of a run in Python, against the record that it stands for."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import imssa_sim
from imssa_sim.api.result import Run
from imssa_sim.report.stored import StoredRun

FRAMES = ("area", "ledger", "latency", "predictions", "sources")


def test_frames_are_the_tables(done: imssa_sim.Run) -> None:
    for name in FRAMES:
        frame, rows = getattr(done, name), done.record.table(name)
        assert frame.to_dict("records") == rows, name
    layers = done.layers
    assert layers.reset_index().to_dict("records") == done.record.table("layers")
    assert done.stream is None
    stats = done.record.stats
    assert list(done.stats.index) == [s.name for s in stats]
    for column in ("value", "unit", "description"):
        assert list(done.stats[column]) == [getattr(s, column) for s in stats]


@pytest.mark.parametrize("name", ["accuracy", "timing"])
def test_series_are_the_statistics_without_words(done: imssa_sim.Run, name: str) -> None:
    prefix = {"timing": "time"}.get(name, name)
    found: pd.Series[Any] = getattr(done, name)
    expected = {
        key.removeprefix(f"{prefix}."): value
        for key, value in done.record.values.items()
        if key.startswith(f"{prefix}.") and not isinstance(value, str)
    }
    assert found.to_dict() == expected
    assert found.name == prefix
    assert "bottleneck" not in found


def test_the_energy_is_that_of_the_ledger_by_layer_and_kind(done: imssa_sim.Run) -> None:
    rows = done.ledger[done.ledger["account"] != "programming"].copy()
    rows.loc[rows["account"] == "leakage", "kind"] = "leakage"
    expected = rows.groupby(["layer", "kind"])["energy"].sum()
    for (layer, kind), value in expected.items():
        assert done.energy.loc[layer, kind] == pytest.approx(value, rel=1e-12)
    assert done.energy.to_numpy().sum() == pytest.approx(expected.sum())
    assert (done.energy.index.name, done.energy.columns.name) == ("layer", "kind")


def test_a_run_of_another_kind_is_said_to_be_one(done: imssa_sim.Run) -> None:
    with pytest.raises(imssa_sim.InputError, match=r"is a classification: see run\.accuracy"):
        _ = done.regression
    priced = imssa_sim.run(done.record.result.loaded, accuracy=False)  # type: ignore[attr-defined]
    with pytest.raises(imssa_sim.InputError, match="it was run for its costs alone"):
        _ = priced.predictions


def test_key_figures_are_shown_in_their_units(done: imssa_sim.Run) -> None:
    shown = repr(done)
    units = {"accuracy.analog.mean": "%", "time.end_to_end": "s", "energy.inference": "J",
             "area": "m^2"}  # fmt: skip
    from imssa_sim.units import format_si

    for name, unit in units.items():
        value = done[name]
        assert isinstance(value, float)
        assert (f"{value:.1%}" if unit == "%" else format_si(value, unit)) in shown
    html = done._repr_html_()
    assert html.startswith("<table><caption>tiny</caption><tr><th")
    assert f"<td>{done['tops_per_watt.useful']:.4g}</td>" in html
    assert html.count("<tr>") > shown.count(",") + 1


def other(run: imssa_sim.Run, **changed: Any) -> imssa_sim.Run:
    """Return the run with a part of its record changed."""
    record: Any = copy.copy(run.record)
    for name, value in changed.items():
        record.__dict__[name] = value
    return Run(record)


def test_runs_differ_where_any_part_does(done: imssa_sim.Run) -> None:
    record: Any = done.record
    assert other(done) == done
    assert done != "a run"
    assert other(done, values=dict(record.values) | {"area": 1.0}) != done
    assert other(done, config=dict(record.config) | {"seed": 99}) != done
    assert other(done, stats=record.stats[:-1]) != done
    for name in record.tables:
        rows = [dict(row) for row in record.table(name)]
        key = list(rows[0])[-1]
        rows[0][key] = "other"
        tables = {n: record.table(n) for n in record.tables} | {name: rows}
        assert other(done, _tables=tables) != done, name


def test_why_starts_from_what_was_run(
    done: imssa_sim.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Any] = []
    monkeypatch.setattr("imssa_sim.api.why.why", lambda *a, **k: found.append((a, k)))
    given = {"runs": 3, "seconds": 4.0, "chips": 5, "sequences": 6, "progress": True, "save": "x"}
    assert set(inspect.signature(Run.why).parameters) - {"self"} == set(given)
    done.why(**given)  # type: ignore[arg-type]
    assert found.pop() == ((done.record.result.loaded,), given)  # type: ignore[attr-defined]
    stored = imssa_sim.open_run(done.save(tmp_path / "kept", figures=False))
    stored.why()
    ((source,), said) = found.pop()
    assert source == stored.path
    assert said == dict.fromkeys(("runs", "seconds", "chips", "sequences")) | {
        "progress": False, "save": False,
    }  # fmt: skip


def test_a_copy_leaves_figures_out_where_they_are_not_wanted(
    done: imssa_sim.Run, tmp_path: Path
) -> None:
    folder = done.save(tmp_path / "kept", figures=False)
    drawn = {"energy_bars.png", "energy_bars.svg"}
    for name in drawn:
        (folder / name).write_text("drawn", "utf-8")
    stored = imssa_sim.open_run(folder)
    assert isinstance(stored.record, StoredRun)
    files = {file.name for file in folder.iterdir()}
    stored.save(tmp_path / "whole")
    stored.save(tmp_path / "less", figures=False)
    assert {file.name for file in (tmp_path / "whole").iterdir()} == files
    assert {file.name for file in (tmp_path / "less").iterdir()} == files - drawn


def test_a_report_is_written_where_it_is_asked_for(
    done: imssa_sim.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Any] = []
    monkeypatch.setattr("imssa_sim.api.report.write_report", lambda *a: found.append(a))
    done.report("x.html")
    done.report()
    assert found == [(done, "x.html"), (done, None)]
