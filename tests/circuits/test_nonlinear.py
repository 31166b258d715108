import shutil

import numpy as np
import pytest
from scipy.optimize import brentq

from imssa_sim.circuits.nonlinear import solve_nonlinear
from imssa_sim.circuits.spice import column_currents, deck, run
from imssa_sim.circuits.transfer import transfer_matrix
from imssa_sim.circuits.wires import Wires
from imssa_sim.devices.conduction import SinhConduction
from imssa_sim.errors import InputError, InternalError


def array(rows, columns):
    rng = np.random.default_rng(3)
    return rng.uniform(1e-6, 1e-4, (rows, columns)), rng.uniform(0.1, 0.5, rows)


def test_weak_nonlinearity_is_the_linear_network():
    g, v = array(9, 6)
    wires = Wires(20.0, 10.0, 100.0, 5.0, "both", "top")
    point = solve_nonlinear(g, wires, v, SinhConduction(1e6))
    np.testing.assert_allclose(point.currents, v @ transfer_matrix(g, wires).matrix, rtol=1e-10)


def test_one_cell_in_series_with_its_wires():
    cell = SinhConduction(0.2)
    g, v, resistance = 1e-4, 0.5, 10.0 + 20.0 + 300.0 + 400.0
    drop = brentq(lambda x: cell.current(g, x) - (v - x) / resistance, 0, v, xtol=1e-15)
    point = solve_nonlinear([[g]], Wires(10.0, 20.0, 300.0, 400.0), [v], cell)
    assert point.currents[0] == pytest.approx((v - drop) / resistance, rel=1e-11)
    assert point.residual <= 1e-12


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="apt-get install ngspice")
@pytest.mark.parametrize("ends", [("left", "bottom"), ("both", "top")])
def test_ngspice_finds_the_same_currents(ends):
    g, v = array(8, 6)
    wires = Wires(20.0, 10.0, 100.0, 50.0, *ends)
    cell = SinhConduction(0.25)
    point = solve_nonlinear(g, wires, v, cell)
    spice = column_currents(run(deck(g, wires, v, conduction=cell)), 6, wires)
    np.testing.assert_allclose(point.currents, spice, rtol=1e-9)
    linear = v @ transfer_matrix(g, wires).matrix
    assert np.all(np.abs(point.currents / linear - 1) > 0.05)  # the effect is there


@pytest.mark.parametrize("resistance", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("scale", [0.05, 0.25])
def test_converges_where_wires_conduct_far_better_than_cells(resistance, scale):
    """Rounding bounds the residual there, not Newton's method; with ideal wires as the limit."""
    rng = np.random.default_rng(5)
    g, v = rng.uniform(1e-6, 1e-4, (48, 40)), rng.uniform(-0.2, 0.2, 48)
    cell = SinhConduction(scale)
    point = solve_nonlinear(g, Wires(resistance, resistance), v, cell)
    assert point.residual < 1e-10
    assert point.iterations <= 8
    ideal = cell.current(g, v[:, None]).sum(axis=0)
    lost = np.abs(point.currents - ideal).max() / np.abs(ideal).max()
    assert lost < 0.8 * resistance


def test_what_cannot_be_solved_is_an_error():
    g, v = array(3, 3)
    with pytest.raises(InputError, match="needs resistance"):
        solve_nonlinear(g, Wires(0.0, 1.0), v, SinhConduction(0.2))
    with pytest.raises(InputError, match="as many voltages"):
        solve_nonlinear(g, Wires(1.0, 1.0), v[:2], SinhConduction(0.2))
    with pytest.raises(InternalError, match="left a residual"):
        solve_nonlinear(g, Wires(1.0, 1.0), v, SinhConduction(0.05), max_iterations=1)
