"""Latency and energy of an S4D network on a device to compare with, most often a GPU.

The device's card may name the form of its law (``form: {value: launches}``); without one it is
`imssa_sim.baselines.launches`. Laws of other packages are found through the entry point group
``imssa_sim.baselines``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imssa_sim.baselines.launches import LAUNCHES, BaselineLaw, Bound, KernelTime
from imssa_sim.baselines.workload import (
    Mode,
    Precision,
    Shape,
    convolution_kernels,
    recurrent_kernels,
)
from imssa_sim.cards import Card, load_card
from imssa_sim.components.parameters import FloatArray, Parameters, Use
from imssa_sim.costs.distributions import draws_at, latin_hypercube, varied_entries
from imssa_sim.errors import InputError
from imssa_sim.model.network import Composition
from imssa_sim.registry import Registry
from imssa_sim.ssm.families import MIXING

if TYPE_CHECKING:
    from imssa_sim.config.schema import RunConfig

OPERATIONS_PER_MAC = 2
FORMS: Registry[BaselineLaw] = Registry(
    "form of baseline", "imssa_sim.baselines", {"launches": LAUNCHES}
)


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
    law = law_of(card)
    times = tuple(law.kernel_time(p, kernel) for kernel in kernels)
    latency, energy = (float(x) for x in law.latency_and_energy(p, kernels))
    ends = Parameters(card, _ends(card))
    latencies, energies = (np.broadcast_to(x, 2) for x in law.latency_and_energy(ends, kernels))
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


def law_of(card: Card) -> BaselineLaw:
    """Return the law that a card names, that of launches where it names none.

    Raises
    ------
    InputError
        There is no such form.
    """
    return FORMS[card["form"].text if "form" in card else "launches"]


def _ends(card: Card) -> dict[tuple[str, str], FloatArray]:
    """Return the launch overhead at either end of its range, where the card states one."""
    if "launch_overhead" not in card:
        return {}
    overhead = card["launch_overhead"]
    span = np.asarray(overhead.range or (overhead.si, overhead.si))
    return {(card.name, "launch_overhead"): span}


def shape_of(config: RunConfig, sequence_length: int) -> Shape:
    """Return the network of a run as the baselines see it."""
    model = config.model
    return Shape(
        model.layers, model.width, model.state, sequence_length, model.inputs, model.results,
        model.bidirectional, "none" if model.norm == "none" else model.norm_position,
        Composition(**model.composition_keys), model.family in MIXING,
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
    latency, energy = law_of(card).latency_and_energy(parameters, kernels)
    return BaselineSamples(
        np.broadcast_to(latency, draws),
        np.broadcast_to(energy, draws) / result.batch,
        np.broadcast_to(parameters["idle_power"], draws),
    )
