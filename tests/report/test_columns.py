"""Every column of every CSV of a run, against where its numbers come from.

The sources are given values that differ everywhere, so that no column can stand for another.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.components.path import ComponentPath
from imssa_sim.config import load_config
from imssa_sim.ledger.rows import write_rows
from imssa_sim.report.record import LiveRecord
from imssa_sim.report.run_directory import RunDirectory
from imssa_sim.report.stream import stream_table
from imssa_sim.report.tables import layers_table
from imssa_sim.report.write import write_run
from imssa_sim.simulation.result import RunResult, Stream, StreamPoint
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.schedule import Moment
from imssa_sim.simulation.stats import collect


@pytest.fixture(scope="module")
def result() -> RunResult:
    settings = ("evaluate.samples=5", "evaluate.chips=2", "calibration.samples=4")
    found = simulate(load_config("sdigits", list(settings)))
    latency = tuple(
        replace(row, service=row.service + 1e-9 * n, waiting=row.waiting + 1e-3 * (n + 1))
        for n, row in enumerate(found.timing.latency)
    )
    moments = [Moment(100.0 + n, n, 10.0 + n, 1.0 + n / 8) for n in range(3)]
    points = tuple(
        StreamPoint(moment, 50 + n, (10 + n, 20 + n), (1e-9 * (n + 1), 2e-9 * (n + 1)))
        for n, moment in enumerate(moments)
    )
    return replace(
        found,
        timing=replace(found.timing, latency=latency),
        stream=Stream(points, rewritings=0, calibrations=0),
    )


@pytest.fixture(scope="module")
def folder(result: RunResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("columns") / "run"
    with RunDirectory(path) as directory:
        write_run(directory, LiveRecord(result, collect(result), ["x"]), figures=False)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def same(rows: list[dict[str, str]], expected: list[Mapping[str, Any]]) -> None:
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        assert list(row) == list(wanted)
        for name, value in wanted.items():
            if isinstance(value, float):
                assert float(row[name]) == pytest.approx(value, rel=1e-12, abs=0), name
            else:
                assert row[name] == str(value), name


def test_layers(result: RunResult, folder: Path) -> None:
    expected = []
    for row in layers_table(result):
        layer = row["layer"]
        uses = [use for use in result.program.use if ComponentPath(use.path).layer == layer]
        latency = [r for r in result.timing.latency if ComponentPath(r.stage).layer == layer]
        energy = [
            r.energy for r in result.ledger.rows
            if r.layer == layer and r.account != "programming"
        ]  # fmt: skip
        expected.append(
            {
                "layer": layer,
                "tiles": sum(use.tiles for use in uses),
                "cells": sum(use.cells for use in uses),
                "cells_used": sum(use.cells_used for use in uses),
                "cells_useful": sum(use.cells_useful for use in uses),
                "energy_J": math.fsum(energy),
                "area_m2": math.fsum(a.area for a in result.ledger.areas if a.layer == layer),
                "service_s": math.fsum(r.service for r in latency),
                "waiting_s": math.fsum(r.waiting for r in latency),
            }
        )
    assert {row["layer"] for row in expected} >= {"encoder", "layer0", "layer1", "decoder"}
    same(read(folder / "layers.csv"), expected)


def test_stream(result: RunResult, folder: Path) -> None:
    assert result.stream is not None
    expected = [
        {
            "clock_s": point.moment.clock,
            "time_since_programming_s": point.moment.age,
            "calibrated_at_s": point.moment.calibrated,
            "writing": point.moment.writing,
            "chip": chip,
            "samples": point.samples,
            "correct": point.correct[chip],
            "accuracy": point.correct[chip] / point.samples,
            "array_energy_J": point.array_energy[chip],
        }
        for point in result.stream.points
        for chip in range(2)
    ]
    same(read(folder / "stream.csv"), expected)
    columns = zip(*(row.values() for row in stream_table(result.stream)), strict=True)
    assert len(set(columns)) == 9  # no two columns are alike


def test_latency_and_timeline(result: RunResult, folder: Path) -> None:
    expected = [
        {
            "stage": row.stage, "component": row.component, "kind": row.kind,
            "action": row.action, "service_s": row.service, "waiting_s": row.waiting,
        }
        for row in result.timing.latency
    ]  # fmt: skip
    same(read(folder / "latency.csv"), expected)
    rows = [
        {
            "path": row.path, "action": row.action, "token": row.token, "start_s": row.start,
            "end_s": row.end,
        }
        for row in result.timing.timeline
    ]  # fmt: skip
    assert any(row.start < row.end for row in result.timing.timeline)
    same(read(folder / "timeline.csv"), rows)


@pytest.mark.parametrize("name", ["ledger", "area"])
def test_ledger_and_area(result: RunResult, folder: Path, name: str) -> None:
    rows: Any = result.ledger.rows if name == "ledger" else result.ledger.areas
    columns = [field.name for field in fields(rows[0])]
    same(read(folder / f"{name}.csv"), [{c: getattr(row, c) for c in columns} for row in rows])


def test_predictions(result: RunResult, folder: Path) -> None:
    rows = read(folder / "predictions.csv")
    assert list(rows[0]) == ["labels", "float", "digital", "chip0", "chip1"]
    for name, values in result.predictions.items():
        assert [int(row[name]) for row in rows] == np.asarray(values).tolist()
    a = result.accuracy
    labels = [row["labels"] for row in rows]
    counts = {"float": a.float_correct, "digital": a.digital_correct}
    counts |= {f"chip{n}": right for n, right in enumerate(a.analog_correct)}
    for name, right in counts.items():
        assert sum(row[name] == label for row, label in zip(rows, labels, strict=True)) == right


def test_text_and_json_hold_the_same_statistics(result: RunResult, folder: Path) -> None:
    stats = {stat.name: stat for stat in collect(result)}
    lines = (folder / "stats.txt").read_text("utf-8").splitlines()
    assert [line.split()[0] for line in lines] == list(stats)
    for line in lines:
        stat = stats[line.split()[0]]
        assert line.endswith(f"# {stat.description}")
        value = line.split()[1]
        if isinstance(stat.value, float):
            assert float(value) == pytest.approx(stat.value, rel=1e-8)
        elif stat.value is not None:
            assert value == str(stat.value).split()[0]


def test_writing_rows_keeps_names_over_values() -> None:
    text = io.StringIO()
    write_rows(text, [{"a": 1, "b": 2.5}, {"a": 3, "b": 4.5}])
    assert text.getvalue().split() == ["a,b", "1,2.5", "3,4.5"]
