"""The crossbar: area of the cells, charging of word and bit lines, and the read estimate.

The read itself, ``sum V^2 G t`` over the cells, comes from the functional execution where data
were run. `estimated_read` stands in where none were, from a fixed activity.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np

from imssa_sim.components.action import Action
from imssa_sim.components.component import Component, Place, PricedChip, cost
from imssa_sim.components.duration import LATCH_CYCLES, Duration, exact, nanoseconds
from imssa_sim.components.parameters import Number, Parameters
from imssa_sim.components.terms import ActionCost, Term

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig

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


class Array(Component):
    """Crossbars; verb ``read``: one read of a tile, or one pulse of it."""

    kind = "array"
    phase = "read"
    reads = True

    def duration(self, action: Action, hardware: HardwareConfig, cycle: Fraction) -> Duration:
        """Return the time of sampling pulse widths, otherwise ``tile.read_time`` for each pulse."""
        if hardware.dac.encoding == "pulse_width":
            phases = hardware.dac.phases
            times = "" if phases == 1 else f"{phases} x "
            text = f"{times}sampled in {LATCH_CYCLES} cycle"
            return Duration(phases * LATCH_CYCLES * cycle, text, True)
        read = exact(hardware.chip.tile.read_time)
        text = f"{action.serial} reads of {nanoseconds(read)}"
        return Duration(action.serial * read, text, False)

    def energy(self, action: Action, chip: PricedChip, place: Place) -> Iterator[ActionCost]:
        """Yield a read by its fixed activity; phases, or lines of signs, share the cells."""
        tile, dac = chip.hardware.chip.tile, chip.hardware.dac
        conductance = chip.conductance(place, action)
        pulse = full_pulse(dac.encoding, action.bits, dac.lsb_time, tile.read_time)
        term = chip.term(
            chip.card(tile.array),
            lambda p: (
                estimated_read(p, dac.encoding, conductance, tile.read_voltage, pulse)
                / (dac.phases * tile.lines_per_row)
            ),
        )
        yield cost(action, term)

    def size(self, action: Action, chip: PricedChip, place: Place) -> tuple[Term, Term]:
        """Return the area of a tile's cells; they do not leak between reads."""
        tile, feature = chip.hardware.chip.tile, chip.hardware.chip.technology
        cells = tile.rows * tile.columns
        card = chip.card(tile.array)
        area = chip.term(card, lambda p: cells * cell_area(p, feature), ("array",))
        return area, Term(0.0, ())
