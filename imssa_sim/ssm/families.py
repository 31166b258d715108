"""Families of state-space models by name, those of other packages included.

QS4D's kernel is S4D's: its authors put it into another block.
"""

from __future__ import annotations

from imssa_sim.registry import Registry
from imssa_sim.ssm.interface import StateSpaceModel
from imssa_sim.ssm.lru.model import LRUModel
from imssa_sim.ssm.s4block.kernel import BlockKernel
from imssa_sim.ssm.s4d.kernel import S4DKernel
from imssa_sim.ssm.s5.model import S5Model

MIXING = ("s5", "lru")
"""Families whose one state mixes all channels."""
FAMILIES: Registry[type[StateSpaceModel]] = Registry(
    "family of state-space models",
    "imssa_sim.ssm",
    {
        "s4d": S4DKernel,
        "qs4d": S4DKernel,
        "s4block": BlockKernel,
        "s5": S5Model,
        "lru": LRUModel,
    },
)
