"""The wire equations against ngspice, an independent simulator."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.circuits.spice import column_currents, deck, read_raw, run
from imssa_sim.circuits.transfer import transfer_matrix
from imssa_sim.circuits.wires import Wires
from imssa_sim.errors import InputError

needs_ngspice = pytest.mark.skipif(
    shutil.which("ngspice") is None, reason="ngspice is missing: apt-get install ngspice"
)


def array(rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(1e-6, 1e-4, (rows, columns)), rng.uniform(0.02, 0.3, rows)


def compare(g, v, wires):
    spice = column_currents(run(deck(g, wires, v)), g.shape[1], wires)
    np.testing.assert_allclose(v @ transfer_matrix(g, wires).matrix, spice, rtol=1e-9)


@needs_ngspice
@pytest.mark.parametrize("resistance", [0.1, 1.0, 20.0])
@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (16, 24), (32, 32)])
def test_column_currents(rows, columns, resistance):
    g, v = array(rows, columns, rows + columns)
    compare(g, v, Wires(resistance, resistance))


@needs_ngspice
def test_column_currents_of_a_large_array():
    g, v = array(64, 64)
    compare(g, v, Wires(2.0, 5.0))


@needs_ngspice
@pytest.mark.parametrize("drive", ["left", "right", "both"])
@pytest.mark.parametrize("sense", ["bottom", "top", "both"])
def test_ends_and_end_resistances(drive, sense):
    g, v = array(9, 7)
    compare(g, v, Wires(3.0, 4.0, 200.0, 150.0, drive, sense))


@needs_ngspice
@pytest.mark.parametrize(
    "resistances", [(0.0, 4.0), (4.0, 0.0), (0.0, 0.0, 50.0), (0.0, 0.0, 0.0, 50.0), (0.0, 0.0)]
)
def test_lines_without_resistance(resistances):
    g, v = array(6, 5)
    g[2, 3] = 0.0
    compare(g, v, Wires(*resistances))


@needs_ngspice
def test_the_sign_of_inputs_is_kept():
    g, v = array(8, 8)
    v[::2] *= -1
    compare(g, v, Wires(5.0, 5.0))


def test_reference_of_128_by_128():
    data = np.load(Path(__file__).parent / "data" / "ir_drop_128.npz")
    wires = Wires(2.5, 1.25, source_resistance=100.0)
    found = (data["voltage"] * 1e-4) @ transfer_matrix(data["conductance"] * 1e-8, wires).matrix
    np.testing.assert_allclose(found, data["currents"], rtol=1e-9)


@needs_ngspice
def test_a_faulty_deck_is_an_error():
    with pytest.raises(InputError, match="ngspice failed"):
        run("* nothing\nX1 a b missing\n.op\n.end\n")
    with pytest.raises(InputError, match=r"gave no i\(vout1b\); 1 of 2 are missing"):
        column_currents({"i(vout0b)": 1.0}, 2, Wires(1, 1))


def test_shapes_must_agree():
    with pytest.raises(InputError, match="as many voltages as rows"):
        deck(np.ones((2, 3)), Wires(1, 1), np.ones(3))


def test_what_is_not_a_raw_file_is_refused():
    with pytest.raises(InputError, match="not a binary raw file"):
        read_raw(b"Title: x\nValues:\n")
    with pytest.raises(InputError, match="holds 1 values for 2 variables"):
        read_raw(b"Variables:\n\t0\ta\tx\n\t1\tb\tx\nBinary:\n" + np.ones(1).tobytes())


def test_missing_ngspice_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="apt-get install ngspice"):
        run("")
