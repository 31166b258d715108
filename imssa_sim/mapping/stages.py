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
from typing import TYPE_CHECKING

from imssa_sim.components.action import Action
from imssa_sim.components.buffer import fifo
from imssa_sim.components.bus import transfer
from imssa_sim.components.off_chip import link, off_chip
from imssa_sim.components.path import BUS, VECTOR
from imssa_sim.components.tile_read import behind_adc, joined_slices, tile_read
from imssa_sim.components.units import vector
from imssa_sim.mapping.kernels.base import PlacedKernels, digital
from imssa_sim.mapping.kernels.digital import DigitalKernels
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.mapping.partition import chip_of
from imssa_sim.mapping.program import Bypass, KernelTiles, Stage
from imssa_sim.mapping.tiles import partial_sums, rows_and_columns
from imssa_sim.program.operations.enter import Enter
from imssa_sim.program.operations.feedthrough import Feedthrough
from imssa_sim.program.operations.gate import Gate
from imssa_sim.program.operations.head import Head
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.program.operations.log_softmax import LogSoftmax
from imssa_sim.program.operations.modes import ModeRecurrence
from imssa_sim.program.operations.recurrence import KernelRecurrence
from imssa_sim.program.operations.sums import ResidualSum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.kernels.base import KernelMapping
    from imssa_sim.mapping.program import LinearTiles
    from imssa_sim.program.graph import Graph, Node

_RECURRENCES = (KernelRecurrence, ModeRecurrence)
LOGIT_BITS = 32
"""Width of a logit that leaves the chip."""


def build_stages(
    graph: Graph,
    hardware: HardwareConfig,
    sequence_length: int,
    tiles: Mapping[str, KernelTiles | LinearTiles],
) -> tuple[tuple[Stage, ...], tuple[Bypass, ...]]:
    """Return the stages of a network in the order of the flow, and its residual connections.

    Parameters
    ----------
    graph, hardware, sequence_length
        What runs, on what, for how many steps.
    tiles : mapping of path to tiles
        The layers that stand on crossbars; the others are digital.
    """
    pipeline = _Pipeline(graph, hardware, sequence_length, tiles)
    stages = [pipeline.stage(place) for place in range(len(pipeline.order))]
    chips = [pipeline.chip(place) for place in range(len(stages))]
    return _dealt(stages, hardware, chips), _bypasses(graph, stages, sequence_length, hardware)


