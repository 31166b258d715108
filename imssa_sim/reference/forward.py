"""Float inference of a network, by convolution or step by step.

Both modes compute the same function. Convolution is fast and serves as the accuracy reference; the
recurrence is what hardware runs. Sequences are (batch, steps, channels).

Double precision throughout, unless single precision is asked for, which takes a third of the time:
the logits then differ by some 1e-6 of their size, and the normal distribution of GELU, a rational
approximation there, by 1.5e-7 at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Condition
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.data.lengths import Gathered, by_length, checked_lengths, cut
from imssa_sim.errors import InputError
from imssa_sim.model.elementwise import FUNCTIONS, glu, log_softmax, normalise, sigmoid
from imssa_sim.model.network import Layer, Network, Norm
from imssa_sim.program.blocks import compose
from imssa_sim.program.graph import Graph, Node
from imssa_sim.program.interpret import walk
from imssa_sim.program.operations.enter import Enter
from imssa_sim.program.operations.gate import Gate
from imssa_sim.program.operations.last import Last
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.program.operations.log_softmax import LogSoftmax
from imssa_sim.program.operations.modes import ModeRecurrence
from imssa_sim.program.operations.norm import Normalise
from imssa_sim.program.operations.pool import Pool
from imssa_sim.program.operations.recurrence import KernelRecurrence
from imssa_sim.program.operations.repeat import Repeat
from imssa_sim.program.operations.sums import ResidualSum
from imssa_sim.program.operations.table import Table
from imssa_sim.program.shape import shape_of
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths
from imssa_sim.ssm.evaluate import Evaluator, Mode, Values, evaluator
from imssa_sim.threads import ordered_map, use_threads

Precision = Literal["double", "single"]
Capture = Callable[[str, Any], None]
_NO_WIDTHS = BitWidths(**dict.fromkeys(BIT_KINDS, 0))
"""Floats have no codes."""
_CHUNK_ELEMENTS = 2**18
"""Values of one activation array held at a time: 2 MiB, so that a chunk stays in the cache."""
_WHOLE, _BLOCK = 4 * _CHUNK_ELEMENTS, _CHUNK_ELEMENTS
"""Values of an array up to which a function of tokens takes them at once; else in such blocks."""


def forward(
    network: Network,
    inputs: ArrayLike,
    mode: Mode = "convolution",
    capture: Capture | None = None,
    precision: Precision = "double",
    lengths: ArrayLike | None = None,
) -> FloatArray:
    """Return the logits of a network; chunks of the batch run on threads side by side.

    Parameters
    ----------
    network : Network
    inputs : array (B, L, d_in), or anything of that shape whose slices are such arrays
    mode : {"convolution", "recurrent"}
        How the kernels are evaluated.
    capture : callable or None
        Called as ``capture(name, array)`` once per chunk of the batch
        with ``input`` (b, L, d_in), then for each layer i ``layer{i}.residual`` (the stream on
        entry), ``layer{i}.kernel_input`` (after the norm with norm position "pre"),
        ``layer{i}.kernel_output`` (with D u, before GELU), ``layer{i}.gelu`` (behind whichever
        activation there is), ``layer{i}.linear`` (b, L, 2H), ``layer{i}.glu``,
        ``layer{i}.function`` (of the mixing map), ``layer{i}.sum`` (residual sum before
        the norm), each (b, L, H) where not said otherwise, and at last ``final`` (the stream behind
        all layers) and ``pooled`` (b, H). The
        arrays must not be kept or changed without copying. Calls come from several threads; those
        for one name one at a time, in the order of the batch.
    precision : {"double", "single"}
    lengths : int array (B,), optional
        Steps of each sequence, where there is padding behind them, which then takes no part;
        captures are of sequences of one length at a time, and results of each step are followed by
        zeros.

    Returns
    -------
    array (B, K), or (B, L, K) without pooling

    Raises
    ------
    InputError
        The inputs have another shape than the network takes, hold no step, or the mode or the
        precision is unknown.
    """
    x: Any = inputs if hasattr(inputs, "shape") else np.asarray(inputs)
    if len(x.shape) != 3 or x.shape[2] != network.inputs or x.shape[1] == 0:
        raise InputError(
            f"the network takes sequences of shape (batch, steps, {network.inputs}) with at least "
            f"one step; found {x.shape}"
        )
    if mode not in ("convolution", "recurrent"):
        raise InputError(f"unknown mode '{mode}' (one of convolution, recurrent)")
    if precision not in ("double", "single"):
        raise InputError(f"unknown precision '{precision}' (one of double, single)")
    if precision == "single":
        network = _in_single_precision(network)
    word = network.encoder_weight.dtype
    size = max(1, _CHUNK_ELEMENTS // (x.shape[1] * network.width))
    turns = _Turns()
    graph = float_graph(network)
    if lengths is not None:
        sizes = checked_lengths(lengths, x.shape[0], x.shape[1])
        chosen = list(by_length(sizes, size))
        kept: dict[int, dict[str, Any]] = {}

    def part_of(chunk: int) -> tuple[dict[str, Any], Values]:
        """Return parameters and sequences of a chunk."""
        if lengths is None:
            return parameters, x[chunk * size : (chunk + 1) * size]
        length, places = chosen[chunk]
        return kept[length], cut(x, places, length)

    def run_chunk(chunk: int) -> Values:
        own, found = part_of(chunk)
        part = np.asarray(found).astype(word)
        note = turns.in_order(capture, chunk) if capture is not None else _ignore
        try:
            logits: Values = walk(graph, _Floats(graph, own, note), part)
            return logits
        except BaseException:
            turns.abandon()
            raise

    def parameters_of(length: int) -> dict[str, Any]:
        def evaluator_of(layer: Layer) -> Evaluator:
            kernel = layer.kernel.for_length(x.shape[1])  # one kernel, whichever the sequence
            directions = kernel.recurrences(network.discretisation)
            return evaluator(directions, length, mode, word)

        return _parameters(network, list(ordered_map(evaluator_of, network.layers)))

    if not x.shape[0]:
        return np.zeros((0, network.classes))
    with use_threads():
        if lengths is None:
            parameters = parameters_of(x.shape[1])
            chunks = ordered_map(run_chunk, range(-(-x.shape[0] // size)))
            return np.concatenate(list(chunks)).astype(np.float64)
        kept.update({length: parameters_of(length) for length in {n for n, _ in chosen}})
        gathered = Gathered(x.shape[0], x.shape[1])
        for (_, places), found in zip(
            chosen, ordered_map(run_chunk, range(len(chosen))), strict=True
        ):
            gathered.put(places, found)
    return gathered.whole.astype(np.float64)


class _Turns:
    """Keeps the captures of one name in the order of the chunks, which run side by side."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}
        self._passed = Condition()
        self._abandoned = False

    def abandon(self) -> None:
        """Let nobody wait for a chunk that has failed."""
        with self._passed:
            self._abandoned = True
            self._passed.notify_all()

    def in_order(self, capture: Capture, chunk: int) -> Capture:
        """Return a capture for one chunk that waits for the chunks before it."""

        def note(name: str, values: Any) -> None:
            with self._passed:
                self._passed.wait_for(lambda: self._abandoned or self._next.get(name, 0) == chunk)
            if not self._abandoned:
                capture(name, values)
            with self._passed:
                self._next[name] = chunk + 1
                self._passed.notify_all()

        return note


