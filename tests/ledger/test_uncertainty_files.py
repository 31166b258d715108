"""Files, chart and lines of an uncertainty run."""

import json
from types import SimpleNamespace

import pytest

from imssa_sim.baselines import evaluate
from imssa_sim.baselines.workload import Shape
from imssa_sim.cards import load_card
from imssa_sim.ledger import build_ledger
from imssa_sim.ledger.uncertainty import UNITS
from imssa_sim.report.run_directory import RunDirectory
from imssa_sim.report.uncertainty import run_uncertainty, uncertainty_lines, write_uncertainty


@pytest.fixture(scope="module")
def result(make):
    case = make()
    length = case.program.sequence_length
    model = SimpleNamespace(layers=2, width=5, state=6, inputs=2, classes=4, bidirectional=False)
    shape = Shape(2, 5, 6, length, 2, 4)
    config = SimpleNamespace(model=model, seed=4, hardware=case.hardware)
    return SimpleNamespace(
        loaded=SimpleNamespace(config=config),
        program=case.program,
        ledger=build_ledger(case.program, case.costs, case.timing),
        baselines=(evaluate(load_card("gpu/jetson_nano_10w"), shape, "recurrent"),),
    )


@pytest.fixture(scope="module")
def found(result):
    return run_uncertainty(result)


def test_the_advantage_is_the_ratio_of_energies(result, found):
    (ratio,) = found[1].values()
    assert ratio.nominal == pytest.approx(result.baselines[0].energy / result.ledger.energy)
    assert ratio.low < ratio.nominal < ratio.high


def test_files(tmp_path, found):
    with RunDirectory(tmp_path / "run") as directory:
        write_uncertainty(directory, *found)
    tree = json.loads((tmp_path / "run" / "uncertainty.json").read_text())
    assert set(tree["intervals"]) == set(UNITS)
    energy = tree["intervals"]["energy"]
    assert energy["low"] < energy["median"] < energy["high"]
    assert tree["drivers"]["energy"][0]["card"]
    for name in ("tornado_energy.png", "tornado_energy.svg", "tornado_area.png"):
        assert (tmp_path / "run" / name).stat().st_size > 5000


def test_lines_name_intervals_and_drivers(found):
    lines = uncertainty_lines(*found)
    text = "\n".join(lines)
    assert "90% of 10,000 draws" in lines[0]
    assert "energy of gpu/jetson_nano_10w recurrent batch 1" in text
    first = found[0].drivers["energy"][0]
    assert f"{first.card} {first.entry}" in lines[-1]