class _Pipeline:
    """Makes stages of nodes; ``tiles`` maps a path to the tiles there (none: digital)."""

    def __init__(
        self,
        graph: Graph,
        hardware: HardwareConfig,
        length: int,
        tiles: Mapping[str, KernelTiles | LinearTiles],
    ) -> None:
        self.graph, self.hardware, self.length, self.tiles = graph, hardware, length, tiles
        self.mapping = KERNEL_MAPPINGS[hardware.mapping.kernel]
        self.external = hardware.off_chip.card is not None
        self.order = self._order()

    def _order(self) -> list[tuple[Node, ...]]:
        """Return the nodes of each stage, in the order of the flow.

        A layer whose tokens arrive last first runs its reverse kernels on the stream, and the
        forward ones when the whole sequence is there; so each layer waits for one barrier.
        """
        found: list[tuple[Node, ...]] = []
        for nodes in self.graph.stages.values():
            operation = nodes[0].operation
            late = isinstance(operation, _RECURRENCES) and operation.reverse
            if late and (nodes[0].layer or 0) % 2:
                found.insert(-1, nodes)
            elif isinstance(operation, LogSoftmax):
                continue  # of the host
            elif self.external or not isinstance(operation, Enter):
                found.append(nodes)
        return found

    def stage(self, place: int) -> Stage:
        """Return the stage at a place of the order."""
        hardware, nodes = self.hardware, self.order[place]
        path, last = f"chip.{nodes[0].stage}", nodes[-1]
        loop: list[Action] = []
        after: list[Action] = []
        for node in nodes:
            inside, behind = self.actions(node)
            loop += inside
            after += behind
        loop, through = self._joined(loop), self._feedthrough(nodes[0].stage)
        if isinstance(last.operation, KernelRecurrence):
            after += through
        else:
            loop = through + loop
        if self.external and isinstance(last.operation, Head):
            after.append(off_chip(hardware, last.operation.outputs, LOGIT_BITS))
        if self.graph.hands_on(last):
            out = last.operation.outputs, last.operation.bits
            if self._crosses(place):
                after.append(transfer(hardware, *out))
            leaves, enters = self.chip(place), self.chip(place + 1)
            after += [link(hardware, number, *out) for number in range(leaves, enters)]
            after += fifo(hardware, path, *out)
        # Of two directions, the first hands a whole sequence to what waits for the second.
        recurs = isinstance(last.operation, _RECURRENCES)
        first = recurs and isinstance(self.order[place + 1][0].operation, _RECURRENCES)
        second = recurs and isinstance(self.order[place - 1][0].operation, _RECURRENCES)
        kernels = isinstance(last.operation, KernelRecurrence)
        tokens = hardware.memory.buffer_tokens
        if first:
            tokens = max(tokens, self.length)
        elif self._ends_part(place):
            tokens = max(tokens, hardware.partition.batch * self.length)
        return Stage(
            path,
            (*loop, *after),
            len(loop),
            tokens,
            barrier=second or (place > 0 and self._ends_part(place - 1)),
            per="sequence" if self.graph.per_sequence(nodes[0]) else "step",
            extra_steps=self._mapping_of(last).delay if kernels else 0,
        )

    def _mapping_of(self, node: Node) -> KernelMapping:
        """Return how the kernels of a node run: as the mapping says, or on the vector unit."""
        off_tiles = node.layer in self.hardware.mapping.digital_layers
        return KERNEL_MAPPINGS[DigitalKernels.name] if off_tiles else self.mapping

    def actions(self, node: Node) -> tuple[list[Action], list[Action]]:
        """Return the actions of a node that close its loop, and those behind them."""
        hardware, operation, path = self.hardware, node.operation, f"chip.{node.name}"
        tiles = self.tiles.get(path)
        if isinstance(operation, KernelRecurrence):
            cells = tiles if isinstance(tiles, KernelTiles) else None
            placed = PlacedKernels(hardware, path, operation, cells)
            return self._mapping_of(node).actions(placed)
        if isinstance(operation, Enter):
            return [off_chip(hardware, operation.outputs, operation.bits)], []
        if tiles is None or not isinstance(operation, LinearMap):
            return [digital(hardware, path, work) for work in operation.work()], []
        rows, columns = rows_and_columns(tiles)
        after = joined_slices(hardware, path, columns, operation.input_bits)
        parts = partial_sums(tiles, operation.outputs)
        if parts:
            bits = hardware.adc.bits
            after.append(
                behind_adc(
                    hardware, f"{path}.shift_add", "shift_add", "add", tiles.tiles, parts, bits
                )
            )
        after += [
            behind_adc(
                hardware, f"{path}.{work.unit}", work.unit, work.verb, tiles.tiles, work.count,
                work.bits,
            )
            for work in operation.requantisation()
        ]  # fmt: skip
        return [*tile_read(hardware, path, rows, columns, operation.input_bits)], after

    def _joined(self, actions: list[Action]) -> list[Action]:
        """Join like actions of a vector unit that follow each other: it runs them as one."""
        found: list[Action] = []
        for one in actions:
            like = (one.component, one.kind, one.verb)
            if found and like == (VECTOR, found[-1].kind, found[-1].verb):
                other = found.pop()
                bits = max(one.bits, other.bits)
                one = vector(self.hardware, one.kind, one.verb, one.count + other.count, bits)
            found.append(one)
        return found

    def _feedthrough(self, stage: str) -> list[Action]:
        """Return the actions of D·u beside the tiles, of all kernels whose outputs come here."""
        return [
            digital(self.hardware, f"chip.{node.name}", work)
            for (node, *_) in self.order
            if isinstance(node.operation, KernelRecurrence) and self.graph.beside(node) == stage
            for work in node.operation.feedthrough()
        ]

    def chip(self, place: int) -> int:
        """Return the number of the chip that a stage stands on."""
        layers = 1 + max(node.layer or 0 for node in self.graph)
        path = f"chip.{self.order[place][0].stage}"
        return chip_of(path, layers, self.hardware.partition.chips)

    def _ends_part(self, place: int) -> bool:
        """Whether tiles are written anew behind a stage: a batch waits in its FIFO."""
        passes = self.hardware.partition.passes
        if passes == 1 or place + 1 == len(self.order):
            return False
        layers = 1 + max(node.layer or 0 for node in self.graph)
        here, there = (
            chip_of(f"chip.{self.order[n][0].stage}", layers, passes) for n in (place, place + 1)
        )
        return here != there

    def _crosses(self, place: int) -> bool:
        """Whether what a stage hands on goes over the bus."""
        here, there = self.order[place][-1], self.order[place + 1][0]
        moved = any(f"chip.{node.name}" in self.tiles for node in (here, there))
        layers = here.layer, there.layer
        between = None not in layers and layers[0] != layers[1]
        return between or (moved and not isinstance(here.operation, Enter))


