"""A device that takes one kernel launch after another, each bounded by a roofline.

A launch takes ``max(launch overhead, flops / (peak · efficiency), bytes / (bandwidth ·
efficiency))``: launches are issued one after another, and a kernel runs while the next is prepared.
Power is that of full load while a kernel computes or moves data, and ``idle + launch_activity ·
(full - idle)`` while the device waits for the next launch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from imssa_sim.baselines.workload import Kernel
from imssa_sim.components.parameters import Number, Parameters

Bound = Literal["launch", "memory", "compute"]


@dataclass(frozen=True)
class KernelTime:
    """Time of all launches of one kernel [s]: what each bound alone would take, and the total."""

    name: str
    launches: int
    launch: float
    memory: float
    compute: float
    time: float

    @property
    def bound(self) -> Bound:
        """Which of the three sets the time."""
        times: dict[Bound, float] = {
            "compute": self.compute, "memory": self.memory, "launch": self.launch
        }  # fmt: skip
        return max(times, key=lambda name: times[name])


class BaselineLaw(Protocol):
    """What a device of one form makes of the kernels of a network.

    ``p`` holds the parameters of its card, in SI, each a number or an array of draws.
    """

    def kernel_time(self, p: Parameters, kernel: Kernel) -> KernelTime:
        """Return the time of all launches of one kernel."""

    def latency_and_energy(self, p: Parameters, kernels: Sequence[Kernel]) -> tuple[Number, Number]:
        """Return latency [s] and energy [J] of a batch; arrays if the parameters are draws."""


class Launches:
    """The law of this module."""

    def kernel_time(self, p: Parameters, kernel: Kernel) -> KernelTime:
        """Return the time of all launches of one kernel."""
        count = kernel.repeats * kernel.launches
        launch, memory, compute = (float(x) for x in _bounds(p, kernel))
        time = count * max(launch, memory, compute)
        return KernelTime(kernel.name, count, count * launch, count * memory, count * compute, time)

    def latency_and_energy(self, p: Parameters, kernels: Sequence[Kernel]) -> tuple[Number, Number]:
        """Return latency [s] and energy [J] of a batch; arrays if the parameters are draws."""
        latency: Number = 0.0
        energy: Number = 0.0
        span = p["power"] - p["idle_power"]
        for kernel in kernels:
            count = kernel.repeats * kernel.launches
            _, memory, compute = _bounds(p, kernel)
            working = np.maximum(memory, compute)
            time = np.maximum(p["launch_overhead"], working)
            waiting = time - working
            power_time = working + p["launch_activity"] * waiting
            latency = latency + count * time
            energy = energy + count * (p["idle_power"] * time + span * power_time)
        return latency, energy


LAUNCHES = Launches()


def _bounds(p: Parameters, kernel: Kernel) -> tuple[Number, Number, Number]:
    """Return the time of one launch by overhead, memory and arithmetic alone [s]."""
    share = 1 / kernel.launches
    bandwidth = p["bandwidth"] * p["bandwidth_efficiency"]
    rate = p[f"peak_{kernel.unit}"] * p["compute_efficiency"]
    return p["launch_overhead"], kernel.bytes * 8 * share / bandwidth, kernel.flops * share / rate
