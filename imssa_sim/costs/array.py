"""The crossbar: area of the cells, charging of word and bit lines, and the read estimate.

The read itself, ``sum V^2 G t`` over the cells, comes from the functional execution where data
were run. `estimated_read` stands in where none were, from a fixed activity.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from imssa_sim.costs.parameters import Number, Parameters

Encoding = Literal["pulse_width", "amplitude", "bit_serial"]


def cell_area(p: Parameters, feature: float) -> Number:
    """Return the area of one cell [m^2] at a feature size [m]."""
    return p["cell_area"] * feature**2


def _pitch(p: Parameters, feature: float) -> Number:
    return np.sqrt(p.peek("cell_area")) * feature


def word_line_charge(p: Parameters, wires: Parameters, columns: int, feature: float) -> Number:
    """Return the energy of one drive of a word line beyond its cells' read currents [J].

    ``toggle · (columns · (C_gate + C_coupling) + C_wire + C_driver) · V_WL^2``; gate, coupling
    and driver in proportion to the feature size.
    """
    scale = feature / p["reference_node"]
    per_cell = (p["gate_capacitance"] + p["coupling_capacitance"]) * scale
    wire = wires["capacitance"] * _pitch(p, feature) * columns
    total = per_cell * columns + wire + p["driver_capacitance"] * scale
    return p["word_line_toggle"] * total * p["word_line_voltage"] ** 2


def bit_line_charge(
    p: Parameters, wires: Parameters, rows: int, feature: float, read_voltage: float
) -> Number:
    """Return the energy of charging one bit line for one read [J], ``C_BL V_read^2``."""
    scale = feature / p["reference_node"]
    wire = wires["capacitance"] * _pitch(p, feature) * rows
    return (p["junction_capacitance"] * scale * rows + wire) * read_voltage**2


def pulse_activity(p: Parameters, encoding: Encoding) -> Number:
    """Return the assumed mean of ``V^2 t`` of a drive relative to a full-scale pulse.

    Pulse width: the mean of |code| / limit. Amplitude: the mean of its square. Bit-serial: half,
    the share of ones among the bits.
    """
    if encoding == "bit_serial":
        return 0.5
    return p["activity_mean"] if encoding == "pulse_width" else p["activity_square"]


def full_pulse(encoding: Encoding, bits: int, lsb_time: float, read_time: float) -> float:
    """Return the length of a full-scale pulse [s]."""
    limit: int = (1 << (bits - 1)) - 1
    return limit * lsb_time if encoding == "pulse_width" else read_time


def estimated_read(
    p: Parameters, encoding: Encoding, conductance: float, voltage: float, pulse: float
) -> Number:
    """Return the estimated energy of one read (bit-serial: one pulse) [J].

    Parameters
    ----------
    conductance : float
        Sum over the cells in use [S].
    voltage : float
        Read voltage [V].
    pulse : float
        Length of a full-scale pulse [s].
    """
    return pulse_activity(p, encoding) * conductance * voltage**2 * pulse