def _dealt(
    stages: list[Stage], hardware: HardwareConfig, chips: Sequence[int]
) -> tuple[Stage, ...]:
    """Name the vector unit and the bus link that each stage uses; each chip has its own."""
    for shared, units in ((VECTOR, hardware.digital.vector_units), (BUS, hardware.bus.links)):
        if units * hardware.partition.chips == 1:
            continue
        unit: dict[str, int] = {}
        for chip in range(hardware.partition.chips):
            users = [
                stage.path
                for stage, on in zip(stages, chips, strict=True)
                if on == chip and any(action.component == shared for action in stage.actions)
            ]
            for i, path in enumerate(users):
                own = i * units // len(users) if units < len(users) else i
                unit[path] = chip * units + own
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


def _bypasses(
    graph: Graph, stages: list[Stage], length: int, hardware: HardwareConfig
) -> tuple[Bypass, ...]:
    """Return what goes beside stages, with room for every token that can be under way.

    The residual stream goes beside a whole block; values that a gate opens of their own, beside the
    linear map; and the inputs of a state that mixes channels, to their feed-through. Behind a FIFO
    that holds a batch while tiles are written anew, it is taken from there with the stage's input.
    """
    order = {stage.path: i for i, stage in enumerate(stages)}
    found = []
    for node in graph:
        if isinstance(node.operation, ResidualSum):
            kept, part = graph[node.inputs[1]], "bypass"
        elif isinstance(node.operation, Gate) and len(node.inputs) > 1:
            kept, part = graph[node.inputs[0]], "gate_bypass"
        elif isinstance(node.operation, Feedthrough):
            kept, part = graph[node.inputs[0]], "input_bypass"
        else:
            continue
        source, target = f"chip.{kept.stage}", f"chip.{node.stage}"
        skipped = stages[order[source] + 1 : order[target]]
        held = sum(1 + len(s.actions) - s.loop + s.buffer_tokens + s.extra_steps for s in skipped)
        if hardware.partition.passes > 1:
            capacity = hardware.memory.buffer_tokens + held
        else:
            capacity = stages[order[source]].buffer_tokens + held
            if any(stage.barrier for stage in skipped):
                capacity = max(capacity, length)
        size = kept.operation.outputs, kept.operation.bits
        found.append(Bypass(source, target, capacity, *size, part))
    return tuple(found)
