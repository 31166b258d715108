"""A device to compare with: so many operations per second at so much power."""

from __future__ import annotations

from collections.abc import Sequence

from imssa_sim.baselines import Kernel, KernelTime
from imssa_sim.components.parameters import Number, Parameters


class FixedRate:
    """Latency = operations / rate, energy = power · latency."""

    def kernel_time(self, p: Parameters, kernel: Kernel) -> KernelTime:
        """Return the time of all launches of one kernel."""
        time = float(kernel.repeats * kernel.flops / p["rate"])
        return KernelTime(kernel.name, kernel.repeats, 0.0, 0.0, time, time)

    def latency_and_energy(self, p: Parameters, kernels: Sequence[Kernel]) -> tuple[Number, Number]:
        """Return latency [s] and energy [J] of a batch."""
        latency = sum(kernel.repeats * kernel.flops for kernel in kernels) / p["rate"]
        return latency, latency * p["power"]


FIXED_RATE = FixedRate()
