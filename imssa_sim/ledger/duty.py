"""Energy of a chip that waits for its input: actions by number, leakage by the clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imssa_sim.errors import InternalError
from imssa_sim.ledger.build import Timed, busy_times
from imssa_sim.ledger.power_states import Sleep, StateRow, by_state, naps, state_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imssa_sim.costs.model import CostModel
    from imssa_sim.ledger.ledger import Ledger


@dataclass(frozen=True)
class Duty:
    """Energy over a stretch of real time.

    Attributes
    ----------
    span : float
        Time over which energy is counted [s].
    signal : float
        Time of the signal that was taken in meanwhile [s].
    inferences : float
        Sequences that were served; a part of one counts so.
    dynamic, leakage, off_chip : float
        Energy by account [J]; ``leakage`` is that of all power states, waking included.
    states : tuple of StateRow
        What ``leakage`` is made of.
    sleep : Sleep or None
        What sleeping and waking take; None where the chip never sleeps.
    slept : float
        Time asleep [s].
    wakes : int
    """

    span: float
    signal: float
    inferences: float
    dynamic: float
    leakage: float
    off_chip: float
    states: tuple[StateRow, ...]
    sleep: Sleep | None
    slept: float
    wakes: int

    @property
    def energy(self) -> float:
        """Of all accounts [J]."""
        return math.fsum((self.dynamic, self.leakage, self.off_chip))

    @property
    def average_power(self) -> float:
        """[W]."""
        return self.energy / self.span

    @property
    def per_inference(self) -> float:
        """Energy of one inference, waiting included [J]."""
        return self.energy / self.inferences

    @property
    def per_second(self) -> float:
        """Energy for a second of signal [J]."""
        return self.energy / self.signal

    def battery_life(self, energy: float) -> float:
        """Return how long a cell of so much energy feeds the chip [s]."""
        return energy / self.average_power


def build_duty(
    ledger: Ledger,
    costs: CostModel,
    timing: Timed,
    *,
    span: float,
    signal: float,
    inferences: float,
    gaps: NDArray[np.float64],
    sleep: Sleep | None,
) -> Duty:
    """Return the energy of so many inferences in a stretch of time.

    Actions and busy times per inference are those of the ledger's run.

    Parameters
    ----------
    ledger : Ledger
        Of one inference.
    costs : CostModel
        Of the same Program.
    timing : TimingResult
    span, signal : float
        See `Duty` [s].
    inferences : float
    gaps : array
        Times for which nothing was under way [s].
    sleep : Sleep or None

    Raises
    ------
    InternalError
        The states do not add up to the span, or their energies to more than the chip can leak.
    """
    accounts = ledger.by_account()
    busy = {path: inferences * time for path, time in busy_times(timing).items()}
    slept, wakes = 0.0, 0
    if sleep is not None:
        slept, wakes = naps(gaps, sleep, costs.hardware.power.policy)
    states = state_rows(costs, busy, span, sleep, slept, wakes)
    leakage = math.fsum(by_state(states).values())
    most = ledger.leakage_power * span + (0.0 if sleep is None else wakes * sleep.wake_energy)
    if leakage > most * (1 + 1e-12):
        raise InternalError(
            f"ledger: {leakage} J leak in {span} s, but the chip leaks {ledger.leakage_power} W"
        )
    return Duty(
        span=span,
        signal=signal,
        inferences=inferences,
        dynamic=inferences * accounts.get("dynamic", 0.0),
        leakage=leakage,
        off_chip=inferences * accounts.get("off_chip", 0.0),
        states=states,
        sleep=sleep,
        slept=slept,
        wakes=wakes,
    )
