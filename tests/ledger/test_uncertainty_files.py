"""Files, chart and lines of an uncertainty run."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from imssa_sim.baselines import at_equal_rate, evaluate
from imssa_sim.baselines.workload import Shape
from imssa_sim.cards import load_card
from imssa_sim.config.schema.network import ModelConfig
from imssa_sim.ledger import build_ledger
from imssa_sim.ledger.uncertainty import UNITS
from imssa_sim.report.figures.tornado import tornado
from imssa_sim.report.run_directory import RunDirectory
from imssa_sim.report.uncertainty import (
    run_uncertainty,
    uncertainty_lines,
    uncertainty_stats,
    write_uncertainty,
)
from imssa_sim.units import format_si


@pytest.fixture(scope="module")
def result(make):
    case = make()
    length = case.program.sequence_length
    model = ModelConfig(layers=2, width=5, state=6, inputs=2, classes=4)
    shape = Shape(2, 5, 6, length, 2, 4)
    config = SimpleNamespace(model=model, seed=4, hardware=case.hardware)
    return SimpleNamespace(
        loaded=SimpleNamespace(config=config),
        program=case.program,
        ledger=build_ledger(case.program, case.costs, case.timing),
        timing=case.timing,
        baselines=(evaluate(load_card("gpu/jetson_nano_10w"), shape, "recurrent"),),
    )


@pytest.fixture(scope="module")
def found(result):
    return run_uncertainty(result)


def test_the_advantage_is_the_ratio_of_energies(result, found):
    (advantage,) = found[1]
    ratio = advantage.ratio
    assert advantage.efficiency.nominal == pytest.approx(result.baselines[0].efficiency)
    assert advantage.efficiency.low < advantage.efficiency.median < advantage.efficiency.high
    assert ratio.nominal == pytest.approx(result.baselines[0].energy / result.ledger.energy)
    assert ratio.low < ratio.nominal < ratio.high
    assert advantage.rate == min(result.timing.throughput, result.baselines[0].throughput)
    equal = at_equal_rate(result.ledger, result.timing.throughput, result.baselines[0])
    assert advantage.equal_rate.nominal == pytest.approx(equal.ratio)
    assert advantage.equal_rate.low < equal.ratio < advantage.equal_rate.high
    # The chip is the faster one by far and leaks while it waits.
    assert equal.ratio < ratio.nominal


def test_every_baseline_has_draws_of_its_own(result):
    twice = SimpleNamespace(**(vars(result) | {"baselines": result.baselines * 2}))
    first, second = run_uncertainty(twice)[1]
    assert first.ratio.nominal == second.ratio.nominal
    assert first.ratio.low == pytest.approx(second.ratio.low, rel=0.1)
    assert first.ratio.low != second.ratio.low
    assert first.efficiency.median != second.efficiency.median
    again = run_uncertainty(twice)[1]
    assert again == (first, second)


def test_files(tmp_path, found):
    with RunDirectory(tmp_path / "run") as directory:
        write_uncertainty(directory, *found)
    tree = json.loads((tmp_path / "run" / "uncertainty.json").read_text())
    assert set(tree["intervals"]) == set(UNITS)
    energy = tree["intervals"]["energy"]
    assert energy["low"] < energy["median"] < energy["high"]
    assert tree["drivers"]["energy"][0]["card"]
    alone = tree["intervals_of_parameters_alone"]["energy"]
    assert energy["low"] < alone["low"] < alone["high"] < energy["high"]
    assert "adc/isaac_saberi" in tree["adc_models_with_all_entries_at_their_medians"]
    for name in ("tornado_energy.png", "tornado_energy.svg", "tornado_area.png"):
        assert (tmp_path / "run" / name).stat().st_size > 5000


def test_lines_name_intervals_and_drivers(found):
    lines = uncertainty_lines(*found)
    text = "\n".join(lines)
    assert "90% of 10,000 draws" in lines[0]
    assert "energy of gpu/jetson_nano_10w recurrent batch 1" in text
    first = found[0].drivers["energy"][0]
    assert f"{first.card} {first.entry}" in lines[-1]


def test_screen_and_statistics_show_the_choice_of_the_adc_model_apart(found):
    text = "\n".join(uncertainty_lines(*found))
    first, last = found[0].span("energy")
    alone = found[0].parameters["energy"]
    assert f"({first.card}) to {format_si(last.centres['energy'], 'J')} ({last.card})" in text
    assert f"alone:   {format_si(alone.low, 'J')} to {format_si(alone.high, 'J')}" in text
    stats = {stat.name: stat for stat in uncertainty_stats(found[0])}
    assert len(stats) == 6 * len(UNITS)
    assert stats["uncertainty.energy.parameters.low"].value == alone.low
    assert stats["uncertainty.energy.adc_model.high"].value == last.centres["energy"]
    assert stats["uncertainty.energy.high"].value == found[0].intervals["energy"].high
    assert stats["uncertainty.power.high"].unit == "W"


def test_the_tornado_has_a_bar_for_the_choice_of_the_model(found):
    axes = tornado(found[0]).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[-1] == f"which of {len(found[0].models)} ADC models"


def test_the_comparison_with_the_gpus_reads_run_directories(tmp_path, found, capsys, monkeypatch):
    folder = Path(__file__).parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(str(folder))
    import jetson

    with RunDirectory(tmp_path / "run") as directory:
        write_uncertainty(directory, *found)
        stats = {"accuracy.float": 0.975, "accuracy.analog.mean": 0.9, "time.throughput": 2e4}
        directory.file("stats.json").write_text(json.dumps(stats))
        directory.file("manifest.json").write_text('{"workload": "digits"}')
    assert jetson.main([str(tmp_path / "run"), "-o", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert "of the float network 97.5%: NOT at equal accuracy" in text
    assert "at one sequence rate" in text
    assert "gpu/jetson_nano_10w recurrent batch 1" in text
    rows, _ = jetson.read(tmp_path / "run")
    assert rows[0].nominal / rows[1].nominal == pytest.approx(rows[1].ratio, rel=1e-9)
    assert rows[1].equal_rate == found[1][0].equal_rate.nominal
    assert (tmp_path / "out" / "jetson.png").stat().st_size > 5000
    with pytest.raises(SystemExit, match="make the run with --uncertainty"):
        jetson.read(tmp_path)
