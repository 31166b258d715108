"""How a token goes through a network: the one place where blocks are composed of operations.

::

    sequences ─ input ─ encoder ─ layer0 ─ … ─ layerN ─ pool.sum ─ pool ─ decoder

    norm before   r ┬ norm  ─ kernel [+ kernel_reverse] ─ activation ─ linear ─ gate ─ sum ─ output
    norm after    r ┼ input ─ kernel …                                             … sum ─ norm
    no norm       r ┼ input ─ kernel …                                             … sum ─ output
                    └ residual stream ─────────────────────────────────────────────── ┘

    one state       … ┬ into ─ kernel [, kernel_reverse ─ states] ─ out ┬ outputs ─ activation …
    for channels      └ through ─────────────────────────────────────── ┘

Activation, gate, map and residual stream are there as the network's composition has them; another
function of the map stands in the place of the gate.

``input`` and ``output`` requantise; where kernels were pruned, ``select`` takes the channels that
have one. Floats and integers go the same way: a node's name finds its parameters in either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.model.network import GATED, Composition
from imssa_sim.program.graph import SOURCE, Graph, Node
from imssa_sim.program.operations.enter import Enter
from imssa_sim.program.operations.feedthrough import Feedthrough
from imssa_sim.program.operations.gate import Gate
from imssa_sim.program.operations.head import Head
from imssa_sim.program.operations.join import Join
from imssa_sim.program.operations.last import Last
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.program.operations.log_softmax import LogSoftmax
from imssa_sim.program.operations.modes import ModeRecurrence
from imssa_sim.program.operations.norm import Normalise
from imssa_sim.program.operations.pool import Pool
from imssa_sim.program.operations.recurrence import KernelRecurrence
from imssa_sim.program.operations.repeat import Repeat
from imssa_sim.program.operations.requantise import Requantise
from imssa_sim.program.operations.select import Select
from imssa_sim.program.operations.sums import ResidualSum, SaturatingSum
from imssa_sim.program.operations.table import Table

if TYPE_CHECKING:
    from imssa_sim.program.operation import Operation
    from imssa_sim.program.shape import LayerShape, NetworkShape
    from imssa_sim.quantisation.widths import BitWidths

DIRECTIONS = ("kernel", "kernel_reverse")
"""Nodes of a layer's kernels: from the first step to the last, and the other way round."""


