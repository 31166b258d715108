"""Trainable families of state-space models by name, those of other packages included."""

from __future__ import annotations

from imssa_sim.registry import Registry
from imssa_sim.training.block_module import BlockModule
from imssa_sim.training.dense_modules import LRUModule, S5Module
from imssa_sim.training.kernel_module import KernelModule
from imssa_sim.training.s4d_module import S4DModule

MODULES: Registry[type[KernelModule]] = Registry(
    "trainable family of state-space models",
    "imssa_sim.ssm.training",
    {
        "s4d": S4DModule,
        "qs4d": S4DModule,
        "s4block": BlockModule,
        "s5": S5Module,
        "lru": LRUModule,
    },
)
