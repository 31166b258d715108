"""The pipeline of a Program: which stage does what per token, in the order of the flow.

A stage on tiles closes its recurrence through drive, read, conversion (and, for a kernel,
requantisation and register); what follows is pipelined. A stage on a vector unit runs its
actions as one program per token: all of them are its loop. Values cross the bus whenever they
move between tiles and vector units and from layer to layer, and wait in a FIFO behind each stage.

Vector units and bus links are dealt out in the order of the flow: with fewer units than users,
neighbouring users share one; with enough, each has its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from imssa_sim.components.action import Action
from imssa_sim.components.buffer import fifo
from imssa_sim.components.bus import transfer
from imssa_sim.components.off_chip import off_chip
from imssa_sim.components.path import BUS, VECTOR, ComponentPath
from imssa_sim.components.tile_read import behind_adc, joined_slices, tile_read
from imssa_sim.components.units import vector
from imssa_sim.mapping.kernels.base import KernelSite
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.mapping.program import Bypass, KernelTiles, Stage
from imssa_sim.mapping.tiles import partial_sums, rows_and_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imssa_sim.components.action import ComponentKind
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import LinearTiles
    from imssa_sim.model.quantised import QuantisedLayer, QuantisedLinear, QuantisedNetwork
    from imssa_sim.quantisation.widths import BitWidths


class _Pipeline:
    """Collects stages; ``tiles`` maps a path to the tiles that stand there (none: digital)."""

    def __init__(
        self,
        network: QuantisedNetwork,
        hardware: HardwareConfig,
        sequence_length: int,
        tiles: Mapping[str, KernelTiles | LinearTiles],
    ) -> None:
        self.network = network
        self.hardware = hardware
        self.length = sequence_length
        self.tiles = tiles
        self.stages: list[Stage] = []
        self.mapping = KERNEL_MAPPINGS[hardware.mapping.kernel]

    def add(
        self,
        path: str,
        loop: list[Action],
        after: list[Action],
        out: tuple[int, int] | None,
        *,
        crosses: bool = False,
        buffer_tokens: int | None = None,
        barrier: bool = False,
        per: Literal["step", "sequence"] = "step",
        extra_steps: int = 0,
    ) -> None:
        """Append a stage that hands on ``out`` = (words, bits), over the bus if it ``crosses``."""
        actions = loop + after
        if out is not None:
            if crosses:
                actions.append(transfer(self.hardware, *out))
            actions += fifo(self.hardware, path, *out)
        capacity = self.hardware.memory.buffer_tokens if buffer_tokens is None else buffer_tokens
        self.stages.append(
            Stage(path, tuple(actions), len(loop), capacity, barrier, per, extra_steps)
        )

    def bits_at(self, path: str) -> BitWidths:
        """Return the bits of the layer that a path is in, or of what is outside of the layers."""
        bits, layer = self.network.bits, ComponentPath(path).layer_number
        return bits if layer is None else bits.of_layer(layer)

    def vector(self, kind: ComponentKind, verb: str, count: int, bits: int) -> Action:
        return vector(self.hardware, kind, verb, count, bits)

    def linear(
        self, path: str, linear: QuantisedLinear, *, requantise: bool = True
    ) -> tuple[list[Action], list[Action]]:
        """Return loop and further actions of a linear layer."""
        outputs, inputs = linear.weight.shape
        bits = linear.requant.bits
        tiles = self.tiles.get(path)
        if tiles is None:
            actions = [self.vector("mac", "mac", outputs * inputs, linear.weight_bits)]
            if requantise:
                actions.append(self.vector("requantiser", "requantise", outputs, bits))
            return actions, []
        hardware = self.hardware
        codes = self.bits_at(path).activations
        rows, columns = rows_and_columns(tiles)
        loop = list(tile_read(hardware, path, rows, columns, codes))
        after = joined_slices(hardware, path, columns)
        after += _joined(hardware, path, tiles, outputs)
        if requantise:
            after.append(
                behind_adc(
                    hardware, f"{path}.requantiser", "requantiser", "requantise",
                    tiles.tiles, outputs, bits,
                )
            )  # fmt: skip
        return loop, after

    def kernel(self, path: str, layer: QuantisedLayer) -> tuple[list[Action], list[Action]]:
        """Return loop and further actions of one layer's kernels in one direction."""
        tiles = self.tiles.get(path)
        site = KernelSite(
            self.hardware, path, layer.kernel, self.bits_at(path),
            tiles if isinstance(tiles, KernelTiles) else None,
        )  # fmt: skip
        return self.mapping.actions(site)


def _joined(
    hardware: HardwareConfig, path: str, tiles: KernelTiles | LinearTiles, outputs: int
) -> list[Action]:
    count = partial_sums(tiles, outputs)
    if not count:
        return []
    component = f"{path}.shift_add"
    return [
        behind_adc(hardware, component, "shift_add", "add", tiles.tiles, count, hardware.adc.bits)
    ]


