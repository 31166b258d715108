"""Latency and energy of an S4D network on a GPU, launch by launch, each bounded by a roofline.

A launch takes ``max(launch overhead, flops / (peak · efficiency), bytes / (bandwidth ·
efficiency))``: launches are issued one after another, and a kernel runs while the next is prepared.
Power is that of full load while a kernel computes or moves data, and ``idle + launch_activity ·
(full - idle)`` while the GPU waits for the next launch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from imssa_sim.baselines.workload import (
    Kernel,
    Mode,
    Precision,
    Shape,
    convolution_kernels,
    recurrent_kernels,
)
from imssa_sim.cards import Card, load_card
from imssa_sim.costs.distributions import draws_at, latin_hypercube, varied_entries
from imssa_sim.costs.parameters import FloatArray, Number, Parameters, Use
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from imssa_sim.config.schema import RunConfig

OPERATIONS_PER_MAC = 2
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


@dataclass(frozen=True)
class BaselineResult:
    """One network on one GPU in one mode.

    Attributes
    ----------
    card, title : str
    mode : {"recurrent", "convolution"}
    precision : {"fp32", "fp16"}
    batch : int
        Sequences that run side by side.
    fused : bool
        Recurrent mode: element-wise operations share kernels (JIT).
    latency : float
        Until the results of a batch are there [s].
    throughput : float
        Sequences per second.
    energy : float
        Per sequence [J].
    average_power : float
        [W]
    idle_power : float
        Between batches [W].
    operations : int
        Useful operations per sequence, two per multiply-accumulate; the same network function in
        both modes, whatever is executed.
    executed_operations : float
        Floating-point operations that are executed per sequence.
    kernels : tuple of KernelTime
    latency_range, energy_range : (float, float)
        With the launch overhead at either end of its range.
    uses : tuple of Use
        Card entries that the result rests on.
    """

    card: str
    title: str
    mode: Mode
    precision: Precision
    batch: int
    fused: bool
    latency: float
    throughput: float
    energy: float
    average_power: float
    idle_power: float
    operations: int
    executed_operations: float
    kernels: tuple[KernelTime, ...]
    latency_range: tuple[float, float]
    energy_range: tuple[float, float]
    uses: tuple[Use, ...]

    @property
    def launches(self) -> int:
        """Kernel launches per batch."""
        return sum(kernel.launches for kernel in self.kernels)

    @property
    def bound(self) -> Bound:
        """What sets most of the latency."""
        times: dict[Bound, float] = {"launch": 0.0, "memory": 0.0, "compute": 0.0}
        for kernel in self.kernels:
            times[kernel.bound] += kernel.time
        return max(times, key=lambda name: times[name])

    @property
    def efficiency(self) -> float:
        """Useful operations per energy [op/J]; 1e12 op/J is 1 TOPS/W."""
        return self.operations / self.energy

    @property
    def assumed(self) -> tuple[str, ...]:
        """Names of the assumed card entries."""
        return tuple(use.entry for use in self.uses if use.status == "assumed")

    @property
    def citations(self) -> tuple[str, ...]:
        """Bibliography keys of the card entries."""
        return tuple(sorted({key for use in self.uses for key in use.sources}))


def evaluate(
    card: Card,
    shape: Shape,
    mode: Mode,
    *,
    batch: int = 1,
    precision: Precision = "fp16",
    fused: bool = True,
) -> BaselineResult:
    """Return latency and energy of a network on a GPU.

    Parameters
    ----------
    card : Card
        Of kind "gpu".
    shape : Shape
    mode : {"recurrent", "convolution"}
    batch : int
    precision : {"fp32", "fp16"}
        Of weights, activations and states; transforms run in single precision always.
    fused : bool
        Recurrent mode: JIT fusion, which favours the GPU.

    Raises
    ------
    InputError
        For a batch below one, or a card of another kind.
    """
    if batch < 1:
        raise InputError(f"batch: {batch} sequences; give at least 1")
    if card.kind != "gpu":
        raise InputError(f"card '{card.name}' is of kind '{card.kind}', not 'gpu'")
    if mode == "recurrent":
        kernels = recurrent_kernels(shape, batch, precision, fused)
    else:
        kernels = convolution_kernels(shape, batch, precision)
    p = Parameters(card)
    times = tuple(_kernel_time(p, kernel) for kernel in kernels)
    latency, energy = (float(x) for x in latency_and_energy(p, kernels))
    overhead = card["launch_overhead"]
    span = np.asarray(overhead.range or (overhead.si, overhead.si))
    ends = Parameters(card, {(card.name, "launch_overhead"): span})
    latencies, energies = (np.broadcast_to(x, 2) for x in latency_and_energy(ends, kernels))
    return BaselineResult(
        card=card.name,
        title=card.title,
        mode=mode,
        precision=precision,
        batch=batch,
        fused=fused,
        latency=latency,
        throughput=batch / latency,
        energy=energy / batch,
        average_power=energy / latency,
        idle_power=card["idle_power"].si,
        operations=OPERATIONS_PER_MAC * shape.useful_macs,
        executed_operations=sum(k.repeats * k.flops for k in kernels) / batch,
        kernels=times,
        latency_range=(float(latencies[0]), float(latencies[1])),
        energy_range=(float(energies[0]) / batch, float(energies[1]) / batch),
        uses=p.uses,
    )


def shape_of(config: RunConfig, sequence_length: int) -> Shape:
    """Return the network of a run as the baselines see it."""
    model = config.model
    return Shape(
        model.layers, model.width, model.state, sequence_length, model.inputs, model.classes,
        model.bidirectional,
    )  # fmt: skip


def evaluate_baselines(config: RunConfig, sequence_length: int) -> tuple[BaselineResult, ...]:
    """Return every configured GPU in both modes at batch 1, and convolution at the run's batch.

    Parameters
    ----------
    config : RunConfig
        Its ``model`` section is the network, its ``baselines`` the cards.
    sequence_length : int
        Steps per inference.
    """
    shape = shape_of(config, sequence_length)
    runs: list[tuple[Mode, int]] = [("recurrent", 1), ("convolution", 1)]
    if config.evaluate.batch > 1:
        runs.append(("convolution", config.evaluate.batch))
    return tuple(
        evaluate(load_card(name), shape, mode, batch=batch)
        for name in config.baselines
        for mode, batch in runs
    )


class BaselineSamples(NamedTuple):
    """Draws of a baseline, shape (draws,): of a batch, per sequence, and between batches."""

    latency: FloatArray
    energy: FloatArray
    idle_power: FloatArray


def baseline_samples(
    result: BaselineResult, shape: Shape, draws: int = 10_000, seed: int = 0
) -> BaselineSamples:
    """Return draws of latency [s], energy per sequence [J] and idle power [W] of a baseline.

    Its card's ranged and assumed entries vary as `imssa_sim.costs.distributions` says.
    """
    card = load_card(result.card)
    kernels = (
        recurrent_kernels(shape, result.batch, result.precision, result.fused)
        if result.mode == "recurrent"
        else convolution_kernels(shape, result.batch, result.precision)
    )
    varied = varied_entries([card])
    drawn = draws_at(varied, latin_hypercube(draws, len(varied), seed))
    parameters = Parameters(card, drawn)
    latency, energy = latency_and_energy(parameters, kernels)
    return BaselineSamples(
        np.broadcast_to(latency, draws),
        np.broadcast_to(energy, draws) / result.batch,
        np.broadcast_to(parameters["idle_power"], draws),
    )


def latency_and_energy(p: Parameters, kernels: Sequence[Kernel]) -> tuple[Number, Number]:
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


def _bounds(p: Parameters, kernel: Kernel) -> tuple[Number, Number, Number]:
    """Return the time of one launch by overhead, memory and arithmetic alone [s]."""
    share = 1 / kernel.launches
    bandwidth = p["bandwidth"] * p["bandwidth_efficiency"]
    rate = p[f"peak_{kernel.unit}"] * p["compute_efficiency"]
    return p["launch_overhead"], kernel.bytes * 8 * share / bandwidth, kernel.flops * share / rate


def _kernel_time(p: Parameters, kernel: Kernel) -> KernelTime:
    count = kernel.repeats * kernel.launches
    launch, memory, compute = (float(x) for x in _bounds(p, kernel))
    time = count * max(launch, memory, compute)
    return KernelTime(kernel.name, count, count * launch, count * memory, count * compute, time)
