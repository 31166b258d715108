"""What a sweep file asks of table and figure, its table in LaTeX, and while it runs."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from imssa_sim.config import load_config
from imssa_sim.errors import InputError
from imssa_sim.report.figures.sweep import sweep_figure
from imssa_sim.report.sweep import print_table
from imssa_sim.report.sweep_latex import escaped, latex_table
from imssa_sim.report.sweep_live import LINES, LiveTable
from imssa_sim.report.sweep_rows import metrics_of, rows_of, unknown
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.sweeps.plan import SweepPlan, read_plan
from imssa_sim.sweeps.store import PointResult


def plan_of(tmp_path: Path, text: str) -> SweepPlan:
    file = tmp_path / "s.yaml"
    file.write_text(f"workload: w\n{text}", encoding="utf-8")
    return read_plan(file)


def results_of(plan: SweepPlan) -> list[PointResult]:
    return [
        PointResult(
            point,
            {"energy.inference": n * 1e-6, "energy.account.array": n * 1e-7, "time.steps": 64},
        )
        for n, point in enumerate(plan.points, 1)
    ]


def test_y_chooses_the_columns_and_panels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(
        tmp_path, "grid: {a.bits: [4, 5]}\ny: [energy.account.array, time.steps, time.step]\n"
    )
    results = results_of(plan)
    rows = rows_of(plan, results)
    assert [(m.statistic, m.unit) for m in metrics_of(plan)] == [
        ("energy.account.array", "J"), ("time.steps", ""), ("time.step", ""),
    ]  # fmt: skip
    print_table(plan, results, tmp_path)
    text = capsys.readouterr().out
    assert "account.array" in text
    assert "[nJ]" in text
    assert "TOPS/W" not in text
    assert "no point has the statistic 'time.step'; did you mean 'time.steps'?" in text
    labels = [axes.get_ylabel() for axes in sweep_figure(plan, rows).axes if axes.get_visible()]
    assert labels == ["energy.account.array [nJ]", "time.steps"]
    assert unknown(plan_of(tmp_path, "grid: {a.bits: [4, 5]}\ny: time.steps\n"), rows) == []


def test_what_y_cannot_be(tmp_path: Path) -> None:
    for y, said in (("[a, a]", "'a' is named twice"), ("{a: b}", "expected names of statistics")):
        with pytest.raises(InputError, match=said):
            plan_of(tmp_path, f"grid: {{a.bits: [4]}}\ny: {y}\n")


def test_the_latex_table_has_a_row_a_point_and_says_what_is_missing(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "grid: {a.card: [x/p_1, x/q]}\nsweep: 5 % of all\n")
    results = results_of(plan)
    results[1] = PointResult(plan.points[1], {}, error="no such card")
    text = latex_table(plan, results)
    assert text.startswith("% 5 % of all\n")
    assert "% a.card = x/q: no such card" in text
    assert r"p\_1 & 1e+03 \\" in text
    assert "q & failed " in text
    assert text.count("&") == 3


@given(st.text("ab%&$#_{}~^\\±", max_size=20))
def test_no_sign_of_latex_is_left_bare(text: str) -> None:
    found = escaped(text)
    for sign in "%&$#_{}":
        found = found.replace(f"\\{sign}", "")
    for word in (r"\textbackslash{}", r"\textasciitilde{}", r"\textasciicircum{}", r"$\pm$"):
        found = found.replace(word, "")
    assert not set(found) & set("%&$#_~^")


def test_the_live_table_shows_the_last_points_and_how_many(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, f"grid: {{a.bits: {list(range(20))}}}\n")
    results = results_of(plan)
    results[-1] = PointResult(plan.points[-1], {}, error="too hot")
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with LiveTable(plan, console) as live:
        live.phase("sweep s", 20)
        live.note("[data] said")
        for result in results:
            live.add(result)
        shown = Console(file=io.StringIO(), width=80)
        shown.print(live.view())
    text = shown.file.getvalue()  # type: ignore[attr-defined]
    assert "20 of 20 points, 1 failed" in text
    assert "too hot" in text
    assert len([line for line in text.splitlines() if line.split()[:1] == ["19"]]) == 1
    shown_first = [line.split()[0] for line in text.splitlines() if line.split()]
    points = [first for first in shown_first if first.isdigit()]
    assert points == [str(n) for n in range(20 - LINES, 20)]
    assert "[data] said" in console.file.getvalue()  # type: ignore[attr-defined]


def test_units_by_name_are_those_of_the_statistics(tmp_path: Path, tiny: dict[str, object]) -> None:
    """A name that is taken for a quantity is one; shares are shown in percent."""
    file = tmp_path / "tiny.yaml"
    file.write_text(json.dumps(tiny), encoding="utf-8")
    stats = collect(simulate(load_config(file)))
    wrong, known = {}, set()
    for stat in stats:
        (metric,) = metrics_of(replace(plan_of(tmp_path, "grid: {a: [1]}\n"), y=(stat.name,)))
        if metric.unit and isinstance(stat.value, int | float):
            known.add(metric.unit)
            if metric.unit != {"1": "%", "": "%"}.get(stat.unit, stat.unit):
                wrong[stat.name] = (metric.unit, stat.unit)
    assert not wrong
    assert known == {"%", "J", "W", "m2", "s"}
    named = ("area.adc", "area", "power.peak", "energy.account.dynamic", "time.interval")
    found = metrics_of(replace(plan_of(tmp_path, "grid: {a: [1]}\n"), y=named))
    assert [metric.unit for metric in found] == ["m2", "m2", "W", "J", "s"]