def _add_layer(pipe: _Pipeline, number: int, layer: QuantisedLayer, last: bool) -> None:
    hardware, path = pipe.hardware, f"chip.layer{number}"
    bits = pipe.bits_at(path)
    width, channels = pipe.network.encoder.weight.shape[0], layer.kernel.channels
    on_tiles = bool(pipe.mapping.reads)
    analog_linear = f"{path}.linear" in pipe.tiles
    act, out_bits = bits.activations, bits.kernel_output
    stream = pipe.network.bits.activations

    entry = (
        pipe.vector("norm", "normalise", width, bits.kernel_input)
        if layer.norm_position == "pre"
        else pipe.vector("requantiser", "requantise", channels, bits.kernel_input)
    )
    pipe.add(f"{path}.input", [entry], [], (channels, bits.kernel_input), crosses=on_tiles)

    # A layer whose tokens arrive last first runs its reverse kernels on the stream, and the
    # forward ones when the whole sequence is there; so each layer waits for one barrier.
    kernels = [f"{path}.kernel"]
    if layer.kernel_reverse is not None:
        kernels.append(f"{path}.kernel_reverse")
        if number % 2:
            kernels.reverse()
    buffer = hardware.memory.buffer_tokens
    for position, kernel_path in enumerate(kernels):
        loop, after = pipe.kernel(kernel_path, layer)
        waits = len(kernels) == 2 and position == 0
        pipe.add(
            kernel_path, loop, after, (channels, out_bits), crosses=on_tiles,
            barrier=position == 1, buffer_tokens=max(buffer, pipe.length) if waits else buffer,
            extra_steps=pipe.mapping.delay,
        )  # fmt: skip

    activation = []
    for _ in kernels:
        if not layer.kernel.form.ahead:  # D·u, beside the tiles
            activation += [
                pipe.vector("mac", "mac", channels, bits.D),
                pipe.vector("requantiser", "requantise", channels, out_bits),
                pipe.vector("adder", "add", channels, out_bits),
            ]
    if len(kernels) == 2:
        activation.append(pipe.vector("adder", "add", channels, out_bits))
    activation.append(pipe.vector("lut", "lookup", channels, act))
    pipe.add(f"{path}.activation", activation, [], (channels, act), crosses=analog_linear)

    loop, after = pipe.linear(f"{path}.linear", layer.linear)
    pipe.add(f"{path}.linear", loop, after, (2 * width, act), crosses=analog_linear)

    # z·gate, and the two constants that bring product and residual to one scale.
    output = [
        pipe.vector("lut", "lookup", width, act),
        pipe.vector("multiplier", "multiply", 3 * width, max(act, stream)),
        pipe.vector("adder", "add", width, max(act, stream)),
        pipe.vector("norm", "normalise", width, stream)
        if layer.norm_position == "post"
        else pipe.vector("requantiser", "requantise", width, stream),
    ]
    pipe.add(f"{path}.output", output, [], (width, stream), crosses=not last)


def build_stages(
    network: QuantisedNetwork,
    hardware: HardwareConfig,
    sequence_length: int,
    tiles: Mapping[str, KernelTiles | LinearTiles],
) -> tuple[tuple[Stage, ...], tuple[Bypass, ...]]:
    """Return the stages of a network in the order of the flow, and its residual connections.

    Parameters
    ----------
    network, hardware, sequence_length
        What runs, on what, for how many steps.
    tiles : mapping of path to tiles
        The layers that stand on crossbars; the others are digital.
    """
    pipe = _Pipeline(network, hardware, sequence_length, tiles)
    act = network.bits.activations
    width, inputs = network.encoder.weight.shape
    classes = network.decoder.weight.shape[0]
    if hardware.off_chip.card is not None:
        pipe.add("chip.input", [off_chip(hardware, inputs, act)], [], (inputs, act))
    loop, after = pipe.linear("chip.encoder", network.encoder)
    pipe.add("chip.encoder", loop, after, (width, act), crosses="chip.encoder" in tiles)
    for number, layer in enumerate(network.layers):
        _add_layer(pipe, number, layer, number == len(network.layers) - 1)
    pipe.add("chip.pool", [pipe.vector("adder", "add", width, act)], [], None)
    loop, after = pipe.linear("chip.decoder", network.decoder, requantise=False)
    pooled = pipe.vector("requantiser", "requantise", width, act)
    if hardware.off_chip.card is not None:
        after.append(off_chip(hardware, classes, 32))
    pipe.add("chip.decoder", [pooled, *loop], after, None, per="sequence")
    return _dealt(pipe.stages, hardware), _bypasses(
        pipe.stages, sequence_length, len(network.layers)
    )


def _dealt(stages: list[Stage], hardware: HardwareConfig) -> tuple[Stage, ...]:
    """Name the vector unit and the bus link that each stage uses."""
    for shared, units in ((VECTOR, hardware.digital.vector_units), (BUS, hardware.bus.links)):
        users = [s.path for s in stages if any(action.component == shared for action in s.actions)]
        if units == 1:
            continue
        unit = {
            p: i * units // len(users) if units < len(users) else i for i, p in enumerate(users)
        }
        stages = [
            replace(
                stage,
                actions=tuple(
                    replace(action, component=f"{shared}{unit[stage.path]}")
                    if action.component == shared
                    else action
                    for action in stage.actions
                ),
            )
            for stage in stages
        ]
    return tuple(stages)


def _bypasses(stages: list[Stage], length: int, layers: int) -> tuple[Bypass, ...]:
    """Return the residual connections, with room for every token that can be under way."""
    order = {stage.path: i for i, stage in enumerate(stages)}
    found = []
    source = "chip.encoder"
    for number in range(layers):
        target = f"chip.layer{number}.output"
        skipped = stages[order[source] + 1 : order[target]]
        held = sum(1 + len(s.actions) - s.loop + s.buffer_tokens + s.extra_steps for s in skipped)
        capacity = stages[order[source]].buffer_tokens + held
        if any(stage.barrier for stage in skipped):
            capacity = max(capacity, length)
        found.append(Bypass(source, target, capacity))
        source = target
    return tuple(found)
