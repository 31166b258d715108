"""Finished runs read back and compared."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from imssa_sim.cli import main
from imssa_sim.errors import InputError
from imssa_sim.report.compare import ROWS, compare
from imssa_sim.report.figures.compare import comparison_figure
from imssa_sim.report.stored import read_run


def run_directory(path: Path, bits: int, energy: float) -> Path:
    path.mkdir()
    stats = {"energy.inference": energy, "accuracy.analog.mean": 0.5, "time.end_to_end": 1e-3}
    (path / "stats.json").write_text(json.dumps(stats), "utf-8")
    (path / "config.resolved.yaml").write_text(
        f"workload: w\nhardware:\n  adc:\n    bits: {bits}\n", "utf-8"
    )
    (path / "summary.txt").write_text("the screen\n", "utf-8")
    return path


def test_differences_and_ratios(tmp_path: Path) -> None:
    runs = [
        read_run(run_directory(tmp_path / "a", 8, 2e-6)),
        read_run(run_directory(tmp_path / "b", 6, 1e-6)),
    ]
    found = compare(runs)
    assert found.differences == (("hardware.adc.bits", (8, 6)),)
    rows = dict(found.rows)
    assert rows["energy per inference"] == ("2 µJ", "1 µJ (×0.5)")
    assert rows["accuracy, chip"] == ("50.0%", "50.0%")
    assert "area" not in rows
    heights = [bar.get_height() for bar in comparison_figure(found).axes[0].patches]
    assert heights[2] == 1.0
    assert heights[5 + 2] == pytest.approx(0.5)


def test_the_command_prints_both_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = run_directory(tmp_path / "a", 8, 2e-6)
    b = run_directory(tmp_path / "b", 6, 1e-6)
    picture = tmp_path / "c.png"
    assert main(["compare", str(a), str(b), "-f", str(picture)]) == 0
    said = capsys.readouterr().out
    assert "hardware.adc.bits" in said
    assert "×0.5" in said
    assert picture.stat().st_size > 5_000
    assert main(["compare", str(a), str(b), "-f", str(picture)]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (None, "does not exist"),
        ({}, "has no stats.json"),
        ({"stats.json": "{"}, "damaged"),
        ({"stats.json": "[]", "config.resolved.yaml": "a: 1"}, "damaged"),
        ({"stats.json": "{}"}, "has no config.resolved.yaml"),
    ],
)
def test_what_is_no_run_is_refused(
    tmp_path: Path, damage: dict[str, str] | None, said: str
) -> None:
    if damage is not None:
        (tmp_path / "r").mkdir()
        for name, text in damage.items():
            (tmp_path / "r" / name).write_text(text, "utf-8")
    with pytest.raises(InputError, match=said):
        read_run(tmp_path / "r")


def test_report_prints_the_screen_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_directory(tmp_path / "a", 8, 2e-6)
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"{read_run(run).summary()}\n" == "the screen\n"
    assert main(["compare", str(run)]) == 2
    assert "at least two" in capsys.readouterr().err


def test_every_row_is_its_statistic_in_its_unit() -> None:
    shown = {
        "%": (0.123, 0.246, "12.3%", "24.6%"),
        "": (5.0, 10.0, "5", "10 (×2)"),
        "s": (2e-6, 3e-6, "2 µs", "3 µs (×1.5)"),
        "J": (4e-9, 1e-9, "4 nJ", "1 nJ (×0.25)"),
        "W": (0.5, 0.5, "500 mW", "500 mW"),
        "TOPS/W": (3.5, 7.0, "3.5 TOPS/W", "7 TOPS/W (×2)"),
        "m^2": (2e-6, 4e-6, "2 mm²", "4 mm² (×2)"),
    }
    for statistic, heading, unit in ROWS:
        first, second, *cells = shown[unit]
        runs: list[Any] = [
            SimpleNamespace(config={"a": 1, "b": n}, values={statistic: value})
            for n, value in enumerate((first, second))
        ]
        found = compare(runs)
        (row,) = found.rows
        assert row == (heading, tuple(cells))
        assert found.differences == (("b", (0, 1)),)
    names = {stat.name for stat in every_statistic()}
    assert {statistic for statistic, _, _ in ROWS if "regression" not in statistic} <= names


def every_statistic() -> Any:
    from imssa_sim.config import load_config
    from imssa_sim.simulation.run import simulate
    from imssa_sim.simulation.stats import collect

    settings = ["evaluate.samples=2", "evaluate.chips=2", "calibration.samples=4"]
    return collect(simulate(load_config("sdigits", settings)))


def test_what_is_absent_is_said_to_be() -> None:
    runs: list[Any] = [
        SimpleNamespace(config={}, values=values)
        for values in (
            {"programming.energy": None, "area": 1e-6, "tiles.needed": 0},
            {"programming.energy": 2e-9, "area": None, "tiles.needed": 4},
        )
    ]
    assert dict(compare(runs).rows) == {
        "programming once": ("not modelled", "2 nJ"),
        "area": ("1 mm²", "-"),
        "tiles": ("0", "4"),
    }
    assert dict(compare([runs[0], runs[0]]).rows)["programming once"] == ("not modelled",) * 2
