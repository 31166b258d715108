"""Kernel mappings by name, those of other packages included."""

from __future__ import annotations

from imssa_sim.mapping.kernels.base import KernelMapping
from imssa_sim.mapping.kernels.digital import DigitalKernels
from imssa_sim.mapping.kernels.fused_delayed import FusedDelayed
from imssa_sim.mapping.kernels.fused_delta import FusedDelta
from imssa_sim.mapping.kernels.fused_lookahead import FusedLookahead
from imssa_sim.mapping.kernels.two_pass import TwoPass
from imssa_sim.registry import Registry

_OWN: tuple[KernelMapping, ...] = (
    FusedLookahead(), FusedDelayed(), FusedDelta(), TwoPass(), DigitalKernels(),
)  # fmt: skip
KERNEL_MAPPINGS: Registry[KernelMapping] = Registry(
    "kernel mapping", "imssa_sim.kernel_mapping", {mapping.name: mapping for mapping in _OWN}
)