class _Composer:
    """Strings nodes together; `add` returns the name of the value for those that take it."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def add(self, name: str, operation: Operation, *inputs: str, stage: str | None = None) -> str:
        self.nodes.append(Node(name, operation, inputs, stage or name))
        return name


def compose(shape: NetworkShape, bits: BitWidths) -> Graph:
    """Return the graph of a network.

    Parameters
    ----------
    shape : NetworkShape
    bits : BitWidths
        Widths of weights, states and activations.
    """
    flow, stream, width = _Composer(), bits.activations, shape.width
    x = flow.add("input", Enter(shape.inputs, stream), SOURCE)
    r = flow.add("encoder", LinearMap(shape.inputs, width, stream, bits.linear, stream), x)
    made = shape.composition
    for number, layer in enumerate(shape.layers):
        own = bits.of_layer(number)
        r = _block(flow, f"layer{number}", layer, made, width, r, own, stream)
    if made.pooling == "mean":
        total = flow.add("pool.sum", Pool(width, stream), r, stage="pool")
        r = flow.add("pool", Requantise(width, stream), total, stage="decoder")
    elif made.pooling == "last":
        r = flow.add("pool", Last(width, stream), r)
    logits = flow.add("decoder", Head(width, shape.classes, stream, bits.linear, stream), r)
    if made.output == "log_softmax":
        flow.add("log_softmax", LogSoftmax(shape.classes, stream), logits)
    return Graph(tuple(flow.nodes))


def _block(
    flow: _Composer,
    path: str,
    layer: LayerShape,
    made: Composition,
    width: int,
    r: str,
    bits: BitWidths,
    stream: int,
) -> str:
    """Add one block to the residual stream ``r`` of ``stream`` bits; return the next stream."""
    channels, act, wires = layer.channels, bits.activations, made.copies * width

    entry = f"{path}.input"
    u = r
    if layer.norm == "pre":
        u = flow.add(f"{path}.norm", Normalise(width, bits.kernel_input), u, stage=entry)
    held = bits.kernel_input if layer.norm == "pre" else stream
    if made.copies > 1:
        u = flow.add(f"{path}.repeat", Repeat(wires, held, made.copies), u, stage=entry)
    if channels < wires:
        u = flow.add(f"{path}.select", Select(channels, held), u, stage=entry)
    if layer.norm != "pre":
        u = flow.add(entry, Requantise(channels, bits.kernel_input), u)

    middle, inside = f"{path}.activation", bits.kernel_output
    y = _dense(flow, path, layer, u, bits) if layer.dense else _kernels(flow, path, layer, u, bits)
    g = y
    if made.activation == "glu":
        channels //= 2
        product = flow.add(middle, Gate(channels, inside), y)
        g, inside = f"{path}.activated", act
        flow.add(g, Requantise(channels, act), product, stage=middle)
    elif made.activation != "none":
        g, inside = flow.add(middle, Table(channels, act, made.activation), y), act

    end = f"{path}.output"
    v = _mix(flow, path, made, (channels, width), (y, g), inside, bits)
    if not made.residual and layer.norm == "post" and made.mixing in GATED:
        v = flow.add(f"{path}.product", Requantise(width, act), v, stage=end)
    if made.residual:
        v = flow.add(f"{path}.sum", ResidualSum(width, max(act, stream)), v, r, stage=end)
    if layer.norm == "post":
        return flow.add(f"{path}.norm", Normalise(width, stream), v, stage=end)
    return flow.add(end, Requantise(width, stream), v)


def _kernels(flow: _Composer, path: str, layer: LayerShape, u: str, bits: BitWidths) -> str:
    """Add the kernels of a layer, each on its channel, and the sum of two directions."""
    y, *other = (
        flow.add(f"{path}.{name}", _kernel(layer, bits, reverse=bool(number)), u)
        for number, name in enumerate(DIRECTIONS[: 1 + layer.bidirectional])
    )
    if other:
        both = SaturatingSum(layer.channels, bits.kernel_output)
        y = flow.add(f"{path}.directions", both, y, *other, stage=f"{path}.activation")
    return y


def _dense(flow: _Composer, path: str, layer: LayerShape, u: str, bits: BitWidths) -> str:
    """Add one state that mixes all channels: B, the modes, C, and D beside them."""
    h, n, width, drive = layer.channels, layer.states, bits.kernel_output, bits.driving
    into = LinearMap(h, n, bits.kernel_input, bits.B, width, "B")
    v = flow.add(f"{path}.into", into, u)
    states = [
        flow.add(f"{path}.{name}", ModeRecurrence(n, drive, bool(number), bits), v)
        for number, name in enumerate(DIRECTIONS[: 1 + layer.bidirectional])
    ]
    x = states[0]
    if layer.bidirectional:
        x = flow.add(f"{path}.states", Join(2 * n, drive), *states, stage=f"{path}.out")
    out = LinearMap(n * len(states), h, drive, bits.C, width, "C")
    y = flow.add(f"{path}.out", out, x)
    end = f"{path}.activation"
    through = Feedthrough(h, bits.kernel_input, bits.D, width)
    beside = flow.add(f"{path}.through", through, u, stage=end)
    return flow.add(f"{path}.outputs", SaturatingSum(h, width), y, beside, stage=end)


def _mix(
    flow: _Composer,
    path: str,
    made: Composition,
    sizes: tuple[int, int],
    values: tuple[str, str],
    inside: int,
    bits: BitWidths,
) -> str:
    """Add the mixing map and what follows it.

    ``sizes`` are the channels that it takes and those of the stream; ``values`` stand before and
    behind the activation, the second with ``inside`` bits.
    """
    before, g = values
    channels, width = sizes
    if made.mixing == "none":
        return g
    act, end = bits.activations, f"{path}.output"
    rows = 2 * width if made.mixing == "glu" else width
    z = flow.add(f"{path}.linear", LinearMap(channels, rows, inside, bits.linear, act), g)
    if made.mixing in GATED:
        halves = {"glu": (z,), "half_glu1": (g, z), "half_glu2": (before, z)}[made.mixing]
        return flow.add(f"{path}.gate", Gate(width, act), *halves, stage=end)
    if made.mixing == "plain":
        return z
    return flow.add(f"{path}.function", Table(width, act, made.mixing), z, stage=end)


def _kernel(layer: LayerShape, bits: BitWidths, *, reverse: bool) -> KernelRecurrence:
    return KernelRecurrence(
        layer.channels, layer.states, bits.kernel_output, reverse, layer.form, widths=bits
    )
