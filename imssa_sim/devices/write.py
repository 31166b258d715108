"""Write pulses: what programming a cell takes. Fields are the parameters ``write_<field>``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.devices.forms import parameter, register

FloatArray = NDArray[np.float64]


@register("write", "pulses")
@dataclass(frozen=True, kw_only=True)
class PulseProgramming:
    """Incremental write-verify, known by its mean number of pulses.

    Attributes
    ----------
    pulses : float
        Mean number of write pulses of a cell.
    time : float
        Duration of a pulse [s].
    verify_time : float
        Duration of the read after each pulse, control included [s].
    set_voltage, reset_voltage : float
        Of the first SET and RESET pulse [V].
    voltage_step : float
        Increase from pulse to pulse of one polarity [V].
    window : float
        A cell is accepted when it is this close to its target [S].
    endurance : float, optional
        Write pulses that a cell bears.
    energy : float, optional
        Of a pulse, whatever the cell holds [J]; by default V²·G·t, see `cell_energy`.
    """

    pulses: float = parameter(low=0)
    time: float = parameter("time", low=0)
    verify_time: float = parameter("time", low=0)
    set_voltage: float = parameter("voltage", low=0)
    reset_voltage: float = parameter("voltage", low=0)
    voltage_step: float = parameter("voltage", low=0)
    window: float = parameter("conductance", low=0)
    endurance: float | None = parameter(low=1, default=None)
    energy: float | None = parameter("energy", low=0, default=None)

    def cell_time(self) -> float:
        """Return the mean time to program one cell [s]: pulses, each with its verify read."""
        return self.pulses * (self.time + self.verify_time)

    def cell_energy(self, targets: FloatArray) -> FloatArray:
        """Return the mean energy to program each cell [J].

        V²·G·t of each pulse, the cell at its target, V the mean of SET and RESET start voltages:
        the path that a cell takes to its target is known to `write_verify` only. A cell whose
        pulse takes ``energy`` takes that.
        """
        if self.energy is not None:
            return np.full_like(targets, self.pulses * self.energy, dtype=np.float64)
        voltage = (self.set_voltage + self.reset_voltage) / 2
        return np.asarray(self.pulses * voltage**2 * targets * self.time)


@register("write", "access")
@dataclass(frozen=True, kw_only=True)
class SingleAccess(PulseProgramming):
    """A bit of SRAM, written in one access and not verified; its fields are those of a pulse."""


@register("write", "write_verify")
@dataclass(frozen=True, kw_only=True)
class IncrementalPulses(PulseProgramming):
    """Incremental write-verify with a model of what each pulse does, see `write_verify`.

    A pulse of voltage V moves the conductance by first_step·10^((V - V_start)/decade), times a
    lognormal factor of mean one; SET raises it, RESET lowers it.

    Attributes
    ----------
    first_step : float
        Mean change by the first pulse of a polarity [S].
    decade : float
        Voltage that makes the change ten times as large [V].
    spread : float
        Standard deviation of the logarithm of the change.
    reversals : float
        Changes of polarity after which a cell is given up.
    voltage_limit : float
        Largest voltage that the drivers give [V].
    """

    first_step: float = parameter("conductance", low=0)
    decade: float = parameter("voltage", low=1e-3)
    spread: float = parameter(low=0)
    reversals: float = parameter(low=0)
    voltage_limit: float = parameter("voltage", low=0)
