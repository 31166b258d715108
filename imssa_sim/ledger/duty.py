"""Energy of a chip that waits for its input: actions by number, leakage by the clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imssa_sim.components.registry import retains
from imssa_sim.errors import InternalError
from imssa_sim.ledger.build import Timed, busy_times

if TYPE_CHECKING:
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
        Energy by account [J].
    """

    span: float
    signal: float
    inferences: float
    dynamic: float
    leakage: float
    off_chip: float

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
) -> Duty:
    """Return the energy of so many inferences in a stretch of time.

    Actions and busy times per inference are those of the ledger's run. Without power gating all
    leaks all the time; with it, what keeps no state leaks while it works.

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

    Raises
    ------
    InternalError
        The components' leakage does not add up to the chip's.
    """
    accounts = ledger.by_account()
    busy = busy_times(timing)
    leaking = []
    for c in costs.components:
        power = float(c.leakage.value)
        on = min(span, inferences * busy.get(c.component, 0.0))
        gated = costs.hardware.power_gating and not retains(c.kind)
        leaking.append(power * (on if gated else span))
    leakage = math.fsum(leaking)
    if leakage > ledger.leakage_power * span * (1 + 1e-12):
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
    )
