"""A device under a load: sequences that come at a rate, each with a deadline for its result.

Sequences are complete when they come, one each period. The device answers each at once, or waits
for a batch; between batches it idles, or is suspended where that pays and the deadline bears the
wake-up. The first sequence of a batch waits longest: ``(B - 1) / R`` and the batch's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from imssa_sim.baselines.gpu import BaselineResult, baseline_samples, evaluate
from imssa_sim.baselines.workload import Mode, Shape
from imssa_sim.cards import Card
from imssa_sim.components.parameters import FloatArray, Number, Parameters
from imssa_sim.costs.distributions import draws_at, latin_hypercube, varied_entries
from imssa_sim.errors import InputError

Policy = Literal["at_once", "batch"]
LARGEST_BATCH = 1024
MODES: tuple[Mode, ...] = ("convolution", "recurrent")


@dataclass(frozen=True)
class Served:
    """How a device serves a load with the least energy.

    Attributes
    ----------
    baseline : BaselineResult
        Its mode and batch.
    rate : float
        Sequences per second.
    suspended : bool
        Between batches.
    latency : float
        Of the sequence that waits longest [s].
    energy : float
        Per sequence, waiting included [J].
    """

    baseline: BaselineResult
    rate: float
    suspended: bool
    latency: float
    energy: float


def energy_of_batch(
    work: Number, busy: Number, period: Number, idle: Number, standby: Parameters | None = None
) -> Number:
    """Return the energy of a batch and of the wait until the next [J].

    Parameters
    ----------
    work : float or array
        Energy of the batch [J].
    busy, period : float or array
        Time of the batch, and from batch to batch [s].
    idle : float or array
        Power between batches [W].
    standby : Parameters, optional
        Of a card of kind "standby": the device is suspended between batches, and woken in time.
    """
    gap = np.maximum(period - np.asarray(busy), 0.0)
    if standby is None:
        return np.asarray(work + idle * gap)[()]
    wake = np.minimum(standby["wake_time"], gap)
    asleep = standby["suspend_power"] * (gap - wake) + standby["wake_power"] * wake
    return np.asarray(work + asleep)[()]


def serve(
    card: Card,
    shape: Shape,
    rate: float,
    deadline: float,
    policy: Policy = "at_once",
    standby: Card | None = None,
) -> Served | None:
    """Return how a device serves a load with the least energy; None where it cannot.

    It cannot where every allowed batch takes longer than the time from batch to batch, or the
    first sequence's result is later than the deadline.

    Parameters
    ----------
    card : Card
        Of kind "gpu".
    shape : Shape
    rate : float
        Sequences per second.
    deadline : float
        From a sequence's arrival to its result [s].
    policy : {"at_once", "batch"}
    standby : Card, optional
        Of kind "standby"; None: the device never sleeps.

    Raises
    ------
    InputError
        A rate or a deadline that is not positive, or a card of another kind.
    """
    for name, value in (("rate", rate), ("deadline", deadline)):
        if not (value > 0 and np.isfinite(value)):
            raise InputError(f"{name}: {value:g}; it must be positive")
    if standby is not None and standby.kind != "standby":
        raise InputError(f"card '{standby.name}' is of kind '{standby.kind}', not 'standby'")
    found: list[Served] = []
    batch = 1
    while batch <= (LARGEST_BATCH if policy == "batch" else 1):
        waits = (batch - 1) / rate
        if waits >= deadline:
            break
        for mode in MODES:
            result = evaluate(card, shape, mode, batch=batch)
            busy, period = result.latency, batch / rate
            for sleeping in (None,) if standby is None else (None, Parameters(standby)):
                wake = 0.0 if sleeping is None else float(sleeping["wake_time"])
                latency = waits + wake + busy
                if wake + busy > period or latency > deadline:
                    continue
                whole = energy_of_batch(
                    result.energy * batch, busy, period, result.idle_power, sleeping
                )
                energy = float(whole) / batch
                found.append(Served(result, rate, sleeping is not None, latency, energy))
        batch *= 2
    return min(found, key=lambda served: served.energy, default=None)


def served_samples(
    served: Served,
    shape: Shape,
    standby: Card | None = None,
    draws: int = 10_000,
    seed: int = 0,
) -> FloatArray:
    """Return draws of the energy per sequence [J], the mode, batch and policy held.

    The cards' ranged and assumed entries vary. A draw that is too slow for the rate never waits.
    """
    result = served.baseline
    drawn = baseline_samples(result, shape, draws, seed)
    sleeping = None
    if served.suspended:
        assert standby is not None  # it was there when the policy was chosen
        varied = varied_entries([standby])
        unit = latin_hypercube(draws, len(varied), seed, stream=1)
        sleeping = Parameters(standby, draws_at(varied, unit))
    period = result.batch / served.rate
    whole = energy_of_batch(
        drawn.energy * result.batch, drawn.latency, period, drawn.idle_power, sleeping
    )
    return np.asarray(whole) / result.batch
