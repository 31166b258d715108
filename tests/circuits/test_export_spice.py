import shutil

import numpy as np
import pytest

from imssa_sim.circuits.spice import column_currents, run
from imssa_sim.circuits.wires import Wires
from imssa_sim.cli.main import main

WORKLOAD = """\
workload: small
model: {layers: 1, width: 4, state: 4, classes: 10}
data: {name: sdigits}
calibration: {samples: 8}
hardware:
  chip:
    tile: {rows: 20, columns: 40, cell: cells/taox_imssa, wires: {word_resistance: 5 ohm}}
  adc: {card: adc/survey_andrulis_2024}
"""


@pytest.fixture
def workload(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(WORKLOAD, encoding="utf-8")
    return str(path)


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="apt-get install ngspice")
def test_a_deck_runs_and_agrees(workload, tmp_path, capsys):
    deck = tmp_path / "tile.cir"
    assert main(["export-spice", workload, "-o", str(deck), "--run"]) == 0
    printed = capsys.readouterr().out
    assert "20 word lines, 40 bit lines" in printed
    assert float(printed.rsplit(": ", 1)[1]) < 1e-9
    currents = column_currents(run(deck.read_text("ascii")), 40, Wires(5.0, 1.04))
    assert np.all(currents > 0)


def test_four_lines_are_written_with_those_that_rest(workload, tmp_path, capsys):
    """Two modes, the input and the output, four lines each."""
    deck = tmp_path / "tile.cir"
    four = ["--set", "hardware.chip.tile.weights=four_line"]
    assert main(["export-spice", workload, "-o", str(deck), *four]) == 0
    assert "12 word lines, 12 bit lines" in capsys.readouterr().out


def test_chips_differ_and_nothing_is_overwritten(workload, tmp_path, capsys):
    first, second = tmp_path / "0.cir", tmp_path / "1.cir"
    assert main(["export-spice", workload, "-o", str(first)]) == 0
    assert main(["export-spice", workload, "-o", str(second), "--chip", "1"]) == 0
    assert first.read_text("ascii") != second.read_text("ascii")
    capsys.readouterr()
    assert main(["export-spice", workload, "-o", str(first)]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tiles", "chip.layer0.kernl"], "did you mean 'chip.layer0.kernel'"),
        (["--index", "99"], "has tiles 0 to"),
        (["-o", "/nonexistent/tile.cir"], "cannot be written"),
    ],
)
def test_bad_requests(workload, tmp_path, capsys, options, message):
    arguments = ["export-spice", workload, "-o", str(tmp_path / "x.cir"), *options]
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x.cir").exists()


def test_the_last_tile_is_the_last_that_is_written(workload, tmp_path, capsys):
    deck = tmp_path / "x.cir"
    assert main(["export-spice", workload, "-o", str(deck), "--index", "99"]) == 2
    last = int(capsys.readouterr().err.split("has tiles 0 to ")[1].split(",")[0])
    assert main(["export-spice", workload, "-o", str(deck), "--index", str(last + 1)]) == 2
    assert f"has tiles 0 to {last}, not {last + 1}" in capsys.readouterr().err
    assert main(["export-spice", workload, "-o", str(deck), "--index", str(last)]) == 0
