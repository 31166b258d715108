"""Families of state-space models by name, those of other packages included."""

from __future__ import annotations

from imssa_sim.registry import Registry
from imssa_sim.ssm.interface import StateSpaceModel
from imssa_sim.ssm.s4d.kernel import S4DKernel

FAMILIES: Registry[type[StateSpaceModel]] = Registry(
    "family of state-space models", "imssa_sim.ssm", {"s4d": S4DKernel}
)
