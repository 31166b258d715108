"""Tables and figures of a sweep: a row a point, every axis named, seeds alone averaged."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest

from imssa_sim.report.figures.sweep import cannot_be_drawn, sweep_figure
from imssa_sim.report.sweep import print_table, write_sweep
from imssa_sim.report.sweep_rows import METRICS, rows_of
from imssa_sim.sweeps.plan import SweepPlan, read_plan
from imssa_sim.sweeps.store import PointResult


def plan_of(tmp_path: Path, text: str) -> SweepPlan:
    file = tmp_path / "s.yaml"
    file.write_text(f"workload: w\n{text}", encoding="utf-8")
    return read_plan(file)


def results_of(plan: SweepPlan, failed: tuple[int, ...] = ()) -> list[PointResult]:
    """Results whose numbers tell which point they belong to: 1, 2, 3 … in every statistic."""
    found = []
    for number, point in enumerate(plan.points, 1):
        if number in failed:
            found.append(PointResult(point, {}, error=f"[red]reason {number}"))
            continue
        stats: dict[str, Any] = {metric.statistic: float(number) for metric in METRICS}
        stats["accuracy.analog.mean"] = number / 100
        stats["accuracy.analog.deviation"] = number / 1000
        found.append(PointResult(point, stats))
    return found


PLANS = {
    "two axes beside x": "grid: {a.bits: [4, 5], b.card: [x/p, x/q], c.cell: [y/r, y/s]}\n",
    "null": "grid: {a.bits: [null, 4], b.card: [x/p, null]}\n",
    "maps and lists": "grid: {bits: [{default: 4}, {default: 4, A: 6}], s: [[1, 2], [1, 3], []]}\n",
    "a list": "list:\n- {a.bits: 4, b.card: x/p}\n- {a.bits: 4, b.card: x/q}\n- {c: 1}\n- {}\n",
    "text and number": 'grid: {a.bits: [4, "4", null, "null", true, "true"]}\n',
    "alike ends": "grid: {hardware.adc.bits: [4, 5], hardware.dac.bits: [4, 5]}\n",
    "nothing varies": "grid: {a.bits: [4]}\n",
}


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("seeds", ["", "seeds: [3, 1]\n"])
def test_a_row_is_a_point_and_only_seeds_are_averaged(
    tmp_path: Path, name: str, seeds: str
) -> None:
    plan = plan_of(tmp_path, PLANS[name] + seeds)
    results = results_of(plan)
    rows = rows_of(plan, results)
    step = 2 if seeds else 1
    assert len(rows) == len(plan.points) // step
    assert len({row.labels for row in rows}) == len(rows)
    assert all(len(row.labels) == len(plan.axes) for row in rows)
    for number, row in enumerate(rows):
        members = results[number * step : number * step + step]
        assert list(row.results) == members
        without_seed = [{k: v for k, v in m.point.items() if k != "seed"} for m in members]
        assert all(point == without_seed[0] for point in without_seed)
        energy = row.measured(METRICS[1])
        assert energy is not None
        assert energy.mean == pytest.approx(number * step + (1.5 if seeds else 1))
        assert energy.spread == (pytest.approx(math.sqrt(0.5)) if seeds else None)
        accuracy = row.measured(METRICS[0])
        assert accuracy is not None
        if not seeds:
            assert accuracy.spread == members[0].stats["accuracy.analog.deviation"]


@pytest.mark.parametrize("name", PLANS)
def test_the_csv_holds_every_result_and_every_override(tmp_path: Path, name: str) -> None:
    plan = plan_of(tmp_path, PLANS[name] + "seeds: [3, 1]\n")
    results = results_of(plan, failed=(2,))
    write_sweep(plan, results, tmp_path, figures=False)
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == len(results)
    assert len({tuple(row[path] for path in plan.axes) for row in found}) >= len(found) // 2 - 2
    for row, result in zip(found, results, strict=True):
        assert row["seed"] == str(result.point["seed"])
        assert row["error"] == result.error
        for path in {key for point in plan.points for key in point}:
            assert (row[path] != "") is (path in result.point)
        for metric in METRICS:
            value = result.stats.get(metric.statistic)
            assert row[metric.statistic] == ("" if value is None else repr(value))


def test_statistics_that_are_called_as_an_override_stay_apart(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "grid: {data.fallback: [null, sdigits]}\n")
    results = [PointResult(point, {"data.fallback": 0, "area": 1.0}) for point in plan.points]
    write_sweep(plan, results, tmp_path, figures=False)
    lines = (tmp_path / "table.csv").read_text("utf-8").splitlines()
    assert lines == [
        "data.fallback,result.data.fallback,area,error",
        "null,0,1.0,",
        "sdigits,0,1.0,",
    ]


@pytest.mark.parametrize("name", PLANS)
def test_the_figure_shows_every_point_once(tmp_path: Path, name: str) -> None:
    plan = plan_of(tmp_path, PLANS[name])
    rows = rows_of(plan, results_of(plan))
    assert cannot_be_drawn(plan, rows) == ""
    figure = sweep_figure(plan, rows)
    drawn = [
        float(y)
        for axes in figure.axes
        if axes.get_ylabel().startswith("TOPS/W")
        for container in axes.containers
        for y in container.lines[0].get_ydata()
    ]
    assert sorted(drawn) == [float(n) for n in range(1, len(rows) + 1)]
    assert all("e+" not in axes.get_xlabel() for axes in figure.axes)
    legend = figure.legends[0] if figure.legends else None
    shown = [text.get_text() for text in legend.texts] if legend else []
    shown += [axes.get_title("left") for axes in figure.axes]
    shown += [axes.get_xlabel() for axes in figure.axes]
    shown += [legend.get_title().get_text()] if legend else []
    if plan.x is not None:
        for path in plan.axes:
            assert any(path in text for text in shown), f"{path} is not named"


def test_more_than_can_be_told_apart_is_refused(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, f"grid: {{a: [1, 2], b: [1, 2], c: {list(range(7))}}}\nx: a\nseries: b\n"
    )
    results = results_of(plan)
    assert write_sweep(plan, results, tmp_path).startswith("7 combinations of c")
    assert not (tmp_path / "sweep.png").exists()
    plan = plan_of(tmp_path, f"grid: {{a: [1, 2], b: {list(range(14))}}}\n")
    assert "14 values" in cannot_be_drawn(plan, rows_of(plan, results_of(plan)))


def test_files_are_whole_or_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import imssa_sim.report.figures.style as style

    plan = plan_of(tmp_path, "grid: {a: [1, 2]}\n")
    write_sweep(plan, results_of(plan), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(figure: object, paths: list[Path]) -> None:
        paths[0].write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(style, "save", full)
    with pytest.raises(OSError, match="No space"):
        write_sweep(plan, results_of(plan), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("name", PLANS)
def test_the_screen_names_every_axis_and_every_failure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    width: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    plan = plan_of(tmp_path, PLANS[name] + "seeds: [3, 1]\n")
    results = results_of(plan, failed=(1,))
    print_table(plan, results, tmp_path)
    said = capsys.readouterr().out
    dense = "".join(said.split())
    for path in plan.axes:
        assert path.rsplit(".", 1)[-1] in said
    if name == "alike ends":
        assert "adc.bits" in dense
        assert "dac.bits" in dense
    assert f"1 of {len(results)} points have no result" in said
    assert "[red]reason 1" in said
    assert "(1 of 2)" in said
    table = said.split("1 of")[0].splitlines()
    assert max(map(len, table)) <= max(width, len(str(tmp_path)))


KNOWN = {
    "accuracy.analog.mean": (0.75, "acc.", "[%]", "75", 75.0),
    "energy.inference": (2e-7, "E", "[nJ]", "200", 200.0),
    "tops_per_watt.useful": (3.5, "TOPS/W", "", "3.5", 3.5),
    "area": (4.5e-6, "A", "[mm²]", "4.5", 4.5),
    "time.end_to_end": (6e-5, "t", "[µs]", "60", 60.0),
}


def test_every_metric_is_shown_in_its_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert set(KNOWN) == {metric.statistic for metric in METRICS}
    plan = plan_of(tmp_path, "grid: {a: [1]}\n")
    results = [PointResult(plan.points[0], {name: known[0] for name, known in KNOWN.items()})]
    print_table(plan, results, tmp_path)
    said = " ".join(capsys.readouterr().out.split())
    for _, heading, unit, shown, _ in KNOWN.values():
        assert " ".join(filter(None, (heading, unit, shown))) in said
    figure = sweep_figure(plan, rows_of(plan, results))
    drawn = {
        axes.get_ylabel(): axes.containers[0].lines[0].get_ydata()[0]
        for axes in figure.axes
        if axes.containers
    }
    for metric in METRICS[:4]:
        _, _, unit, _, number = KNOWN[metric.statistic]
        assert drawn[f"{metric.words} {unit}".rstrip()] == pytest.approx(number)


def test_whole_numbers_have_whole_ticks(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "grid: {hardware.adc.bits: [4, 5]}\n")
    figure = sweep_figure(plan, rows_of(plan, results_of(plan)))
    figure.draw_without_rendering()
    ticks = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert ticks
    assert all(float(text.replace("−", "-")).is_integer() for text in ticks)


def test_wide_ranges_have_plain_numbers(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "grid: {a: [1, 2]}\n")
    results = [
        PointResult(point, {"energy.inference": value})
        for point, value in zip(plan.points, (7.05e-7, 9e-6), strict=True)
    ]
    figure = sweep_figure(plan, rows_of(plan, results))
    figure.draw_without_rendering()
    assert figure.axes[0].get_yscale() == "log"
    ticks = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert {"1", "2", "5"} <= set(ticks)
    assert not any("×" in text or "$" in text for text in ticks)
