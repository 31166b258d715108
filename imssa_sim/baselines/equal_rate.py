"""Energy per inference at the same sequence rate: what waits for the next sequence draws power too.

Energies per inference of devices that run as fast as each can compare a chip that is busy a
microsecond with a GPU that is busy a millisecond. An application that brings ``R`` sequences per
second makes both wait: a device then takes ``E_busy + P_idle (1 / R - t_busy)`` per sequence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imssa_sim.components.parameters import Number

if TYPE_CHECKING:
    from imssa_sim.baselines.gpu import BaselineResult
    from imssa_sim.ledger.ledger import Ledger


@dataclass(frozen=True)
class EqualRate:
    """Chip and baseline at the rate that the slower of the two sustains.

    ``rate`` [sequences/s]; ``chip_energy``, ``baseline_energy`` [J] per sequence.
    """

    rate: float
    chip_energy: float
    baseline_energy: float

    @property
    def ratio(self) -> float:
        """Energy of the baseline over the chip's."""
        return self.baseline_energy / self.chip_energy


def energy_at_rate(busy: Number, idle_power: Number, busy_time: Number, rate: Number) -> Number:
    """Return the energy per sequence [J] of a device that waits between sequences.

    Parameters
    ----------
    busy : float or array
        Energy of one sequence while the device works on it [J].
    idle_power : float or array
        [W]
    busy_time : float or array
        Share of the device's time that a sequence takes [s]; at most ``1 / rate``.
    rate : float or array
        Sequences per second.
    """
    return busy + idle_power * (1 / rate - busy_time)


def at_equal_rate(ledger: Ledger, throughput: float, baseline: BaselineResult) -> EqualRate:
    """Return chip and baseline at the faster rate that both sustain.

    Parameters
    ----------
    ledger : Ledger
        Of the chip; all of it leaks all the time, also with power gating, which would favour it.
    throughput : float
        Sequences per second of the chip, back to back.
    baseline : BaselineResult
        Draws its idle power between batches.
    """
    rate = min(throughput, baseline.throughput)
    accounts = ledger.by_account()
    actions = sum(accounts.get(name, 0.0) for name in ("dynamic", "off_chip", "reprogramming"))
    chip = energy_at_rate(actions, ledger.leakage_power, 0.0, rate)
    gpu = energy_at_rate(baseline.energy, baseline.idle_power, 1 / baseline.throughput, rate)
    return EqualRate(rate, float(chip), float(gpu))
