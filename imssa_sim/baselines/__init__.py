"""GPUs to compare with: recurrent, token by token, and convolution, by FFT."""

from __future__ import annotations

from imssa_sim.baselines.equal_rate import EqualRate, at_equal_rate
from imssa_sim.baselines.gpu import BaselineResult, evaluate, evaluate_baselines
from imssa_sim.baselines.launches import KernelTime
from imssa_sim.baselines.workload import Kernel, Shape, convolution_kernels, recurrent_kernels

__all__ = [
    "BaselineResult",
    "EqualRate",
    "Kernel",
    "KernelTime",
    "Shape",
    "at_equal_rate",
    "convolution_kernels",
    "evaluate",
    "evaluate_baselines",
    "recurrent_kernels",
]
