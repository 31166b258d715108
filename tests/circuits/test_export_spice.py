import re
import shutil

import numpy as np
import pytest

import imssa_sim
from imssa_sim.circuits.spice import column_currents, run
from imssa_sim.circuits.transfer import transfer_matrix
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


def cells_of(text):
    """Return the conductances (word lines, bit lines) [S] and the voltages [V] of a deck."""
    found = re.findall(r"^Rc(\d+)_(\d+) \S+ \S+ (\S+)$", text, re.MULTILINE)
    cells = np.zeros((1 + max(int(i) for i, _, _ in found), 1 + max(int(j) for _, j, _ in found)))
    for i, j, resistance in found:
        cells[int(i), int(j)] = 1 / float(resistance)
    drivers = re.findall(r"^Vin(\d+) in\d+ 0 DC (\S+)$", text, re.MULTILINE)
    return cells, [float(v) for _, v in sorted(drivers, key=lambda d: int(d[0]))]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"--chip": "2", "--index": "1", "--tiles": "chip.layer0.linear"},
        {"--set": "evaluate.time_since_programming=600 s"},
    ],
)
def test_a_deck_holds_the_cells_of_that_chip(workload, tmp_path, capsys, options):
    deck = tmp_path / "tile.cir"
    words = [word for pair in options.items() for word in pair]
    narrow = ["--set", "hardware.chip.tile.columns=8", "--set", "hardware.chip.tile.rows=20"]
    narrow += ["--set", "hardware.chip.tile.read_voltage=0.15 V"]
    narrow += ["--set", "hardware.chip.tile.cell=cells/pcm_joshi_2020"]
    assert main(["export-spice", workload, "-o", str(deck), *words, *narrow]) == 0
    settings = [word for word in (*words, *narrow) if "=" in word]
    chip = imssa_sim.chip(workload, int(options.get("--chip", 0)), set=settings)
    path = options.get("--tiles", "chip.layer0.kernel")
    index = int(options.get("--index", 0))
    held = chip.conductances[path][index]
    held = held[np.ix_(held.any(axis=1), held.any(axis=0))]
    text = deck.read_text("ascii")
    cells, voltages = cells_of(text)
    np.testing.assert_allclose(cells, held, rtol=1e-12)
    assert voltages == [0.15] * len(held)
    age = 600 if "--set" in options else 3600
    number = options.get("--chip", "0")
    title = f"* small.yaml {path} tile {index} chip {number}, {age} s after programming"
    assert text.splitlines()[0] == title
    rows, columns = held.shape
    assert f"{rows} word lines, {columns} bit lines; ngspice -b {deck}" in capsys.readouterr().out


def test_the_largest_difference_is_told(workload, tmp_path, capsys, monkeypatch):
    """Ngspice's currents are ours times 1, 1.02, .95, 1, …"""
    factors = np.ones(40)
    factors[1], factors[2] = 1.02, 0.95

    def solved(text):
        cells, voltages = cells_of(text)
        ours = np.array(voltages) @ transfer_matrix(cells, Wires(5.0, 1.04)).matrix
        return {f"i(vout{n}b)": value for n, value in enumerate(ours * factors)}

    monkeypatch.setattr("imssa_sim.circuits.spice.run", solved)
    assert main(["export-spice", workload, "-o", str(tmp_path / "x.cir"), "--run"]) == 0
    told = float(capsys.readouterr().out.rsplit(": ", 1)[1])
    assert told == pytest.approx(1 / 0.95 - 1, rel=0.05)
