"""How ranges are chosen, and what shares one."""

from __future__ import annotations

from dataclasses import dataclass, field

from imssa_sim.errors import InputError
from imssa_sim.quantisation.quantisers import Granularity, RangeMethod


@dataclass(frozen=True)
class Granularities:
    """What shares one scale: ``tensor``, ``channel`` or ``mode`` (A, B and state only).

    With ``kernel_input`` by channel, a channel's scale is the tensor's over a power of two, which
    the shift of its requantiser gives, no further multiplier.
    """

    A: Granularity = "mode"
    B: Granularity = "mode"
    C: Granularity = "channel"
    D: Granularity = "channel"
    dt: Granularity = "channel"
    state: Granularity = "mode"
    linear: Granularity = "channel"
    kernel_input: Granularity = "tensor"

    def __post_init__(self) -> None:
        for name in ("C", "D", "dt", "kernel_input", "linear"):
            if getattr(self, name) not in ("tensor", "channel"):
                raise InputError(
                    f"granularity of {name} is '{getattr(self, name)}': a column of the crossbar "
                    f"has one scale, so use 'channel' or 'tensor'"
                )


@dataclass(frozen=True)
class CalibrationOptions:
    """How ranges are chosen.

    Attributes
    ----------
    activations : {"max", "percentile", "mse"}
        For states and activations.
    weights : {"max", "percentile", "mse"}
    percentile : float
        In (0, 100], where the method is ``percentile``.
    granularity : Granularities
    """

    activations: RangeMethod = "mse"
    weights: RangeMethod = "max"
    percentile: float = 99.9
    granularity: Granularities = field(default_factory=Granularities)
