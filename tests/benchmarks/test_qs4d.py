"""The commands of the QS4D study: rows, thresholds, choices; no training."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ruamel.yaml import YAML

from imssa_sim.config.schema import BitsConfig, expand_bits
from imssa_sim.data import load_dataset
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.checkpoint import load_checkpoint
from imssa_sim.quantisation.widths import bits_from
from imssa_sim.reference.quantise import quantise

FOLDER = Path(__file__).parents[2] / "benchmarks" / "qs4d"
NAMES = ("study", "bits", "ptq", "sensitivity", "allocate", "pruning", "size")


@pytest.fixture
def commands(monkeypatch):
    """Return the modules by name, loaded from the folder of the commands."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    found = SimpleNamespace(**{name: importlib.import_module(name) for name in NAMES})
    yield found
    for name in NAMES:
        sys.modules.pop(name, None)


def rows_of(commands, method, by_bits):
    row = commands.study.Row
    return [
        row("task", "mode", method, bits, seed, accuracy, 100, "")
        for bits, accuracies in by_bits.items()
        for seed, accuracy in enumerate(accuracies)
    ]


def test_threshold_is_the_last_width_before_the_mean_loss_exceeds_a_point(commands):
    rows = rows_of(commands, "float", {32: [0.98, 1.0]})
    rows += rows_of(
        commands, "ptq", {8: [0.98, 0.98], 7: [0.975, 0.985], 6: [0.9, 0.99], 5: [1, 1]}
    )
    # 8 and 7 bits lose exactly a point in the mean; 5 bits are beyond a width that fails.
    assert commands.bits.threshold(rows, "task", "mode", "ptq") == 7
    assert commands.bits.threshold(rows, "task", "mode", "qat") is None
    # Only seeds that have a float network of their own count: seed 1 alone loses nothing here.
    alone = [r for r in rows if r.method != "float" or r.seed == 1]
    assert commands.bits.threshold(alone, "task", "mode", "ptq") is None


def test_interrupted_tables_go_on(commands, tmp_path):
    table = commands.study.Table(tmp_path / "t.csv", ("a", "b", "value"), ("a", "b"))
    table.add({"a": 1, "b": "x", "value": 1 / 3})
    again = commands.study.Table(tmp_path / "t.csv", ("a", "b", "value"), ("a", "b"))
    assert again.has(a=1, b="x")
    assert again.has(a=1.0, b="x")
    assert not again.has(a=2, b="x")
    again.add({"a": 0, "b": "y", "value": 2.0})
    again.sort(lambda row: int(row["a"]))
    assert (tmp_path / "t.csv").read_text() == "a,b,value\n0,y,2\n1,x,0.333333\n"
    with pytest.raises(SystemExit, match="its columns are"):
        commands.study.Table(tmp_path / "t.csv", ("a", "other"), ("a",))


def test_rows_come_from_every_file_with_their_columns(commands, tmp_path):
    row = commands.study.Row("task", "mode", "qat", 6, 0, 0.9, 100, "x, y")
    commands.study.accuracy_table(tmp_path / "one.csv").add(commands.study.as_dict(row))
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert commands.study.read_rows(tmp_path) == [row]


def test_the_stored_results_are_readable(commands):
    rows = commands.study.read_rows(FOLDER / "results")
    assert {r.method for r in rows} >= {"float", "ptq", "qat"}
    assert all(0 <= r.accuracy <= 1 and r.samples > 0 for r in rows)
    assert all((r.bits == 32) == (r.method == "float") for r in rows)


def test_calibration_is_chosen_by_validation_not_by_test(commands, tmp_path):
    ways = commands.ptq.ways_table(tmp_path)
    for activations, validation, test in (("mse", 0.9, 0.8), ("max", 0.8, 0.95)):
        ways.add({"workload": "task", "granularity": "mode", "activations": activations,
                  "weights": "max", "bits": 6, "seed": 0, "validation": validation, "test": test,
                  "samples": 10, "checkpoint": "c"})  # fmt: skip
    commands.ptq.best(tmp_path)
    (row,) = commands.study.read_rows(tmp_path)
    assert (row.accuracy, row.config) == (0.8, "activations=mse weights=max")


def test_front_keeps_what_nothing_beats(commands):
    points = [(3.0, 0.1), (1.0, 0.5), (2.0, 0.5), (2.5, 0.2), (4.0, 0.1), (1.0, 0.6)]
    tried = [(place, SimpleNamespace(values=(error, cost))) for place, (cost, error)
             in enumerate(points)]  # fmt: skip
    assert [place for place, _ in commands.allocate.front(tried)] == [1, 3, 0]


def test_bits_of_a_trial_survive_as_text(commands):
    """The text that a workload takes gives the same widths as the search used."""
    rng = np.random.default_rng(0)
    chosen = {name: int(rng.integers(3, 9)) for name in commands.allocate.names(2)}
    bits = commands.allocate.bits_of(chosen, 2)
    section = YAML(typ="safe").load(commands.allocate.text_of(bits, 2))
    read = bits_from(BitsConfig(**expand_bits(section)).model_dump())
    assert read == bits
    assert read.activations == chosen["outside"]


def test_one_kind_in_one_layer_is_all_that_a_sensitivity_changes(commands):
    data = load_dataset("sdigits")
    network = load_checkpoint(FOLDER.parents[1] / "checkpoints" / "sdigits.safetensors").network
    bits = commands.sensitivity.lowered_bits("state", "1", 3, 12, 2)
    quantised = quantise(network, bits, data.train.inputs[:32])
    wide = quantise(network, commands.study.homogeneous(12), data.train.inputs[:32])
    assert [layer.kernel.state_requant.bits for layer in quantised.layers] == [12, 3]
    assert np.array_equal(quantised.layers[0].kernel.b_re, wide.layers[0].kernel.b_re)
    assert np.array_equal(quantised.encoder.weight, wide.encoder.weight)
    x = data.test.inputs[:40]
    low, high = run_digital(quantised, x).pooled, run_digital(wide, x).pooled
    assert not np.array_equal(low, high)


@pytest.mark.parametrize(
    ("command", "stored"),
    [("sensitivity", "sensitivity"), ("allocate", "allocation"), ("pruning", "pruning"),
     ("size", "size")],
)  # fmt: skip
def test_stored_results_are_drawn(commands, tmp_path, command, stored):
    path = FOLDER / "results" / f"{stored}.csv"
    table = commands.study.Table(path, path.read_text().split("\n")[0].split(","), ())
    getattr(commands, command).draw(table, "sdigits", tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000