def _ignore(name: str, values: Any) -> None:
    pass


def accuracy(
    network: Network, inputs: ArrayLike, labels: ArrayLike, mode: Mode = "convolution"
) -> float:
    """Return the fraction of sequences, or of their steps, whose largest logit is at the label."""
    predicted = forward(network, inputs, mode).argmax(axis=-1)
    return float(np.mean(predicted == at_each_step(np.asarray(labels), predicted)))


def at_each_step(labels: NDArray[np.int64], predictions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return labels (n,) for predictions (n,), or for those of every step (n, L), as (n, L)."""
    apart = labels.reshape(len(labels), *(1,) * (predictions.ndim - 1))
    return np.broadcast_to(apart, predictions.shape)


class _Affine(NamedTuple):
    weight: Values  # (out, in)
    bias: Values  # (out,)


class _Kernel(NamedTuple):
    evaluate: Evaluator  # all directions
    feedthrough: Values  # (H,)


def float_graph(network: Network) -> Graph:
    """Return the graph of a float network; its widths mean nothing."""
    return compose(shape_of(network), _NO_WIDTHS)


def _parameters(network: Network, kernels: Sequence[Evaluator]) -> dict[str, Any]:
    """Return what the operations take, by the names of their nodes."""
    found: dict[str, Any] = {
        "encoder": _Affine(network.encoder_weight, network.encoder_bias),
        "decoder": _Affine(network.decoder_weight, network.decoder_bias),
    }
    word = network.encoder_weight.dtype
    for number, (layer, evaluate) in enumerate(zip(network.layers, kernels, strict=True)):
        path = f"layer{number}"
        found[f"{path}.kernel"] = _Kernel(evaluate, layer.kernel.feedthrough.astype(word))
        found[f"{path}.linear"] = _Affine(layer.weight, layer.bias)
        found[f"{path}.norm"] = layer.norm
    return found


_TAKEN = {"kernel": "kernel_input"}
_GIVEN = {
    "kernel": "kernel_output",
    "activation": "gelu",
    "linear": "linear",
    "gate": "glu",
    "function": "function",
    "sum": "sum",
}
"""Captures of what a node takes, and of what it gives, by its name in its layer."""


class _Floats:
    """A backend in floating point.

    A kernel's two directions come out of one evaluation, under the causal one's name. Channels
    whose kernels were pruned stay, as zeros, and nothing is requantised.
    """

    def __init__(self, graph: Graph, parameters: dict[str, Any], note: Capture) -> None:
        self.parameters, self.note = parameters, note
        self.entries = {node.layer: node.name for node in reversed(graph.nodes)}
        last = max(at for at, node in enumerate(graph.nodes) if node.layer is not None)
        self.behind = graph.nodes[last + 1].name

    def run(self, node: Node, *values: Any) -> Any:
        """Return the value of a node from those of its inputs, both shown to who captures them."""
        if node.layer is None:
            if node.name == self.behind:
                self.note("final", values[0])
            value = self._value(node, *values)
            if isinstance(node.operation, Enter | Pool | Last):
                self.note("input" if isinstance(node.operation, Enter) else "pooled", value)
            return value
        path, _, kind = node.name.partition(".")
        if node.name == self.entries[node.layer]:
            self.note(f"{path}.residual", values[0])
        if kind in _TAKEN:
            self.note(f"{path}.{_TAKEN[kind]}", values[0])
        value = self._value(node, *values)
        if kind in _GIVEN:
            self.note(f"{path}.{_GIVEN[kind]}", value)
        return value

    def _value(self, node: Node, *values: Any) -> Any:
        parameters: Any = self.parameters.get(node.name)
        first = values[0]
        match node.operation:
            case LinearMap(tensor="linear"):  # the head is one
                z = first @ parameters.weight.T
                z += parameters.bias
                return z
            case KernelRecurrence(reverse=False) | ModeRecurrence(reverse=False):
                through = parameters.feedthrough
                return _by_tokens(lambda y, u: y + u * through, parameters.evaluate(first), first)
            case Normalise():
                return _by_tokens(lambda v: normalise(parameters, v), first)
            case Table(function=name):
                return _by_tokens(FUNCTIONS[name], first)
            case Gate():
                gated = glu if len(values) == 1 else lambda v, gate: v * sigmoid(gate)
                return _by_tokens(gated, *values)
            case Repeat(copies=copies):
                return np.concatenate([first] * copies, axis=-1)
            case Last():
                return first[:, -1]
            case LogSoftmax():
                return log_softmax(first)
            case ResidualSum():
                return values[1] + first
            case Pool():
                return first.mean(axis=1)
        return first


def _by_tokens(function: Callable[..., Values], *values: Values) -> Values:
    """Return a function of each token by itself; of many tokens, block by block.

    What it needs on the way is then as large as a block, and stays near the processor.
    """
    if values[0].size <= _WHOLE:
        return function(*values)
    shape = values[0].shape[:-1]
    flat = [value.reshape(-1, value.shape[-1]) for value in values]
    step = max(1, _BLOCK // flat[0].shape[1])
    places = [slice(start, start + step) for start in range(0, len(flat[0]), step)]
    first = function(*(value[places[0]] for value in flat))
    out = np.empty((len(flat[0]), first.shape[1]), first.dtype)
    out[places[0]] = first
    for place in places[1:]:
        out[place] = function(*(value[place] for value in flat))
    return out.reshape(*shape, -1)


def _in_single_precision(network: Network) -> Network:
    """Return the network with all that meets activations in single precision.

    Responses of kernels are computed in double precision and rounded at the end; their feed-through
    is rounded where it meets its inputs.
    """

    def single(array: Values) -> Any:
        return array.astype(np.float32)

    def norm(held: Norm | None) -> Norm | None:
        if held is None:
            return None
        mean, variance = held.running_mean, held.running_variance
        return replace(
            held,
            weight=single(held.weight),
            bias=single(held.bias),
            running_mean=None if mean is None else single(mean),
            running_variance=None if variance is None else single(variance),
        )

    layers = tuple(
        replace(
            layer,
            weight=single(layer.weight),
            bias=single(layer.bias),
            norm=norm(layer.norm),
        )
        for layer in network.layers
    )
    return replace(
        network,
        encoder_weight=single(network.encoder_weight),
        encoder_bias=single(network.encoder_bias),
        layers=layers,
        decoder_weight=single(network.decoder_weight),
        decoder_bias=single(network.decoder_bias),
    )
